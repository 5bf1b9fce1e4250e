"""Rows of the profile: sealing, opening, the current version and the bounded history, inside the caller's transaction.

Rules kept: nothing is written but sealed under the person's key, bound to its place (field or history of a field) and
version; a column in the clear that contradicts what is sealed is an error, never believed (fails closed); versions of
a field only grow, also over a removal, so that no removed version can be put back under a new one's number; at most
`HISTORY_KEPT` earlier versions of a field are kept, the oldest go first.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel import SQLModel

from gateway.vault import contents, tables
from gateway.vault.contents import Contents
from gateway.vault.provenance import Superseded
from keys.envelope import FieldCipher, key_id_of
from keys.errors import BadEnvelope

HISTORY_KEPT: Final = 20
"""Earlier versions kept of one field."""

_FIELDS: Final = SQLModel.metadata.tables[str(tables.VaultField.__tablename__)]
_HISTORY: Final = SQLModel.metadata.tables[str(tables.VaultHistory.__tablename__)]


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of one field, opened."""

    field: str
    version: int
    contents: Contents


def raw(connection: Connection, person_id: bytes, field: str | None = None) -> list[Row[Any]]:
    """The person's current rows, ordered by field, or the one row of a field; not opened."""
    statement = select(_FIELDS).where(_FIELDS.c.person_id == person_id).order_by(_FIELDS.c.field)
    if field is not None:
        statement = statement.where(_FIELDS.c.field == field)
    return list(connection.execute(statement).all())


def opens(key: FieldCipher, row: Row[Any]) -> bool:
    """Whether a row can be under the person's key; False when it was left behind by an older, destroyed one.

    That is how rows look whose keys a restored backup did not have, once the person has entered something new. A row
    under a key that was never made is not let through here: opening it raises.
    """
    return key_id_of(bytes(row.envelope)) >= key.key_id


def entry_of(key: FieldCipher, row: Row[Any]) -> Entry:
    """A current row, opened.

    Raises:
        BadEnvelope: It does not open, or a column contradicts what is sealed.
    """
    plaintext = key.open(row.field, row.version, bytes(row.envelope))
    held = contents.read(plaintext, collected_ms=row.collected_ms, updated_ms=row.updated_ms)
    if (row.source, row.collected_ms, row.updated_ms) != (held.source, held.collected_ms, held.updated_ms):
        raise BadEnvelope("a column contradicts what is sealed")
    return Entry(row.field, row.version, held)


def value_of(key: FieldCipher, row: Row[Any]) -> str | None:
    """The value in a current row; None when it holds none, or was left behind by an older key.

    Raises:
        BadEnvelope: See `entry_of`.
    """
    return entry_of(key, row).contents.value if opens(key, row) else None


def find(connection: Connection, key: FieldCipher, person_id: bytes, field: str) -> Entry | None:
    """The current version of one field, locked until the transaction ends; also one that was removed.

    Raises:
        BadEnvelope: See `entry_of`.
    """
    where = (_FIELDS.c.person_id == person_id, _FIELDS.c.field == field)
    row = connection.execute(select(_FIELDS).where(*where).with_for_update()).one_or_none()
    return None if row is None or not opens(key, row) else entry_of(key, row)


def put(connection: Connection, key: FieldCipher, person_id: bytes, entry: Entry) -> None:
    """Write the current version of a field over whatever is there."""
    insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    held = entry.contents
    values = {
        "envelope": key.seal(entry.field, entry.version, contents.write(held)),
        "source": str(held.source),
        "collected_ms": held.collected_ms,
        "updated_ms": held.updated_ms,
        "version": entry.version,
    }
    statement = insert(_FIELDS).values(person_id=person_id, field=entry.field, **values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=[_FIELDS.c.person_id, _FIELDS.c.field], set_=values)
    )


def succeed(
    connection: Connection,
    key: FieldCipher,
    person_id: bytes,
    field: str,
    following: Contents,
    why: Superseded,
) -> Entry:
    """Write a new version; the one before goes into the history with the reason, unless it was a removal.

    Args:
        connection: An open write transaction.
        key: The person's key.
        person_id: 16 bytes.
        field: Field code.
        following: The new version. `collected_ms` is taken over from the one before, unless that was a removal. A
            restriction is taken over always: it is about the field and not about one value of it.
        why: Why the one before is over.

    Returns:
        The new current version.
    """
    before = find(connection, key, person_id, field)
    version = 1 + (_last_version(connection, person_id, field) if before is None else before.version)
    if before is not None and before.contents.erased_ms is None:
        past = before.contents.but(superseded=why, superseded_ms=following.updated_ms)
        envelope = key.seal(history_place(field), before.version, contents.write(past))
        values = {"person_id": person_id, "field": field, "version": before.version, "envelope": envelope}
        connection.execute(_HISTORY.insert().values(values))
        oldest = before.version - HISTORY_KEPT
        where = (_HISTORY.c.person_id == person_id, _HISTORY.c.field == field, _HISTORY.c.version <= oldest)
        connection.execute(delete(_HISTORY).where(*where))
        following = following.but(collected_ms=before.contents.collected_ms)
    if before is not None:
        following = following.but(restricted_ms=before.contents.restricted_ms)
    made = Entry(field, version, following)
    put(connection, key, person_id, made)
    return made


def history(connection: Connection, key: FieldCipher, person_id: bytes, field: str) -> list[Entry]:
    """Earlier versions of a field, newest first; at most `HISTORY_KEPT`.

    Raises:
        BadEnvelope: One does not open.
    """
    where = (_HISTORY.c.person_id == person_id, _HISTORY.c.field == field)
    statement = select(_HISTORY).where(*where).order_by(_HISTORY.c.version.desc())
    found = []
    for row in connection.execute(statement):
        if not opens(key, row):
            continue
        plaintext = key.open(history_place(field), row.version, bytes(row.envelope))
        found.append(Entry(field, row.version, contents.read(plaintext, collected_ms=0, updated_ms=0)))
    return found


def forget_history(connection: Connection, person_id: bytes, field: str) -> None:
    """Remove every earlier version of a field."""
    connection.execute(delete(_HISTORY).where(_HISTORY.c.person_id == person_id, _HISTORY.c.field == field))


def _last_version(connection: Connection, person_id: bytes, field: str) -> int:
    """The version of a row that does not open under the person's key any more; 0 when there is none."""
    where = (_FIELDS.c.person_id == person_id, _FIELDS.c.field == field)
    return int(connection.execute(select(_FIELDS.c.version).where(*where)).scalar() or 0)


def history_place(field: str) -> str:
    """Where an earlier version of a field belongs, so that it never opens as a current one."""
    return f"history:{field}"
