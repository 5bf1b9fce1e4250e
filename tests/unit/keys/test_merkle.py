import pytest

from keys.errors import BadProof
from keys.log.frontier import Frontier
from keys.log.merkle import (
    EMPTY_ROOT,
    consistency_path,
    hashes_of,
    inclusion_path,
    leaf_hash,
    path_in,
    root_from_path,
    root_of,
    subtree_root,
    tree_levels,
    verify_consistency,
    verify_inclusion,
)

# The reference tree of the Certificate Transparency project (RFC 6962's authors), used by many implementations.
INPUTS = [
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(data) for data in INPUTS]


def test_roots_are_those_of_the_reference_tree():
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [root_of(LEAVES[:size]).hex() for size in range(1, 9)] == ROOTS


def test_inclusion_proofs_are_those_of_the_reference_tree():
    proofs = {
        (0, 1): [],
        (0, 8): [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
        (5, 8): [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
        (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
        (1, 5): [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    }
    for (index, size), expected in proofs.items():
        assert [node.hex() for node in inclusion_path(LEAVES, index, size)] == expected


def test_consistency_proofs_are_those_of_the_reference_tree():
    proofs = {
        (1, 1): [],
        (1, 8): [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
        (6, 8): [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
        (2, 5): [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    }
    for (old, new), expected in proofs.items():
        assert [node.hex() for node in consistency_path(LEAVES, old, new)] == expected


def test_every_proof_of_every_small_tree_holds():
    leaves = [leaf_hash(bytes([n])) for n in range(33)]
    for size in range(1, 34):
        root, levels = root_of(leaves[:size]), tree_levels(leaves[:size])
        for index in range(size):
            path = inclusion_path(leaves, index, size)
            assert tuple(path) == path_in(levels, index)
            verify_inclusion(leaves[index], index, size, path, root)
        for old in range(size + 1):
            verify_consistency(old, root_of(leaves[:old]), size, root, consistency_path(leaves, old, size))


def test_proofs_come_from_stored_subtrees_without_reading_leaves_again():
    leaves = [leaf_hash(n.to_bytes(4, "big")) for n in range(1000)]
    edge, stored, asked = Frontier(), {}, []
    for leaf in leaves:
        stored.update({(tree.level, tree.position): tree.hash for tree in edge.append(leaf)})

    def get(level, index):
        asked.append((level, index))
        return stored[level, index]

    assert inclusion_path(get, 777, 1000) == inclusion_path(leaves, 777, 1000)
    assert consistency_path(get, 300, 1000) == consistency_path(leaves, 300, 1000)
    assert subtree_root(get, 0, 1000) == edge.root() == root_of(leaves)
    assert len(asked) < 60


def test_a_proof_of_a_leaf_that_is_not_there_cannot_be_asked_for():
    for index, size in ((-1, 8), (8, 8), (0, 0), (8, 9)):
        with pytest.raises(BadProof):
            inclusion_path(LEAVES, index, size)
    for old, new in ((2, 1), (-1, 1), (5, 9)):
        with pytest.raises(BadProof):
            consistency_path(LEAVES, old, new)


def _refused(leaf, index, size, path, root):
    with pytest.raises(BadProof):
        verify_inclusion(leaf, index, size, path, root)


@pytest.mark.parametrize(("index", "size"), [(0, 8), (5, 8), (6, 7), (4, 5), (2, 3), (0, 1)])
def test_an_inclusion_proof_holds_for_nothing_else(index, size):
    root, path = root_of(LEAVES[:size]), inclusion_path(LEAVES, index, size)
    _refused(leaf_hash(b"other"), index, size, path, root)
    _refused(LEAVES[index][:31], index, size, path, root)
    _refused(LEAVES[index], index, size, path, bytes(32))
    _refused(LEAVES[index], -1, size, path, root)
    _refused(LEAVES[index], size, size, path, root)
    _refused(LEAVES[index], index, size, [*path, bytes(32)], root)
    for wrong in {0, 1, 2, 3, 4, 5, 6, 7} - {index}:
        _refused(LEAVES[index], wrong, size, path, root)
    for position in range(len(path)):
        _refused(LEAVES[index], index, size, path[:position] + path[position + 1 :], root)
        _refused(LEAVES[index], index, size, [*path[:position], bytes(32), *path[position + 1 :]], root)
        _refused(LEAVES[index], index, size, [*path[:position], b"", *path[position + 1 :]], root)


@pytest.mark.parametrize(("old", "new"), [(1, 8), (6, 8), (2, 5), (4, 7), (7, 8), (3, 4)])
def test_a_consistency_proof_holds_for_nothing_else(old, new):
    old_root, new_root, path = root_of(LEAVES[:old]), root_of(LEAVES[:new]), consistency_path(LEAVES, old, new)
    verify_consistency(old, old_root, new, new_root, path)
    wrongs = [
        (old, bytes(32), new, new_root, path),
        (old, old_root, new, bytes(32), path),
        (old, new_root, new, old_root, path),
        (new, new_root, old, old_root, path),
        (old, old_root, new, new_root, []),
        (old, old_root, new, new_root, [*path, bytes(32)]),
        (old, old_root, new, new_root, path[1:]),
        (old, old_root, new, new_root, path[:-1]),
        (old, old_root, new, new_root, [bytes(32), *path[1:]]),
        (old, old_root, new, new_root, [path[0][:31], *path[1:]]),
        (-1, old_root, new, new_root, path),
    ]
    for wrong in wrongs:
        with pytest.raises(BadProof):
            verify_consistency(*wrong)


def test_equal_and_empty_trees_need_no_hashes_and_admit_none():
    root = root_of(LEAVES)
    verify_consistency(8, root, 8, root, [])
    verify_consistency(0, EMPTY_ROOT, 8, root, [])
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    for wrong in (
        (8, root, 8, bytes(32), []),
        (0, root, 8, root, []),
        (8, root, 8, root, [root]),
        (0, EMPTY_ROOT, 8, root, [root]),
    ):
        with pytest.raises(BadProof):
            verify_consistency(*wrong)


def test_a_leaf_cannot_pass_for_an_inner_node():
    # Second preimage across levels: the two children of the root, taken as data of a leaf, give another root.
    left, right = root_of(LEAVES[:4]), root_of(LEAVES[4:])
    assert root_from_path(leaf_hash(left + right), 0, 1, []) != root_of(LEAVES)


def test_the_right_edge_gives_the_root_of_every_size():
    edge = Frontier()
    assert edge.root() == EMPTY_ROOT
    for size, leaf in enumerate(LEAVES, start=1):
        finished = edge.append(leaf)
        assert (finished[0].level, finished[0].position, finished[0].hash) == (0, size - 1, leaf)
        for tree in finished:
            assert tree.hash == hashes_of(LEAVES[:size])(tree.level, tree.position)
        assert edge.size == size
        assert edge.root().hex() == ROOTS[size - 1]


def test_the_right_edge_grows_by_hashes_alone_as_by_subtrees():
    one, other = Frontier(), Frontier()
    for leaf in LEAVES:
        assert one.extend(leaf) == b"".join(tree.hash for tree in other.append(leaf))
        assert one.to_bytes() == other.to_bytes()
    with pytest.raises(BadProof):
        one.extend(LEAVES[0][:-1])
    assert one.to_bytes() == other.to_bytes()


def test_the_right_edge_survives_being_stored():
    edge = Frontier()
    for leaf in LEAVES[:7]:
        edge.append(leaf)
    again = Frontier.from_bytes(edge.to_bytes())
    assert (again.size, again.root()) == (7, edge.root())
    again.append(LEAVES[7])
    assert again.root().hex() == ROOTS[7]
    assert edge.size == 7


def test_a_copy_of_the_right_edge_grows_alone():
    edge = Frontier()
    edge.append(LEAVES[0])
    edge.copy().append(LEAVES[1])
    assert (edge.size, edge.root()) == (1, LEAVES[0])


def test_a_malformed_right_edge_is_refused():
    edge = Frontier()
    for leaf in LEAVES[:7]:
        edge.append(leaf)
    raw = edge.to_bytes()
    for wrong in (
        b"",
        raw[:7],
        raw[:-1],
        raw[:-32],
        raw + bytes(32),
        bytes(8) + bytes(32),
        (8).to_bytes(8, "big") + raw[8:],
    ):
        with pytest.raises(BadProof):
            Frontier.from_bytes(wrong)
    with pytest.raises(BadProof):
        Frontier(-1)
    with pytest.raises(BadProof):
        edge.append(b"short")
    assert edge.size == 7
