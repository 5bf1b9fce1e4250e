"""Encrypted fields, both suites: nothing but the very envelope in its very place, under its very key, opens."""

import itertools
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keys.envelope import FieldCipher, Suite, open_field, seal_field
from keys.errors import BadEnvelope

HEADER = 9
# Parts of an envelope behind the header, by suite: nonce or salt, commitment; the rest is ciphertext and tag.
CUTS = {Suite.AES: (9, 21, 53), Suite.SM4: (9, 41, 73)}

suites = st.sampled_from(Suite)
data_keys = st.binary(min_size=32, max_size=32)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
places = st.fixed_dictionaries(
    {
        "person_id": st.binary(min_size=16, max_size=16),
        "field": names,
        "version": st.integers(0, 2**64 - 1),
        "key_id": st.integers(0, 2**32 - 1),
    }
)
values = st.binary(max_size=200)


def refused(key: bytes, envelope: bytes, place: dict[str, Any]) -> None:
    with pytest.raises(BadEnvelope):
        open_field(key, envelope=envelope, **place)


@given(data_keys, places, values, suites)
def test_a_field_opens_in_its_place(key, place, value, suite):
    envelope = seal_field(key, plaintext=value, suite=suite, **place)
    assert open_field(key, envelope=envelope, **place) == value
    assert len(envelope) == CUTS[suite][-1] + len(value) + 16


@pytest.mark.parametrize("suite", Suite, ids=lambda suite: suite.name)
@pytest.mark.parametrize("value", [b"", b"1", b"13800138000"], ids=len)
def test_no_byte_of_an_envelope_can_be_any_other(suite, value):
    # Every position, every other value.
    place = {"person_id": b"p" * 16, "field": "phone", "version": 1, "key_id": 1}
    key = b"k" * 32
    envelope = seal_field(key, plaintext=value, suite=suite, **place)
    for position in range(len(envelope)):
        for difference in range(1, 256):
            changed = bytearray(envelope)
            changed[position] ^= difference
            refused(key, bytes(changed), place)


@given(data_keys, places, values, suites, st.data())
def test_any_other_place_is_refused(key, place, value, suite, data):
    envelope = seal_field(key, plaintext=value, suite=suite, **place)
    part = data.draw(st.sampled_from(sorted(place)))
    other = data.draw(places)[part]
    assume(other != place[part])
    refused(key, envelope, place | {part: other})


@given(data_keys, places, values, suites, st.data())
def test_no_part_of_the_place_can_run_into_the_next(key, place, value, suite, data):
    # A field name that begins with what was the end of the version, and the like: lengths are fixed but for the name.
    envelope = seal_field(key, plaintext=value, suite=suite, **place)
    longer = data.draw(st.sampled_from([place["field"] + "x", "x" + place["field"], place["field"] * 2]))
    refused(key, envelope, place | {"field": longer})
    bit = data.draw(st.integers(0, 63))
    refused(key, envelope, place | {"version": place["version"] ^ 1 << bit})
    flipped = int.from_bytes(place["person_id"], "big") ^ 1 << data.draw(st.integers(0, 127))
    refused(key, envelope, place | {"person_id": flipped.to_bytes(16, "big")})
    refused(key, envelope, place | {"key_id": place["key_id"] ^ 1 << data.draw(st.integers(0, 31))})


@pytest.mark.domain_check(number=10)
@settings(max_examples=50)
@given(data_keys, places, values, suites)
def test_equal_values_never_look_alike(key, place, value, suite):
    many = [seal_field(key, plaintext=value, suite=suite, **place) for _ in range(8)]
    first, second, third = CUTS[suite]
    for start, end in ((first, second), (second, third), (third, None)):
        parts = {envelope[start:end] for envelope in many}
        assert len(parts) == len(many)


@given(data_keys, data_keys, places, places, values, suites)
def test_the_key_of_one_person_never_opens_the_field_of_another(key, other_key, place, other_place, value, suite):
    assume(key != other_key)
    envelope = seal_field(key, plaintext=value, suite=suite, **place)
    refused(other_key, envelope, place)
    refused(other_key, envelope, place | {"person_id": other_place["person_id"]})
    other = FieldCipher(other_key, person_id=other_place["person_id"], key_id=place["key_id"])
    with pytest.raises(BadEnvelope):
        other.open(place["field"], place["version"], envelope)


@given(data_keys, places, values, suites, st.data())
def test_a_truncated_or_extended_envelope_is_refused(key, place, value, suite, data):
    envelope = seal_field(key, plaintext=value, suite=suite, **place)
    refused(key, envelope[: data.draw(st.integers(0, len(envelope) - 1))], place)
    refused(key, envelope[data.draw(st.integers(1, len(envelope))) :], place)
    refused(key, envelope + data.draw(st.binary(min_size=1, max_size=40)), place)
    at = data.draw(st.integers(0, len(envelope)))
    refused(key, envelope[:at] + data.draw(st.binary(min_size=1, max_size=8)) + envelope[at:], place)


@given(data_keys, places, values, values, suites, suites, st.data())
def test_parts_of_two_envelopes_never_make_a_third(key, place, one, other, suite, other_suite, data):
    first = seal_field(key, plaintext=one, suite=suite, **place)
    second = seal_field(key, plaintext=other, suite=other_suite, **place)
    cuts = [0, *CUTS[suite], len(first)]
    other_cuts = [0, *CUTS[other_suite], len(second)]
    parts = [first[a:b] for a, b in itertools.pairwise(cuts)]
    other_parts = [second[a:b] for a, b in itertools.pairwise(other_cuts)]
    chosen = data.draw(st.lists(st.booleans(), min_size=4, max_size=4))
    mixed = b"".join(b if swap else a for a, b, swap in zip(parts, other_parts, chosen, strict=True))
    assume(mixed not in {first, second})
    refused(key, mixed, place)


@given(data_keys, places, values, suites, st.binary(min_size=HEADER, max_size=HEADER))
def test_no_other_header_opens(key, place, value, suite, header):
    envelope = seal_field(key, plaintext=value, suite=suite, **place)
    for other in (header, envelope[:4] + header[4:], envelope[:5] + header[5:]):
        if other != envelope[:HEADER]:
            refused(key, other + envelope[HEADER:], place)
    swapped = bytes([3 - suite])
    refused(key, envelope[:4] + swapped + envelope[5:], place)
