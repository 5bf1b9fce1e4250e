from hashlib import sha256

import pytest

from gateway.audit.tree import extend, frontier_at, root_at, row_hashes
from keys.log.frontier import Frontier
from keys.log.merkle import consistency_path, inclusion_path, root_of, verify_consistency, verify_inclusion

LEAVES = [sha256(bytes([number])).digest() for number in range(70)]


def _rows() -> list[bytes]:
    frontier = Frontier()
    return [extend(frontier, leaf) for leaf in LEAVES]


def test_rows_keep_every_complete_subtree_so_any_root_and_right_edge_is_found_again() -> None:
    rows = _rows()
    get = row_hashes(rows.__getitem__)
    for size in range(len(LEAVES) + 1):
        assert root_at(size, get) == root_of(LEAVES[:size]) == frontier_at(size, get).root()


def test_proofs_from_rows_verify_for_every_entry_and_every_pair_of_sizes() -> None:
    get = row_hashes(_rows().__getitem__)
    for size in range(1, 36):
        root = root_of(LEAVES[:size])
        for index in range(size):
            verify_inclusion(LEAVES[index], index, size, inclusion_path(get, index, size), root)
        for old in range(size + 1):
            verify_consistency(old, root_of(LEAVES[:old]), size, root, consistency_path(get, old, size))


def test_a_missing_row_or_hash_is_an_error_not_a_guess() -> None:
    rows = _rows()
    get = row_hashes(lambda index: None if index == 3 else rows[index][:32])
    with pytest.raises(LookupError):
        get(0, 3)
    with pytest.raises(LookupError):
        get(3, 0)
