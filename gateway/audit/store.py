"""The log's rows in a database: compare-and-append, tree hashes by row, counters, checkpoints.

Rules kept here: rows are appended only behind the size that the caller believes in, in one durable transaction, so two
writers never both succeed at one position; commits are durable and that is checked on the very connection that
writes. Every failure of the database is raised as it is; `writer.py` decides what it means.

It knows neither bodies nor signatures.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from gateway.audit.counters import CounterRow, Rider
from gateway.audit.errors import LedgerCorrupt
from gateway.audit.tables import AuditCheckpoint, AuditCounter, AuditEntry

LARGEST_BATCH: Final = 128
"""Entries in one commit: a bound for SQLite's parameters and for how long one commit holds the others up."""

# https://sqlite.org/pragma.html#pragma_synchronous: FULL and EXTRA sync before a commit returns.
_SQLITE_SYNCS: Final = frozenset({2, 3})
_SQLITE_JOURNALS: Final = frozenset({"wal", "delete", "truncate", "persist"})


class Row(NamedTuple):
    """One row of `audit_entries`, in the order of its columns."""

    leaf_index: int
    hashes: bytes
    time_ms: int
    kind: str
    department: str | None
    request_index: int | None
    person_token: bytes | None
    unique_key: bytes | None
    unique_digest: bytes | None
    accountability: bytes
    person: bytes | None


_ADVISORY_LOCK: Final = -8771180864761219979
"""This log's own number among the server's advisory locks: the first 8 bytes of SHA-256 of "oncegate ledger"."""
_AT_ONCE: Final = 512
"""Counters in one statement."""

_COLUMNS: Final = Row._fields
_COUNTER_COLUMNS: Final = ", ".join(CounterRow._fields)
_SET_COUNTER: Final = "ON CONFLICT (key) DO UPDATE SET value = excluded.value, forget_ms = excluded.forget_ms"
# SQLite: one statement that writes to two tables is one into a view whose triggers pass each row on. They are the
# connection's own (temp) and leave nothing in the file. Three columns carry a counter, the first one then is NULL.
_ROUTED_VIEW: Final = f"CREATE TEMP VIEW audit_append AS SELECT {', '.join(_COLUMNS)} FROM main.audit_entries"  # noqa: S608 - column names
_ROUTED_ENTRY: Final = (
    "CREATE TEMP TRIGGER audit_append_entry INSTEAD OF INSERT ON audit_append WHEN NEW.leaf_index IS NOT NULL BEGIN "  # noqa: S608 - column names
    f"INSERT INTO audit_entries ({', '.join(_COLUMNS)}) VALUES ({', '.join(f'NEW.{name}' for name in _COLUMNS)}); END"
)
_ROUTED_COUNTER: Final = (
    "CREATE TEMP TRIGGER audit_append_counter INSTEAD OF INSERT ON audit_append WHEN NEW.leaf_index IS NULL BEGIN "  # noqa: S608 - column names
    f"INSERT INTO audit_counters ({_COUNTER_COLUMNS}) VALUES (NEW.hashes, NEW.time_ms, NEW.request_index) "
    f"{_SET_COUNTER}; END"
)

_NO_ROW: Final = (None,) * len(_COLUMNS)


def table(model: type[SQLModel]) -> Table:
    """The Core table of a declared class."""
    found: Table = getattr(model, "__table__")  # noqa: B009 - SQLModel does not declare the attribute
    return found


ENTRIES: Final = table(AuditEntry)
CHECKPOINTS: Final = table(AuditCheckpoint)
COUNTERS: Final = table(AuditCounter)


class StoredLog(Protocol):
    """A stored log as it is read back. One instance belongs to one thread."""

    def size(self) -> int:
        """Number of entries."""

    def gap(self) -> int | None:
        """The first position below the newest entry without one; None when every entry is there."""

    def rows(self, start: int, end: int) -> list[Row]:
        """Rows in [start, end), in order; missing ones are left out."""

    def hashes(self, index: int) -> bytes | None:
        """The tree hashes that a row keeps."""

    def checkpoint(self) -> tuple[int, str] | None:
        """Size and note of the newest checkpoint."""


