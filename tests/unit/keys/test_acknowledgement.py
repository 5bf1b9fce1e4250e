"""A batch of acknowledgements has one spelling, bounds, and the words that the SDK uses."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import canonical
from keys.acknowledgement import (
    LARGEST_STATEMENT,
    MOST_ACKNOWLEDGEMENTS,
    MOST_RECEIVED,
    WRONG,
    Acknowledgement,
    BadAcknowledgement,
    Statement,
    read_statement,
    sign_statement,
)
from keys.errors import BadSignature
from keys.signing import ACKNOWLEDGEMENT, REQUEST, SigningKey
from nodes.consumer.distrust import Distrust

ONE = Acknowledgement(7, b"r" * 32, (b"a" * 32, b"b" * 32))
BATCH = Statement("spiffe://city.test/department/education/system/school", "city.test", 1, (ONE,))

digests = st.binary(min_size=32, max_size=32)
acknowledgements = st.builds(
    Acknowledgement,
    st.integers(0, (1 << 53) - 1),
    digests,
    st.lists(digests, unique=True, max_size=4).map(lambda found: tuple(sorted(found))),
    st.sampled_from(["", *sorted(WRONG)]),
)


@given(st.lists(acknowledgements, min_size=1, max_size=8, unique_by=lambda one: one.entry))
def test_what_is_written_is_read_back_and_written_the_same(said: list[Acknowledgement]) -> None:
    batch = replace(BATCH, acknowledgements=tuple(said))
    assert read_statement(batch.to_bytes()) == batch
    assert read_statement(batch.to_bytes()).to_bytes() == batch.to_bytes()
    assert canonical.write(canonical.read(batch.to_bytes())) == batch.to_bytes()


@given(st.data())
def test_any_changed_byte_is_another_statement_or_none(data: st.DataObject) -> None:
    raw = bytearray(BATCH.to_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        assert read_statement(bytes(raw)) != BATCH
    except BadAcknowledgement as error:
        assert error.rule  # noqa: PT017 - both ends are fine


def test_the_largest_batch_of_two_receipts_each_fits() -> None:
    said = tuple(replace(ONE, entry=(1 << 53) - 1 - n) for n in range(MOST_ACKNOWLEDGEMENTS))
    largest = read_statement(replace(BATCH, acknowledgements=said[:200]).to_bytes())
    assert len(largest.acknowledgements) == 200
    with pytest.raises(BadAcknowledgement, match=str(LARGEST_STATEMENT)):
        read_statement(replace(BATCH, acknowledgements=said).to_bytes())


def test_the_order_in_which_receipts_came_plays_no_part() -> None:
    assert replace(ONE, received=ONE.received[::-1]).said == ONE.said
    assert replace(ONE, wrong="SEALED").said != ONE.said
    assert replace(ONE, entry=8).said != ONE.said


def test_the_words_for_what_was_wrong_are_those_of_the_sdk() -> None:
    assert {str(reason) for reason in Distrust} == WRONG


def test_too_many_receipts_and_long_names_are_refused() -> None:
    many = tuple(n.to_bytes(32, "big") for n in range(MOST_RECEIVED + 1))
    for broken, field in (
        (replace(BATCH, acknowledgements=(replace(ONE, received=many),)), "acknowledgements[0].received"),
        (replace(BATCH, system="s" * 513), "system"),
        (replace(BATCH, trust_domain=""), "trust_domain"),
        (replace(BATCH, time_ms=-1), "time_ms"),
    ):
        with pytest.raises(BadAcknowledgement) as caught:
            read_statement(broken.to_bytes())
        assert caught.value.field == field


def test_a_batch_is_signed_for_nothing_else() -> None:
    key = SigningKey.generate()
    body, signature = sign_statement(key, BATCH)
    key.verify_key.verify(ACKNOWLEDGEMENT, body, signature)
    with pytest.raises(BadSignature):
        key.verify_key.verify(REQUEST, body, signature)
