"""What is sealed for a field: one spelling, padded, with everything that is said about it."""

import pytest

from gateway.errors import Refused
from gateway.vault import contents
from gateway.vault.contents import STEP, Contents, Dispute
from gateway.vault.provenance import FieldStatus, Source, Superseded, UnavailableReason
from gateway.vault.texts import MAX_TEXT, free_text, record_reference
from keys.errors import BadEnvelope

FULL = Contents(
    value="13800138000",
    source=Source.GOVERNMENT_VERIFIED,
    collected_ms=1,
    updated_ms=2,
    last_updated_ms=3,
    source_department="civil",
    source_record="R-1",
    verified_ms=4,
    valid_until_ms=5,
    dispute=Dispute("错了", 6),
    restricted_ms=7,
    superseded_ms=8,
    superseded=Superseded.CORRECTED,
)
EMPTY = Contents(None, Source.NOT_APPLICABLE, 0, 0, unavailable=UnavailableReason.NOT_APPLICABLE)


@pytest.mark.parametrize("held", [FULL, EMPTY, FULL.but(dispute=None, superseded=None, superseded_ms=None)])
def test_what_is_written_is_read_back(held: Contents) -> None:
    assert contents.read(contents.write(held), collected_ms=0, updated_ms=0) == held


def test_length_shows_neither_a_dispute_nor_how_long_the_value_is() -> None:
    plain = FULL.but(dispute=None)
    assert len({len(contents.write(one)) for one in (plain, FULL, plain.but(value="x" * 90))}) == 1
    assert len(contents.write(FULL.but(value="长" * 200))) % STEP == 0


def test_an_envelope_from_before_is_read_as_entered_by_the_person() -> None:
    held = contents.read("王 13800138000".encode(), collected_ms=3, updated_ms=5)
    assert held == Contents("王 13800138000", Source.USER_PROVIDED, 3, 5, last_updated_ms=5)


@pytest.mark.parametrize(
    "plaintext",
    [b"", b"\x02{}", b"\x01", b"\x01{}", b'\x01{"source":"me","collected_ms":1,"updated_ms":1}', b"\x01[]", b"\x01{ }"],
)
def test_what_is_not_known_is_not_read(plaintext: bytes) -> None:
    with pytest.raises(BadEnvelope):
        contents.read(plaintext, collected_ms=0, updated_ms=0)


def test_nothing_about_the_person_is_in_the_repr() -> None:
    assert not [word for word in ("13800138000", "R-1", "错了") if word in repr(FULL)]


def test_the_status_says_the_strongest_thing() -> None:
    assert FULL.status is FieldStatus.SUPERSEDED
    current = FULL.but(superseded=None, superseded_ms=None)
    assert current.status is FieldStatus.RESTRICTED
    assert current.but(restricted_ms=None).status is FieldStatus.DISPUTED
    assert current.but(restricted_ms=None, dispute=None).status is FieldStatus.ACTIVE
    assert current.but(erased_ms=9).status is FieldStatus.ERASED


def test_a_validity_ends_after_its_last_moment() -> None:
    assert not FULL.expired(5)
    assert FULL.expired(6)
    assert not EMPTY.expired(1 << 60)


def test_a_text_is_one_visible_line() -> None:
    assert free_text("reason", "  wrong\n street\u200b\u202e \x00") == "wrong street"
    assert free_text("reason", "x" * MAX_TEXT) == "x" * MAX_TEXT


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "y" * (MAX_TEXT + 1), "y" * 100_000])
def test_a_text_that_is_empty_or_too_long_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Refused) as refused:
        free_text("reason", text)
    assert [violation.field for violation in refused.value.violations] == ["reason"]
    assert "yy" not in str(refused.value)


def test_a_record_reference_is_opaque_and_short() -> None:
    assert record_reference("record", "HZ/2020-7") == "HZ/2020-7"
    assert record_reference("record", "") == ""
    for text in ("a b", "记录", "x" * 129, "\n"):
        with pytest.raises(Refused):
            record_reference("record", text)
