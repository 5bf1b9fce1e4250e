"""Each node's position: which outbox it follows, how far it is durable, and when its sources were last compared.

Rules kept: the position moves only in the transaction that makes the deltas durable; the row is locked first, so two
streams of one node cannot both move it. Every function works inside the caller's transaction.
"""

from typing import Final

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.index import tables
from gateway.index.lists import table_of
from gateway.index.model import OutboxState

NODES: Final = table_of(tables.IndexNode)


def lock(connection: Connection, node: str) -> OutboxState | None:
    """Lock the node's row, making it when it is missing.

    Args:
        connection: An open write transaction.
        node: SPIFFE id.

    Returns:
        Its position, or None when no outbox was ever followed.
    """
    insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    connection.execute(insert(NODES).values(node=node, acknowledged=0, synced_ms=0).on_conflict_do_nothing())
    where = NODES.c.node == node
    row = connection.execute(select(NODES.c.outbox_id, NODES.c.acknowledged).where(where).with_for_update()).one()
    return None if row.outbox_id is None else OutboxState(bytes(row.outbox_id), row.acknowledged)


def read(connection: Connection, node: str) -> OutboxState | None:
    """The node's position without locking it."""
    row = connection.execute(select(NODES.c.outbox_id, NODES.c.acknowledged).where(NODES.c.node == node)).one_or_none()
    return None if row is None or row.outbox_id is None else OutboxState(bytes(row.outbox_id), row.acknowledged)


def move(connection: Connection, node: str, state: OutboxState) -> None:
    """Set the position; the row was locked before."""
    values = {"outbox_id": state.outbox_id, "acknowledged": state.acknowledged}
    connection.execute(update(NODES).where(NODES.c.node == node).values(values))


def mark_synced(connection: Connection, node: str, synced_ms: int) -> None:
    """Keep when the node last compared its sources, Unix ms."""
    lock(connection, node)
    connection.execute(update(NODES).where(NODES.c.node == node).values(synced_ms=synced_ms))


def synced(connection: Connection, node: str) -> int:
    """When the node last compared its sources, Unix ms; 0 when never."""
    return connection.execute(select(NODES.c.synced_ms).where(NODES.c.node == node)).scalar_one_or_none() or 0


def forget(connection: Connection, node: str) -> None:
    """Delete the node's row."""
    connection.execute(delete(NODES).where(NODES.c.node == node))
