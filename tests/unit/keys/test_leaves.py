from hashlib import sha256

import pytest

from keys.errors import BadProof
from keys.log.leaves import (
    NO_PERSON,
    accountability_commitment,
    entry_leaf_hash,
    leaf_data,
    person_commitment,
)
from keys.log.merkle import leaf_hash

SALT, OTHER = bytes([1] * 32), bytes([2] * 32)


def test_a_leaf_is_the_documented_pair_of_salted_commitments():
    expected = (
        b"oncegate-leaf-v1\x00"
        + sha256(b"acc\x00" + SALT + b"who").digest()
        + sha256(b"per\x00" + OTHER + b"whom").digest()
    )
    data = leaf_data(accountability_commitment(SALT, b"who"), person_commitment(OTHER, b"whom"))
    assert data == expected
    assert entry_leaf_hash(SALT, b"who", OTHER, b"whom") == leaf_hash(expected)


def test_an_entry_about_no_person_has_zeros_in_the_persons_place():
    assert leaf_data(bytes(32))[-32:] == NO_PERSON == bytes(32)
    assert entry_leaf_hash(SALT, b"who") == leaf_hash(leaf_data(accountability_commitment(SALT, b"who")))


def test_an_erased_person_part_leaves_the_leaf_as_it_was():
    before = entry_leaf_hash(SALT, b"who", OTHER, b"whom")
    kept = person_commitment(OTHER, b"whom")
    assert leaf_hash(leaf_data(accountability_commitment(SALT, b"who"), kept)) == before


def test_parts_salts_and_places_are_told_apart():
    leaves = {
        entry_leaf_hash(SALT, b"who", OTHER, b"whom"),
        entry_leaf_hash(OTHER, b"who", SALT, b"whom"),
        entry_leaf_hash(SALT, b"whom", OTHER, b"who"),
        entry_leaf_hash(SALT, b"who", OTHER, b""),
        entry_leaf_hash(SALT, b"who"),
        leaf_hash(leaf_data(person_commitment(SALT, b"who"), accountability_commitment(OTHER, b"whom"))),
    }
    assert len(leaves) == 6


def test_malformed_salts_and_commitments_are_refused():
    for make in (
        lambda: accountability_commitment(b"", b"who"),
        lambda: person_commitment(SALT + b"x", b"whom"),
        lambda: entry_leaf_hash(SALT, b"who", b"", b"whom"),
        lambda: leaf_data(bytes(31)),
        lambda: leaf_data(bytes(32), b""),
    ):
        with pytest.raises(BadProof):
            make()
