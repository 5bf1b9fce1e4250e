"""Where the tree's hashes are kept, and how they are found again.

Row `i` of the log keeps the hash of its leaf and of every larger complete subtree that ends with that leaf. So each
complete subtree is found in exactly one row, an append adds one row and changes none, and a proof over any number of
entries reads O(log n) rows. The arithmetic is in `keys.log`.
"""

from collections.abc import Callable

from keys.log.frontier import Frontier
from keys.log.merkle import EMPTY_ROOT, HASH_SIZE, HashSource, subtree_root


def extend(frontier: Frontier, leaf: bytes) -> bytes:
    """Grow the tree by one leaf.

    Args:
        frontier: The right edge; it grows.
        leaf: Leaf hash, 32 bytes.

    Returns:
        What the leaf's row keeps: the leaf hash, then the hashes of the larger subtrees it completes, 32 bytes each.
    """
    return frontier.extend(leaf)


def row_hashes(read_row: Callable[[int], bytes | None]) -> HashSource:
    """A source of complete subtrees over stored rows.

    Args:
        read_row: Gives the hashes that a row keeps, by its index; None when there is no such row.

    Returns:
        A source that raises LookupError when a row is missing or keeps too little.
    """

    def get(level: int, index: int) -> bytes:
        kept = read_row(((index + 1) << level) - 1)
        if kept is None or len(kept) < (level + 1) * HASH_SIZE:
            raise LookupError("a tree hash is missing")
        return kept[level * HASH_SIZE : (level + 1) * HASH_SIZE]

    return get


def frontier_at(size: int, get: HashSource) -> Frontier:
    """The right edge of the first `size` leaves, from O(log size) hashes."""
    levels = [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]
    return Frontier(size, [get(level, (size >> level) - 1) for level in levels])


def root_at(size: int, get: HashSource) -> bytes:
    """The root of the first `size` leaves, from O(log size) hashes."""
    return subtree_root(get, 0, size) if size else EMPTY_ROOT
