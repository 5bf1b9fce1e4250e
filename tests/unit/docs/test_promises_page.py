"""docs/promises.md: every promise names code that is there and a test that is there."""

import ast
import re
from functools import cache

import pytest

from tests.unit.docs.pages import ROOT, headings, read, section

TEXT = read("docs/promises.md")
PROMISES = [text for level, text in headings(TEXT) if level == 2]
ROWS = re.findall(r"^\| `([\w/.]+)`: [^|]+ \| `([\w/]+)`([^|]*)\| ([^|]*)\|$", TEXT, re.MULTILINE)


@cache
def names_in(path: str) -> set[str]:
    return {
        node.name.removeprefix("test_").replace("_", " ")
        for node in ast.parse(read(path)).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize(("code", "file", "name", "sabotage"), ROWS)
def test_the_code_and_the_test_are_there(code: str, file: str, name: str, sabotage: str) -> None:
    del sabotage
    assert (ROOT / code).is_file()
    folder, _, last = file.rpartition("/")
    found = names_in(f"tests/{folder}/test_{last}.py")
    assert found
    assert not name.strip() or name.strip() in found


def test_every_row_was_read() -> None:
    assert len(ROWS) == sum(line.startswith("| `") for line in TEXT.splitlines())


def test_the_twelve_promises_are_there_in_order_each_with_rows() -> None:
    assert [text.split(".")[0] for text in PROMISES[:12]] == [str(number) for number in range(1, 13)]
    for promise in PROMISES:
        assert "\n| `" in section(TEXT, promise), promise


def test_most_promises_were_sabotaged() -> None:
    tried = {
        promise for promise in PROMISES[:12] if re.search(r"\| [^|\s][^|]* \|$", _last_cells(promise), re.MULTILINE)
    }
    assert len(tried) >= 9


def _last_cells(promise: str) -> str:
    rows = [line for line in section(TEXT, promise).splitlines() if line.startswith("| `")]
    return "\n".join("| " + line.rsplit("|", 2)[1].strip() + " |" for line in rows)
