"""docs/adr: every decision is in the index, under its own title, and has the parts of a decision."""

import re
from pathlib import Path

import pytest

from tests.unit.docs.pages import DOCS, headings, read, table

FILES = sorted(path for path in (DOCS / "adr").glob("*.md") if path.name != "README.md")


def title(path: Path) -> str:
    return headings(path.read_text(encoding="utf-8"))[0][1].split(": ", 1)[1]


def test_every_decision_is_listed_in_the_index_under_its_title() -> None:
    listed = [(row[0], row[1]) for row in table(read("docs/adr/README.md"), "record | decision")]
    assert listed == [(f"[{path.stem[:4]}]({path.name})", title(path)) for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_decision_says_context_decision_and_consequences(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = headings(text)
    assert found[0][1].startswith(f"{path.stem[:4]}: ")
    assert [name for level, name in found if level > 1] == ["Context", "Decision", "Consequences"]
    assert "Status: " in text


def test_no_number_is_used_twice() -> None:
    numbers = [path.stem[:4] for path in FILES]
    assert len(numbers) == len(set(numbers))


def test_every_decision_that_code_or_pages_name_is_there() -> None:
    numbers = {path.stem[:4] for path in FILES}
    for folder in ("gateway", "nodes", "policies", "keys", "proto/oncegate", "docs"):
        for path in (DOCS.parent / folder).rglob("*.*"):
            if path.suffix not in {".py", ".md", ".proto", ".cedar"}:
                continue
            named = set(re.findall(r"(?:ADR |adr/)(0\d{3})", path.read_text(encoding="utf-8")))
            assert named <= numbers, f"{path.relative_to(DOCS.parent)} names {sorted(named - numbers)}"
