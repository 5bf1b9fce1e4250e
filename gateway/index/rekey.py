"""Re-keying the pointers: each token is replaced by the next one in the chain, without its identifier (ADR 0056).

Rules kept: what is to be re-keyed is told by the rows themselves, so the work can stop anywhere and go on in another
process; candidates are looked for without a lock, then replaced in one small transaction that touches only rows which
are still as they were read, so a node's change in between is never undone; a pointer has one token at every moment, so
a look-up for every version finds it exactly once. Rows of retired and staged lists are re-keyed too. On PostgreSQL a
row that is being written is passed over and found at the next pass.

What it does not do: it does not decide when. `gateway.index.key_versions.begin` comes first, or rows of an older
version would appear behind it.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, select

from gateway.index.intake import Token
from gateway.index.lists import POINTERS
from gateway.index.statements import RekeyedRow, rekey_pointers
from gateway.storage.database import write_transaction

AT_ONCE: Final = 500
"""Rows of one transaction, so that no other writer waits long."""


class Renewing(Protocol):
    """Renews tokens; `keys.subjects.SubjectTokens` does."""

    @property
    def current(self) -> int:
        """The version to which tokens are renewed."""

    def renew(self, version: int, value: bytes) -> Token:
        """The same subject's token under the current key."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one call did.

    Attributes:
        moved: Rows re-keyed.
        after: Where the pass stands; None when it has come to the end.
    """

    moved: int
    after: bytes | None


class PointerRekeying:
    """Re-keys pointers to the current version of the index key, a few at a time.

    Args:
        engine: From `gateway.storage.database.open_database`.
        tokens: Renews tokens.
    """

    def __init__(self, engine: Engine, tokens: Renewing) -> None:
        self._engine = engine
        self._tokens = tokens

    def step(self, after: bytes | None, limit: int = AT_ONCE) -> Step:
        """Re-key the next rows of a pass; durable when it returns.

        Args:
            after: From the step before; None begins a pass.
            limit: Most rows.

        Returns:
            What was done. Rows that were passed over are found by a further pass; `key_versions.count_older` tells
            whether one is needed.

        Raises:
            UnknownKey: A row is of a version that does not exist. Fails closed: nothing of the step is kept.
        """
        version = self._tokens.current
        columns = (POINTERS.c.token, POINTERS.c.list_id, POINTERS.c.handle, POINTERS.c.key_version)
        query = select(*columns).where(POINTERS.c.key_version < version).order_by(*columns[:3]).limit(limit)
        with self._engine.connect() as connection:
            found = connection.execute(query if after is None else query.where(POINTERS.c.token >= after)).all()
        if not found:
            return Step(0, None)
        rows: list[RekeyedRow] = []
        for row in found:
            token = self._tokens.renew(row.key_version, bytes(row.token))
            rows.append((token.value, token.version, bytes(row.token), row.list_id, bytes(row.handle)))
        with write_transaction(self._engine) as connection:
            moved = rekey_pointers(connection, _unlocked(connection, rows))
        last = rows[-1][2]
        # Rows that changed meanwhile or are locked stay behind for the next pass; the smallest value after the token.
        return Step(moved, last if moved else last + b"\x00")


def _unlocked(connection: Connection, rows: list[RekeyedRow]) -> list[RekeyedRow]:
    """On PostgreSQL, locks the rows that nobody else holds: waiting for one while holding others could be for ever."""
    if connection.dialect.name != "postgresql":
        return rows
    where = POINTERS.c.token.in_([row[2] for row in rows])
    columns = (POINTERS.c.token, POINTERS.c.list_id, POINTERS.c.handle)
    locked = connection.execute(select(*columns).where(where).with_for_update(skip_locked=True))
    mine = {(bytes(row.token), row.list_id, bytes(row.handle)) for row in locked}
    return [row for row in rows if row[2:] in mine]
