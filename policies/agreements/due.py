"""By when a party has to answer, in working days.

Rules kept here: the day on which something arrives does not count; a period ends with the end of its last working day,
in the exchange's civil time; holidays are no working days and a weekend day on which people work in their stead is one.
Time that the other party took does not count against whoever is waited for. A date past due is a fact to be told, and
never an answer: nothing here grants or refuses.

What it does not do: it reads no clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from policies.civil_time import civil_date, day_begins_ms

LONGEST_DAYS: Final = 250
"""Most working days that a period may have: about a year."""
_EPOCH: Final = date(1970, 1, 1)
_SATURDAY: Final = 5
_FARTHEST_DAYS: Final = 3660


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked.

    Args:
        holidays: Weekdays on which nobody works.
        workdays: Weekend days on which people work, as holidays are moved.
    """

    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()

    def is_worked(self, day: date) -> bool:
        """Whether a day is a working day; a day in both lists is a holiday."""
        if day in self.holidays:
            return False
        return day.weekday() < _SATURDAY or day in self.workdays

    def day_of(self, ms: int) -> date:
        """The civil day of a moment."""
        return civil_date(ms)

    def end_of(self, day: date) -> int:
        """First moment behind a civil day, Unix ms."""
        return day_begins_ms((day - _EPOCH).days + 1)


@dataclass(frozen=True, slots=True)
class Turn:
    """A time in which one party was waited for.

    Args:
        party: Who.
        since_ms: From when, Unix ms.
        until_ms: Until when; None while it lasts.
    """

    party: str
    since_ms: int
    until_ms: int | None = None


def due_ms(since_ms: int, days: int, calendar: Calendar) -> int:
    """When a period of working days is over.

    Args:
        since_ms: When it began, Unix ms; that day does not count.
        days: Working days, 1 to 250.
        calendar: Which days are worked.

    Returns:
        The first moment that is too late, Unix ms.

    Raises:
        ValueError: The number of days is out of range.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise ValueError(f"a period has 1 to {LONGEST_DAYS} working days")
    day = calendar.day_of(since_ms)
    left = days
    for _ in range(_FARTHEST_DAYS):
        day += timedelta(days=1)
        left -= calendar.is_worked(day)
        if not left:
            break
    # Ten years of holidays: the period ends with them, rather than never.
    return calendar.end_of(day)


def working_days(since_ms: int, until_ms: int, calendar: Calendar) -> int:
    """Working days begun behind the civil day of one moment, up to and with that of another; at most ten years of them.

    Args:
        since_ms: From; its day does not count.
        until_ms: To; its day counts.
        calendar: Which days are worked.
    """
    first, last = calendar.day_of(since_ms), calendar.day_of(until_ms)
    span = min((last - first).days, _FARTHEST_DAYS)
    return sum(calendar.is_worked(first + timedelta(days=n)) for n in range(1, span + 1))


def late_days(due: int, now_ms: int, calendar: Calendar) -> int | None:
    """By how many working days something is late.

    Args:
        due: The first moment that is too late, Unix ms.
        now_ms: Now, Unix ms.
        calendar: Which days are worked.

    Returns:
        None while it is not late; 0 when it is and no working day has begun since.
    """
    return None if now_ms < due else working_days(due - 1, now_ms, calendar)


def days_left(turns: Sequence[Turn], days: int, calendar: Calendar) -> int:
    """Working days that the party which is waited for has: its earlier turns in the same talk use them up.

    Args:
        turns: All turns of the talk, in order; the last one lasts.
        days: Working days that the party has for the whole talk.
        calendar: Which days are worked.

    Returns:
        The days from the beginning of the last turn on; there is always one. 0 when nobody is waited for.
    """
    if not turns or turns[-1].until_ms is not None:
        return 0
    used = sum(
        working_days(turn.since_ms, turn.until_ms, calendar)
        for turn in turns[:-1]
        if turn.party == turns[-1].party and turn.until_ms is not None
    )
    return max(1, days - used)
