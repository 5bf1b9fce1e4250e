"""docs/security-flow.md: every symbol is in the file that is named beside it, and the story's order is the code's."""

import ast
import re

import pytest

from tests.unit.docs.pages import ROOT, read

TEXT = read("docs/security-flow.md")
ROWS = re.findall(r"^\| `([\w.]+)` \| `([\w/]+\.py)` \|$", TEXT, re.MULTILINE)


def defined(path: str) -> set[str]:
    """Names at the top of a module, and members of its classes as Class.member."""
    names: set[str] = set()
    for node in ast.parse(read(path)).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
            names |= {
                f"{node.name}.{part.name}"
                for part in node.body
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
            }
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize(("symbol", "path"), ROWS)
def test_the_symbol_is_in_the_file(symbol: str, path: str) -> None:
    assert (ROOT / path).is_file()
    assert symbol in defined(path)


def test_every_row_of_every_table_was_read() -> None:
    assert len(ROWS) > 80
    assert len(ROWS) == sum(line.startswith("| `") for line in TEXT.splitlines())


def test_the_story_tells_the_steps_in_the_order_in_which_the_code_takes_them() -> None:
    story = ast.get_docstring(ast.parse(read("gateway/exchange/disclose.py"))) or ""
    order = ["verify its signature", "normalise", "agreement", "decide", "append `asked`", "look up", "fan out"]
    order += ["verify receipts", "profile fields", "append the outcome"]
    places = [story.index(step) for step in order]
    assert places == sorted(places)
    steps = re.findall(r"^### (\d+)\. ", TEXT, re.MULTILINE)
    assert steps == [str(number) for number in range(1, len(steps) + 1)]
