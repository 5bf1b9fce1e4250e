"""Bringing blind indexes to the key, the lengths and the fields that are wanted now, while the vault serves.

Rules kept: what is to do is told by the rows themselves, so the work can stop anywhere and go on in another process;
candidates are looked for without a lock, then done in one small transaction that looks again; a field that was written,
removed or erased in between is left as its writer left it. Rows of fields that are not searchable any more go.

A field that does not open is passed over and counted; the index value it may have stays, since nobody can tell a better
one, and `Reindexing.unreadable` says how many there are.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, case, delete, func, or_, select, tuple_
from sqlmodel import SQLModel

from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from gateway.vault import data_keys, tables
from gateway.vault.data_keys import KeyEncryptionKeys
from gateway.vault.search import BlindIndexes
from keys.envelope import FieldCipher
from keys.errors import BadEnvelope

Opened = Callable[[FieldCipher, Row[Any]], str | None]
"""Opens a row of the vault's fields: its canonical text, None when it holds none, or BadEnvelope."""

_FIELDS: Final = SQLModel.metadata.tables[str(tables.VaultField.__tablename__)]
_INDEX: Final = SQLModel.metadata.tables[str(tables.VaultBlindIndex.__tablename__)]
_JOINED: Final = _FIELDS.outerjoin(
    _INDEX, and_(_INDEX.c.person_id == _FIELDS.c.person_id, _INDEX.c.field == _FIELDS.c.field)
)


class Reindexing:
    """The work of indexing all fields as they are to be. May be called from any thread; one call works at a time.

    Args:
        engine: From `gateway.storage.database.open_database`.
        keks: Key-encryption keys.
        indexes: What is wanted.
        opened: Opens a field.
    """

    def __init__(self, engine: Engine, keks: KeyEncryptionKeys, indexes: BlindIndexes, opened: Opened) -> None:
        self._engine = engine
        self._keks = keks
        self._indexes = indexes
        self._opened = opened
        self._lock = threading.Lock()
        # How far this pass has come. It only saves looking again: a new process starts from the front.
        self._after: tuple[bytes, str] | None = None
        self._indexed = 0
        self.unreadable = 0
        """Fields of the latest pass that do not open."""

    def step(self, limit: int = 100) -> int:
        """Bring some fields up to date.

        Args:
            limit: Most fields in this transaction, from 1.

        Returns:
            How many were looked at; 0 when everything is as it is to be, but for `unreadable` fields.

        Raises:
            Refused: NOT_FOUND when fields are searchable and there is no index key.
            KeysError: A key is missing; nothing of this call is kept.
        """
        with self._lock:
            shape = self._indexes.shape()
            if shape is None and self._indexes.plan.bits:
                raise Refused(Code.NOT_FOUND, "there is no blind-index key")
            dropped = self._drop(limit)
            if dropped or shape is None:
                return dropped
            while True:
                if self._after is None:
                    self._indexed = self.unreadable = 0
                found = self._find(shape, limit)
                if found:
                    with write_transaction(self._engine) as connection:
                        for person_id, field in found:
                            self._one(connection, person_id, field)
                    self._after = found[-1]
                    return len(found)
                # The last pass began at the front, or found nothing but fields that do not open.
                last = self._after is None or not self._indexed
                self._after = None
                if last:
                    return 0

    def left(self) -> int:
        """How many fields are not indexed as they are to be; reads whole tables."""
        shape = self._indexes.shape()
        with self._engine.connect() as connection:
            surplus = select(func.count()).select_from(_INDEX).where(self._surplus())
            count = int(connection.execute(surplus).scalar_one())
            if shape is not None:
                todo = select(func.count()).select_from(_JOINED).where(_outdated(*shape))
                count += int(connection.execute(todo).scalar_one())
        return count

    def _surplus(self) -> ColumnElement[bool]:
        return _INDEX.c.field.not_in(sorted(self._indexes.plan.bits))

    def _drop(self, limit: int) -> int:
        with self._engine.connect() as connection:
            if connection.execute(select(_INDEX.c.person_id).where(self._surplus()).limit(1)).first() is None:
                return 0
        with write_transaction(self._engine) as connection:
            query = select(_INDEX.c.person_id, _INDEX.c.field).where(self._surplus()).limit(limit)
            rows = [(row.person_id, row.field) for row in connection.execute(query)]
            connection.execute(delete(_INDEX).where(tuple_(_INDEX.c.person_id, _INDEX.c.field).in_(rows)))
        return len(rows)

    def _find(self, shape: tuple[int, dict[str, int]], limit: int) -> list[tuple[bytes, str]]:
        place = (_FIELDS.c.person_id, _FIELDS.c.field)
        query = select(*place).select_from(_JOINED).where(_outdated(*shape)).order_by(*place).limit(limit)
        if self._after is not None:
            query = query.where(tuple_(*place) > tuple_(*self._after))
        with self._engine.connect() as connection:
            return [(bytes(row.person_id), row.field) for row in connection.execute(query)]

    def _one(self, connection: Connection, person_id: bytes, field: str) -> None:
        where = (_FIELDS.c.person_id == person_id, _FIELDS.c.field == field)
        # Locked before the key is read: erasing the person, which alone changes the key, then waits for this end.
        row = connection.execute(select(_FIELDS).where(*where).with_for_update()).one_or_none()
        key = data_keys.read(connection, self._keks, person_id) if row is not None else None
        if row is None:
            return
        if key is None:
            self.unreadable += 1
            return
        try:
            text = self._opened(key, row)
        except BadEnvelope:
            self.unreadable += 1
            return
        if text is None:
            # Removed or not applicable: there is nothing to find it by.
            self._indexes.remove(connection, person_id, field)
            return
        self._indexes.put(connection, person_id, field, text)
        self._indexed += 1


def _outdated(version: int, bits: dict[str, int]) -> ColumnElement[bool]:
    """Searchable fields without an index value, or with one of another key or length."""
    if not bits:
        return _FIELDS.c.field.in_([])
    wanted = case(bits, value=_FIELDS.c.field, else_=0)
    other = or_(_INDEX.c.field.is_(None), _INDEX.c.key_version != version, _INDEX.c.bits != wanted)
    return and_(_FIELDS.c.field.in_(sorted(bits)), other)
