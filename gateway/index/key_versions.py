"""Which version of the index key tokens are written under, agreed by all processes through the database.

A rotation first makes every running gateway learn the new version, then says here that nothing older is written any
more, then re-keys the rows. From that moment on:

* Whoever writes tokens reads the version in the transaction that writes (`oldest_written`, `in_force`): tokens made
  shortly before are renewed along the chain, so no row of an older version appears behind the work that re-keys them.
* Whoever looks up learns in the same statement when there is a newer version than those asked for
  (`gateway.index.statements`).

Fails closed: a process that does not have the version yet writes nothing and finds nothing out (`KeyMovedOn`); it never
answers "no record". What this module does not do: it holds no key and re-keys no row.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.errors import Code, Refused
from gateway.index import tables
from gateway.index.intake import Outcome, Tokens
from gateway.index.lists import POINTERS, table_of
from gateway.index.model import Rejection

KEYS: Final = table_of(tables.IndexKey)
FIRST: Final = 1
"""The version that a new gateway begins with."""
_ROW: Final = 1


class KeyMovedOn(Refused):
    """This process does not have the version of the index key that tokens are written under."""

    def __init__(self) -> None:
        super().__init__(Code.INTERNAL, "the index key was rotated and this process does not have the new version")


def oldest_written(connection: Connection) -> int:
    """The version below which no token is written any more; it stands until the end of the transaction.

    Args:
        connection: An open write transaction. On PostgreSQL a shared lock keeps `begin` waiting for its end.
    """
    query = select(KEYS.c.oldest_written).where(KEYS.c.id == _ROW).with_for_update(read=True, key_share=True)
    return connection.execute(query).scalar_one_or_none() or FIRST


def in_force(connection: Connection, tokens: Tokens, oldest: int, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """The outcomes with every token of a version that may still be written.

    Args:
        connection: The open write transaction in which they will be written.
        tokens: Renews tokens.
        oldest: The oldest version among their tokens.
        outcomes: What deltas come to.

    Raises:
        KeyMovedOn: This process does not have the version. Fails closed.
    """
    demanded = oldest_written(connection)
    if demanded <= oldest:
        return outcomes
    if demanded > tokens.current:
        raise KeyMovedOn
    return [
        outcome if outcome is None or isinstance(outcome, Rejection) else tokens.renew(outcome.version, outcome.value)
        for outcome in outcomes
    ]


def begin(connection: Connection, version: int) -> None:
    """Say that nothing older than `version` is written any more; true once the transaction is committed.

    Args:
        connection: An open write transaction that does nothing else. On PostgreSQL it waits for transactions that
            read `oldest_written`; whoever only reads is not held up.
        version: Every running gateway has it.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE index_keys IN EXCLUSIVE MODE"))
    insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    row = insert(KEYS).values(id=_ROW, oldest_written=FIRST, rotated=FIRST)
    connection.execute(row.on_conflict_do_nothing())
    where = (KEYS.c.id == _ROW, KEYS.c.oldest_written < version)
    connection.execute(update(KEYS).where(*where).values(oldest_written=version))


def rotated(connection: Connection) -> int:
    """The version to which the last finished rotation led."""
    return connection.execute(select(KEYS.c.rotated).where(KEYS.c.id == _ROW)).scalar_one_or_none() or FIRST


def finish(connection: Connection, version: int) -> None:
    """Say that no token older than `version` is left and that the rotation is on the ledger; after `begin`."""
    where = (KEYS.c.id == _ROW, KEYS.c.rotated < version)
    connection.execute(update(KEYS).where(*where).values(rotated=version))


def oldest_kept(connection: Connection) -> int | None:
    """The oldest version among the pointers; None when there are none. Reads the whole index: for the operator."""
    return connection.execute(select(func.min(POINTERS.c.key_version))).scalar()


def count_older(connection: Connection, version: int) -> int:
    """How many pointers have a token older than `version`. Reads the whole index: for the operator."""
    query = select(func.count()).select_from(POINTERS).where(POINTERS.c.key_version < version)
    return int(connection.execute(query).scalar_one())
