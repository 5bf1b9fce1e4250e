"""Taking the parts of a snapshot: staged in a list of their own, in force by one change of state at the last part.

The node's position moves with it. A snapshot as of sequence N contains every delta of its resource up to N, so those
are left out later; once every listed resource of the node has a snapshot in force, the oldest of their N is durable for
the outbox as a whole.

Rules kept: a part that does not follow, a wrong total, or a delta acknowledged meanwhile that the snapshot cannot
contain voids the snapshot (fails closed: the live list stays). Works inside the caller's transaction.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, update

from gateway.errors import Code
from gateway.index import positions, rejections
from gateway.index.changes import Changes
from gateway.index.intake import Outcome
from gateway.index.lists import LISTS, ListRow, live_lists, open_list, retire, staged_list
from gateway.index.model import Delta, OutboxState, Part, Rejection, SnapshotApplied
from gateway.index.tables import ListState

Broken = str
"""The rule that a snapshot broke, a fixed text."""


def take_part(
    connection: Connection,
    node: str,
    outbox_id: bytes,
    part: Part,
    outcomes: Sequence[Outcome],
    *,
    allowed: Collection[str],
) -> SnapshotApplied | Broken | None:
    """Stage one part and, if it is the last, switch.

    Args:
        connection: An open write transaction; commit it whatever is returned.
        node: SPIFFE id.
        outbox_id: The outbox in whose sequence the snapshot is placed.
        part: The part.
        outcomes: What each of its entries comes to.
        allowed: Every listed resource of the node.

    Returns:
        What is in force after the last part, the broken rule, or None when more parts must follow.
    """
    state = positions.lock(connection, node)
    acknowledged = state.acknowledged if state is not None and state.outbox_id == outbox_id else 0
    live = live_lists(connection, node).get(part.resource)
    if part.last and live is not None and (live.snapshot_id, live.outbox_id) == (part.snapshot_id, outbox_id):
        # The acknowledgement was lost on the way and the last part came again.
        return SnapshotApplied(part.snapshot_id, acknowledged, rejections.of_list(connection, live.id))
    if part.part == 0:
        retire(connection, node, ListState.STAGED, (part.resource,))
        open_list(
            connection,
            node,
            part.resource,
            ListState.STAGED,
            outbox_id=outbox_id,
            snapshot_id=part.snapshot_id,
        )
    staged = staged_list(connection, node, part.resource)
    broken = _broken(staged, outbox_id, part, acknowledged)
    if staged is None or broken:
        retire(connection, node, ListState.STAGED, (part.resource,))
        return broken
    _stage(connection, staged.id, part.entries, outcomes)
    received = staged.received + len(part.entries)
    if not part.last:
        values = {"next_part": part.part + 1, "received": received}
        connection.execute(update(LISTS).where(LISTS.c.id == staged.id).values(values))
        return None
    retire(connection, node, ListState.LIVE, (part.resource,))
    values = {"state": ListState.LIVE.value, "as_of_sequence": part.as_of_sequence, "received": received}
    connection.execute(update(LISTS).where(LISTS.c.id == staged.id).values(values))
    through = _position_after(connection, node, outbox_id, acknowledged, allowed)
    positions.move(connection, node, OutboxState(outbox_id, through))
    return SnapshotApplied(part.snapshot_id, through, rejections.of_list(connection, staged.id))


def _broken(staged: ListRow | None, outbox_id: bytes, part: Part, acknowledged: int) -> Broken:
    expected = (part.snapshot_id, outbox_id, part.part)
    if staged is None or (staged.snapshot_id, staged.outbox_id, staged.next_part) != expected:
        return "the part does not follow what is staged"
    if not part.last:
        return ""
    if staged.received + len(part.entries) != part.total:
        return "the number of entries is not the total"
    if acknowledged > part.as_of_sequence:
        return "deltas were acknowledged that the snapshot does not contain"
    return ""


def _stage(connection: Connection, list_id: int, entries: Sequence[Delta], outcomes: Sequence[Outcome]) -> None:
    changes = Changes()
    for delta, outcome in zip(entries, outcomes, strict=True):
        # A snapshot lists what is there: a tombstone in it is a mistake of the node.
        changes.add(list_id, delta, outcome or Rejection(0, delta.handle, Code.BAD_FRAME))
    changes.write(connection)


def _position_after(
    connection: Connection, node: str, outbox_id: bytes, acknowledged: int, allowed: Collection[str]
) -> int:
    live = live_lists(connection, node)
    following = [live[resource] for resource in allowed if resource in live and live[resource].outbox_id == outbox_id]
    if len(following) < len(allowed):
        # What another resource missed is not contained in any snapshot yet.
        return acknowledged
    return max(acknowledged, min(int(row.as_of_sequence) for row in following))
