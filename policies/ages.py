"""Ages in full years.

An age is counted by the Civil Code of the PRC, arts. 201-203: the day of birth does not count, and a year ends with the
corresponding day of its last month, or where there is none with that month's last day. So an age is reached on the day
*after* the birthday (as art. 2 of 法释〔2006〕1号 says for 周岁), and whoever is born on 29 February reaches every age
on 1 March.

Rules kept here: time is an argument. Fails closed: a day on which nobody alive may be born is no day of birth, and
gives neither yes nor no.
"""

from calendar import monthrange
from datetime import date, timedelta
from typing import Final

from policies.release import BadValue

OLDEST_AGE: Final = 150
"""Oldest age, years, that is asked about or believed."""
_LAST_YEAR: Final = 9999


def age_reached(born: date, years: int) -> date | None:
    """The first day on which somebody is so many full years old; None beyond the calendar. See the module.

    Args:
        born: Day of birth.
        years: At least 1.
    """
    year = born.year + years
    if year > _LAST_YEAR:
        return None
    last_day = date(year, born.month, min(born.day, monthrange(year, born.month)[1]))
    return None if last_day == date.max else last_day + timedelta(days=1)


def is_of_age(born: date, years: int, today: date) -> bool:
    """Whether somebody is so many full years old.

    Args:
        born: Day of birth.
        years: 1 to `OLDEST_AGE`.
        today: The civil day.

    Raises:
        BadValue: The day lies ahead, or more than `OLDEST_AGE` years back: 0001-01-01, 1753-01-01 and 9999-12-31 are
            how systems write that they do not know, and must be neither old nor young.
    """
    beyond = age_reached(born, OLDEST_AGE + 1)
    if born > today or (beyond is not None and beyond <= today):
        raise BadValue("must be a day on which somebody alive may be born")
    reached = age_reached(born, years)
    return reached is not None and reached <= today
