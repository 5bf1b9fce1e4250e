"""Erasures of persons: what was destroyed, which departments have to be told, and whether any copy can still be opened.

Rules kept: an erasure, the end of the key and of the fields, and the notices are one transaction; its row outlives the
data, so that a restored backup does not bring a person's key back; what another erasure destroyed already is not noted
a second time, and what the person entered afterwards is not destroyed (both looked at inside the transaction); an
erasure is complete only when no key-encryption key is left under which a copy of the data key was ever wrapped (fails
closed: while one is there, it is not).

What it does not do: it does not decide who may erase whom, nor find out who received what; `gateway/exchange` does.
Copies that departments keep are theirs to erase: see `notices`.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, exists, func, insert, or_, select
from sqlmodel import SQLModel

from gateway.clock import Clock
from gateway.storage.database import write_transaction
from gateway.vault import data_keys, tables
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
class Held:
    """What there is to erase: the data key that stands, and the codes of the fields under it, in order."""

    key_id: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Promised:
    """An erasure as the access log promises it.

    Attributes:
        entry: Index of its entry.
        at_ms: Time of the entry, Unix ms.
        key_id: The data key that it is to destroy; None when only the log is left to say. Then the key's time decides.
    """

    entry: int
    at_ms: int
    key_id: int | None = None


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
        also: Done in the same transaction, given the person: what of other capabilities ends with a person.
    """

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        keks: VersionedKeks,
        clock: Clock,
        *,
        copies_days: int,
        notice_days: int,
        also: Callable[[Connection, bytes], None] | None = None,
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._keks = keks
        self._clock = clock
        self._copies_ms = copies_days * DAY_MS
        self._notice_ms = notice_days * DAY_MS
        self._also = also

    def held(self, person_id: bytes) -> Held | None:
        """What there is to erase; None when there is no data key."""
        with self._engine.connect() as connection:
            key = connection.execute(select(_KEYS).where(_KEYS.c.person_id == person_id)).one_or_none()
            return Held(key.key_id, _fields(connection, person_id)) if key is not None and _stands(key) else None

    def make_erasable(self, person_id: bytes) -> Held:
        """Give a person a data key who has none, so that there is something whose end can be promised and receipted.

        Returns:
            What there is to erase: a key, and no field.

        Raises:
            KeysError: A key-encryption key is missing.
        """
        with write_transaction(self._engine) as connection:
            data_keys.make(connection, self._keks, person_id, self._clock.now_ms())
            key = connection.execute(select(_KEYS).where(_KEYS.c.person_id == person_id)).one()
            return Held(key.key_id, _fields(connection, person_id))

    def erase(self, person_id: bytes, promised: Promised, *, recipients: Mapping[str, Sequence[int]]) -> Erasure | None:
        """Destroy a person's key and fields, and note whom to tell; durable when it returns.

        Nothing changes when there is nothing left to do (see `is_open`), also when it was done by somebody else at the
        same moment.

        Args:
            person_id: Whom.
            promised: What the access log says. The same again changes nothing.
            recipients: Department → indexes of the releases to it, oldest first.

        Returns:
            The erasure, or the other one that destroyed what this one was to destroy; None when there is neither.

        Raises:
            KeysError: The key-encryption keys are missing; nothing changes.
        """
        erasure_id = secrets.token_bytes(ID_BYTES)

        def note(connection: Connection) -> bool:
            # Locked: of two at once the second waits here and then sees what the first did.
            key = connection.execute(
                select(_KEYS).where(_KEYS.c.person_id == person_id).with_for_update()
            ).one_or_none()
            if not _is_open(connection, person_id, key, promised):
                return False
            if self._also is not None:
                self._also(connection, person_id)
            now_ms = self._clock.now_ms()
            connection.execute(
                insert(_ERASURES).values(
                    erasure_id=erasure_id,
                    person_id=person_id,
                    erased_ms=now_ms,
                    key_id=0 if key is None else key.key_id,
                    kek_version=self._keks.current(KEK),
                    complete_by_ms=now_ms + self._copies_ms,
                    entry=promised.entry,
                    fields=",".join(_fields(connection, person_id)),
                    notices=len(recipients),
                )
            )
            due_ms = now_ms + self._notice_ms
            add_notices(connection, erasure_id, recipients, created_ms=now_ms, due_ms=due_ms)
            return True

        self._vault.erase(person_id, note)
        return self._fulfilling(person_id, promised)

    def is_open(self, person_id: bytes, promised: Promised) -> bool:
        """Whether an erasure that the access log promises is still to be carried out.

        It is not when it was, when a later one was, when the person's data key was made after the entry (then what is
        there was entered afterwards and stays) or is not the one that the entry was about, or when another erasure
        destroyed the same after this entry. Fails towards erasing: a key of the entry's own millisecond is taken for
        the older one.
        """
        with self._engine.connect() as connection:
            key = connection.execute(select(_KEYS).where(_KEYS.c.person_id == person_id)).one_or_none()
            return _is_open(connection, person_id, key, promised)

    def of_entry(self, entry: int) -> Erasure | None:
        """The erasure that an entry of the access log stands for; None when it was not carried out."""
        return next(iter(self._read(_ERASURES.c.entry == entry, 1)), None)

    def _fulfilling(self, person_id: bytes, promised: Promised) -> Erasure | None:
        """The erasure that carried out what was promised: its own, else the other one of the same person."""
        own = self.of_entry(promised.entry)
        if own is not None:
            return own
        other = or_(_ERASURES.c.entry > promised.entry, _instead(promised))
        return next(iter(self._read(and_(_ERASURES.c.person_id == person_id, other), 1)), None)

    def before(self, person_id: bytes, entry: int) -> int:
        """The entry of the person's last erasure before that entry; -1 for none. What was released before it was told.

        One that was taken over from a register, by which nobody was told, does not count.
        """
        query = select(func.max(_ERASURES.c.entry)).where(_ERASURES.c.person_id == person_id, _ERASURES.c.entry < entry)
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        return -1 if found is None else int(found)

    def newest(self, limit: int | None = 200) -> list[Erasure]:
        """The newest erasures, newest first.

        Args:
            limit: At most this many; None for all.
        """
        return self._read(None, limit)

    def _read(self, condition: ColumnElement[bool] | None, limit: int | None) -> list[Erasure]:
        query = select(_ERASURES).order_by(_ERASURES.c.erased_ms.desc(), _ERASURES.c.entry.desc()).limit(limit)
        if condition is not None:
            query = query.where(condition)
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


def _stands(key: "Row[Any] | None") -> bool:
    return key is not None and key.wrapped is not None


def _instead(promised: Promised) -> ColumnElement[bool]:
    """An erasure with an earlier entry that was carried out after this entry; one from a register does not count."""
    return and_(_ERASURES.c.entry >= 0, _ERASURES.c.erased_ms >= promised.at_ms)


def _is_open(connection: Connection, person_id: bytes, key: "Row[Any] | None", promised: Promised) -> bool:
    """See `Erasures.is_open`; inside any transaction."""
    if promised.key_id is not None and (key is None or not _stands(key) or key.key_id != promised.key_id):
        return False
    if promised.key_id is None and key is not None and _stands(key) and key.changed_ms > promised.at_ms:
        return False
    done = _ERASURES.c.entry >= promised.entry
    if not _stands(key) and not _fields(connection, person_id):
        # Nothing is left, so that a clock that was put back does no harm here.
        done = or_(done, _instead(promised))
    query = select(exists().where(_ERASURES.c.person_id == person_id, done))
    return not connection.execute(query).scalar()
