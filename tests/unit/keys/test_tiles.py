import pytest

from keys.errors import BadProof
from keys.log.merkle import consistency_path, hashes_of, inclusion_path, leaf_hash, root_of, subtree_root
from keys.log.tiles import (
    ENTRIES,
    Tile,
    TileHashes,
    bundles_of,
    is_covered,
    join_entries,
    parse_path,
    split_entries,
    split_tile,
    tiles_of,
)

LEAVES = [leaf_hash(index.to_bytes(4, "big")) for index in range(70_000)]


def _content(tile: Tile) -> bytes:
    """By the definition: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])."""
    span = 256**tile.level
    start = tile.index * 256
    return b"".join(root_of(LEAVES[i * span : (i + 1) * span]) for i in range(start, start + tile.width))


def test_names_are_those_of_the_specification():
    assert Tile(0, 1234067).path == "tile/0/x001/x234/067"
    assert Tile(63, 0, 1).path == "tile/63/000.p/1"
    assert Tile(ENTRIES, 1000, 255).path == "tile/entries/x001/000.p/255"


def test_the_trees_that_the_specification_describes_have_those_tiles():
    tiles = list(tiles_of(70_000))
    assert len([tile for tile in tiles if tile.level == 0 and tile.width == 256]) == 273
    assert [tile for tile in tiles if tile.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [tile for tile in tiles if tile.level == 1 and tile.width == 256] == [Tile(1, 0)]
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == list(bundles_of(0)) == []
    assert list(bundles_of(513)) == [Tile(ENTRIES, 0), Tile(ENTRIES, 1), Tile(ENTRIES, 2, 1)]


def test_every_tile_has_one_name_and_is_found_by_it():
    for tile in [*tiles_of(70_000), *bundles_of(70_000), Tile(0, 999), Tile(0, 1000), Tile(0, 10**9)]:
        assert parse_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "checkpoint", "tile", "tile/0", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/64/000",
        "tile/-1/000", "tile/0/x000/000", "tile/0/x001/x000", "tile/0/001/000", "tile/0/000.p/0", "tile/0/000.p/256",
        "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p", "/tile/0/000", "tile/0/000/", "tile/0/000\n",
        "tile/0/٠٠٠", "tile/entries/../000", "tile/Entries/000", "tile/63/001", "tile/0/X001/000",
        "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/" + "x999/" * 30 + "999",
    ],
)  # fmt: skip
def test_any_other_spelling_is_no_name(path: str):
    with pytest.raises(BadProof):
        parse_path(path)


def test_a_tile_is_covered_by_the_trees_that_have_all_of_it():
    assert [size for size in range(600) if is_covered(Tile(0, 1, 3), size)] == list(range(259, 600))
    assert not is_covered(Tile(1, 0, 2), 511)
    assert is_covered(Tile(1, 0, 2), 512)
    assert is_covered(Tile(ENTRIES, 0, 1), 1)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 512, 700, 65_536, 70_000])
def test_roots_and_proofs_from_tiles_are_those_of_the_leaves(size: int):
    get, expected = TileHashes(_content, size, kept=3), hashes_of(LEAVES[:size])
    assert subtree_root(get, 0, size) == subtree_root(expected, 0, size)
    for index in {0, size // 3, size - 1}:
        assert inclusion_path(get, index, size) == inclusion_path(expected, index, size)
        assert consistency_path(get, index, size) == consistency_path(expected, index, size)


def test_a_tree_has_no_hashes_beyond_its_size():
    get = TileHashes(_content, 700)
    for level, index in ((0, 700), (1, 350), (9, 1), (0, -1)):
        with pytest.raises(LookupError):
            get(level, index)


def test_a_tile_that_is_cut_or_too_long_is_refused():
    tile = Tile(0, 0, 5)
    raw = _content(tile)
    assert split_tile(tile, raw) == LEAVES[:5]
    for wrong in (b"", raw[:-1], raw[:-32], raw + b"\0", raw + raw[:32]):
        with pytest.raises(BadProof):
            split_tile(tile, wrong)
        with pytest.raises(BadProof):
            TileHashes(lambda _, wrong=wrong: wrong, 5)(0, 0)


def test_a_bundle_gives_its_entries_back_and_nothing_else_does():
    entries = [b"", b"a", b"x" * 65_535]
    tile, raw = Tile(ENTRIES, 0, 3), join_entries(entries)
    assert raw[:5] == b"\0\0\0\x01a"
    assert split_entries(tile, raw) == entries
    for wrong in (b"", raw[:-1], raw + b"\0", raw + b"\0\0", raw[2:]):
        with pytest.raises(BadProof):
            split_entries(tile, wrong)
    for width in (1, 2, 4):
        with pytest.raises(BadProof):
            split_entries(Tile(ENTRIES, 0, width), raw)
    with pytest.raises(BadProof):
        join_entries([b"x" * 65_536])
