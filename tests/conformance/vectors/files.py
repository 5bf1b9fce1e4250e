"""Reads published test vectors: the text files and JSON of the `cryptography-vectors` wheel, and Wycheproof's JSON."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cryptography_vectors

WYCHEPROOF = Path(__file__).resolve().parent.parent / "wycheproof"
_LINE = re.compile(r"([A-Za-z][A-Za-z_0-9-]*)\s*[=:]\s*(.*)")


def records(name: str, first: str) -> Iterator[dict[str, str]]:
    """The records of a text file of the wheel, names in lower case.

    Args:
        name: Path inside the wheel.
        first: Name of the line with which each record starts, in lower case.

    Yields:
        One record each; a line without `=` stands under its own name with an empty value, the last line in square
        brackets under `section`.
    """
    record: dict[str, str] = {}
    section = ""
    with cryptography_vectors.open_vector_file(name, "r") as lines:
        for raw in lines:
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("["):
                if record:
                    yield record
                record, section = {}, line
                continue
            found = _LINE.fullmatch(line)
            key, value = (found[1].lower(), found[2].strip()) if found else (line.lower(), "")
            if key == first and record:
                yield record
                record = {}
            record = record or {"section": section}
            record[key] = value
    if record:
        yield record


def hpke(name: str) -> list[dict[str, Any]]:
    """The vectors of one HPKE file of the wheel."""
    with cryptography_vectors.open_vector_file(f"HPKE/{name}", "r") as file:
        read: list[dict[str, Any]] = json.load(file)
    return read


def wycheproof(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Group and test of every vector of a Wycheproof file; each test says `valid` or `invalid`."""
    document = json.loads((WYCHEPROOF / f"{name}_test.json").read_text(encoding="utf-8"))
    pairs = [(group, test) for group in document["testGroups"] for test in group["tests"]]
    assert len(pairs) == document["numberOfTests"]
    assert {test["result"] for _, test in pairs} <= {"valid", "invalid"}
    yield from pairs


def unhex(record: dict[str, Any], *names: str) -> list[bytes]:
    """Parts of a record as bytes; a part that is not there is empty."""
    return [bytes.fromhex(record.get(name, "")) for name in names]
