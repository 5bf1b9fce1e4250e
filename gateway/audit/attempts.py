"""One try at appending entries: what goes in, what came of it, and who has to be told something else."""

import hmac
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from gateway.audit.counters import CounterRow, Placed
from gateway.audit.entries import Encoded
from gateway.audit.errors import AlreadyRecorded, AuditError
from gateway.audit.store import Row, Store
from gateway.audit.waiting import Result
from keys.log.frontier import Frontier

Named = tuple[int, Encoded, tuple[bytes, bytes] | None]
"""An entry's place among those that are written together, the entry, and the keyed hashes of its unique name."""


class Behind(Exception):
    """The log does not end where this writer believed, or a unique name is taken."""


class Done(NamedTuple):
    """What one transaction wrote."""

    tree: Frontier
    rows: list[Row]
    drafts: list[Named]
    refused: dict[int, tuple[Named, AuditError]]
    changes: list[CounterRow]


def ride(store: Store, draft: Encoded, position: int) -> None:
    """Run an entry's riders inside the transaction.

    Args:
        store: The storage.
        draft: The entry.
        position: The one that it gets.

    Raises:
        RiderRefused: One of them does not allow the entry; what it wrote is undone.
    """
    for rider in draft.riders:
        store.ride(rider)
    for placed in draft.placed:
        store.ride(partial(_place, placed, position))


def _place(placed: Placed, position: int, connection: Connection) -> None:
    placed(connection, position)


def taken(store: Store, drafts: Sequence[Named]) -> dict[int, Result]:
    """Those of the drafts whose unique name is in the log."""
    uniques = {unique[0]: (place, unique[1]) for place, _, unique in drafts if unique is not None}
    found: dict[int, Result] = {}
    for name, (index, digest) in store.taken(list(uniques)).items() if uniques else ():
        place, mine = uniques[name]
        found[place] = AlreadyRecorded(index, same=hmac.compare_digest(digest, mine))
    return found
