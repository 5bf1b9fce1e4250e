"""The log as tiles (https://c2sp.org/tlog-tiles): names, widths and contents; no file and no network is touched.

A tile holds up to 256 consecutive hashes of one level; levels are eight tree levels apart. What a tree of a size is
made of follows from the size alone (`tiles_of`), and so does the one name of each tile (`Tile.path`). An entry bundle
holds what leaves 256·n and following stand for, each with its length in two bytes in front. In this log that is
`keys.log.leaves.leaf_data`, two commitments, and never a body.

`TileHashes` makes proofs and roots from tiles. It trusts nothing: roots that come out are compared with signed ones
by the caller.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from keys.errors import BadProof
from keys.log.merkle import HASH_SIZE, root_of

WIDTH: Final = 256
"""Hashes of a full tile."""
TILE_HEIGHT: Final = 8
"""Tree levels of a tile: 256 = 2^8."""
HIGHEST_LEVEL: Final = 63
ENTRIES: Final = -1
"""Stands for the level of entry bundles, which are called `entries`."""
CHECKPOINT_PATH: Final = "checkpoint"

_LENGTH: Final = 2
_LARGEST_ENTRY: Final = (1 << 16) - 1
_LARGEST: Final = (1 << 63) - 1
_PATH: Final = re.compile(
    r"tile/(entries|0|[1-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile or entry bundle.

    Attributes:
        level: From 0; `ENTRIES` for an entry bundle.
        index: Position in its level.
        width: Hashes or entries in it, 1 to 256.
    """

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its one name, relative to the log's prefix."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        parts = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            parts.append(f"x{rest % 1000:03}")
            rest //= 1000
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(parts))}{partial}"

    @property
    def first_leaf(self) -> int:
        """The first leaf that it spans."""
        return self.index * WIDTH << TILE_HEIGHT * max(self.level, 0)

    @property
    def end_leaf(self) -> int:
        """One past the last leaf that it spans."""
        return self.index * WIDTH + self.width << TILE_HEIGHT * max(self.level, 0)


def parse_path(path: str) -> Tile:
    """Reads a name and refuses any other spelling of it. Fails closed.

    Args:
        path: Relative to the log's prefix.

    Returns:
        The tile.

    Raises:
        BadProof: It is no tile's name.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise BadProof("this is not the name of a tile")
    level = ENTRIES if found[1] == "entries" else int(found[1])
    index = int(found[2].replace("/", "").replace("x", ""))
    tile = Tile(level, index, int(found[3]) if found[3] else WIDTH)
    # One name for one tile: no empty leading elements, no full tile that is called partial, no leaf beyond 63 bits.
    if tile.path != path or tile.width > WIDTH or tile.end_leaf > _LARGEST:
        raise BadProof("this is not the name of a tile")
    return tile


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of the tree, level by level from the leaves, without entry bundles.

    Args:
        size: Number of leaves.
    """
    level = 0
    while count := size >> TILE_HEIGHT * level:
        yield from _row(level, count)
        level += 1


def bundles_of(size: int) -> Iterator[Tile]:
    """Every entry bundle of the log.

    Args:
        size: Number of entries.
    """
    return _row(ENTRIES, size)


def is_covered(tile: Tile, size: int) -> bool:
    """Whether a tree of that size has all that the tile holds."""
    return 0 < tile.width <= WIDTH and tile.end_leaf <= size


def split_tile(tile: Tile, raw: bytes) -> list[bytes]:
    """The hashes of a tile.

    Args:
        tile: Which one.
        raw: Its content.

    Returns:
        As many hashes as it is wide.

    Raises:
        BadProof: It has another length: cut, or with something behind it.
    """
    if len(raw) != tile.width * HASH_SIZE:
        raise BadProof("a tile has the wrong length")
    return [raw[start : start + HASH_SIZE] for start in range(0, len(raw), HASH_SIZE)]


def join_entries(entries: Sequence[bytes]) -> bytes:
    """An entry bundle's content.

    Args:
        entries: What the leaves stand for, in order.

    Returns:
        Each with its length in front, two bytes, big-endian.

    Raises:
        BadProof: One is too long for a bundle.
    """
    if any(len(entry) > _LARGEST_ENTRY for entry in entries):
        raise BadProof("an entry is too long for a bundle")
    return b"".join(len(entry).to_bytes(_LENGTH, "big") + entry for entry in entries)


def split_entries(tile: Tile, raw: bytes) -> list[bytes]:
    """The entries of a bundle.

    Args:
        tile: Which bundle.
        raw: Its content.

    Returns:
        As many entries as it is wide.

    Raises:
        BadProof: It is cut, or holds more or fewer.
    """
    entries: list[bytes] = []
    start = 0
    while start < len(raw) and len(entries) < tile.width:
        end = start + _LENGTH + int.from_bytes(raw[start : start + _LENGTH], "big")
        if start + _LENGTH > len(raw) or end > len(raw):
            raise BadProof("an entry bundle is cut")
        entries.append(raw[start + _LENGTH : end])
        start = end
    if start != len(raw) or len(entries) != tile.width:
        raise BadProof("an entry bundle has the wrong length")
    return entries


class TileHashes:
    """A source of complete subtrees (`keys.log.merkle.HashSource`) over the tiles of one tree.

    Args:
        fetch: Gives a tile's content.
        size: Size of the tree, from a signed head.
        kept: How many tiles to keep at hand.

    A call raises BadProof when a tile has the wrong length, LookupError when the tree has no such subtree, and
    whatever `fetch` raises.
    """

    def __init__(self, fetch: Callable[[Tile], bytes], size: int, kept: int = 64) -> None:
        self._fetch = fetch
        self._size = size
        self._most = kept
        self._kept: dict[Tile, list[bytes]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """The hash over leaves [index·2^level, (index+1)·2^level)."""
        if (index + 1) << level > self._size or index < 0:
            raise LookupError("the tree has no such subtree")
        row, height = divmod(level, TILE_HEIGHT)
        start = index << height
        number, offset = divmod(start, WIDTH)
        width = min(WIDTH, (self._size >> TILE_HEIGHT * row) - number * WIDTH)
        hashes = self.hashes(Tile(row, number, width))
        return root_of(hashes[offset : offset + (1 << height)])

    def hashes(self, tile: Tile) -> list[bytes]:
        """The hashes of one tile."""
        if tile not in self._kept:
            hashes = split_tile(tile, self._fetch(tile))
            while len(self._kept) >= self._most:
                self._kept.pop(next(iter(self._kept)))
            self._kept[tile] = hashes
        return self._kept[tile]


def _row(level: int, count: int) -> Iterator[Tile]:
    """The tiles over so many hashes of one level: full ones, then at most one that is not."""
    full, rest = divmod(count, WIDTH)
    for index in range(full):
        yield Tile(level, index)
    if rest:
        yield Tile(level, full, rest)
