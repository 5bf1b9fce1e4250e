"""Blind indexes: lengths that keep both published rules or none at all, and values that tell as little as they should."""

import hashlib
import hmac
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.blind_index import BlindIndex, NoPlan, plan
from keys.errors import KeysError

KEY = b"k" * 32


def test_one_field_gets_the_fewest_bits_that_keep_both_rules() -> None:
    made = plan(1_000_000, {"phone": 1_000_000})
    assert made.bits == {"phone": 10}
    assert made.coincidences == 1_000_000 / 1024


def test_two_fields_are_planned_together_and_refused_together() -> None:
    made = plan(1_000_000, {"phone": 500_000, "email": 60_000})
    assert made.bits == {"email": 8, "phone": 10}
    with pytest.raises(NoPlan, match=r"email, phone: 20 bits together"):
        plan(1_000_000, {"phone": 1_000_000, "email": 1_000_000})


@pytest.mark.parametrize("values", [1, 2, 8, 63])
def test_a_field_of_few_values_is_refused(values: int) -> None:
    with pytest.raises(NoPlan, match="sex: needs 64"):
        plan(1_000_000, {"sex": values})


def test_more_values_than_rows_are_refused() -> None:
    with pytest.raises(NoPlan):
        plan(100, {"phone": 101})


def test_without_a_field_there_is_nothing_to_index() -> None:
    assert plan(10, {}).bits == {}


@given(st.integers(64, 10**10), st.lists(st.floats(0.0001, 1), min_size=1, max_size=3))
def test_every_plan_keeps_both_rules(rows: int, shares: list[float]) -> None:
    distinct = {f"field{n}": max(1, int(rows * share)) for n, share in enumerate(shares)}
    try:
        made = plan(rows, distinct)
    except NoPlan:
        return
    assert 2 <= rows / 2 ** sum(made.bits.values()) <= math.sqrt(rows)
    for field, values in distinct.items():
        assert math.sqrt(values) < 2 ** made.bits[field] < values / 2


def test_an_index_value_is_the_cut_hmac_of_field_and_value() -> None:
    whole = hmac.new(KEY, b"oncegate-blind-index-v1\x00phone\x0013800138000", hashlib.sha256).digest()
    assert BlindIndex(KEY, "phone", 10).value("13800138000") == int.from_bytes(whole, "big") >> 246
    assert BlindIndex(KEY, "phone", 32).value("13800138000") == int.from_bytes(whole[:4], "big")


def test_fields_and_keys_have_indexes_of_their_own() -> None:
    values = {
        BlindIndex(key, field, 32).value("same") for key in (KEY, b"l" * 32) for field in ("phone", "email", "phon")
    }
    assert len(values) == 6


def test_values_share_index_values_as_evenly_as_the_length_says() -> None:
    index = BlindIndex(KEY, "phone", 6)
    counted = Counter(index.value(str(13_800_000_000 + n)) for n in range(6400))
    assert set(counted) == set(range(64))
    assert max(counted.values()) < 200


@pytest.mark.parametrize(("key", "bits"), [(b"short", 8), (KEY, 0), (KEY, 33)])
def test_a_malformed_key_or_length_is_refused(key: bytes, bits: int) -> None:
    with pytest.raises(KeysError):
        BlindIndex(key, "phone", bits)


def test_an_index_shows_no_key() -> None:
    assert repr(BlindIndex(KEY, "phone", 8)) == "BlindIndex(8 bits)"
