from pathlib import Path

from gateway.audit.kinds import Kind

DOCS = Path(__file__).resolve().parents[3] / "docs" / "audit.md"


def test_every_kind_of_entry_is_described() -> None:
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    told = {word for line in rows for word in line.split("|")[1].replace("`", "").replace(",", " ").split()}
    assert {str(kind) for kind in Kind} <= told
