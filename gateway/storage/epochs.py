"""Change counters: how one process learns, at its very next call, that another process changed a shared table.

Each capability that keeps a copy of its tables in memory owns a one-row table `<capability>_epoch`. Whoever changes
the capability's tables calls `advance` in the same transaction; whoever answers from memory compares the counter
first and loads again when it differs.

Rules kept here: the counter is read on every question, never on a timer; it is read before the tables are, so a change
that lands while loading is noticed by the next question; a counter that moved backwards (a restored backup) is a
change like any other. Fails closed: when the counter cannot be read there is no answer.

Questions of one turn of the event loop are one question: nothing comes in during a turn, so whoever calls after a
change was committed is answered in a later one. The first of a turn reads all counters that are kept of its database,
in one statement. A change by this process ends the turn's answer at once.

It does not do notification (nothing is pushed) and does not replace a transaction.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import Connection, Engine, Select, Table, event, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.errors import Code, Refused
from gateway.storage.kept import KeptConnection

T = TypeVar("T")
_ROW: Final = 1


def advance(connection: Connection, table: Table) -> int:
    """Move a counter on, inside the transaction that changes what it counts.

    Called first in a transaction it also makes writers wait for each other on PostgreSQL (the row stays locked until
    the commit), so that values are handed out in the order of commits.

    Args:
        connection: An open write transaction.
        table: The epoch table: columns `id` (always 1) and `value`.

    Returns:
        The new value.
    """
    insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    statement = insert(table).values(id=_ROW, value=1)
    moved = statement.on_conflict_do_update(index_elements=[table.c.id], set_={"value": table.c.value + 1})
    return int(connection.execute(moved.returning(table.c.value)).scalar_one())


class EpochReader:
    """Reads one counter on a connection of its own, outside any transaction: about 5 µs on SQLite.

    Args:
        engine: The database.
        table: The epoch table.
    """

    def __init__(self, engine: Engine, table: Table) -> None:
        self._sql = _sql(engine, select(table.c.value).where(table.c.id == _ROW))
        self._kept = KeptConnection(engine)

    def read(self) -> int:
        """The counter; 0 when nothing was ever counted.

        Raises:
            Refused: INTERNAL when the database cannot be read, also on a fresh connection.
        """
        rows = _read(self._kept, self._sql)
        return int(rows[0][0]) if rows else 0

    def close(self) -> None:
        """Close the connection; the next read opens another. Disposing of the engine does this too."""
        self._kept.close()


class TurnCounters:
    """All change counters of one database that values are kept by, read at most once in a turn of the event loop.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept = KeptConnection(engine)
        self._tables: dict[str, Table] = {}
        self._sql = ""
        self._turn: tuple[asyncio.AbstractEventLoop, dict[str, int]] | None = None
        event.listen(engine, "commit", lambda _connection: self.end_turn())

    def add(self, table: Table) -> None:
        """Read this counter too from now on."""
        self._tables = {**self._tables, table.name: table}
        each = (select(one.c.value).where(one.c.id == _ROW).scalar_subquery() for one in self._tables.values())
        self._sql = _sql(self._engine, select(*each))
        self.end_turn()

    def of_turn(self, loop: asyncio.AbstractEventLoop) -> dict[str, int]:
        """The counters by table, as of this call or of an earlier call in the same turn of the loop.

        Raises:
            Refused: INTERNAL when they cannot be read.
        """
        turn = self._turn
        if turn is None or turn[0] is not loop:
            (row,) = _read(self._kept, self._sql)
            turn = self._turn = (loop, {name: value or 0 for name, value in zip(self._tables, row, strict=True)})
            loop.call_soon(self.end_turn)
        return turn[1]

    def end_turn(self) -> None:
        """The next question reads again."""
        self._turn = None


# By identity of the engine, which holds its counters (they listen to it) and is held by them: they end together.
_OF_ENGINE: Final[WeakValueDictionary[int, TurnCounters]] = WeakValueDictionary()


def _counters_of(engine: Engine) -> TurnCounters:
    found = _OF_ENGINE.get(id(engine))
    if found is None:
        found = _OF_ENGINE[id(engine)] = TurnCounters(engine)
    return found


class EpochCached(Generic[T]):
    """A value computed from a capability's tables and computed again when the counter moved.

    Args:
        engine: The database.
        table: The epoch table.
        load: Computes the value in a read transaction. It is given the former value to build on, or None when it must
            start afresh (first time, after a failure, or when the counter moved backwards).
    """

    def __init__(self, engine: Engine, table: Table, load: Callable[[Connection, T | None], T]) -> None:
        self._engine = engine
        self._reader = EpochReader(engine, table)
        self._load = load
        self._lock = threading.Lock()
        self._loaded: tuple[int, T] | None = None
        self._name = table.name
        self._counters = _counters_of(engine)
        self._counters.add(table)

    def current(self) -> T:
        """The value as of this call, or of an earlier call in the same turn of the event loop.

        Raises:
            Refused: INTERNAL when the counter cannot be read: what is in memory may be out of date.
        """
        loop = _running_loop()
        if loop is not None:
            epoch = self._counters.of_turn(loop)[self._name]
            loaded = self._loaded
            if loaded is not None and loaded[0] == epoch:
                return loaded[1]
        return self._read()

    def _read(self) -> T:
        with self._lock:
            epoch = self._reader.read()
            if self._loaded is None or self._loaded[0] != epoch:
                former = self._loaded[1] if self._loaded is not None and self._loaded[0] < epoch else None
                # Forgotten first: a load that fails half way must not leave a half-changed value behind.
                self._loaded = None
                with self._engine.connect() as connection:
                    self._loaded = (epoch, self._load(connection, former))
            return self._loaded[1]


def _sql(engine: Engine, query: Select[Any]) -> str:
    return str(query.compile(engine, compile_kwargs={"literal_binds": True}))


def _read(kept: KeptConnection, sql: str) -> list[Any]:
    try:
        return kept.rows(sql)
    except Exception as error:
        raise Refused(Code.INTERNAL, "a change counter cannot be read") from error


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
