"""The `[emergency]` table of an agreement: what a provider has approved beforehand for a declared emergency.

Rules kept here: fails closed. An agreement with this table serves declared emergencies and nothing else, one without it
never serves one, and does not list the purpose `emergency_response`, which nobody would review there. It rests on a
mandate, needs an identified official, has few uses a day, a date for the review, and tells the person at once unless it
cites the law that delays this and says for how long. Unknown keys are refused.

What it does not do: it does not declare an emergency, and it does not review one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from policies.agreements.due import Calendar, due_ms
from policies.emergencies import known
from policies.plain import is_plain
from policies.vocabulary import LegalBasis

KEY: Final = "emergency"
PURPOSE: Final = "emergency_response"
"""The purpose that only an agreement with this table may list."""
MAX_REASONS: Final = 32
MAX_REVIEW_HOURS: Final = 720
MAX_REVIEW_DAYS: Final = 30
MAX_USES_PER_DAY: Final = 100
MAX_NOTICE_DAYS: Final = 366
MAX_LAW: Final = 300
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
_REQUIRED: Final = frozenset({"reasons", "uses_per_day", "notify_person"})
_KNOWN: Final = _REQUIRED | {"review_hours", "review_working_days", "notify_after_days"}


class Refuse(Protocol):
    """Makes the error for one key."""

    def __call__(self, key: str, rule: str) -> ValueError:
        """The error."""


@dataclass(frozen=True, slots=True)
class EmergencyTerms:
    """What an agreement says about declared emergencies.

    Args:
        reasons: Codes of the registered reasons that it covers.
        uses_per_day: Most uses on one day, 1 to 100.
        review_hours: By when a use has to be reviewed; None when that is said in working days.
        review_working_days: The same in working days; None when it is said in hours.
        law: The law by which the person is told later; empty when the person is told at once.
        notify_after_days: After how many days the person is told; 0 at once.
    """

    reasons: frozenset[str]
    uses_per_day: int
    review_hours: int | None
    review_working_days: int | None
    law: str
    notify_after_days: int

    def __str__(self) -> str:
        """For people who compare two texts."""
        review = f"{self.review_hours} h" if self.review_hours else f"{self.review_working_days} working days"
        notice = f"told after {self.notify_after_days} days ({self.law})" if self.law else "told at once"
        return f"{', '.join(sorted(self.reasons))}; {self.uses_per_day} a day; review in {review}; person {notice}"

    @property
    def duties(self) -> tuple[object, ...]:
        """What it asks of those who declare and review: by when, and when the person is told."""
        return self.review_hours, self.review_working_days, self.law, self.notify_after_days

    def review_due_ms(self, asked_ms: int, calendar: Calendar) -> int:
        """When a review is too late.

        Args:
            asked_ms: When the emergency use was made, Unix ms.
            calendar: Which days are worked.

        Returns:
            The first moment that is too late, Unix ms.
        """
        if self.review_hours is not None:
            return asked_ms + self.review_hours * HOUR_MS
        return due_ms(asked_ms, self.review_working_days or 1, calendar)

    def person_from_ms(self, asked_ms: int) -> int:
        """From when on the person may see it, Unix ms.

        Args:
            asked_ms: When the emergency use was made, Unix ms.
        """
        return asked_ms + self.notify_after_days * DAY_MS


def read_emergency(
    table: Any, *, basis: LegalBasis, purposes: Collection[str], official_stated: bool | None, refuse: Refuse
) -> EmergencyTerms | None:
    """Read the table.

    Args:
        table: The value of the key `emergency`; None when the agreement has none.
        basis: The agreement's legal basis.
        purposes: The purposes that it lists.
        official_stated: What the agreement says of `official_required`; None when it does not say.
        refuse: Makes the error for a key.

    Returns:
        The terms; None for an ordinary agreement.

    Raises:
        BadAgreement: A value breaks its rule.
    """
    if table is None:
        if PURPOSE in purposes:
            raise refuse("purposes", f"must not list {PURPOSE} without an [emergency] table")
        return None
    if not isinstance(table, dict):
        raise refuse(KEY, "must be a table")
    for key in table:
        if key not in _KNOWN:
            raise refuse(f"{KEY}.{key}", "is not a known key")
    for key in sorted(_REQUIRED):
        if key not in table:
            raise refuse(f"{KEY}.{key}", "is missing")
    if basis is not LegalBasis.MANDATE:
        raise refuse("legal_basis", "must be mandate where the agreement is for emergencies")
    if official_stated is False:
        raise refuse("official_required", "must not be false where the agreement is for emergencies")
    hours, days = _review(table, refuse)
    law, after = _notice(table, refuse)
    return EmergencyTerms(
        reasons=_reasons(table["reasons"], refuse),
        uses_per_day=_number(table, "uses_per_day", MAX_USES_PER_DAY, refuse),
        review_hours=hours,
        review_working_days=days,
        law=law,
        notify_after_days=after,
    )


def _reasons(value: Any, refuse: Refuse) -> frozenset[str]:
    key = f"{KEY}.reasons"
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_REASONS:
        raise refuse(key, f"must list 1 to {MAX_REASONS} registered reasons")
    if not all(isinstance(reason, str) and known(reason) for reason in value):
        raise refuse(key, "must list only registered reasons")
    if len(set(value)) != len(value):
        raise refuse(key, "must not repeat an entry")
    return frozenset(value)


def _review(table: Mapping[str, Any], refuse: Refuse) -> tuple[int | None, int | None]:
    if ("review_hours" in table) == ("review_working_days" in table):
        raise refuse(KEY, "must say exactly one of review_hours and review_working_days")
    if "review_hours" in table:
        return _number(table, "review_hours", MAX_REVIEW_HOURS, refuse), None
    return None, _number(table, "review_working_days", MAX_REVIEW_DAYS, refuse)


def _notice(table: Mapping[str, Any], refuse: Refuse) -> tuple[str, int]:
    said = table["notify_person"]
    key = f"{KEY}.notify_person"
    if said is True:
        if "notify_after_days" in table:
            raise refuse(f"{KEY}.notify_after_days", "is only for a notice that a law delays")
        return "", 0
    if not isinstance(said, str) or not said.strip() or len(said) > MAX_LAW or not is_plain(said):
        raise refuse(key, f"must be true, or the law that delays the notice in at most {MAX_LAW} printable characters")
    if "notify_after_days" not in table:
        raise refuse(f"{KEY}.notify_after_days", "is missing: a delayed notice has an end")
    return said, _number(table, "notify_after_days", MAX_NOTICE_DAYS, refuse)


def _number(table: Mapping[str, Any], key: str, most: int, refuse: Refuse) -> int:
    value = table[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise refuse(f"{KEY}.{key}", f"must be a whole number from 1 to {most}")
    return value
