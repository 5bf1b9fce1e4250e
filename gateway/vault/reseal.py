"""Moving fields from one suite of encryption to another while the vault serves.

Current fields, their history and requests for correction all move. Rules kept: what is to move is told by the envelopes
themselves, so the work can stop anywhere and go on in another process; candidates are looked for without a lock, then
moved in one small transaction that looks again; a row that was written, removed or erased in between is left alone, so
an older value never replaces a newer one; value, version, source and times stay. On PostgreSQL a row that is being
written is passed over and found at the next pass.

A field that does not open is left as it is and does not hold up the others. Once nothing but such fields is left, the
work ends with an error instead of an end (fails closed): somebody has to look at them.

What it does not do: it does not change data keys (`gateway.vault.data_keys.rewrap`) and does not run by itself.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Row,
    Table,
    and_,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlmodel import SQLModel

from gateway.storage.database import write_transaction
from gateway.vault import data_keys, tables
from gateway.vault.corrections import correction_place
from gateway.vault.data_keys import KeyEncryptionKeys
from gateway.vault.rows import history_place
from keys.envelope import FieldCipher, Suite
from keys.errors import BadEnvelope

_SUITE_AT: Final = 5
"""Where the suite stands in an envelope, counted from 1 as SQL does (`keys.envelope.header`)."""

Key = tuple[Any, ...]
"""The primary key of a row, the person first."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A table of envelopes.

    Attributes:
        table: With columns `person_id`, `version` and `envelope`.
        key: Its columns that name a row, the person first.
        place: Where the value of a row belongs, as it was sealed.
    """

    table: Table
    key: tuple[str, ...]
    place: Callable[[Row[Any]], str]

    @property
    def columns(self) -> tuple[ColumnElement[Any], ...]:
        """The columns of `key`."""
        return tuple(self.table.c[name] for name in self.key)

    def in_another(self, suite: Suite) -> ColumnElement[bool]:
        """Whether an envelope says that it is of another suite. Both databases count bytes here, not characters."""
        byte: ColumnElement[bytes] = func.substr(self.table.c.envelope, _SUITE_AT, 1, type_=LargeBinary())
        return byte != bytes((suite,))


def _table(model: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


FIELDS: Final = Shelf(_table(tables.VaultField), ("person_id", "field"), lambda row: str(row.field))
HISTORY: Final = Shelf(
    _table(tables.VaultHistory), ("person_id", "field", "version"), lambda row: history_place(row.field)
)
CORRECTIONS: Final = Shelf(
    _table(tables.VaultCorrection), ("person_id", "id"), lambda row: correction_place(bytes(row.id))
)
SHELVES: Final = (FIELDS, HISTORY, CORRECTIONS)
"""Everything that is sealed under persons' keys."""


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
        self._shelf = 0
        self._after: Key | None = None
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
        done_with = 0
        with self._lock:
            while True:
                shelf = SHELVES[self._shelf]
                with self._engine.connect() as connection:
                    found = find(connection, self._suite, self._after, 1 if self._one_by_one else limit, shelf)
                if found:
                    with write_transaction(self._engine) as connection:
                        done = move(connection, self._keks, self._suite, found, shelf)
                    self._after = found[-1]
                    self._moved_in_pass += done.moved
                    self._unreadable_in_pass += done.unreadable
                    if done.moved:
                        return done.moved
                elif self._pass_ends():
                    # None is left only when every shelf was looked through in this call and had nothing.
                    done_with += 1
                    if done_with == len(SHELVES):
                        return 0
                    self._shelf = (self._shelf + 1) % len(SHELVES)

    def left(self) -> int:
        """How many fields are in another suite."""
        with self._engine.connect() as connection:
            return sum(
                int(connection.execute(select(func.count()).where(shelf.in_another(self._suite))).scalar_one())
                for shelf in SHELVES
            )

    def _pass_ends(self) -> bool:
        """Whether this was the last pass: one from the front that found nothing at all."""
        found_nothing, moved, unreadable = self._after is None, self._moved_in_pass, self._unreadable_in_pass
        self._after, self._moved_in_pass, self._unreadable_in_pass = None, 0, 0
        # All that was found was being written by others. Waiting for a row is safe while no other row is held.
        self._one_by_one = not found_nothing and not moved and not unreadable
        if unreadable and not moved:
            raise BadEnvelope("fields are left that cannot be opened and so not be moved to another suite")
        return found_nothing


def find(connection: Connection, suite: Suite, after: Key | None, limit: int, shelf: Shelf = FIELDS) -> list[Key]:
    """Rows in another suite, in the order of the table's key.

    Args:
        connection: Any connection; no lock is taken.
        suite: The suite that is wanted.
        after: Only rows behind this one; None starts at the front.
        limit: Most rows.
        shelf: Which table.

    Returns:
        What was found; empty when there is none.
    """
    columns = shelf.columns
    query = select(*columns).where(shelf.in_another(suite)).order_by(*columns).limit(limit)
    if after is not None:
        query = query.where(tuple_(*columns) > tuple_(*after))
    return [tuple(row) for row in connection.execute(query)]


def move(
    connection: Connection, keks: KeyEncryptionKeys, suite: Suite, found: Sequence[Key], shelf: Shelf = FIELDS
) -> Moved:
    """Seal rows anew that are still there and still in another suite.

    Args:
        connection: An open write transaction.
        keks: Key-encryption keys.
        suite: Where to.
        found: From `find`.
        shelf: Which table.

    Returns:
        What was done; a row that changed its suite, vanished or is being written counts as neither.

    Raises:
        KeysError: A key-encryption key is missing.
    """
    moved = unreadable = 0
    for person_id, candidates in groupby(found, key=lambda key: key[0]):
        named = or_(*(_is(shelf, key) for key in candidates))
        # Locked before the key is read: erasing the person, which alone changes the key, then waits for this end.
        # Rows that others hold are not waited for while any row is held here, or two could wait for each other.
        locked = select(shelf.table).where(named, shelf.in_another(suite)).with_for_update(skip_locked=len(found) > 1)
        rows = connection.execute(locked).all()
        key = _key(connection, keks, bytes(person_id)) if rows else None
        for row in rows:
            envelope = _sealed_anew(key, suite, shelf.place(row), row.version, bytes(row.envelope))
            if envelope is None:
                unreadable += 1
                continue
            place = tuple(getattr(row, name) for name in shelf.key)
            connection.execute(update(shelf.table).where(_is(shelf, place)).values(envelope=envelope))
            moved += 1
    return Moved(moved, unreadable)


def _is(shelf: Shelf, key: Key) -> ColumnElement[bool]:
    return and_(*(column == value for column, value in zip(shelf.columns, key, strict=True)))


def _key(connection: Connection, keks: KeyEncryptionKeys, person_id: bytes) -> FieldCipher | None:
    """The person's key; None also when it does not unwrap, so that one damaged key does not hold up everybody."""
    try:
        return data_keys.read(connection, keks, person_id)
    except BadEnvelope:
        return None


def _sealed_anew(key: FieldCipher | None, suite: Suite, place: str, version: int, envelope: bytes) -> bytes | None:
    """The same value in another suite, or None when it does not open."""
    if key is None:
        return None
    try:
        return key.seal(place, version, key.open(place, version, envelope), suite)
    except BadEnvelope:
        return None
