"""Writing consecutive deltas into the live lists of a node.

Rules kept: a delta that a snapshot in force already contains is left out; a resource that is not the node's gets no
list.
Works inside the caller's transaction, which also moves the node's position.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.errors import Code
from gateway.index.changes import Changes
from gateway.index.intake import Outcome
from gateway.index.lists import live_lists, open_list
from gateway.index.model import Delta, Rejection
from gateway.index.tables import ListState


def write_deltas(
    connection: Connection,
    node: str,
    outbox_id: bytes,
    deltas: Sequence[Delta],
    outcomes: Sequence[Outcome],
) -> None:
    """Bring the node's live lists to the state after these deltas.

    Args:
        connection: An open write transaction.
        node: SPIFFE id.
        outbox_id: The outbox they come from.
        deltas: Not acknowledged before, in order.
        outcomes: What each comes to.
    """
    # A list that follows another outbox counts in that one's sequence, which says nothing about this one's.
    targets = {
        resource: (row.id, row.as_of_sequence if row.outbox_id == outbox_id else 0)
        for resource, row in live_lists(connection, node).items()
    }
    changes = Changes()
    for delta, outcome in zip(deltas, outcomes, strict=True):
        if isinstance(outcome, Rejection) and outcome.reason is Code.UNKNOWN_RESOURCE:
            # Not the node's to publish: it has no list, and none is made for it.
            continue
        target = targets.get(delta.resource)
        if target is None:
            made = open_list(connection, node, delta.resource, ListState.LIVE, outbox_id=outbox_id)
            target = targets[delta.resource] = (made, 0)
        if delta.sequence > target[1]:
            changes.add(target[0], delta, outcome)
    changes.write(connection)
