"""Erasures of persons: what was destroyed, which departments have to be told, and whether any copy can still be opened.

Rules kept: an erasure, the end of the key and of the fields, and the notices are one transaction; its row outlives the
data, so that a restored backup does not bring a person's key back; an erasure is complete only when no key-encryption
key is left under which a copy of the data key was ever wrapped (fails closed: while one is there, it is not).

What it does not do: it does not decide who may erase whom, nor find out who received what; `gateway/exchange` does.
Copies that departments keep are theirs to erase: see `notices`.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, insert, select
from sqlmodel import SQLModel

from gateway.clock import Clock
from gateway.vault import tables
from gateway.vault.data_keys import KEK, KeyEncryptionKeys
from gateway.vault.notices import add_notices
from gateway.vault.profile import Vault

DAY_MS: Final = 86_400_000
ID_BYTES: Final = 16

_ERASURES: Final = SQLModel.metadata.tables[str(tables.VaultErasure.__tablename__)]
_KEYS: Final = SQLModel.metadata.tables[str(tables.VaultKey.__tablename__)]
_FIELDS: Final = SQLModel.metadata.tables[str(tables.VaultField.__tablename__)]


class VersionedKeks(KeyEncryptionKeys, Protocol):
    """Key-encryption keys that tell which versions are left; `keys.keyring.keyring.Keyring` is one."""

    def versions(self, name: str) -> tuple[int, ...]:
        """All versions of a name, oldest first."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure.

    Attributes:
        erasure_id: Random, 16 bytes.
        person_id: Whom, 16 bytes.
        erased_ms: When, Unix ms.
        key_id: The data key that was destroyed.
        kek_version: The latest key-encryption key under which a copy of it was ever wrapped.
        complete_by_ms: When no copy can be opened any more at the latest, as promised, Unix ms.
        entry: Index of its entry in the access log.
        fields: Codes of the fields that were there.
        notices: How many departments are told.
        complete: Whether no key is left that opens a copy.
    """

    erasure_id: bytes
    person_id: bytes
    erased_ms: int
    key_id: int
    kek_version: int
    complete_by_ms: int
    entry: int
    fields: tuple[str, ...]
    notices: int
    complete: bool


class Erasures:
    """Erases persons and keeps account of it. Blocks on the database; may be used from any thread.

    Args:
        engine: The database.
        vault: Whose fields and keys.
        keks: Key-encryption keys.
        clock: Now.
        copies_days: How long key backups are kept: after so many days the keys that wrap a copy are destroyed.
        notice_days: How long a department has to erase its copies.
    """

    def __init__(
        self, engine: Engine, vault: Vault, keks: VersionedKeks, clock: Clock, *, copies_days: int, notice_days: int
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._keks = keks
        self._clock = clock
        self._copies_ms = copies_days * DAY_MS
        self._notice_ms = notice_days * DAY_MS

    def fields_of(self, person_id: bytes) -> tuple[str, ...] | None:
        """Codes of the person's fields, in order; None when there is no data key, so that there is nothing to erase."""
        with self._engine.connect() as connection:
            wrapped = connection.execute(select(_KEYS.c.wrapped).where(_KEYS.c.person_id == person_id)).scalar()
            return None if wrapped is None else _fields(connection, person_id)

    def erase(self, person_id: bytes, *, entry: int, recipients: Mapping[str, Sequence[int]]) -> Erasure:
        """Destroy a person's key and fields, and note whom to tell; durable when it returns.

        Args:
            person_id: Whom.
            entry: Index of the erasure's entry in the access log. The same entry again changes nothing.
            recipients: Department → indexes of the releases to it, oldest first.

        Returns:
            The erasure.

        Raises:
            KeysError: The key-encryption keys are missing; nothing changes.
        """
        done = self.of_entry(entry)
        if done is not None:
            return done
        erasure_id, now_ms = secrets.token_bytes(ID_BYTES), self._clock.now_ms()
        due_ms = now_ms + self._notice_ms

        def note(connection: Connection) -> None:
            key = connection.execute(select(_KEYS).where(_KEYS.c.person_id == person_id)).one_or_none()
            connection.execute(
                insert(_ERASURES).values(
                    erasure_id=erasure_id,
                    person_id=person_id,
                    erased_ms=now_ms,
                    key_id=0 if key is None else key.key_id,
                    kek_version=self._keks.current(KEK),
                    complete_by_ms=now_ms + self._copies_ms,
                    entry=entry,
                    fields=",".join(_fields(connection, person_id)),
                    notices=len(recipients),
                )
            )
            add_notices(connection, erasure_id, recipients, created_ms=now_ms, due_ms=due_ms)

        self._vault.erase(person_id, note)
        erased = self.of_entry(entry)
        if erased is None:  # pragma: no cover - the transaction before wrote it
            raise LookupError("an erasure vanished")
        return erased

    def of_entry(self, entry: int) -> Erasure | None:
        """The erasure that an entry of the access log stands for; None when it was not carried out."""
        return next(iter(self._read(_ERASURES.c.entry == entry, 1)), None)

    def since(self, person_id: bytes, entry: int) -> bool:
        """Whether the person was erased after that entry of the access log: what was read before must not leave now."""
        query = select(_ERASURES.c.entry).where(_ERASURES.c.person_id == person_id, _ERASURES.c.entry > entry).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def newest(self, limit: int | None = 200) -> list[Erasure]:
        """The newest erasures, newest first.

        Args:
            limit: At most this many; None for all.
        """
        return self._read(None, limit)

    def _read(self, condition: object, limit: int | None) -> list[Erasure]:
        query = select(_ERASURES).order_by(_ERASURES.c.erased_ms.desc(), _ERASURES.c.entry.desc()).limit(limit)
        if condition is not None:
            query = query.where(condition)  # type: ignore[arg-type]  # a column's comparison
        oldest = min(self._keks.versions(KEK), default=0)
        with self._engine.connect() as connection:
            return [
                Erasure(
                    erasure_id=bytes(row.erasure_id),
                    person_id=bytes(row.person_id),
                    erased_ms=row.erased_ms,
                    key_id=row.key_id,
                    kek_version=row.kek_version,
                    complete_by_ms=row.complete_by_ms,
                    entry=row.entry,
                    fields=tuple(filter(None, row.fields.split(","))),
                    notices=row.notices,
                    complete=oldest > row.kek_version,
                )
                for row in connection.execute(query)
            ]


def _fields(connection: Connection, person_id: bytes) -> tuple[str, ...]:
    query = select(_FIELDS.c.field).where(_FIELDS.c.person_id == person_id).order_by(_FIELDS.c.field)
    return tuple(connection.execute(query).scalars())
