"""docs/domain-checks.md: every numbered check has tests, each marked with its number, and the page names all of them."""

import ast
import re

import pytest

from tests.unit.docs.pages import ROOT, read, table

CHECKS = range(1, 17)
TEXT = read("docs/domain-checks.md")
ROWS = table(TEXT, "no. | the check")
Named = set[tuple[int, str, str]]


def numbers_of(marks: list[ast.expr]) -> list[int]:
    """The numbers in marks of the form `pytest.mark.domain_check(number=…)`."""
    calls = [
        mark for mark in marks if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.domain_check"
    ]
    return [ast.literal_eval(keyword.value) for call in calls for keyword in call.keywords]


def marked() -> Named:
    """Number, file and test of every mark in the tests, out of their text."""
    found: Named = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        if "pytest.mark.domain_check" not in source:
            continue
        body = ast.parse(source).body
        whole = [n for node in body if isinstance(node, ast.Assign) for n in numbers_of(list(ast.walk(node.value)))]
        file = path.relative_to(ROOT / "tests").as_posix().removesuffix(".py").replace("test_", "")
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                name = node.name.removeprefix("test_").replace("_", " ")
                found |= {(number, file, name) for number in whole + numbers_of(node.decorator_list)}
    return found


def on_the_page() -> Named:
    """The same, as the page has it."""
    return {
        (int(number), file, name)
        for number, _, tests, _ in ROWS
        for file, name in re.findall(r"`([\w/]+)` ([^<]+?)(?:<br>|$)", tests)
    }


def test_each_of_the_sixteen_checks_has_a_row_in_order() -> None:
    assert [int(row[0]) for row in ROWS] == list(CHECKS)
    assert all(len(row[1]) > 20 for row in ROWS)


@pytest.mark.parametrize("number", CHECKS)
def test_a_check_has_tests_that_bear_its_number(number: int) -> None:
    assert [name for marked_as, _, name in marked() if marked_as == number]


def test_the_page_names_the_marked_tests_and_no_others() -> None:
    assert on_the_page() == marked()


def test_each_check_was_seen_to_fail() -> None:
    assert all(row[3].strip() for row in ROWS)
