"""The audit office's lists: persons to watch over, and persons who do not exist.

Rules kept here: a person is on them as a keyed token of the random id, so that neither database nor backup says who it
is; nothing on the way of a request looks at them. Whoever is put on a list stays until a date, and the log says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.clock import Clock
from gateway.detection.tables import LISTED
from gateway.detection.tokens import Tokens

MOST: Final = 10_000
"""Persons on the lists together; they are kept in memory while detection works."""


class ListName(StrEnum):
    """The lists."""

    WATCHED = "watched"
    """Persons about whom others are curious."""
    HONEYTOKEN = "honeytoken"
    """Persons who do not exist."""


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """Somebody on a list.

    Attributes:
        token: Keyed token, 16 bytes: what the list shows and takes off by.
        name: The list.
        added_ms: Since when, Unix ms.
        until_ms: From when on it counts no more, Unix ms.
        entry: Entry that says so, and why.
    """

    token: bytes
    name: ListName
    added_ms: int
    until_ms: int
    entry: int


class Lists:
    """Keeps the lists. Blocks on the database; may be used from any thread.

    Args:
        engine: The database.
        tokens: Makes tokens.
        clock: Now.
    """

    def __init__(self, engine: Engine, tokens: Tokens, clock: Clock) -> None:
        self._engine = engine
        self._tokens = tokens
        self._clock = clock

    def all(self, name: ListName) -> Sequence[ListedPerson]:
        """Who is on a list, in the order in which they came."""
        query = select(LISTED).where(LISTED.c.list_name == str(name), LISTED.c.until_ms > self._clock.now_ms())
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(LISTED.c.added_ms, LISTED.c.token)).all()
        return [_person(row) for row in rows]

    def current(self) -> Mapping[bytes, str]:
        """List of each token that counts now."""
        query = select(LISTED.c.token, LISTED.c.list_name).where(LISTED.c.until_ms > self._clock.now_ms())
        with self._engine.connect() as connection:
            return {bytes(token): str(name) for token, name in connection.execute(query.limit(MOST))}

    def add(self, connection: Connection, person: bytes, name: ListName, until_ms: int, entry: int) -> bool:
        """Put somebody on a list, in the transaction of the entry that says so; on one list at a time.

        Returns:
            False when the lists are full.
        """
        now = self._clock.now_ms()
        connection.execute(delete(LISTED).where(LISTED.c.until_ms <= now))
        held = connection.execute(select(LISTED.c.token)).scalars().all()
        token = self._tokens.listed(person)
        if len(held) >= MOST and token not in map(bytes, held):
            return False
        row: dict[str, Any] = {"list_name": str(name), "added_ms": now, "until_ms": until_ms, "entry": entry}
        insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
        statement = insert(LISTED).values(token=token, **row)
        connection.execute(statement.on_conflict_do_update(index_elements=["token"], set_=row))
        return True

    def remove(self, connection: Connection, token: bytes, name: ListName) -> bool:
        """Take somebody off a list, in the transaction of the entry that says so.

        Returns:
            False when nobody was on it under this token.
        """
        held = (LISTED.c.token == token) & (LISTED.c.list_name == str(name))
        return connection.execute(delete(LISTED).where(held)).rowcount == 1

    def token(self, person: bytes) -> bytes:
        """Under which token somebody would be on a list."""
        return self._tokens.listed(person)


def _person(row: Any) -> ListedPerson:
    return ListedPerson(bytes(row.token), ListName(row.list_name), int(row.added_ms), int(row.until_ms), int(row.entry))
