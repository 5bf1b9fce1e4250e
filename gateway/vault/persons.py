"""Random person ids: what vault and ledger call a person, so that the index key can rotate without touching them.

Rules kept: one person keeps one id under every index key; two callers at once get the same one; an id is durable
before it is told. The link from token to person is all that is kept; the identifier never arrives here.

New people cost a commit. It runs beside the event loop, and those who wait at the same moment share one.
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel import SQLModel

from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from gateway.vault import tables

PERSON_BYTES: Final = 16
MOST_TOGETHER: Final = 128
"""People of one look-up and one commit: a bound for a database's parameters."""
REMEMBERED: Final = 50_000
"""Person ids kept in memory; an id never changes, so what is remembered is never out of date."""

_PERSONS: Final = SQLModel.metadata.tables[str(tables.VaultPerson.__tablename__)]


class Token(Protocol):
    """A subject token and the version of the index key that made it."""

    @property
    def version(self) -> int:
        """Version of the index key."""

    @property
    def value(self) -> bytes:
        """32 bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A caller that waits for an id."""

    token: Token
    older: Sequence[Token]
    found: "asyncio.Future[bytes]"


class PersonRegistry:
    """Person ids by subject token. Used from one event loop.

    Args:
        engine: From `gateway.storage.database.open_database`.
        entropy: Makes random bytes.
    """

    def __init__(self, engine: Engine, entropy: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._engine = engine
        self._entropy = entropy
        self._known: OrderedDict[bytes, bytes] = OrderedDict()
        self._waiting: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None

    async def person_id(self, token: Token, older: Sequence[Token] = ()) -> bytes:
        """The person's id; made now if the person is new.

        Args:
            token: The subject's token under the current index key.
            older: The subject's tokens under keys that are being replaced. A person known under one of them keeps the
                id and is from now on found under the current key.

        Returns:
            16 random bytes.

        Raises:
            Refused: INTERNAL, the database cannot be read or written. Fails closed: no id is told that is not durable.
        """
        known = self._known.get(token.value)
        if known is not None:
            self._known.move_to_end(token.value)
            return known
        waiting = _Waiting(token, older, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await waiting.found

    def find(self, tokens: Sequence[Token]) -> bytes | None:
        """The person's id, or None when nobody ever asked about the person.

        Args:
            tokens: The subject's tokens, the current one first.
        """
        with self._engine.connect() as connection:
            return _first(connection, tokens)

    async def _work(self) -> None:
        """Serve those who wait, a group at a time, until nobody does."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
                try:
                    ids = await asyncio.to_thread(self._find_or_make, group)
                except Exception as error:  # noqa: BLE001 - drivers raise what they like; all of it means "no id"
                    _refuse(group, type(error).__name__)
                else:
                    self._tell(group, ids)
        finally:
            self._worker = None

    def _tell(self, group: Sequence[_Waiting], ids: dict[bytes, bytes]) -> None:
        for waiting in group:
            person_id = ids[waiting.token.value]
            self._known[waiting.token.value] = person_id
            if not waiting.found.done():
                waiting.found.set_result(person_id)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _find_or_make(self, group: Sequence[_Waiting]) -> dict[bytes, bytes]:
        """The ids of a group by token; durable when it returns."""
        wanted = {waiting.token.value: waiting for waiting in group}
        with self._engine.connect() as connection:
            found = _all(connection, list(wanted))
        fresh = [waiting for value, waiting in wanted.items() if value not in found]
        if not fresh:
            return found
        with write_transaction(self._engine) as connection:
            rows = [
                {
                    "token": waiting.token.value,
                    "token_version": waiting.token.version,
                    "person_id": _first(connection, waiting.older) or self._entropy(PERSON_BYTES),
                }
                for waiting in fresh
            ]
            insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
            connection.execute(insert(_PERSONS).values(rows).on_conflict_do_nothing())
            # Whoever was first decides; the loser takes the winner's id.
            return found | _all(connection, [waiting.token.value for waiting in fresh])


def _refuse(group: Sequence[_Waiting], why: str) -> None:
    """One exception object each: they are raised in different tasks."""
    for waiting in group:
        if not waiting.found.done():
            waiting.found.set_exception(Refused(Code.INTERNAL, f"person ids: {why}"))


def _all(connection: Connection, tokens: Sequence[bytes]) -> dict[bytes, bytes]:
    query = select(_PERSONS.c.token, _PERSONS.c.person_id).where(_PERSONS.c.token.in_(tokens))
    return {bytes(token): bytes(person_id) for token, person_id in connection.execute(query)}


def _first(connection: Connection, tokens: Sequence[Token]) -> bytes | None:
    for token in tokens:
        found = connection.execute(select(_PERSONS.c.person_id).where(_PERSONS.c.token == token.value)).scalar()
        if found is not None:
            return bytes(found)
    return None
