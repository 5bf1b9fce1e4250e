"""Each person's data key: made at the first field, kept wrapped, destroyed with the person.

Rules kept: a data key is unwrapped for one operation and not kept; the wrapped key is in the database alone, so
destroying it makes every copy of the fields unreadable; a key id is never used twice for one person. Every function
works inside the caller's transaction. Fails closed: a key that does not unwrap is an error, never a new key.
"""

from typing import Final, Protocol

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel import SQLModel

from gateway.vault import tables
from keys.envelope import FieldCipher, Suite
from keys.persons import new_data_key, unwrap_data_key, wrap_data_key

KEK: Final = "vault-kek"
"""Name of the key-encryption keys in the keyring."""

_KEYS: Final = SQLModel.metadata.tables[str(tables.VaultKey.__tablename__)]


class KeyEncryptionKeys(Protocol):
    """Versioned secrets; `keys.keyring.keyring.Keyring` is one."""

    def get(self, name: str, version: int | None = None) -> bytes:
        """A secret, the current version unless another is named."""

    def current(self, name: str) -> int:
        """The current version."""


def read(
    connection: Connection, keks: KeyEncryptionKeys, person_id: bytes, suite: Suite = Suite.AES
) -> FieldCipher | None:
    """The person's data key, or None when there is none.

    Args:
        connection: Any connection.
        keks: Key-encryption keys.
        person_id: 16 bytes.
        suite: How it is to seal.

    Returns:
        The key, ready to seal and open this person's fields; for one operation.

    Raises:
        KeysError: The key-encryption key is missing or does not fit.
    """
    row = connection.execute(select(_KEYS).where(_KEYS.c.person_id == person_id)).one_or_none()
    if row is None or row.wrapped is None:
        return None
    secret = unwrap_data_key(keks.get(KEK, row.kek_version), bytes(row.wrapped))
    return FieldCipher(secret, person_id=person_id, key_id=row.key_id, suite=suite)


def make(
    connection: Connection, keks: KeyEncryptionKeys, person_id: bytes, now_ms: int, suite: Suite = Suite.AES
) -> FieldCipher:
    """The person's data key; a new one when there is none.

    Args:
        connection: An open write transaction.
        keks: Key-encryption keys.
        person_id: 16 bytes.
        now_ms: The time, Unix ms.
        suite: How it is to seal.

    Returns:
        The key that is in the database, also when another writer made it at the same time.

    Raises:
        KeysError: The key-encryption key is missing or does not fit.
    """
    version = keks.current(KEK)
    insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    fresh = {
        "wrapped": wrap_data_key(keks.get(KEK, version), new_data_key()),
        "kek_version": version,
        "changed_ms": now_ms,
    }
    statement = insert(_KEYS).values(person_id=person_id, key_id=1, **fresh)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[_KEYS.c.person_id],
            set_=fresh | {"key_id": _KEYS.c.key_id + 1},
            # Only an erased key is replaced.
            where=_KEYS.c.wrapped.is_(None),
        )
    )
    made = read(connection, keks, person_id, suite)
    if made is None:  # pragma: no cover - the statement before made one
        raise LookupError("a data key vanished inside its transaction")
    return made


def destroy(connection: Connection, person_id: bytes, now_ms: int) -> bool:
    """Destroy the person's data key; its id stays, so that it is never used again.

    Args:
        connection: An open write transaction.
        person_id: 16 bytes.
        now_ms: The time, Unix ms.

    Returns:
        Whether there was one.
    """
    where = (_KEYS.c.person_id == person_id, _KEYS.c.wrapped.is_not(None))
    return connection.execute(update(_KEYS).where(*where).values(wrapped=None, changed_ms=now_ms)).rowcount > 0


def rewrap(connection: Connection, keks: KeyEncryptionKeys, limit: int) -> int:
    """Wrap data keys anew that are still under an older key-encryption key; no field changes.

    A key that is destroyed at the same moment stays destroyed.

    Args:
        connection: An open write transaction.
        keks: Key-encryption keys, the older versions too.
        limit: Most keys in this call.

    Returns:
        How many were wrapped anew; 0 when the older key-encryption keys may be destroyed.

    Raises:
        KeysError: A key-encryption key is missing or does not fit; nothing of this call is kept.
    """
    current = keks.current(KEK)
    old = (_KEYS.c.kek_version != current, _KEYS.c.wrapped.is_not(None))
    # Locked, and in one order for everybody: who erases meanwhile waits, and no destroyed key is written back.
    query = select(_KEYS).where(*old).order_by(_KEYS.c.person_id).limit(limit).with_for_update()
    rows = connection.execute(query).all()
    for row in rows:
        secret = unwrap_data_key(keks.get(KEK, row.kek_version), bytes(row.wrapped))
        values = {"wrapped": wrap_data_key(keks.get(KEK, current), secret), "kek_version": current}
        same = (_KEYS.c.person_id == row.person_id, _KEYS.c.key_id == row.key_id, _KEYS.c.wrapped == row.wrapped)
        connection.execute(update(_KEYS).where(*same).values(values))
    return len(rows)


def count_by_version(connection: Connection) -> dict[int, int]:
    """How many data keys are under each version of the key-encryption key; erased ones are under none.

    Args:
        connection: Any connection.

    Returns:
        Counts by version.
    """
    query = select(_KEYS.c.kek_version, func.count()).where(_KEYS.c.wrapped.is_not(None)).group_by(_KEYS.c.kek_version)
    return {int(version): int(count) for version, count in connection.execute(query)}


def newest_version(connection: Connection) -> int:
    """The newest version of the key-encryption key that any data key is under; 0 when there is none."""
    query = select(func.max(_KEYS.c.kek_version)).where(_KEYS.c.wrapped.is_not(None))
    return int(connection.execute(query).scalar_one() or 0)


def count_below(connection: Connection, version: int) -> int:
    """How many data keys are under older versions, when nobody is writing one at this moment.

    Whoever writes afterwards looks at the newest keyring inside a later transaction, so the answer 0 stays true once
    the newer version was published before this call.

    Args:
        connection: An open write transaction. On SQLite it is the only one; on PostgreSQL the table is locked.
        version: The lowest version that is not counted.

    Returns:
        The count.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {_KEYS.name} IN SHARE ROW EXCLUSIVE MODE"))
    query = select(func.count()).where(_KEYS.c.wrapped.is_not(None), _KEYS.c.kek_version < version)
    return int(connection.execute(query).scalar_one())
