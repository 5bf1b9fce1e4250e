"""Records that could not be indexed, kept with their reason for the node and the operator.

Rules kept: handle and reason only. A rejection disappears as soon as its record is indexed or gone.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.errors import Code
from gateway.index.lists import LISTS, REJECTIONS
from gateway.index.model import Rejection
from gateway.index.statements import HandleKey
from gateway.index.tables import ListState


def keep(connection: Connection, rejected: Mapping[HandleKey, Code]) -> None:
    """Keep rejections, or replace their reason.

    Args:
        connection: An open write transaction.
        rejected: Reason by list id and handle.
    """
    if not rejected:
        return
    insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    statement = insert(REJECTIONS)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[REJECTIONS.c.list_id, REJECTIONS.c.handle],
            set_={"reason": statement.excluded.reason},
        ),
        [{"list_id": key[0], "handle": key[1], "reason": str(reason)} for key, reason in rejected.items()],
    )


def clear(connection: Connection, keys: AbstractSet[HandleKey]) -> None:
    """Forget the rejections of records that are now indexed or gone. Almost always there are none: one cheap look.

    Args:
        connection: An open write transaction.
        keys: List id and handle of each record.
    """
    lists = {list_id for list_id, _ in keys}
    some = connection.execute(select(REJECTIONS.c.list_id).where(REJECTIONS.c.list_id.in_(lists)).limit(1)).scalar()
    if some is None:
        return
    for list_id in lists:
        handles = [key[1] for key in keys if key[0] == list_id]
        where = (REJECTIONS.c.list_id == list_id, REJECTIONS.c.handle.in_(handles))
        connection.execute(delete(REJECTIONS).where(*where))


def of_list(connection: Connection, list_id: int) -> tuple[Rejection, ...]:
    """All rejections of one list, ordered by handle."""
    rows = connection.execute(
        select(REJECTIONS.c.handle, REJECTIONS.c.reason)
        .where(REJECTIONS.c.list_id == list_id)
        .order_by(REJECTIONS.c.handle)
    )
    return tuple(Rejection(0, bytes(row.handle), Code(row.reason)) for row in rows)


def counted(connection: Connection, node: str) -> dict[tuple[str, str], int]:
    """How many records of the node are not indexed, by resource and reason."""
    rows = connection.execute(
        select(LISTS.c.resource, REJECTIONS.c.reason, func.count().label("n"))
        .where(LISTS.c.node == node, LISTS.c.state == ListState.LIVE, REJECTIONS.c.list_id == LISTS.c.id)
        .group_by(LISTS.c.resource, REJECTIONS.c.reason)
    )
    return {(row.resource, row.reason): row.n for row in rows}
