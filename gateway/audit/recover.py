"""Reading the stored log back and refusing one that is not the log that was promised.

Checked on every start and after every storage failure: the stored tree has the root of every head known (the newest
published checkpoint, the copy of it outside the database, and what this process has promised); and each entry behind
the newest of those opens, fits its leaf hash and completes the stored tree. Entries before it are covered by that
root through their tree hashes; at a start, each has to be there as well (`require_whole`). That their bodies still fit
is for `fsck`, and for `gateway.audit.verify` over an export.

Fails closed: one thing that does not fit, and the log does not open.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from gateway.audit.bodies import Bodies
from gateway.audit.errors import LedgerCorrupt
from gateway.audit.store import StoredLog
from gateway.audit.tree import extend, frontier_at, root_at, row_hashes
from keys.log.frontier import Frontier
from keys.log.merkle import HASH_SIZE, HashSource

_ROWS_AT_ONCE: Final = 1000


class Known(NamedTuple):
    """A head that the stored log must fit."""

    what: str
    size: int
    root: bytes


def recover(store: StoredLog, bodies: Bodies, heads: Iterable[Known]) -> Frontier:
    """The right edge of the stored log, checked.

    Args:
        store: Where it is kept.
        bodies: Opens parts.
        heads: What is known about the log from elsewhere.

    Raises:
        LedgerCorrupt: The stored log does not fit a head, or its end is not sound; the evidence names the first
            entry that does not fit.
    """
    size = store.size()
    get = row_hashes(store.hashes)
    sound = 0
    for head in heads:
        if head.size > size:
            raise LedgerCorrupt(f"the log is shorter than {head.what}", stored_size=size, known_size=head.size)
        found = _root(head.size, get)
        if found != head.root:
            raise LedgerCorrupt(
                f"the stored tree does not fit {head.what}",
                size=head.size,
                known_root=head.root.hex(),
                stored_root=found.hex() if found else "missing",
            )
        sound = max(sound, head.size)
    frontier = frontier_at(sound, get)
    for start in range(sound, size, _ROWS_AT_ONCE):
        end = min(start + _ROWS_AT_ONCE, size)
        _check_rows(store, bodies, frontier, end)
    return frontier


def require_whole(store: StoredLog) -> None:
    """Refuse a log in which an entry is missing: most could go without the root of the stored tree telling.

    Raises:
        LedgerCorrupt: One is missing; the first is named. Fails closed.
    """
    missing = store.gap()
    if missing is not None:
        raise LedgerCorrupt("an entry is missing", leaf_index=missing)


def _check_rows(store: StoredLog, bodies: Bodies, frontier: Frontier, end: int) -> None:
    for row in store.rows(frontier.size, end):
        if row.leaf_index != frontier.size:
            raise LedgerCorrupt("an entry is missing", leaf_index=frontier.size)
        leaf = row.hashes[:HASH_SIZE]
        bodies.open(row.leaf_index, leaf, row.accountability, row.person)
        if extend(frontier, leaf) != row.hashes:
            raise LedgerCorrupt("a stored tree hash is wrong", leaf_index=row.leaf_index)
    if frontier.size != end:
        raise LedgerCorrupt("an entry is missing", leaf_index=frontier.size)


def _root(size: int, get: HashSource) -> bytes:
    try:
        return root_at(size, get)
    except LookupError:
        return b""
