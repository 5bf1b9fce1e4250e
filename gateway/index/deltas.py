"""Writing consecutive deltas into the live lists of a node.

Rules kept: of several deltas of one record only the last is written; a delta that a snapshot in force already contains
is left out; a rejected delta takes the record's older pointer away. Works inside the caller's transaction, which also
moves the node's position.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.errors import Code
from gateway.index import rejections
from gateway.index.intake import Taken
from gateway.index.lists import live_lists, open_list
from gateway.index.statements import HandleKey, PointerRow, put_pointers, remove_pointers
from gateway.index.tables import ListState


def write_deltas(connection: Connection, node: str, outbox_id: bytes, fresh: Sequence[Taken], key_version: int) -> None:
    """Bring the node's live lists to the state after these deltas.

    Args:
        connection: An open write transaction.
        node: SPIFFE id.
        outbox_id: The outbox they come from.
        fresh: Deltas not acknowledged before, in order.
        key_version: The index key that made their tokens.
    """
    # A list that follows another outbox counts in that one's sequence, which says nothing about this one's.
    targets = {
        resource: (row.id, row.as_of_sequence if row.outbox_id == outbox_id else 0)
        for resource, row in live_lists(connection, node).items()
    }
    last: dict[HandleKey, Taken] = {}
    for taken in fresh:
        delta = taken.delta
        if taken.rejection is not None and taken.rejection.reason is Code.UNKNOWN_RESOURCE:
            # Not the node's to publish: it has no list, and none is made for it.
            continue
        target = targets.get(delta.resource)
        if target is None:
            made = open_list(
                connection, node, delta.resource, ListState.LIVE, outbox_id=outbox_id, key_version=key_version
            )
            target = targets[delta.resource] = (made, 0)
        if delta.sequence > target[1]:
            last[target[0], delta.handle] = taken
    put: list[PointerRow] = []
    gone: list[HandleKey] = []
    rejected: dict[HandleKey, Code] = {}
    for key, taken in last.items():
        if taken.token is not None:
            put.append((taken.token, key[0], key[1], taken.delta.version, taken.delta.updated_ms))
            continue
        gone.append(key)
        if taken.rejection is not None:
            rejected[key] = taken.rejection.reason
    put_pointers(connection, put)
    remove_pointers(connection, gone)
    rejections.clear(connection, [key for key in last if key not in rejected])
    rejections.keep(connection, rejected)
