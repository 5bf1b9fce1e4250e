"""The keys of an agreement that say how often, how fast and about how many people it may be used.

Rules kept here: there is no "unlimited", and what is left out has a strict default; nobody is asked about more people
in a day than there are uses. What it does not do: it counts nothing (`policies.limits` has the arithmetic).
"""

from typing import Final, NamedTuple

from policies.agreements.obligations import Reader

KEYS: Final = frozenset({"rate_per_minute", "subjects_per_day"})
"""Those that may be left out."""
MAX_USES_PER_DAY: Final = 1_000_000
MAX_RATE_PER_MINUTE: Final = 100_000
DEFAULT_RATE_PER_MINUTE: Final = 600
"""When the agreement does not say: ten a second."""
DEFAULT_SUBJECTS_PER_DAY: Final = 10_000
"""When the agreement does not say, and its uses allow as many."""


class LimitKeys(NamedTuple):
    """How much an agreement may be used.

    Attributes:
        uses_per_day: Most uses in a civil day.
        rate_per_minute: Most uses a minute in the long run.
        subjects_per_day: Most people or companies asked about in a civil day.
    """

    uses_per_day: int
    rate_per_minute: int
    subjects_per_day: int

    def at_most(self, uses_per_day: int) -> "LimitKeys":
        """The same with no more uses, and so no more people, than that."""
        uses = min(self.uses_per_day, uses_per_day)
        return self._replace(uses_per_day=uses, subjects_per_day=min(self.subjects_per_day, uses))


def read_limits(reader: Reader) -> LimitKeys:
    """Read these keys.

    Args:
        reader: Of the file's top level.

    Returns:
        The limits, with defaults for what is left out.

    Raises:
        BadAgreement: A value breaks its rule.
    """
    uses = reader.number("uses_per_day", MAX_USES_PER_DAY)
    rate, subjects = DEFAULT_RATE_PER_MINUTE, min(uses, DEFAULT_SUBJECTS_PER_DAY)
    if "rate_per_minute" in reader.table:
        rate = reader.number("rate_per_minute", MAX_RATE_PER_MINUTE)
    if "subjects_per_day" in reader.table:
        subjects = reader.number("subjects_per_day", MAX_USES_PER_DAY)
        if subjects > uses:
            raise reader.bad("subjects_per_day", "must be at most uses_per_day")
    return LimitKeys(uses, rate, subjects)
