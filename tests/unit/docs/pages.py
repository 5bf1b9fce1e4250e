"""Reads the project's own pages: text, headings, tables, links and code spans."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def read(name: str) -> str:
    """A page by its path from the root of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """A page without its code blocks."""
    return _FENCE.sub("", text)


def headings(text: str) -> list[tuple[int, str]]:
    """Level and text of every heading."""
    return [(len(m[1]), m[2].strip()) for m in re.finditer(r"^(#+) (.+)$", prose(text), re.MULTILINE)]


def section(text: str, heading: str) -> str:
    """What stands under a heading, down to the next one of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found is not None, f"no heading {heading!r}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def table(text: str, heading: str) -> list[list[str]]:
    """The rows of the table whose heading starts with these cells, without the code marks around a whole cell."""
    parts = text.split(f"| {heading} |", 1)
    assert len(parts) == 2, f"no table | {heading} |"
    rows = parts[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[_bare(cell) for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))] for row in rows]


def _bare(cell: str) -> str:
    cell = cell.strip().replace("\\|", "|")
    return cell[1:-1] if re.fullmatch(r"`[^`]*`", cell) else cell


def links(text: str) -> list[str]:
    """Targets of links to other files of the project."""
    targets = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose(text))
    return [target for target in targets if not re.match(r"[a-z]+:|#", target)]


def code_spans(text: str) -> list[str]:
    """What stands between single backticks in prose."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose(text))
