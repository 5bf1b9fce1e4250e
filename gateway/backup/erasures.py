"""Who was erased, and when: read from a backup's own table and from a register that is newer than the backup.

A register is lines of JSON, each `{"person_id": "<32 hex digits>", "erased_ms": <Unix ms>}`; more members of a line are
passed over. One malformed line refuses the whole register: a person whose line cannot be read must not come back.

It does not know who the persons are: ids are random.
"""

import json
import re
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, MetaData

from gateway.backup.classification import ERASURES, tables
from gateway.backup.errors import BackupRefused
from gateway.backup.snapshot import read_rows

Erasures = dict[bytes, int]
"""The latest erasure of each person: person id to Unix ms."""

_PERSON: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_LARGEST_LINE: Final = 4096


def erasures_in(connection: Connection, metadata: MetaData | None = None) -> Erasures:
    """The erasures that a database or snapshot knows of; none when the program keeps no such table.

    Args:
        connection: Any connection.
        metadata: The declared tables; None takes the program's.
    """
    found: Erasures = {}
    for table in tables(metadata):
        if table.name == ERASURES:
            for batch in read_rows(connection, table):
                for row in batch:
                    _add(found, bytes(row["person_id"]), int(row["erased_ms"]))
    return found


def read_register(path: Path) -> Erasures:
    """Read an erasure register.

    Raises:
        BackupRefused: It cannot be read, or a line is malformed (which one is told, not what it says).
    """
    found: Erasures = {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(_LARGEST_LINE + 1), b""), 1):
                person, erased_ms = _line(line, number)
                _add(found, person, erased_ms)
    except OSError as error:
        raise BackupRefused(f"{path}: {error.strerror}") from None
    return found


def _line(line: bytes, number: int) -> tuple[bytes, int]:
    try:
        value = json.loads(line)
        person, erased_ms = value["person_id"], value["erased_ms"]
        sound = bool(_PERSON.fullmatch(person)) and type(erased_ms) is int and erased_ms >= 0
    except (ValueError, TypeError, KeyError, RecursionError):
        sound = False
    if not sound:
        raise BackupRefused(f"line {number} of the erasure register is malformed")
    return bytes.fromhex(person), int(erased_ms)


def _add(found: Erasures, person: bytes, erased_ms: int) -> None:
    found[person] = max(found.get(person, 0), erased_ms)
