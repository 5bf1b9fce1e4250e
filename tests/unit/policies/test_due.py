"""Periods of working days: the day of arrival does not count, holidays neither, worked weekends do."""

from datetime import UTC, date, datetime

import pytest

from policies.agreements.due import LONGEST_DAYS, Calendar, Turn, days_left, due_ms, late_days, working_days

# National Day 2026: 1 to 7 October off, 10 October (a Saturday) worked.
CALENDAR = Calendar(
    holidays=frozenset(date(2026, 10, day) for day in range(1, 8)),
    workdays=frozenset({date(2026, 10, 10)}),
)


def civil(day: int, hour: int = 10, month: int = 9) -> int:
    return int(datetime(2026, month, day, hour, tzinfo=UTC).timestamp() * 1000) - 8 * 3_600_000


@pytest.mark.parametrize(
    ("since", "days", "until"),
    [
        (civil(1), 1, civil(3, 0)),
        (civil(1, 0), 1, civil(3, 0)),
        (civil(1, 23), 1, civil(3, 0)),
        (civil(4), 1, civil(8, 0)),
        (civil(5), 1, civil(8, 0)),
        (civil(1), 10, civil(16, 0)),
        (civil(30), 1, civil(9, 0, 10)),
        (civil(30), 2, civil(10, 0, 10)),
        (civil(30), 3, civil(11, 0, 10)),
        (civil(30), 4, civil(13, 0, 10)),
    ],
)
def test_a_period_ends_with_its_last_working_day(since: int, days: int, until: int) -> None:
    assert due_ms(since, days, CALENDAR) == until
    assert late_days(until, until - 1, CALENDAR) is None
    assert late_days(until, until, CALENDAR) is not None


def test_lateness_is_counted_in_working_days_begun() -> None:
    due = due_ms(civil(3), 1, CALENDAR)
    assert due == civil(5, 0)
    told = [late_days(due, civil(day), CALENDAR) for day in range(4, 10)]
    assert told == [None, 0, 0, 1, 2, 3]


def test_civil_time_decides_which_day_it_is() -> None:
    just_before_midnight = civil(1, 23)
    assert CALENDAR.day_of(just_before_midnight) == date(2026, 9, 1)
    assert CALENDAR.day_of(just_before_midnight + 3_600_000) == date(2026, 9, 2)


def test_a_day_in_both_lists_is_a_holiday() -> None:
    both = Calendar(holidays=frozenset({date(2026, 9, 5)}), workdays=frozenset({date(2026, 9, 5)}))
    assert not both.is_worked(date(2026, 9, 5))


def test_earlier_turns_of_the_same_party_use_its_days_up_and_the_others_do_not() -> None:
    turns = [Turn("provider", civil(1), civil(4)), Turn("consumer", civil(4), civil(14)), Turn("provider", civil(14))]
    assert days_left(turns, 5, CALENDAR) == 2
    assert days_left(turns[:2], 5, CALENDAR) == 0
    assert days_left([], 5, CALENDAR) == 0
    assert days_left([*turns[:1], Turn("consumer", civil(4))], 5, CALENDAR) == 5


def test_there_is_always_one_more_day_to_answer() -> None:
    turns = [Turn("provider", civil(1), civil(25)), Turn("consumer", civil(25), civil(28)), Turn("provider", civil(28))]
    assert days_left(turns, 5, CALENDAR) == 1


@pytest.mark.parametrize("days", [0, -1, LONGEST_DAYS + 1])
def test_a_period_out_of_range_is_refused(days: int) -> None:
    with pytest.raises(ValueError, match="working days"):
        due_ms(civil(1), days, CALENDAR)


def test_holidays_without_end_do_not_keep_a_period_open_for_ever() -> None:
    idle = Calendar(holidays=frozenset(date.fromordinal(date(2026, 9, 1).toordinal() + n) for n in range(4000)))
    assert due_ms(civil(1), 1, idle) < civil(1) + 3700 * 86_400_000
    assert working_days(civil(1), civil(1) + 5000 * 86_400_000, idle) == 0
