"""The compact right edge of an RFC 6962 tree: all that is needed to append and to know the root.

A tree of n leaves is kept as one hash per set bit of n, largest subtree first. Appending is O(1) amortised; the root
costs one hash per set bit. Byte form: u64 size, then the hashes. It knows nothing of the leaves before the edge.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple, Self

from keys.errors import BadProof
from keys.log.merkle import EMPTY_ROOT, HASH_SIZE, node_hash

_SIZE: Final = 8


class Subtree(NamedTuple):
    """A complete subtree that an append has finished, to be stored for later proofs.

    Attributes:
        level: Height; it covers 2^level leaves.
        position: It begins at leaf position·2^level: the `index` that a `HashSource` is asked for.
        hash: Its root, 32 bytes.
    """

    level: int
    position: int
    hash: bytes


class Frontier:
    """The right edge of a growing tree. Not for several threads at once.

    Args:
        size: Number of leaves.
        hashes: One per set bit of `size`, largest subtree first.

    Raises:
        BadProof: The hashes do not fit the size.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self._size = size
        self._hashes = list(hashes)
        if size < 0 or len(self._hashes) != size.bit_count() or any(len(one) != HASH_SIZE for one in self._hashes):
            raise BadProof("the right edge does not fit its size")

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    def append(self, leaf: bytes) -> list[Subtree]:
        """Adds a leaf.

        Args:
            leaf: Leaf hash, 32 bytes.

        Returns:
            Every complete subtree that this finishes, the leaf itself (level 0) first.

        Raises:
            BadProof: The leaf hash is not 32 bytes. Nothing is added.
        """
        if len(leaf) != HASH_SIZE:
            raise BadProof("a leaf hash is 32 bytes")
        index = self._size
        finished = [Subtree(0, index, leaf)]
        level = 0
        while index & 1:
            leaf = node_hash(self._hashes.pop(), leaf)
            index >>= 1
            level += 1
            finished.append(Subtree(level, index, leaf))
        self._hashes.append(leaf)
        self._size += 1
        return finished

    def extend(self, leaf: bytes) -> bytes:
        """Adds a leaf as `append` does.

        Args:
            leaf: Leaf hash, 32 bytes.

        Returns:
            The hashes of what this finishes, 32 bytes each, the leaf's own first.

        Raises:
            BadProof: The leaf hash is not 32 bytes. Nothing is added.
        """
        if len(leaf) != HASH_SIZE:
            raise BadProof("a leaf hash is 32 bytes")
        finished = leaf
        index = self._size
        while index & 1:
            leaf = node_hash(self._hashes.pop(), leaf)
            index >>= 1
            finished += leaf
        self._hashes.append(leaf)
        self._size += 1
        return finished

    def root(self) -> bytes:
        """RFC 6962 root of all leaves so far."""
        if not self._hashes:
            return EMPTY_ROOT
        root = self._hashes[-1]
        for left in self._hashes[-2::-1]:
            root = node_hash(left, root)
        return root

    def copy(self) -> "Frontier":
        """An independent copy, so that an append can be tried before its transaction commits."""
        return Frontier(self._size, self._hashes)

    def to_bytes(self) -> bytes:
        """The byte form: u64 size, then the hashes."""
        return self._size.to_bytes(_SIZE, "big") + b"".join(self._hashes)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Reads the byte form.

        Args:
            raw: As made by `to_bytes`.

        Returns:
            The right edge.

        Raises:
            BadProof: The bytes are not one.
        """
        if len(raw) < _SIZE:
            raise BadProof("the right edge is truncated")
        return cls(
            int.from_bytes(raw[:_SIZE], "big"), [raw[i : i + HASH_SIZE] for i in range(_SIZE, len(raw), HASH_SIZE)]
        )
