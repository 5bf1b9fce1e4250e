#!/usr/bin/env bash
# Regenerates proto/gen from proto/oncegate. `proto/generate.sh --check` fails when the committed code is not current.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
out=proto/gen
if [ "${1:-}" = "--check" ]; then out=$(mktemp -d); trap 'rm -rf "$out"' EXIT; fi
"$python" -m grpc_tools.protoc -I proto --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" proto/oncegate/v1/*.proto
touch "$out/oncegate/__init__.py" "$out/oncegate/v1/__init__.py" "$out/oncegate/py.typed"
if [ "${1:-}" = "--check" ]; then
  diff -r -x __pycache__ "$out/oncegate" proto/gen/oncegate || { echo "proto/gen is not current: run 'make proto'" >&2; exit 1; }
  echo "proto/gen is current"
fi
