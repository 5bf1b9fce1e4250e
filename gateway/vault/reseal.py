"""Moving fields from one suite of encryption to another while the vault serves.

Rules kept: what is to move is told by the envelopes themselves, so the work can stop anywhere and go on in another
process; candidates are looked for without a lock, then moved in one small transaction that looks again; a field that
was written, removed or erased in between is left alone, so an older value never replaces a newer one; value, version,
source and times stay. On PostgreSQL a row that is being written is passed over and found at the next pass.

A field that does not open is left as it is and does not hold up the others. Once nothing but such fields is left, the
work ends with an error instead of an end (fails closed): somebody has to look at them.

What it does not do: it does not change data keys (`gateway.vault.data_keys.rewrap`) and does not run by itself.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, LargeBinary, func, select, tuple_, update
from sqlmodel import SQLModel

from gateway.storage.database import write_transaction
from gateway.vault import data_keys, tables
from gateway.vault.data_keys import KeyEncryptionKeys
from keys.envelope import FieldCipher, Suite
from keys.errors import BadEnvelope

_FIELDS: Final = SQLModel.metadata.tables[str(tables.VaultField.__tablename__)]
_SUITE_AT: Final = 5
"""Where the suite stands in an envelope, counted from 1 as SQL does (`keys.envelope.header`)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A field that was found in another suite.

    Attributes:
        person_id: 16 bytes.
        field: Field code.
    """

    person_id: bytes
    field: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What one transaction did.

    Attributes:
        moved: Fields sealed anew.
        unreadable: Fields that do not open, left as they are.
    """

    moved: int
    unreadable: int


class Resealing:
    """The work of moving all fields to one suite. May be called from any thread; one call works at a time.

    Args:
        engine: From `gateway.storage.database.open_database`.
        keks: Key-encryption keys.
        suite: Where to.
    """

    def __init__(self, engine: Engine, keks: KeyEncryptionKeys, suite: Suite) -> None:
        self._engine = engine
        self._keks = keks
        self._suite = suite
        self._lock = threading.Lock()
        # How far this pass has come. It only saves looking again at what is done: a new process starts from the front.
        self._after: Candidate | None = None
        self._moved_in_pass = 0
        self._unreadable_in_pass = 0
        self._one_by_one = False

    def move(self, limit: int) -> int:
        """Move some fields.

        Args:
            limit: Most fields in this transaction, from 1.

        Returns:
            How many were moved; 0 when none is left.

        Raises:
            BadEnvelope: A whole pass has found nothing but fields that do not open.
            KeysError: A key-encryption key is missing; nothing of this call is kept.
        """
        with self._lock:
            while True:
                with self._engine.connect() as connection:
                    found = find(connection, self._suite, self._after, 1 if self._one_by_one else limit)
                if found:
                    with write_transaction(self._engine) as connection:
                        done = move(connection, self._keks, self._suite, found)
                    self._after = found[-1]
                    self._moved_in_pass += done.moved
                    self._unreadable_in_pass += done.unreadable
                    if done.moved:
                        return done.moved
                elif self._pass_ends():
                    return 0

    def left(self) -> int:
        """How many fields are in another suite."""
        with self._engine.connect() as connection:
            count = select(func.count()).select_from(_FIELDS).where(_in_another(self._suite))
            return int(connection.execute(count).scalar_one())

    def _pass_ends(self) -> bool:
        """Whether this was the last pass: one from the front that found nothing at all."""
        found_nothing, moved, unreadable = self._after is None, self._moved_in_pass, self._unreadable_in_pass
        self._after, self._moved_in_pass, self._unreadable_in_pass = None, 0, 0
        # All that was found was being written by others. Waiting for a row is safe while no other row is held.
        self._one_by_one = not found_nothing and not moved and not unreadable
        if unreadable and not moved:
            raise BadEnvelope("fields are left that cannot be opened and so not be moved to another suite")
        return found_nothing


def find(connection: Connection, suite: Suite, after: Candidate | None, limit: int) -> list[Candidate]:
    """Fields in another suite, in the order of the table's key.

    Args:
        connection: Any connection; no lock is taken.
        suite: The suite that is wanted.
        after: Only fields behind this one; None starts at the front.
        limit: Most fields.

    Returns:
        What was found; empty when there is none.
    """
    columns = (_FIELDS.c.person_id, _FIELDS.c.field)
    query = select(*columns).where(_in_another(suite)).order_by(*columns).limit(limit)
    if after is not None:
        query = query.where(tuple_(*columns) > tuple_(after.person_id, after.field))
    return [Candidate(bytes(row.person_id), row.field) for row in connection.execute(query)]


def move(connection: Connection, keks: KeyEncryptionKeys, suite: Suite, found: Sequence[Candidate]) -> Moved:
    """Seal fields anew that are still there and still in another suite.

    Args:
        connection: An open write transaction.
        keks: Key-encryption keys.
        suite: Where to.
        found: From `find`.

    Returns:
        What was done; a field that changed its suite, vanished or is being written counts as neither.

    Raises:
        KeysError: A key-encryption key is missing.
    """
    moved = unreadable = 0
    for person_id, candidates in groupby(found, key=lambda candidate: candidate.person_id):
        names = [candidate.field for candidate in candidates]
        where = (_FIELDS.c.person_id == person_id, _FIELDS.c.field.in_(names), _in_another(suite))
        # Locked before the key is read: erasing the person, which alone changes the key, then waits for this end.
        # Rows that others hold are not waited for while any row is held here, or two could wait for each other.
        locked = select(_FIELDS).where(*where).with_for_update(skip_locked=len(found) > 1)
        rows = connection.execute(locked).all()
        key = _key(connection, keks, person_id) if rows else None
        for row in rows:
            envelope = _sealed_anew(key, suite, row.field, row.version, bytes(row.envelope))
            if envelope is None:
                unreadable += 1
                continue
            place = (_FIELDS.c.person_id == person_id, _FIELDS.c.field == row.field)
            connection.execute(update(_FIELDS).where(*place).values(envelope=envelope))
            moved += 1
    return Moved(moved, unreadable)


def _key(connection: Connection, keks: KeyEncryptionKeys, person_id: bytes) -> FieldCipher | None:
    """The person's key; None also when it does not unwrap, so that one damaged key does not hold up everybody."""
    try:
        return data_keys.read(connection, keks, person_id)
    except BadEnvelope:
        return None


def _sealed_anew(key: FieldCipher | None, suite: Suite, field: str, version: int, envelope: bytes) -> bytes | None:
    """The same value in another suite, or None when it does not open."""
    if key is None:
        return None
    try:
        return key.seal(field, version, key.open(field, version, envelope), suite)
    except BadEnvelope:
        return None


def _in_another(suite: Suite) -> ColumnElement[bool]:
    """Whether an envelope says that it is of another suite. Both databases count bytes here, not characters."""
    byte: ColumnElement[bytes] = func.substr(_FIELDS.c.envelope, _SUITE_AT, 1, type_=LargeBinary())
    return byte != bytes((suite,))
