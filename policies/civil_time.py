"""The exchange's civil day: China Standard Time, UTC+8, which has no summer time.

What it does not do: it knows no clock; moments are arguments.
"""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

DAY_MS: Final = 86_400_000
_OFFSET_MS: Final = 8 * 3_600_000
_ZONE: Final = timezone(timedelta(milliseconds=_OFFSET_MS))


def civil_day(now_ms: int) -> int:
    """Days since 1970-01-01 in civil time.

    Args:
        now_ms: Unix time in milliseconds, UTC.
    """
    return (now_ms + _OFFSET_MS) // DAY_MS


def civil_date(now_ms: int) -> date:
    """The date in civil time.

    Args:
        now_ms: Unix time in milliseconds, UTC.
    """
    return datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(_ZONE).date()


def day_begins_ms(day: int) -> int:
    """When a civil day begins, Unix milliseconds, UTC."""
    return day * DAY_MS - _OFFSET_MS


def next_day_ms(now_ms: int) -> int:
    """Milliseconds until the next civil day begins; from 1 to a whole day."""
    return day_begins_ms(civil_day(now_ms) + 1) - now_ms
