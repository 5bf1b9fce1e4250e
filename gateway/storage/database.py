"""Opening the database: settings that make a commit durable, checked before anything relies on them.

Rules kept here: a connection that does not sync every commit is refused, never used with a warning; the schema is
brought to the newest revision before the engine is handed out; SQLite files are readable by their owner only.
What it does not do: it holds no table and runs no query of a capability.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.storage.errors import DatabaseRefused
from gateway.storage.migrate import is_current, upgrade

BUSY_TIMEOUT_MS = 10_000
_WRITES = "oncegate_writes"

# What each SQLite connection must report (https://sqlite.org/pragma.html): 2 is FULL.
_SQLITE_MUST: dict[str, int | str] = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    # On from the first row: pages that are split while it is off keep copies that a later deletion does not reach.
    "secure_delete": 1,
    "busy_timeout": BUSY_TIMEOUT_MS,
}
# What a PostgreSQL server must report; any of these off may lose an acknowledged commit.
_POSTGRES_MUST: dict[str, frozenset[str]] = {
    "fsync": frozenset({"on"}),
    "full_page_writes": frozenset({"on"}),
    "synchronous_commit": frozenset({"on", "local", "remote_write", "remote_apply"}),
}


def open_database(url: str) -> Engine:
    """Open the database, check that its commits are durable and bring its schema to the newest revision.

    Fails closed: a setting that could lose a commit, or a schema newer than this program, is refused.

    Args:
        url: `sqlite:///path/to/file` or `postgresql+pg8000://…`. In-memory SQLite is refused: it keeps nothing.

    Returns:
        An engine whose every connection has been checked. Write through `write_transaction`.

    Raises:
        DatabaseRefused: The database cannot be opened or would not keep what is committed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseRefused("the database URL cannot be parsed") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine = _sqlite(parsed)
    elif backend == "postgresql":
        engine = create_engine(parsed, pool_size=10, max_overflow=20, pool_pre_ping=True)
        event.listen(engine, "connect", _check_postgres)
    else:
        raise DatabaseRefused(f"the database kind {backend} is not supported")
    try:
        with engine.connect() as connection:
            current = is_current(connection)
        if not current:
            # Two processes that start at once: the second waits here and then finds nothing left to do.
            with write_transaction(engine) as connection:
                upgrade(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        raise DatabaseRefused(f"the database cannot be opened: {type(error).__name__}") from error
    except DatabaseRefused:
        engine.dispose()
        raise
    return engine


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes; commits at the end of the block and rolls back when it raises.

    On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that what the block reads cannot change under it
    and it never fails half way because another writer was first. When the block ends normally the commit is durable.

    Args:
        engine: From `open_database`.

    Yields:
        A connection inside the transaction.
    """
    with engine.connect() as connection:
        writing = connection.execution_options(**{_WRITES: True})
        with writing.begin():
            yield writing


@contextmanager
def destroying_transaction(engine: Engine) -> Iterator[Connection]:
    """A write transaction after which the log of changes does not keep what was destroyed.

    SQLite overwrites deleted and replaced content in its pages (`secure_delete`, on for every connection); the log of
    changes still holds earlier pages, so it is emptied after the commit where no reader holds it open, and at the
    latest when the last connection closes. PostgreSQL keeps old row versions until VACUUM and its own log; an operator
    who needs them gone sooner has to see to it there (docs/keys.md).

    Args:
        engine: From `open_database`.

    Yields:
        A connection inside the transaction.
    """
    with write_transaction(engine) as connection:
        yield connection
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection), "this is SQLite"
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _sqlite(url: URL) -> Engine:
    if url.database in {None, "", ":memory:"} or url.query.get("mode") == "memory":
        raise DatabaseRefused("an in-memory database keeps nothing")
    path = Path(str(url.database))
    try:
        # Created here so that the owner alone can read it; SQLite gives its -wal and -shm files the same mode. A file
        # that is there is never opened and closed here: closing it would drop the locks by which SQLite holds it
        # elsewhere in this process (POSIX, https://sqlite.org/howtocorrupt.html section 2.2), and another process could
        # take the log away under it.
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise DatabaseRefused(f"the database file cannot be opened: {error.strerror}") from error
    engine = create_engine(url, pool_size=10, max_overflow=50)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(raw: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Python's own transaction handling is switched off: `_begin_sqlite` says when a transaction starts.
    raw.isolation_level = None
    cursor = raw.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")
        for name, must in _SQLITE_MUST.items():
            cursor.execute(f"PRAGMA {name}")
            found = cursor.fetchone()
            if found is None or found[0] != must:
                raise DatabaseRefused(f"SQLite did not take the setting {name}={must}")
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") == "AUTOCOMMIT":
        return
    writes = options.get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_postgres(raw: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = raw.cursor()
    try:
        for name, allowed in _POSTGRES_MUST.items():
            cursor.execute(f"SHOW {name}")
            found = cursor.fetchone()
            if found is None or found[0] not in allowed:
                raise DatabaseRefused(f"the PostgreSQL server's setting {name} could lose a commit")
    finally:
        cursor.close()
    raw.rollback()
