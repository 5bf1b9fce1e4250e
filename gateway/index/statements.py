"""The index's hot statements, written out per database: many rows in one call, and the look-up.

Written as SQL because they are the paths whose speed matters: SQLite runs a prepared statement over positional rows,
PostgreSQL receives whole columns as arrays in one round trip. Everything else in this folder is SQLAlchemy Core.

Rules kept: only constants are SQL, everything else is a parameter.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Final

from sqlalchemy import Connection, Engine

from gateway.storage.kept import KeptConnection

PointerRow = tuple[bytes, int, bytes, int, int]
"""token, list id, handle, version, updated_ms: in the order of the table's columns."""

HandleKey = tuple[int, bytes]
"""list id and handle."""

_COLUMNS: Final = "INSERT INTO index_pointers (token, list_id, handle, version, updated_ms) "
_UPSERT: Final = (
    " ON CONFLICT (list_id, handle) DO UPDATE SET"
    " token = excluded.token, version = excluded.version, updated_ms = excluded.updated_ms"
)
# CROSS JOIN tells SQLite to start from the token: without statistics it might start from the lists.
_FIND: Final = (
    "SELECT l.resource, p.handle, p.version, p.updated_ms, l.node FROM index_pointers p CROSS JOIN index_lists l"
    " WHERE l.id = p.list_id AND l.state = 'live' AND p.token IN ({})"
)

_SQLITE_PUT: Final = _COLUMNS + "VALUES (?, ?, ?, ?, ?)" + _UPSERT
_SQLITE_REMOVE: Final = "DELETE FROM index_pointers WHERE list_id = ? AND handle = ?"

_POSTGRES_PUT: Final = (
    _COLUMNS  # noqa: S608 - constants only
    + "SELECT * FROM unnest(%s::bytea[], %s::int[], %s::bytea[], %s::bigint[], %s::bigint[])"
    + _UPSERT
)
_POSTGRES_REMOVE: Final = (
    "DELETE FROM index_pointers USING unnest(%s::int[], %s::bytea[]) AS gone (list_id, handle)"
    " WHERE index_pointers.list_id = gone.list_id AND index_pointers.handle = gone.handle"
)


class PointerLookup:
    """Looks tokens up in all live lists, on a connection of its own.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._kept = KeptConnection(engine)
        self._dialect = engine.dialect.name

    def find(self, tokens: Sequence[bytes]) -> Iterable[tuple[str, bytes, int, int, str]]:
        """The pointers of a subject, by one statement: two could see a switch between them.

        Args:
            tokens: At least one.

        Returns:
            Resource, handle, version, updated_ms and node of every pointer.
        """
        return self._kept.rows(_find(self._dialect, len(tokens)), tuple(tokens))


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


@cache
def _find(dialect: str, count: int) -> str:
    mark = "%s" if dialect == "postgresql" else "?"
    return _FIND.format(", ".join([mark] * count))


def _many(connection: Connection, sqlite: str, postgres: str, rows: Sequence[tuple[object, ...]]) -> None:
    run: Callable[..., object] = connection.exec_driver_sql
    if connection.dialect.name == "postgresql":
        run(postgres, tuple(list(column) for column in zip(*rows, strict=True)))
    else:
        run(sqlite, list(rows))
