"""Identifiers, values, masks and agreement files: properties that hold for any text."""

import contextlib
import unicodedata
from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from policies.agreements import BadAgreement, parse_agreement
from policies.identifiers import BadIdentifier, normalise, resident_id, uscc
from policies.masks import HIDDEN, mask_text
from policies.release import BadValue, canonicalise
from policies.resources import BadResource, update_cycle_ms
from policies.surnames import COMPOUND
from policies.vocabulary import DataType, Mask
from tests.support.policy_cases import AGREEMENT_TEXT

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
FULL_WIDTH = {ord(c): ord(c) + 0xFEE0 for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}

resident_ids = st.builds(
    lambda region, birth, sequence: resident_id(f"{region}{birth:%Y%m%d}{sequence:03d}"),
    st.integers(110_000, 990_000),
    st.dates(date(1800, 1, 1), date(2100, 1, 1)),
    st.integers(0, 999),
)
usccs = st.builds(
    lambda head, region, tail: uscc(f"{head}{region:06d}{tail}"),
    st.text(ALPHABET, min_size=2, max_size=2),
    st.integers(0, 999_999),
    st.text(ALPHABET, min_size=9, max_size=9),
)
identifiers = st.one_of(st.tuples(st.just("cn.resident-id"), resident_ids), st.tuples(st.just("cn.uscc"), usccs))


@settings(max_examples=200, deadline=None)
@given(identifiers, st.data())
def test_one_mistyped_character_is_always_noticed(identifier: tuple[str, str], data: st.DataObject) -> None:
    scheme, text = identifier
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(ALPHABET))
    assume(other != text[place])
    with pytest.raises(BadIdentifier):
        normalise(scheme, text[:place] + other + text[place + 1 :])


@settings(max_examples=200, deadline=None)
@given(identifiers, st.integers(0, 16))
def test_two_neighbours_exchanged_are_always_noticed(identifier: tuple[str, str], place: int) -> None:
    scheme, text = identifier
    assume(text[place] != text[place + 1])
    with pytest.raises(BadIdentifier):
        normalise(scheme, text[:place] + text[place + 1] + text[place] + text[place + 2 :])


@settings(max_examples=100, deadline=None)
@given(identifiers, st.integers(0, 18))
def test_every_spelling_of_an_identifier_has_one_canonical_text(identifier: tuple[str, str], place: int) -> None:
    scheme, text = identifier
    for spelling in (text, text.lower(), text.translate(FULL_WIDTH), f" {text[:place]} \u3000{text[place:]}\t"):
        assert normalise(scheme, spelling) == text


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["cn.resident-id", "cn.uscc", "cn.birth-certificate", "?"]), st.text(max_size=80))
def test_any_text_is_canonical_or_refused(scheme: str, text: str) -> None:
    with contextlib.suppress(BadIdentifier):
        canonical = normalise(scheme, text)
        assert canonical.isascii()
        assert normalise(scheme, canonical) == canonical


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(DataType), st.text(max_size=40) | st.text("0123456789-+,./年月日", max_size=12))
def test_a_canonical_value_stays_as_it_is(data_type: DataType, raw: str) -> None:
    try:
        value = canonicalise(data_type, raw)
    except BadValue:
        return
    assert value
    assert canonicalise(data_type, value) == value


@settings(max_examples=100, deadline=None)
@given(st.dates(), st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%Y.%m.%d"]))
def test_every_spelling_of_a_date_is_read_alike(day: date, spelling: str) -> None:
    text = spelling.replace("%Y", f"{day.year:04d}").replace("%m", f"{day.month:02d}").replace("%d", f"{day.day:02d}")
    assert canonicalise(DataType.DATE, text) == canonicalise(DataType.DATE, text.translate(FULL_WIDTH)) == f"{day}"


HAN = st.integers(0x4E00, 0x9FA5).map(chr)


@settings(max_examples=300, deadline=None)
@given(st.lists(HAN, min_size=1, max_size=6).map("".join) | st.sampled_from(sorted(COMPOUND)))
def test_a_chinese_name_never_shows_a_character_of_the_given_name(name: str) -> None:
    masked = mask_text(Mask.NAME, name)
    assert len(masked) == len(unicodedata.normalize("NFKC", name))
    shown = masked.rstrip("*")
    assert len(shown) < max(len(name), 2)
    assert len(shown) <= (2 if name[:2] in COMPOUND and len(name) > 2 else 1)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(Mask), st.text(max_size=60))
def test_a_mask_never_fails_and_never_shows_more_than_its_rule(mask: Mask, text: str) -> None:
    masked = mask_text(mask, text)
    assert "*" in masked
    shown = [c for c in masked if c.isalnum()]
    limit = {Mask.NAME: 2, Mask.IDENTIFIER: 5, Mask.PHONE: 7, Mask.BANK_ACCOUNT: 4, Mask.TEXT: 1, Mask.ADDRESS: 40}
    assert len(shown) <= limit[mask]
    if mask is not Mask.NAME:
        assert HIDDEN in masked


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30), st.text("北京上海市区县路街小镇乡号省自治旗12 ", max_size=60))
def test_an_address_shows_nothing_behind_a_digit(start: str, end: str) -> None:
    masked = mask_text(Mask.ADDRESS, start + end)
    assert masked.endswith(HIDDEN)
    assert not any(c.isdigit() for c in masked)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_agreement_is_refused_or_reads_as_another_one(data: st.DataObject) -> None:
    raw = bytearray(AGREEMENT_TEXT.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(raw) - 1))
        end = data.draw(st.integers(start, min(start + 20, len(raw))))
        raw[start:end] = data.draw(st.binary(max_size=6) | st.sampled_from([b'"', b"[", b"\n", b"= 1", b"true"]))
    with contextlib.suppress(BadAgreement):
        read = parse_agreement(bytes(raw))
        assert read.raw == bytes(raw)
        assert read.items
        assert read.purposes
        assert read.systems
        assert read.valid_from_ms < read.valid_until_ms


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_an_agreement_or_refused(raw: bytes) -> None:
    with pytest.raises(BadAgreement):
        parse_agreement(raw)


@settings(max_examples=200, deadline=None)
@given(st.text("P0123456789YMWDTHS", max_size=14))
def test_any_duration_is_positive_or_refused(text: str) -> None:
    with contextlib.suppress(BadResource):
        assert update_cycle_ms(text) > 0
