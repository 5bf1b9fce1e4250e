"""Random person ids: what vault and ledger call a person, so that the index key can rotate without touching them.

Rules kept: one person keeps one id under every index key; two callers at once get the same one; an id is durable
before it is told. The link from token to person is all that is kept; the identifier never arrives here.

While the index key is rotated a person is looked for under every version, and rows are made under the newest only: a
token that became too old while it waited is refused (`TokenTooOld`), never filed, since the person may already be filed
under a newer one. Fails closed.

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

PersonRow = tuple[bytes, int, bytes]
"""token, version of the index key that made it, person id."""

_PERSONS: Final = SQLModel.metadata.tables[str(tables.VaultPerson.__tablename__)]


class Token(Protocol):
    """A subject token and the version of the index key that made it."""

    @property
    def version(self) -> int:
        """Version of the index key."""

    @property
    def value(self) -> bytes:
        """32 bytes."""


class TokenTooOld(Refused):
    """Nothing is filed any more under the version of the index key that made the token: derive it again."""

    def __init__(self) -> None:
        super().__init__(Code.INTERNAL, "the index key was rotated since the token was made")


def _first_version(_connection: Connection) -> int:
    return 1


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
        oldest_written: In a write transaction, the version of the index key below which no token is filed any more,
            until the transaction ends; `gateway.index.key_versions.oldest_written` says it. Left out: the first one.
    """

    def __init__(
        self,
        engine: Engine,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
        oldest_written: Callable[[Connection], int] = _first_version,
    ) -> None:
        self._engine = engine
        self._oldest_written = oldest_written
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
            TokenTooOld: The index key was rotated meanwhile and the person is not filed under this token.
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
            # One statement: between two, a rotation could move the row from the one looked for later to the other.
            found = _all(connection, [token.value for token in tokens])
        return next((found[token.value] for token in tokens if token.value in found), None)

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
            person_id = ids.get(waiting.token.value)
            if person_id is None:
                if not waiting.found.done():
                    waiting.found.set_exception(TokenTooOld())
                continue
            self._known[waiting.token.value] = person_id
            if not waiting.found.done():
                waiting.found.set_result(person_id)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _find_or_make(self, group: Sequence[_Waiting]) -> dict[bytes, bytes]:
        """The ids of a group by token; durable when it returns. Tokens that became too old have none."""
        wanted = {waiting.token.value: waiting for waiting in group}
        with self._engine.connect() as connection:
            found = _all(connection, list(wanted))
        fresh = [waiting for value, waiting in wanted.items() if value not in found]
        if not fresh:
            return found
        with write_transaction(self._engine) as connection:
            oldest = self._oldest_written(connection)
            fresh = [waiting for waiting in fresh if waiting.token.version >= oldest]
            if not fresh:
                return found
            older = _all(connection, [token.value for waiting in fresh for token in waiting.older])
            rows: list[PersonRow] = []
            # The older version first: one person may wait under two, and has one id.
            for waiting in sorted(fresh, key=lambda waiting: waiting.token.version):
                known = (older[token.value] for token in waiting.older if token.value in older)
                person_id = next(known, None) or self._entropy(PERSON_BYTES)
                older[waiting.token.value] = person_id
                rows.append((waiting.token.value, waiting.token.version, person_id))
            file_people(connection, rows)
            # Whoever was first decides; the loser takes the winner's id.
            return found | _all(connection, [waiting.token.value for waiting in fresh])


def file_people(connection: Connection, rows: Sequence[PersonRow]) -> None:
    """File people under tokens; a token that is filed already keeps its row.

    Args:
        connection: An open write transaction.
        rows: At least one, each token once.
    """
    insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    # In one order everywhere, so that two who insert the same rows never wait for each other.
    values = [
        {"token": token, "token_version": version, "person_id": person_id} for token, version, person_id in sorted(rows)
    ]
    connection.execute(insert(_PERSONS).values(values).on_conflict_do_nothing())


def _refuse(group: Sequence[_Waiting], why: str) -> None:
    """One exception object each: they are raised in different tasks."""
    for waiting in group:
        if not waiting.found.done():
            waiting.found.set_exception(Refused(Code.INTERNAL, f"person ids: {why}"))


def _all(connection: Connection, tokens: Sequence[bytes]) -> dict[bytes, bytes]:
    if not tokens:
        return {}
    query = select(_PERSONS.c.token, _PERSONS.c.person_id).where(_PERSONS.c.token.in_(tokens))
    return {bytes(token): bytes(person_id) for token, person_id in connection.execute(query)}
