"""The database as of one moment, as a SQLite file whatever database it came from.

Rows are read through one transaction that sees one state (SQLite: a read transaction in WAL mode; PostgreSQL:
REPEATABLE READ, read only), while the gateway goes on writing. They are copied value by value into fresh tables, never
page by page: free pages, logs and journals of the live database, where a destroyed key may still lie, have no way in,
and columns that are withheld are not even read.

What it does not do: it does not keep the live database from being written, and on SQLite the live write-ahead log
cannot shrink until the copy is done.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic.runtime.migration import MigrationContext
from sqlalchemy import ColumnElement, Connection, Engine, Table, create_engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

from gateway.audit.store import StoredLog
from gateway.audit.tree import root_at, row_hashes
from gateway.backup.classification import BLOTTED, tables, withheld
from gateway.backup.errors import BackupDamaged, BackupRefused

ROWS_AT_ONCE: Final = 500
Progress = Callable[[str, int, int], None]
"""Told what is worked on, how many rows of all are done, and how many there are."""


@contextmanager
def consistent(engine: Engine) -> Iterator[Connection]:
    """A connection whose every read sees the same committed state.

    Args:
        engine: From `gateway.storage.database.open_database`.

    Yields:
        A connection inside a transaction that only reads.
    """
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


def revision_of(connection: Connection) -> str:
    """The schema's revision; empty when there is none."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def log_root(log: StoredLog, size: int) -> str:
    """The root of the access log at a size, hex.

    Args:
        log: Of any database, with at least so many entries.
        size: Entries.

    Raises:
        BackupRefused: The log lacks hashes of its tree.
    """
    try:
        return root_at(size, row_hashes(log.hashes)).hex()
    except LookupError:
        raise BackupRefused("the access log is not sound: a tree hash is missing") from None


def count_rows(connection: Connection) -> dict[str, int]:
    """Number of rows of every declared table."""
    return {t.name: int(connection.execute(select(func.count()).select_from(t)).scalar_one()) for t in tables()}


def write_snapshot(source: Connection, path: Path, progress: Progress) -> dict[str, int]:
    """Copy every declared table into a new SQLite file, durably.

    Args:
        source: From `consistent`.
        path: The file; nothing is there yet.
        progress: Told how far it is.

    Returns:
        Number of rows of each table.

    Raises:
        BackupRefused: A table cannot be read or the file cannot be written, such as for want of space.
        OSError: The file cannot be made.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    engine = _sqlite(path, "rw")
    try:
        expected = count_rows(source)
        total, done, rows = sum(expected.values()), 0, {}
        with engine.connect() as target:
            # Without a journal: what fails on the way is thrown away as a whole.
            target.exec_driver_sql("PRAGMA journal_mode=OFF")
            target.exec_driver_sql("PRAGMA synchronous=OFF")
            for table in tables():
                target.execute(CreateTable(table))
                copied = 0
                for batch in read_rows(source, table, _columns(table)):
                    target.execute(table.insert(), _blotted(table, batch))
                    copied += len(batch)
                    progress(table.name, done + copied, total)
                rows[table.name] = copied
                done += copied
            target.commit()
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise BackupRefused(f"the database cannot be copied: {type(cause).__name__}: {_harmless(cause)}") from None
    finally:
        engine.dispose()
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return rows


def _harmless(cause: object) -> str:
    """SQLite's own words for a failed file, which carry no value; anything else is not repeated."""
    text = str(cause)
    known = ("disk I/O error", "database or disk is full", "database is locked", "attempt to write a readonly database")
    return text if text in known else "see the database's log"


def _columns(table: Table) -> list[ColumnElement[Any]]:
    """What is read of a table: of a withheld column only whether it holds something."""
    out = withheld(table)
    return [column.is_not(None).label(column.name) if column.name in out else column for column in table.columns]


def _blotted(table: Table, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out = withheld(table)
    return [row | {name: BLOTTED if row[name] else None for name in out} for row in batch] if out else batch


def read_rows(
    source: Connection, table: Table, columns: list[ColumnElement[Any]] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """All rows of a table in batches, in the order of its primary key."""
    statement = select(*(columns if columns is not None else table.columns)).order_by(*table.primary_key.columns)
    result = source.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE})
    for part in result.mappings().partitions():
        yield [dict(row) for row in part]


@contextmanager
def open_snapshot(path: Path) -> Iterator[Connection]:
    """A snapshot for reading; the file is not touched.

    Raises:
        BackupDamaged: It is no database, or lacks a table or column that this program has.
    """
    engine = _sqlite(path, "ro&immutable=1")
    try:
        with engine.connect() as connection:
            _check_tables(connection)
            yield connection
    finally:
        engine.dispose()


def _sqlite(path: Path, mode: str) -> Engine:
    """An engine on a file as it is: none of the settings of the gateway's own database."""
    address = f"{path.resolve().as_uri()}?mode={mode}"
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)


def _check_tables(connection: Connection) -> None:
    try:
        for table in tables():
            found = {row[1] for row in connection.exec_driver_sql(f'PRAGMA table_info("{table.name}")')}
            if found != set(table.columns.keys()):
                raise BackupDamaged(f"the copied database does not have this program's columns in {table.name}")
    except SQLAlchemyError:
        raise BackupDamaged("the copied database cannot be read") from None
