# Everything runs in .venv, made from the lock file; nothing needs root.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
# The tests and the demo start hundreds of processes: without kept bytecode each would compile every module again.
export PYTHONDONTWRITEBYTECODE :=
STAMP := $(VENV)/.ready

.PHONY: help setup demo test test-long lint format proto bench bench-scale verifier lock clean
.DEFAULT_GOAL := help

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(STAMP): requirements-dev.lock pyproject.toml
	@echo "Setting up $(VENV) (about a minute the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(STAMP) ## Make the virtual environment and install everything into it

demo: setup ## Play the whole story on this machine, then keep it running to try
	@$(BIN)/oncegate demo

test: setup ## Run the tests (under five minutes on two cores); COVERAGE=1 also holds them to their coverage
ifdef COVERAGE
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -q -m "not long" -n 2 --dist loadfile
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report --fail-under=90
else
	@$(BIN)/python -m pytest -q -m "not long" -n 2 --dist loadfile
endif

# Tests that load the machine by themselves, or measure it, run alone.
test-long: setup ## Run kills, soaks and fault injection (under thirty minutes)
	@$(BIN)/python -m pytest -q -m "long and not alone" -n 2 --dist loadfile --timeout 1500
	@$(BIN)/python -m pytest -q -m "long and alone" --timeout 1500

lint: setup ## Format check, ruff, mypy strict, import contracts, file sizes, generated code
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tests/architecture/check_file_sizes.py
	@proto/generate.sh --check

format: setup ## Format and apply safe fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

proto: setup ## Regenerate proto/gen from the .proto files
	@proto/generate.sh

bench: setup ## Measure against a bare gRPC yardstick in the same run; writes build/bench.json
	@$(BIN)/python -m tests.bench.run

bench-scale: setup ## Measure a million profiles and ten million entries (minutes, 15 GB); adds rows to build/bench.json
	@$(BIN)/python -m tests.bench.vault_scale
	@$(BIN)/python -m tests.bench.audit_scale
	@$(BIN)/python -m tests.bench.audit_review

verifier: ## Build the log's verifier as one file, for a Python without any package; into build/
	@$(PYTHON) -m gateway.audit.verify.onefile build

lock: ## Pin the dependencies again (needs uv on PATH)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q --extra pkcs11 --extra postgres pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q --extra dev pyproject.toml -o requirements-dev.lock

clean: ## Remove what was made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
