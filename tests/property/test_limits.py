"""The rate's arithmetic against what it promises, for any rate and any arrivals."""

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from policies.civil_time import civil_day, day_begins_ms, next_day_ms
from policies.limits import MINUTE_US, arrive, burst

NOW_MS = 1_800_000_000_000
rates = st.integers(1, 100_000)
gaps = st.lists(st.one_of(st.just(0), st.integers(0, 200), st.integers(0, 70_000)), min_size=1, max_size=300)


def conforming(rate: int, waits: list[int], slack_ms: int = 0) -> list[int]:
    """Times, Unix ms, of the arrivals that conform."""
    next_us, now, kept = 0, NOW_MS, []
    for wait in waits:
        now += wait
        arrival = arrive(next_us, now, rate, slack_ms=slack_ms)
        next_us = arrival.next_us
        if arrival.conforms:
            kept.append(now)
    return kept


@given(rates, gaps)
def test_no_stretch_of_time_has_more_than_a_burst_and_what_the_rate_allows(rate: int, waits: list[int]) -> None:
    kept = conforming(rate, waits)
    for first, begun in enumerate(kept):
        for length_ms in (0, 1, 500, 1_000, 60_000, 3_600_000):
            inside = bisect_right(kept, begun + length_ms) - first
            assert inside <= burst(rate) + length_ms * 1000 * rate / MINUTE_US


@given(rates, gaps)
def test_who_waits_as_told_conforms_and_who_waits_less_does_not(rate: int, waits: list[int]) -> None:
    next_us, now = 0, NOW_MS
    for wait in waits:
        now += wait
        arrival = arrive(next_us, now, rate)
        if not arrival.conforms:
            assert arrival.wait_ms > 0
            assert arrive(arrival.next_us, now + arrival.wait_ms, rate).conforms
            assert not arrive(arrival.next_us, now + arrival.wait_ms - 1, rate).conforms
        next_us = arrival.next_us


@given(rates)
def test_a_burst_goes_through_at_once_and_nothing_more(rate: int) -> None:
    assert len(conforming(rate, [0] * (burst(rate) + 5) if rate < 3_000 else [0])) == (
        burst(rate) if rate < 3_000 else 1
    )
    assert 1 <= burst(rate) <= rate


@given(rates, st.integers(1, 400_000_000))
def test_a_clock_that_is_set_back_blocks_for_no_longer_than_one_interval(rate: int, back_ms: int) -> None:
    next_us = 0
    for _ in range(20):
        next_us = arrive(next_us, NOW_MS, rate).next_us
    arrival = arrive(next_us, NOW_MS - back_ms, rate)
    assert arrival.conforms or arrival.wait_ms <= MINUTE_US // rate // 1000 + 1


@given(rates, gaps, st.integers(1, 10_000))
def test_bunching_within_the_slack_loses_nothing_that_conformed_before(rate: int, waits: list[int], slack: int) -> None:
    kept = conforming(rate, waits)
    next_us = 0
    for sent in kept:
        # Held up until the next multiple of the slack, so that they come in bunches.
        at = -(-sent // slack) * slack
        arrival = arrive(next_us, at, rate, slack_ms=slack)
        assert arrival.conforms
        next_us = arrival.next_us


@given(st.integers(0, 2**42))
def test_a_day_begins_where_the_one_before_ends(now_ms: int) -> None:
    day = civil_day(now_ms)
    assert day_begins_ms(day) <= now_ms < day_begins_ms(day + 1)
    assert civil_day(now_ms + next_day_ms(now_ms)) == day + 1
    assert civil_day(now_ms + next_day_ms(now_ms) - 1) == day


def test_the_day_begins_at_midnight_in_china() -> None:
    assert next_day_ms(1_800_000_000_000) == 8 * 3_600_000  # 2027-01-15T08:00:00Z, 16:00 in China
