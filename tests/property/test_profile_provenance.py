"""Which of two claims about a profile field stands, over claims of every kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.vault.provenance import Claim, Source, UnavailableReason, prevails

CLAIMS = st.builds(
    Claim,
    st.sampled_from(list(Source)),
    st.none() | st.integers(min_value=0, max_value=4),
    st.none() | st.sampled_from([reason for reason in UnavailableReason if reason != UnavailableReason.SOURCE_DOWN]),
)
OWN_WORD = st.builds(Claim, st.sampled_from([Source.USER_PROVIDED, Source.NOT_APPLICABLE]), st.integers(0, 1 << 50))
OF_A_DEPARTMENT = st.builds(Claim, st.just(Source.GOVERNMENT_VERIFIED), st.none() | st.integers(0, 4))


@pytest.mark.domain_check(number=1)
@given(OWN_WORD, OF_A_DEPARTMENT)
def test_domain_check_1_no_later_word_of_the_person_takes_the_place_of_a_departments(
    own: Claim, verified: Claim
) -> None:
    """Domain check 1: a government-verified field is not overwritten by a later user-provided value."""
    assert not prevails(own, verified)
    assert prevails(verified, own)
    assert not verified.source.editable


@given(CLAIMS, CLAIMS)
def test_of_two_claims_one_stands_whatever_the_order_unless_they_are_equally_strong(one: Claim, two: Claim) -> None:
    if one.strength == two.strength:
        assert prevails(one, two)
        assert prevails(two, one)
    else:
        assert prevails(one, two) != prevails(two, one)


@given(CLAIMS, CLAIMS, CLAIMS)
def test_what_prevails_over_what_prevails_prevails(one: Claim, two: Claim, three: Claim) -> None:
    if prevails(one, two) and prevails(two, three):
        assert prevails(one, three)


@given(st.lists(CLAIMS, min_size=1, max_size=6))
def test_what_stands_in_the_end_is_as_strong_as_the_strongest_whatever_the_order_of_arrival(
    claims: list[Claim],
) -> None:
    ends = set()
    for arriving in (claims, claims[::-1]):
        standing: Claim | None = None
        for claim in arriving:
            if prevails(claim, standing):
                standing = claim
        assert standing is not None
        ends.add(standing.strength)
    assert ends == {max(claim.strength for claim in claims)}


@given(CLAIMS, st.sampled_from(list(Source)), st.integers(0, 1 << 50))
def test_a_source_that_was_down_replaces_nothing(standing: Claim, source: Source, at_ms: int) -> None:
    down = Claim(source, at_ms, UnavailableReason.SOURCE_DOWN)
    assert not prevails(down, standing)
    assert prevails(down, None)


@given(st.sampled_from(list(Source)), st.integers(0, 4))
def test_a_record_of_unknown_age_is_never_newer_than_one_of_known_age(source: Source, at_ms: int) -> None:
    assert not prevails(Claim(source, None), Claim(source, at_ms))
    assert prevails(Claim(source, at_ms), Claim(source, None))
