"""RFC 6962 Merkle trees over SHA-256: roots, inclusion and consistency proofs, and the compact right edge.

Leaf hash = H(00 ‖ data), node hash = H(01 ‖ left ‖ right), empty root = H(""). Proofs are made from any source of
complete subtrees: a `HashSource` answers `(level, index)` with the hash over leaves `[index·2^level,
(index+1)·2^level)`, so a log of millions never rebuilds its tree. Verification needs only the proof and the two
heads. It stores nothing and does no I/O.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

from keys.errors import BadProof

EMPTY_ROOT: Final = sha256(b"").digest()
HASH_SIZE: Final = 32

HashSource = Callable[[int, int], bytes]
"""`(level, index)` → hash of the complete subtree of 2^level leaves that starts at leaf index·2^level."""


def leaf_hash(data: bytes) -> bytes:
    """RFC 6962 section 2.1: H(00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 section 2.1: H(01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def tree_levels(leaf_hashes: Sequence[bytes]) -> list[list[bytes]]:
    """All levels of a tree, leaves first; a node without a sibling rises unchanged.

    This is the same tree as RFC 6962's recursive definition, because a split at the largest power of two leaves only
    complete subtrees on the left.

    Args:
        leaf_hashes: At least one.

    Returns:
        Levels; the last holds the root alone.
    """
    level = list(leaf_hashes)
    levels = [level]
    while len(level) > 1:
        above = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        if len(level) & 1:
            above.append(level[-1])
        levels.append(above)
        level = above
    return levels


def path_in(levels: Sequence[Sequence[bytes]], index: int) -> tuple[bytes, ...]:
    """Audit path of one leaf through levels made by `tree_levels`, leaf's sibling first."""
    path = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index >>= 1
    return tuple(path)


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Root over leaf hashes; H("") for none."""
    return tree_levels(leaf_hashes)[-1][0] if leaf_hashes else EMPTY_ROOT


def hashes_of(leaf_hashes: Sequence[bytes]) -> HashSource:
    """A source of complete subtrees over leaves in memory, for small trees and tests.

    Args:
        leaf_hashes: All leaves, in order.

    Returns:
        A source that answers from memory.
    """
    levels = tree_levels(leaf_hashes) if leaf_hashes else [[]]
    return lambda level, index: levels[level][index]


def subtree_root(get: HashSource, start: int, end: int) -> bytes:
    """Root over leaves [start, end), where start is a multiple of the largest power of two below the width.

    Args:
        get: Source of complete subtrees.
        start: First leaf.
        end: One past the last; more than `start`.

    Returns:
        RFC 6962 MTH of that range.
    """
    parts = []
    position = start
    while position < end:
        level = (end - position).bit_length() - 1
        parts.append(get(level, position >> level))
        position += 1 << level
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def inclusion_path(leaf_hashes: Sequence[bytes] | HashSource, index: int, size: int) -> list[bytes]:
    """RFC 6962 section 2.1.1: the audit path of a leaf in the tree of the first `size` leaves.

    Args:
        leaf_hashes: Leaves in memory, or a source of complete subtrees.
        index: The leaf, from 0.
        size: The tree's size.

    Returns:
        Hashes, leaf's sibling first.

    Raises:
        BadProof: There is no such leaf in a tree of that size.
    """
    if not 0 <= index < size:
        raise BadProof("the tree has no such leaf")
    get = _source(leaf_hashes, size)
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree_root(get, middle, end))
            end = middle
        else:
            path.append(subtree_root(get, start, middle))
            start = middle
    path.reverse()
    return path


def consistency_path(leaf_hashes: Sequence[bytes] | HashSource, old_size: int, new_size: int) -> list[bytes]:
    """RFC 6962 section 2.1.2: the proof that the tree of `new_size` begins with the tree of `old_size`.

    Args:
        leaf_hashes: Leaves in memory, or a source of complete subtrees.
        old_size: The older size; 0 and `new_size` need no hashes.
        new_size: The newer size.

    Returns:
        Hashes in the order of the RFC.

    Raises:
        BadProof: The older size is larger than the newer.
    """
    if not 0 <= old_size <= new_size:
        raise BadProof("the older tree is larger than the newer")
    if old_size in (0, new_size):
        return []
    get = _source(leaf_hashes, new_size)
    path = []
    start, end, whole = 0, new_size, True
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(subtree_root(get, middle, end))
            end = middle
        else:
            path.append(subtree_root(get, start, middle))
            start, whole = middle, False
    if not whole:
        path.append(subtree_root(get, start, end))
    path.reverse()
    return path


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root to which an audit path leads (RFC 9162 section 2.1.3.2).

    Args:
        leaf: Leaf hash.
        index: Position of the leaf, from 0.
        size: Size of the tree.
        path: Audit path, leaf's sibling first.

    Returns:
        The root, to be compared with a trusted one.

    Raises:
        BadProof: The path cannot belong to such a leaf: wrong length, or hashes that are not 32 bytes.
    """
    if not 0 <= index < size or len(leaf) != HASH_SIZE:
        raise BadProof("the proof names a leaf outside the tree")
    position, last, root = index, size - 1, leaf
    for sibling in path:
        if len(sibling) != HASH_SIZE or last == 0:
            raise BadProof("the proof has the wrong shape")
        if position & 1 or position == last:
            root = sha256(b"\x01" + sibling + root).digest()
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            root = sha256(b"\x01" + root + sibling).digest()
        position >>= 1
        last >>= 1
    if last:
        raise BadProof("the proof has the wrong shape")
    return root


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Accepts by returning that the leaf is at that position in the tree. Fails closed.

    Args:
        leaf: Leaf hash.
        index: Position, from 0.
        size: Size of the tree.
        path: Audit path, leaf's sibling first.
        root: Trusted root of that tree.

    Raises:
        BadProof: It is not, or the proof is malformed.
    """
    if root_from_path(leaf, index, size, path) != root:
        raise BadProof("the proof does not lead to the root")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Accepts by returning that the newer tree begins with the older (RFC 9162 section 2.1.4.2). Fails closed.

    Args:
        old_size: Size of the older tree.
        old_root: Its root.
        new_size: Size of the newer tree.
        new_root: Its root.
        path: Consistency proof.

    Raises:
        BadProof: The histories differ, the tree shrank, or the proof is malformed.
    """
    if not 0 <= old_size <= new_size or any(len(node) != HASH_SIZE for node in path):
        raise BadProof("the proof has the wrong shape")
    if old_size in (0, new_size):
        # An empty older tree is a prefix of everything, but only if its root really is the empty one.
        if path or old_root != (new_root if old_size == new_size else EMPTY_ROOT):
            raise BadProof("the two trees differ")
    elif _roots_from_consistency(old_size, old_root, new_size, path) != (old_root, new_root):
        raise BadProof("the two trees differ")


def _roots_from_consistency(
    old_size: int, old_root: bytes, new_size: int, path: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """The two roots to which a consistency proof leads, for 0 < old_size < new_size."""
    # A complete older tree is itself the first node of the proof, and is left out of it.
    nodes = list(path) if old_size & (old_size - 1) else [old_root, *path]
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    if not nodes:
        raise BadProof("the proof has the wrong shape")
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            raise BadProof("the proof has the wrong shape")
        if position & 1 or position == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            new = node_hash(new, node)
        position >>= 1
        last >>= 1
    if last:
        raise BadProof("the proof has the wrong shape")
    return old, new


def _split(width: int) -> int:
    """RFC 6962: the largest power of two smaller than `width` (at least 2)."""
    return 1 << ((width - 1).bit_length() - 1)


def _source(leaf_hashes: Sequence[bytes] | HashSource, size: int) -> HashSource:
    """A source for a tree of that size, refusing when too few leaves are at hand."""
    if callable(leaf_hashes):
        return leaf_hashes
    if len(leaf_hashes) < size:
        raise BadProof("there are fewer leaves than the tree needs")
    return hashes_of(leaf_hashes[:size])
