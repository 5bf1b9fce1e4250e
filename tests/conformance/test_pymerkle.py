"""Roots and inclusion proofs are those of `pymerkle`, another implementation of RFC 6962's trees.

Its consistency proofs are not the RFC's (other order, right edges in pieces), so those are not compared hash for hash:
each side's verifier is given the other's roots.
"""

import random
from typing import Any

import pytest

from keys.log.frontier import Frontier
from keys.log.merkle import (
    HashSource,
    consistency_path,
    hashes_of,
    inclusion_path,
    leaf_hash,
    root_of,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)

pymerkle = pytest.importorskip("pymerkle", reason="pymerkle is not installed (it is in the extra dev)")

SIZE = 300


def _data(index: int) -> bytes:
    return b"entry " + index.to_bytes(4, "big")


def _tree(size: int) -> tuple[Any, list[bytes]]:
    tree = pymerkle.InmemoryTree()
    tree.append_entries([_data(index) for index in range(size)])
    return tree, [leaf_hash(_data(index)) for index in range(size)]


@pytest.fixture(scope="module")
def small() -> tuple[Any, list[bytes]]:
    return _tree(SIZE)


def _compare(tree: Any, get: HashSource, place: int, size: int) -> None:
    """The proof of the entry at a place, and of the tree that ends there, in the tree of that size."""
    root = tree.get_root(size)
    path = inclusion_path(get, place, size)
    assert tree.prove_inclusion(place + 1, size).path == [get(0, place), *path]
    verify_inclusion(get(0, place), place, size, path, root)
    old_root = tree.get_root(place + 1)
    verify_consistency(place + 1, old_root, size, root, consistency_path(get, place + 1, size))
    theirs = tree.prove_consistency(place + 1, size)
    pymerkle.verify_consistency(subtree_root(get, 0, place + 1), subtree_root(get, 0, size), theirs, place + 1, size)


def test_roots_are_the_same_for_every_size_to_three_hundred(small: tuple[Any, list[bytes]]):
    tree, leaves = small
    frontier = Frontier()
    for size in range(1, SIZE + 1):
        frontier.append(leaves[size - 1])
        assert tree.get_root(size) == root_of(leaves[:size]) == frontier.root()


def test_proofs_are_the_same_for_every_size_to_three_hundred(small: tuple[Any, list[bytes]]):
    tree, leaves = small
    for size in range(1, SIZE + 1):
        get = hashes_of(leaves[:size])
        for place in {0, 1, size // 3, size - 2, size - 1} & set(range(size)):
            _compare(tree, get, place, size)


@pytest.mark.long
def test_proofs_are_the_same_for_every_entry_of_every_size_to_three_hundred(small: tuple[Any, list[bytes]]):
    tree, leaves = small
    for size in range(1, SIZE + 1):
        get = hashes_of(leaves[:size])
        for place in range(size):
            _compare(tree, get, place, size)


@pytest.mark.long
def test_roots_and_proofs_are_the_same_for_random_sizes_to_a_hundred_thousand():
    chosen = random.Random(6962)
    tree, leaves = _tree(100_000)
    for size in [100_000, *(chosen.randint(SIZE, 100_000) for _ in range(20))]:
        get = hashes_of(leaves[:size])
        assert tree.get_root(size) == subtree_root(get, 0, size)
        for _ in range(3):
            _compare(tree, get, chosen.randrange(size), size)
