"""The life of a list: live, staged beside the live one, switched, retired, and cleared away in small pieces.

Rules kept: at most one live list per node and resource (the database refuses a second); a switch is one change of state
inside the caller's transaction; what is retired is deleted a bounded number of rows at a time, so that no writer waits
long. Every function works inside the caller's transaction and decides nothing about sequences.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, Row, Table, delete, func, insert, select, update
from sqlmodel import SQLModel

from gateway.index import tables
from gateway.index.tables import ListState


def table_of(model: type[SQLModel]) -> Table:
    """The Core table of a SQLModel class."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


LISTS: Final = table_of(tables.IndexList)
POINTERS: Final = table_of(tables.IndexPointer)
REJECTIONS: Final = table_of(tables.IndexRejection)

ListRow = Row[tuple[object, ...]]
NO_OUTBOX: Final = b""
"""The outbox of a list that is no longer trusted to follow its node."""


def live_lists(connection: Connection, node: str) -> dict[str, ListRow]:
    """The node's live lists by resource."""
    rows = connection.execute(select(LISTS).where(LISTS.c.node == node, LISTS.c.state == ListState.LIVE))
    return {row.resource: row for row in rows}


def open_list(
    connection: Connection,
    node: str,
    resource: str,
    state: ListState,
    *,
    outbox_id: bytes,
    snapshot_id: bytes | None = None,
) -> int:
    """Make an empty list.

    Args:
        connection: An open write transaction.
        node: SPIFFE id.
        resource: Resource code.
        state: LIVE when it grows from deltas, STAGED when a snapshot fills it.
        outbox_id: The outbox that it follows.
        snapshot_id: The snapshot that fills it.

    Returns:
        Its id.
    """
    values = {
        "node": node,
        "resource": resource,
        "state": state.value,
        "outbox_id": outbox_id,
        "as_of_sequence": 0,
        "snapshot_id": snapshot_id,
        "next_part": 0,
        "received": 0,
    }
    return int(connection.execute(insert(LISTS).values(values).returning(LISTS.c.id)).scalar_one())


def staged_list(connection: Connection, node: str, resource: str) -> ListRow | None:
    """The list that a snapshot is filling, if any."""
    where = (LISTS.c.node == node, LISTS.c.resource == resource, LISTS.c.state == ListState.STAGED)
    return connection.execute(select(LISTS).where(*where)).one_or_none()


def has_staged(connection: Connection, node: str) -> bool:
    """Whether a snapshot of the node was begun and not finished."""
    where = (LISTS.c.node == node, LISTS.c.state == ListState.STAGED)
    return connection.execute(select(LISTS.c.id).where(*where).limit(1)).scalar() is not None


def retire(connection: Connection, node: str, state: ListState, resources: Collection[str] | None = None) -> int:
    """Take the node's lists in one state out of use; `clear_retired` deletes their pointers later.

    Args:
        connection: An open write transaction.
        node: SPIFFE id.
        state: Which lists.
        resources: Only those of these resources; None for all.

    Returns:
        How many lists.
    """
    where = [LISTS.c.node == node, LISTS.c.state == state]
    if resources is not None:
        where.append(LISTS.c.resource.in_(list(resources)))
    return connection.execute(update(LISTS).where(*where).values(state=ListState.RETIRED.value)).rowcount


def distrust(connection: Connection, node: str) -> None:
    """Mark the node's live lists as not following its outbox, until snapshots replace them."""
    where = (LISTS.c.node == node, LISTS.c.state == ListState.LIVE)
    connection.execute(update(LISTS).where(*where).values(outbox_id=NO_OUTBOX))


def clear_retired(connection: Connection, limit: int) -> int:
    """Delete pointers of retired lists, and the lists themselves once they are empty.

    Args:
        connection: An open write transaction.
        limit: Most pointers to delete in this call.

    Returns:
        How many rows were deleted; 0 when nothing is left to clear.
    """
    retired = connection.execute(select(LISTS.c.id).where(LISTS.c.state == ListState.RETIRED).limit(1)).scalar()
    if retired is None:
        return 0
    some = select(POINTERS.c.handle).where(POINTERS.c.list_id == retired).limit(limit)
    cleared = connection.execute(
        delete(POINTERS).where(POINTERS.c.list_id == retired, POINTERS.c.handle.in_(some))
    ).rowcount
    if cleared < limit:
        connection.execute(delete(REJECTIONS).where(REJECTIONS.c.list_id == retired))
        cleared += connection.execute(delete(LISTS).where(LISTS.c.id == retired)).rowcount
    return cleared


def count_pointers(connection: Connection, node: str) -> int:
    """How many pointers the node's live lists hold; counts rows, so it is for the operator, not for a request."""
    where = (LISTS.c.node == node, LISTS.c.state == ListState.LIVE, POINTERS.c.list_id == LISTS.c.id)
    return int(connection.execute(select(func.count()).select_from(POINTERS, LISTS).where(*where)).scalar_one())
