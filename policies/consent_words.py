"""The closed words of consents and how often data may be fetched under one; agreements use them too."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DAY_MS: Final = 86_400_000
MAX_DATA_LIFE_DAYS: Final = 36_600
MAX_REPEATS: Final = 100_000
MAX_VALUE: Final = 366
RELATION_PATTERN: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
"""How a delegate stands to the subject, such as `guardian`; which words count, issuers and settings say."""
_HOUR_MS: Final = 3_600_000


class Mode(StrEnum):
    """What the consumer may do with what it gets."""

    VIEW = "view"
    """Show it to the official in charge; nothing is kept."""
    STORE = "store"
    """Keep it for the data life."""
    QUERY = "query"
    """Decide with it, and keep the decision only."""


class Fetch(StrEnum):
    """How often data may be fetched."""

    ONCE = "once"
    PERIODIC = "periodic"


class Unit(StrEnum):
    """Units of a frequency. A month counts 30 days and a year 365, so that everyone counts alike."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"

    @property
    def length_ms(self) -> int:
        """Milliseconds."""
        return _LENGTHS[self]


@dataclass(frozen=True, slots=True)
class Frequency:
    """At most `repeats` uses in each stretch of `value` units, counted from the consent's first moment."""

    unit: Unit
    value: int
    repeats: int

    @property
    def stretch_ms(self) -> int:
        """Length of one stretch, milliseconds."""
        return self.unit.length_ms * self.value

    def no_more_than(self, other: "Frequency") -> bool:
        """Whether it allows no more than another one: no shorter stretch with no more uses in it."""
        return self.stretch_ms >= other.stretch_ms and self.repeats <= other.repeats


class Proof(StrEnum):
    """Whose word a consent needs before a node releases under it."""

    REQUIRED = "required"
    """The person's own: an issuer's token over the consent, or a key bound by one."""
    GATEWAY = "gateway"
    """The gateway's is enough."""


class Locale(StrEnum):
    """Languages of a notice."""

    ZH = "zh-CN"
    EN = "en"


_LENGTHS: Final = {
    Unit.HOUR: _HOUR_MS,
    Unit.DAY: DAY_MS,
    Unit.WEEK: 7 * DAY_MS,
    Unit.MONTH: 30 * DAY_MS,
    Unit.YEAR: 365 * DAY_MS,
}
