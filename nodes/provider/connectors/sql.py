"""Reads a table, view or query of any database that SQLAlchemy speaks to.

Rules kept here: the node never writes to a source: an SQLite file is opened read-only (and never created), a PostgreSQL
session is set read-only. A driver's error text may quote a record, so only the error's kind is told.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, cast
from urllib.parse import quote

from sqlalchemy import Engine, Select, TextClause, bindparam, column, create_engine, event, select, table, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.sql.expression import FromClause

from nodes.errors import SourceFailed
from nodes.provider.config import ProvidedResource, SqlSource
from nodes.provider.connectors.rows import BadRow, Row, Unreadable, as_text, decode_key, encode_key

_CHUNK: Final = 500
"""Keys in one query: below every database's limit of parameters."""


def open_engine(source: SqlSource) -> Engine:
    """A pool of read-only connections; connects when first used.

    Args:
        source: The source.

    Returns:
        The engine; dispose of it at the end.

    Raises:
        SourceFailed: The URL is not one, or its driver is not installed.
    """
    # Parameters are keys of records: they must not get into an error's text or SQLAlchemy's own log.
    options: dict[str, Any] = {
        "pool_timeout": source.pool.timeout_s,
        "pool_size": source.pool.workers,
        "hide_parameters": True,
    }
    try:
        url = make_url(source.url)
        if url.get_backend_name() == "sqlite":
            return create_engine(url, creator=_sqlite_opener(url.database or "", source.pool.timeout_s), **options)
        if url.drivername == "postgresql+pg8000":
            options["connect_args"] = {"timeout": source.pool.timeout_s}
        engine = create_engine(url, max_overflow=1, pool_recycle=1800, **options)
    except (ArgumentError, ImportError, ValueError) as error:
        raise SourceFailed(f"{source.name}: the URL or its driver is not usable ({type(error).__name__})") from None
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _make_read_only)
    return engine


class SqlConnector:
    """A `Connector` for one resource.

    Args:
        engine: From `open_engine`.
        source: The source.
        resource: The resource.
    """

    def __init__(self, engine: Engine, source: SqlSource, resource: ProvidedResource) -> None:
        self._engine = engine
        self._name = source.name
        self._columns = resource.columns
        self._key = resource.columns.index(resource.key)
        self._whole = _from(source)
        self._scan = cast("Select[Any]", select(*(column(name) for name in self._columns)).select_from(self._whole))
        self._one = self._scan.where(column(resource.key) == bindparam("key")).limit(2)
        self._many = self._scan.where(column(resource.key).in_(bindparam("keys", expanding=True)))

    def probe(self) -> None:
        """See `Connector`."""
        try:
            with self._engine.connect() as connection:
                there = set(connection.execute(select(text("*")).select_from(self._whole).limit(0)).keys())
        except Exception as error:  # noqa: BLE001 - a driver may raise anything, and its text may quote a record
            raise self._failed(error) from None
        missing = [name for name in self._columns if name not in there]
        if missing:
            raise SourceFailed(f"{self._name}: columns missing: {', '.join(missing)}")

    def scan(self) -> Iterator[Row | BadRow]:
        """See `Connector`."""
        try:
            with self._engine.connect() as connection:
                result = connection.execution_options(stream_results=True, yield_per=1000).execute(self._scan)
                for number, raw in enumerate(result, start=1):
                    try:
                        yield self._row(raw)
                    except Unreadable as error:
                        yield BadRow(None, f"record {number} of the query: {error}")
        except Exception as error:  # noqa: BLE001 - a driver may raise anything, and its text may quote a record
            raise self._failed(error) from None

    def read_many(self, keys: Sequence[str]) -> Mapping[str, Row]:
        """See `Connector`."""
        found: dict[str, Row | None] = {}
        for start in range(0, len(keys), _CHUNK):
            for raw in self._read(keys[start : start + _CHUNK]):
                try:
                    row = self._row(raw)
                except Unreadable:
                    continue
                found[row.key] = None if row.key in found else row
        return {key: row for key, row in found.items() if row is not None}

    def _read(self, keys: Sequence[str]) -> Sequence[Sequence[Any]]:
        statement: Select[Any] = self._one if len(keys) == 1 else self._many
        wanted = [decode_key(key) for key in keys]
        parameters = {"key": wanted[0]} if len(keys) == 1 else {"keys": wanted}
        try:
            return self._fetch(statement, parameters)
        except Exception as error:  # noqa: BLE001 - a driver may raise anything, and its text may quote a record
            if not _connection_lost(error):
                raise self._failed(error) from None
        # A kept connection had gone stale, for example because the database was restarted: once more, on a new one.
        # The others are likely to be stale too.
        self._engine.dispose()
        try:
            return self._fetch(statement, parameters)
        except Exception as error:  # noqa: BLE001 - as above
            raise self._failed(error) from None

    def _fetch(self, statement: Select[Any], parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        with self._engine.connect() as connection:
            return connection.execute(statement, parameters).all()

    def _row(self, raw: Sequence[Any]) -> Row:
        values: dict[str, str | None] = {}
        unreadable: list[str] = []
        for name, value in zip(self._columns, raw, strict=True):
            try:
                values[name] = as_text(value)
            except Unreadable:
                unreadable.append(name)
        return Row(encode_key(raw[self._key]), values, frozenset(unreadable))

    def _failed(self, error: Exception) -> SourceFailed:
        kind = type(getattr(error, "orig", None) or error).__name__
        return SourceFailed(f"{self._name}: cannot be read ({kind})")


def _from(source: SqlSource) -> FromClause | TextClause:
    if source.query:
        # The query is the department's own text from its own file; nothing from outside is ever put into it.
        # Its colons are escaped, because SQLAlchemy would take `:name` in it for a parameter.
        return text(f"({source.query.replace(':', chr(92) + ':')}) AS oncegate_source")
    schema, _, name = source.table.rpartition(".")
    return table(name, schema=schema or None)


def _sqlite_opener(path: str, timeout_s: int) -> Callable[[], sqlite3.Connection]:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(path)}?mode=ro", uri=True, check_same_thread=False, timeout=timeout_s
        )
        connection.text_factory = _decode
        return connection

    return connect


def _decode(raw: bytes) -> str | bytes:
    """SQLite does not check that text is UTF-8; what is not stays bytes, which `as_text` calls unreadable."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _connection_lost(error: Exception) -> bool:
    """Whether the connection is at fault and not the query: SQLAlchemy, the system or the server says so.

    pg8000 gives the server's answer as a mapping with SQLSTATE under "C": class 08 is a connection exception, 57P01 to
    57P05 an operator's intervention (PostgreSQL, appendix A).
    """
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError)
    told = error.orig.args[0] if error.orig is not None and error.orig.args else None
    state = str(told.get("C", "")) if isinstance(told, dict) else ""
    return error.connection_invalidated or state.startswith(("08", "57P0"))


def _make_read_only(connection: Any, _record: object) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    connection.commit()
