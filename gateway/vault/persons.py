"""Random person ids: what vault and ledger call a person, so that the index key can rotate without touching them.

Rules kept: one person keeps one id under every index key; two callers at once get the same one. The link from token to
person is all that is kept; the identifier never arrives here.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel import SQLModel

from gateway.storage.database import write_transaction
from gateway.vault import tables

PERSON_BYTES: Final = 16
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


class PersonRegistry:
    """Person ids by subject token.

    Args:
        engine: From `gateway.storage.database.open_database`.
        entropy: Makes random bytes.
    """

    def __init__(self, engine: Engine, entropy: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._engine = engine
        self._entropy = entropy
        self._known: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = Lock()

    def person_id(self, token: Token, older: Sequence[Token] = ()) -> bytes:
        """The person's id; made now if the person is new.

        Args:
            token: The subject's token under the current index key.
            older: The subject's tokens under keys that are being replaced. A person known under one of them keeps the
                id and is from now on found under the current key.

        Returns:
            16 random bytes.
        """
        known = self._remembered(token.value)
        if known is not None:
            return known
        found = self.find((token,))
        if found is None:
            found = self._make(token, older)
        self._remember(token.value, found)
        return found

    def find(self, tokens: Sequence[Token]) -> bytes | None:
        """The person's id, or None when nobody ever asked about the person.

        Args:
            tokens: The subject's tokens, the current one first.
        """
        with self._engine.connect() as connection:
            return _first(connection, tokens)

    def _make(self, token: Token, older: Sequence[Token]) -> bytes:
        with write_transaction(self._engine) as connection:
            person_id = _first(connection, older) or self._entropy(PERSON_BYTES)
            insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
            row = {"token": token.value, "token_version": token.version, "person_id": person_id}
            connection.execute(insert(_PERSONS).values(row).on_conflict_do_nothing())
            # Whoever was first decides; the loser takes the winner's id.
            where = _PERSONS.c.token == token.value
            return bytes(connection.execute(select(_PERSONS.c.person_id).where(where)).scalar_one())

    def _remembered(self, token: bytes) -> bytes | None:
        with self._lock:
            known = self._known.get(token)
            if known is not None:
                self._known.move_to_end(token)
            return known

    def _remember(self, token: bytes, person_id: bytes) -> None:
        with self._lock:
            self._known[token] = person_id
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def _first(connection: Connection, tokens: Sequence[Token]) -> bytes | None:
    for token in tokens:
        found = connection.execute(select(_PERSONS.c.person_id).where(_PERSONS.c.token == token.value)).scalar()
        if found is not None:
            return bytes(found)
    return None