class Store(StoredLog, Protocol):
    """What the writer needs from a database."""

    def append(self, rows: Sequence[Row], size: int, changes: Sequence[CounterRow] = ()) -> bool:
        """Add rows behind entry `size - 1` and set counters, durably and together, or not at all.

        Returns:
            False when the log no longer has that size, because another process was first, or when a unique key is
            taken: `taken` tells. Nothing was written.
        """

    def taken(self, unique_keys: Sequence[bytes]) -> dict[bytes, tuple[int, bytes]]:
        """Those of the unique keys that the log has, with the entry's index and its unique digest."""

    def counters(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """Those of the counters that there are."""

    def forget_counters(self, before_ms: int, most: int) -> int:
        """Drop counters that nobody asks for any more, at most so many; returns how many."""

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside is durable when the block ends, or never happened when it raises.

        No other writer of the log comes in between. There is one at a time.
        """

    def ride(self, rider: Rider) -> None:
        """Run a rider inside the transaction; if it raises, what it wrote is undone and the transaction goes on."""

    def add_checkpoint(self, size: int, time_ms: int, note: str) -> None:
        """Keep a checkpoint, durably. One of that size that is there already stays."""

    def renew_checkpoint(self, size: int, time_ms: int, note: str) -> None:
        """Keep a checkpoint, durably, also in the place of one of that size."""

    def close(self) -> None:
        """Give the connection up. May be called twice."""


def open_store(engine: Engine) -> Store:
    """A connection of its own for the writer.

    Raises:
        LedgerCorrupt: The database would not keep what is committed. Fails closed.
        sqlalchemy.exc.SQLAlchemyError: The database cannot be reached.
    """
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        # Kept for good, so it must not count against the pool; after a failure it is thrown away, never reused.
        connection.detach()
        # The pool's liveness check may have left a transaction open, in which autocommit would commit nothing.
        connection.connection.rollback()
        return _SqliteStore(connection) if engine.dialect.name == "sqlite" else _ServerStore(connection)
    except BaseException:
        connection.close()
        raise


def stored_log(connection: Connection) -> StoredLog:
    """The log that a connection sees, for reading: of a backup, or inside the caller's transaction."""
    return _SqlStore(connection)


class _SqlStore:
    """What both databases share."""

    # One connection, in autocommit: outside `transaction` every statement below is its own durable transaction.
    _BEGIN: tuple[str, ...] = ()

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        self._inside = False

    def size(self) -> int:
        newest = self._run("SELECT max(leaf_index) FROM audit_entries").scalar()
        return 0 if newest is None else int(newest) + 1

    def gap(self) -> int | None:
        # Counting goes over an index only, about 25 ms a million; where there is a gap it is looked for.
        newest, count = self._run("SELECT max(leaf_index), count(*) FROM audit_entries").one()
        if newest is None or count == newest + 1:
            return None
        after = ENTRIES.alias("after")
        followed = select(after.c.leaf_index).where(after.c.leaf_index == ENTRIES.c.leaf_index + 1).exists()
        first = select(ENTRIES.c.leaf_index).where(ENTRIES.c.leaf_index == 0).exists()
        if not self._connection.execute(select(first)).scalar():
            return 0
        found = self._connection.execute(select(func.min(ENTRIES.c.leaf_index)).where(~followed)).scalar_one()
        return int(found) + 1

    def rows(self, start: int, end: int) -> list[Row]:
        query = select(*(ENTRIES.c[name] for name in _COLUMNS)).where(
            ENTRIES.c.leaf_index >= start, ENTRIES.c.leaf_index < end
        )
        return [Row(*found) for found in self._connection.execute(query.order_by(ENTRIES.c.leaf_index))]

    def taken(self, unique_keys: Sequence[bytes]) -> dict[bytes, tuple[int, bytes]]:
        query = select(ENTRIES.c.unique_key, ENTRIES.c.leaf_index, ENTRIES.c.unique_digest).where(
            ENTRIES.c.unique_key.in_(unique_keys)
        )
        found = self._connection.execute(query)
        return {bytes(key): (int(index), bytes(digest or b"")) for key, index, digest in found}

    def counters(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = self._filled(keys[start : start + _AT_ONCE])
            query = f"SELECT key, value FROM audit_counters WHERE key IN ({self._marks(len(some))})"  # noqa: S608 - placeholders
            found.update((bytes(key), int(value)) for key, value in self._run(query, tuple(some)))
        return found

    def forget_counters(self, before_ms: int, most: int) -> int:
        old = f"SELECT key FROM audit_counters WHERE forget_ms < {self._mark} ORDER BY forget_ms LIMIT {self._mark}"  # noqa: S608 - placeholders
        return int(self._run(f"DELETE FROM audit_counters WHERE key IN ({old})", (before_ms, most)).rowcount)  # noqa: S608 - as above

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._run(self._BEGIN[0])
        self._inside = True
        try:
            for statement in self._BEGIN[1:]:
                self._run(statement)
            yield
        except BaseException:
            self._run("ROLLBACK")
            raise
        else:
            self._run("COMMIT")
        finally:
            self._inside = False

    def ride(self, rider: Rider) -> None:
        self._run("SAVEPOINT rider")
        try:
            rider(self._connection)
        except BaseException:
            self._run("ROLLBACK TO SAVEPOINT rider")
            raise
        self._run("RELEASE SAVEPOINT rider")

    def hashes(self, index: int) -> bytes | None:
        return read_hashes(self._connection, index)

    def checkpoint(self) -> tuple[int, str] | None:
        return read_checkpoint(self._connection)

    def add_checkpoint(self, size: int, time_ms: int, note: str) -> None:
        self._run(f"{self._checkpoint_insert()} DO NOTHING", (size, time_ms, note))

    def renew_checkpoint(self, size: int, time_ms: int, note: str) -> None:
        renewed = "(size) DO UPDATE SET time_ms = excluded.time_ms, note = excluded.note"
        self._run(f"{self._checkpoint_insert()} {renewed}", (size, time_ms, note))

    def _checkpoint_insert(self) -> str:
        return f"INSERT INTO audit_checkpoints (size, time_ms, note) VALUES ({self._marks(3)}) ON CONFLICT"  # noqa: S608 - placeholders

    def close(self) -> None:
        self._connection.close()

    def _run(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        return self._connection.exec_driver_sql(sql, values)

    def _marks(self, count: int) -> str:
        return ",".join([self._mark] * count)

    @staticmethod
    def _filled(keys: Sequence[bytes]) -> Sequence[bytes]:
        """As many as a power of two, so that few statements are prepared; looking for one twice finds no more."""
        return [*keys, *[keys[-1]] * ((1 << (len(keys) - 1).bit_length()) - len(keys))]


class _SqliteStore(_SqlStore):
    """SQLite: an append is one statement, and that statement is the transaction.

    Python's sqlite3 gives the interpreter's lock away once per executed row, and getting it back from a busy event
    loop can take a whole switch interval each time. One statement per commit gives it away once.
    """

    _BEGIN = ("BEGIN IMMEDIATE",)

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        journal = self._run("PRAGMA journal_mode").scalar()
        synchronous = self._run("PRAGMA synchronous").scalar()
        if journal not in _SQLITE_JOURNALS or synchronous not in _SQLITE_SYNCS:
            raise LedgerCorrupt("the database does not sync every commit", journal=journal, synchronous=synchronous)

        self._run(_ROUTED_VIEW)
        self._run(_ROUTED_ENTRY)
        self._run(_ROUTED_COUNTER)

    def append(self, rows: Sequence[Row], size: int, changes: Sequence[CounterRow] = ()) -> bool:
        values: list[Any] = []
        for row in rows:
            values.extend(row)
        room = 1 << (len(rows) - 1).bit_length()
        for _ in range(room - len(rows)):
            values.extend(_NO_ROW)
        values.append(size - 1 if size else None)
        # A file system or disk failure surfaces here as an exception; SQLite has then rolled the statement back.
        try:
            if not changes:
                return bool(self._run(_guarded_insert(room), tuple(values)).rowcount == len(rows))
            set_to = [*changes, *[changes[-1]] * ((1 << (len(changes) - 1).bit_length()) - len(changes))]
            values.extend(value for row in set_to for value in row)
            values.append(values[room * len(_COLUMNS)])
            before = self._changed()
            self._run(_routed_insert(room, len(set_to)), tuple(values))
            return self._changed() - before == len(rows) + len(set_to)
        except IntegrityError:
            return False

    def _changed(self) -> int:
        """Rows that this connection has changed so far, those by triggers included."""
        raw = self._connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection), "this is SQLite"
        return raw.total_changes


class _ServerStore(_SqlStore):
    """A database server: the size is compared in the transaction, and the primary key settles a race of two.

    Writers of one log wait for each other, so that one that was not first is not last for good.
    """

    _BEGIN = ("BEGIN", f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        if self._run("SHOW synchronous_commit").scalar() == "off" or self._run("SHOW fsync").scalar() != "on":
            raise LedgerCorrupt("the database does not sync every commit")

    def append(self, rows: Sequence[Row], size: int, changes: Sequence[CounterRow] = ()) -> bool:
        insert = f"INSERT INTO audit_entries ({','.join(_COLUMNS)}) VALUES "  # noqa: S608 - column names and placeholders
        insert += ",".join([f"({self._marks(len(_COLUMNS))})"] * len(rows))
        values = tuple(value for row in rows for value in row)
        try:
            with nullcontext() if self._inside else self.transaction():
                if self.size() != size:
                    return False
                self._run(insert, values)
                for start in range(0, len(changes), _AT_ONCE):
                    self._count(changes[start : start + _AT_ONCE])
        except IntegrityError:
            return False
        return True

    def _count(self, changes: Sequence[CounterRow]) -> None:
        rows = ",".join([f"({self._marks(len(CounterRow._fields))})"] * len(changes))
        sql = f"INSERT INTO audit_counters ({_COUNTER_COLUMNS}) VALUES {rows} {_SET_COUNTER}"  # noqa: S608 - column names and placeholders
        self._run(sql, tuple(value for row in changes for value in row))


def read_hashes(connection: Connection, index: int) -> bytes | None:
    """The tree hashes that a row keeps; None when there is no such row."""
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    found = connection.exec_driver_sql(f"SELECT hashes FROM audit_entries WHERE leaf_index = {mark}", (index,)).scalar()  # noqa: S608 - a placeholder
    return None if found is None else bytes(found)


def read_checkpoint(connection: Connection, beyond: int = -1) -> tuple[int, str] | None:
    """Size and note of the newest checkpoint.

    Args:
        connection: The database.
        beyond: Only one of more entries than this.
    """
    newest = select(CHECKPOINTS.c.size, CHECKPOINTS.c.note).where(CHECKPOINTS.c.size > beyond)
    found = connection.execute(newest.order_by(CHECKPOINTS.c.size.desc()).limit(1)).first()
    return None if found is None else (int(found[0]), str(found[1]))


@cache
def _guarded_insert(room: int) -> str:
    """An INSERT of up to `room` rows (rows of NULLs are skipped) that inserts nothing unless the log ends as believed.

    Only powers of two are asked for, so that few statements are prepared and all of them stay prepared.
    """
    rows = ",".join([f"({','.join('?' * len(_COLUMNS))})"] * room)
    return (
        f"INSERT INTO audit_entries ({','.join(_COLUMNS)}) SELECT * FROM (VALUES {rows}) "  # noqa: S608 - placeholders
        "WHERE column1 IS NOT NULL AND (SELECT max(leaf_index) FROM audit_entries) IS ?"
    )


@cache
def _routed_insert(room: int, counters: int) -> str:
    """As `_guarded_insert`, with counters in the same statement; the size is the last value, given twice."""
    rows = ",".join([f"({','.join('?' * len(_COLUMNS))})"] * room)
    numbers = ",".join(["(?,?,?)"] * counters)
    ends = "(SELECT max(leaf_index) FROM main.audit_entries) IS ?"
    return (
        f"INSERT INTO temp.audit_append ({','.join(_COLUMNS)}) SELECT * FROM (VALUES {rows}) "  # noqa: S608 - placeholders
        f"WHERE column1 IS NOT NULL AND {ends} UNION ALL "
        f"SELECT NULL,column1,column2,NULL,NULL,column3,NULL,NULL,NULL,NULL,NULL FROM (VALUES {numbers}) WHERE {ends}"
    )
