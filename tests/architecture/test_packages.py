"""Habits of the whole code base that no linter rule says by itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import check_file_sizes
from tests.architecture.sources import PACKAGES, ROOT, modules, name, tree

# Written for a terminal by a developer, not by the program that runs.
TOOLS = {"gateway/storage/regenerate.py"}


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """Every called name in a file, dotted, with its line."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def test_no_file_outgrew_one_noun() -> None:
    assert check_file_sizes.main() == 0


@pytest.mark.parametrize("package", [*PACKAGES, "proto/gen/oncegate"])
def test_every_package_says_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_nothing_prints_past_the_places_that_are_made_for_it() -> None:
    found = [
        f"{name(path)}:{line}"
        for path in modules(*PACKAGES)
        if name(path) not in TOOLS
        for called, line in calls(path)
        if called == "print"
    ]
    assert not found


def test_no_test_replaces_parts_of_the_program_behind_its_back() -> None:
    forbidden = {"patch", "mock.patch", "unittest.mock.patch", "mocker.patch"}
    for path in modules("tests", *PACKAGES):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("unittest.mock") for alias in node.names), name(path)
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("unittest"), name(path)
        assert not [line for called, line in calls(path) if called in forbidden], name(path)


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        name(path)
        for path in modules(*PACKAGES)
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(tree(path))
    ]
    assert not silent


def test_nothing_is_left_for_later() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "for " + "now")
    found = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in modules(*PACKAGES)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(word in line for word in words)
    ]
    assert not found


def test_time_and_randomness_are_not_asked_for_in_the_pure_packages() -> None:
    clocks = {"time.time", "time.time_ns", "time.monotonic", "datetime.now", "datetime.utcnow", "random.random"}
    found = [
        f"{name(path)}:{line}: {called}"
        for path in modules("policies", "keys")
        for called, line in calls(path)
        if called in clocks
    ]
    assert not found


def test_no_source_file_ends_up_executable_or_empty_without_being_a_package_mark() -> None:
    for path in modules(*PACKAGES):
        text = path.read_text(encoding="utf-8")
        assert text.strip() or path.name == "__init__.py", name(path)
