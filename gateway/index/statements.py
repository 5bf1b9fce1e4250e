"""The index's hot statements, written out per database: many rows in one call, and the look-up.

Written as SQL because they are the paths whose speed matters: SQLite runs a prepared statement over positional rows,
PostgreSQL receives whole columns as arrays in one round trip. Everything else in this folder is SQLAlchemy Core.

Rules kept: only constants are SQL, everything else is a parameter.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Engine

from gateway.storage.kept import KeptConnection

PointerRow = tuple[bytes, int, bytes, int, int, int]
"""token, list id, handle, key version, version, updated_ms: in the order of the table's columns."""

RekeyedRow = tuple[bytes, int, bytes, int, bytes]
"""new token, its key version, old token, list id, handle."""

HandleKey = tuple[int, bytes]
"""list id and handle."""

_COLUMNS: Final = "INSERT INTO index_pointers (token, list_id, handle, key_version, version, updated_ms) "
_UPSERT: Final = (
    " ON CONFLICT (list_id, handle) DO UPDATE SET"
    " token = excluded.token, key_version = excluded.key_version, version = excluded.version,"
    " updated_ms = excluded.updated_ms"
)
# CROSS JOIN tells SQLite to start from the token: without statistics it might start from the lists.
_FIND: Final = (
    "SELECT l.resource, p.handle, p.version, p.updated_ms, l.node FROM index_pointers p CROSS JOIN index_lists l"
    " WHERE l.id = p.list_id AND l.state = 'live' AND p.token IN ({})"
    # In the same statement, so that what it found and the key that was in force belong together.
    " UNION ALL SELECT NULL, NULL, oldest_written, 0, NULL FROM index_keys WHERE oldest_written > {}"
)

_SQLITE_PUT: Final = _COLUMNS + "VALUES (?, ?, ?, ?, ?, ?)" + _UPSERT
_SQLITE_REMOVE: Final = "DELETE FROM index_pointers WHERE list_id = ? AND handle = ?"

_POSTGRES_PUT: Final = (
    _COLUMNS  # noqa: S608 - constants only
    + "SELECT * FROM unnest(%s::bytea[], %s::int[], %s::bytea[], %s::int[], %s::bigint[], %s::bigint[])"
    + _UPSERT
)
_POSTGRES_REMOVE: Final = (
    "DELETE FROM index_pointers USING unnest(%s::int[], %s::bytea[]) AS gone (list_id, handle)"
    " WHERE index_pointers.list_id = gone.list_id AND index_pointers.handle = gone.handle"
)
_SQLITE_REKEY: Final = (
    "UPDATE index_pointers SET token = ?, key_version = ? WHERE token = ? AND list_id = ? AND handle = ?"
)
_POSTGRES_REKEY: Final = (
    "UPDATE index_pointers SET token = new.renewed, key_version = new.renewed_version"
    " FROM unnest(%s::bytea[], %s::int[], %s::bytea[], %s::int[], %s::bytea[])"
    " AS new (renewed, renewed_version, token, list_id, handle)"
    " WHERE index_pointers.token = new.token AND index_pointers.list_id = new.list_id"
    " AND index_pointers.handle = new.handle"
)


class PointerLookup:
    """Looks tokens up in all live lists, on a connection of its own.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._kept = KeptConnection(engine)
        self._dialect = engine.dialect.name

    def find(self, tokens: Sequence[bytes], newest: int) -> Iterable[tuple[str | None, bytes, int, int, str]]:
        """The pointers of a subject, by one statement: two could see a switch, or a token re-keyed, between them.

        Args:
            tokens: At least one.
            newest: The newest version of the index key among them.

        Returns:
            Resource, handle, version, updated_ms and node of every pointer. A row without a resource says that tokens
            are written under a newer version of the index key, its third value: then nothing was found out.
        """
        return self._kept.rows(_find(self._dialect, len(tokens)), (*tokens, newest))


def put_pointers(connection: Connection, rows: Sequence[PointerRow]) -> None:
    """Insert pointers, or replace those that have the same list and handle.

    Args:
        connection: An open write transaction.
        rows: Each list and handle at most once.
    """
    if rows:
        _many(connection, _SQLITE_PUT, _POSTGRES_PUT, rows)


def remove_pointers(connection: Connection, keys: Sequence[HandleKey]) -> None:
    """Delete pointers; those that are not there are no error.

    Args:
        connection: An open write transaction.
        keys: List and handle of each.
    """
    if keys:
        _many(connection, _SQLITE_REMOVE, _POSTGRES_REMOVE, keys)


def rekey_pointers(connection: Connection, rows: Sequence[RekeyedRow]) -> int:
    """Replace the tokens of pointers that are still as they were read; a pointer that changed meanwhile is left alone.

    Args:
        connection: An open write transaction; on PostgreSQL it has locked the rows.
        rows: New token, its key version, old token, list id, handle.

    Returns:
        How many were replaced.
    """
    return _many(connection, _SQLITE_REKEY, _POSTGRES_REKEY, rows) if rows else 0


@cache
def _find(dialect: str, count: int) -> str:
    mark = "%s" if dialect == "postgresql" else "?"
    return _FIND.format(", ".join([mark] * count), mark)


def _many(connection: Connection, sqlite: str, postgres: str, rows: Sequence[tuple[object, ...]]) -> int:
    run: Callable[..., CursorResult[Any]] = connection.exec_driver_sql
    if connection.dialect.name == "postgresql":
        return run(postgres, tuple(list(column) for column in zip(*rows, strict=True))).rowcount
    return run(sqlite, list(rows)).rowcount
