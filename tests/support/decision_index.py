"""Writes the table of docs/adr/README.md from the titles of the records: `python -m tests.support.decision_index`.

A test proves the table and the records equal; this only saves the typing.
"""

from pathlib import Path

ADR = Path(__file__).resolve().parents[2] / "docs" / "adr"
HEAD = "| record | decision |\n|---|---|\n"


def rows() -> str:
    """The table's rows."""
    lines = []
    for path in sorted(ADR.glob("[0-9]*.md")):
        title = path.read_text(encoding="utf-8").splitlines()[0].split(": ", 1)[1]
        lines.append(f"| [{path.stem[:4]}]({path.name}) | {title} |\n")
    return "".join(lines)


def main() -> None:
    """Rewrite the index."""
    page = ADR / "README.md"
    before, _, after = page.read_text(encoding="utf-8").partition(HEAD)
    _, _, tail = after.partition("\n\n")
    page.write_text(f"{before}{HEAD}{rows()}" + (f"\n{tail}" if tail else ""), encoding="utf-8")


if __name__ == "__main__":
    main()
