import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import BadProof
from keys.log.frontier import Frontier
from keys.log.merkle import (
    consistency_path,
    inclusion_path,
    leaf_hash,
    path_in,
    root_of,
    tree_levels,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(n.to_bytes(4, "big")) for n in range(600)]
sizes = st.integers(1, len(LEAVES))


def _rfc_6962_root(leaves: list[bytes]) -> bytes:
    """The recursive definition, word for word, as the second opinion."""
    from hashlib import sha256

    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + _rfc_6962_root(leaves[:split]) + _rfc_6962_root(leaves[split:])).digest()


@given(sizes)
def test_every_way_to_a_root_is_the_definition(size):
    edge = Frontier()
    for leaf in LEAVES[:size]:
        edge.append(leaf)
    assert edge.root() == root_of(LEAVES[:size]) == _rfc_6962_root(LEAVES[:size])
    assert Frontier.from_bytes(edge.to_bytes()).root() == edge.root()


@given(sizes, st.data())
def test_an_inclusion_proof_holds_where_it_was_made_and_nowhere_else(size, data):
    index = data.draw(st.integers(0, size - 1))
    root, path = root_of(LEAVES[:size]), inclusion_path(LEAVES, index, size)
    assert tuple(path) == path_in(tree_levels(LEAVES[:size]), index)
    verify_inclusion(LEAVES[index], index, size, path, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda one: one != index) if size > 1 else st.just(-1))
    with pytest.raises(BadProof):
        verify_inclusion(LEAVES[index], other, size, path, root)
    if path:
        place, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
        node = bytearray(path[place])
        node[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadProof):
            verify_inclusion(LEAVES[index], index, size, [*path[:place], bytes(node), *path[place + 1 :]], root)


@given(sizes, st.data())
def test_a_consistency_proof_shows_growth_and_never_a_rewritten_history(size, data):
    old = data.draw(st.integers(0, size))
    old_root, new_root = root_of(LEAVES[:old]), root_of(LEAVES[:size])
    path = consistency_path(LEAVES, old, size)
    verify_consistency(old, old_root, size, new_root, path)
    if old:
        changed = list(LEAVES[:size])
        changed[data.draw(st.integers(0, old - 1))] = leaf_hash(b"rewritten")
        forged = consistency_path(changed, old, size)
        with pytest.raises(BadProof):
            verify_consistency(old, old_root, size, root_of(changed), forged)


@given(st.lists(st.binary(min_size=31, max_size=33), max_size=12), st.integers(-2, 40), st.integers(-2, 40))
def test_arbitrary_proofs_are_refused_and_never_crash(path, one, other):
    with pytest.raises(BadProof):
        verify_inclusion(LEAVES[0], one, other, path, bytes(32))
    with pytest.raises(BadProof):
        verify_consistency(one, bytes(32), other, bytes([1] * 32), path)
