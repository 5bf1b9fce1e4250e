"""Where a profile field comes from, and which of two claims about it stands. Pure.

Rules kept: source first, then time. A department's word stands over what the exchange compared with a register, and
that over the person's own word; among equals the newer record stands, and a record of unknown age never counts as newer
than one whose age is known. What could not be had because a source was down says nothing and replaces nothing. A field
that a department verified is not edited but corrected at that department. The person's own word, also after a register
confirmed it, is the person's to change: the confirmation was about the old value and goes with it.

What it does not do: it does not know values, people or who is allowed to claim what.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Source(StrEnum):
    """Who stands behind a value."""

    GOVERNMENT_VERIFIED = "government_verified"
    """A department recorded it."""
    USER_PROVIDED = "user_provided"
    """The person entered it."""
    NOT_APPLICABLE = "not_applicable"
    """The person says that there is nothing to enter."""
    PLATFORM_VERIFIED = "platform_verified"
    """The person entered it and a register confirmed that it is equal to what it has."""

    @property
    def rank(self) -> int:
        """How strong its word is: 1 the person's, 2 confirmed by comparison, 3 a department's."""
        return _RANK[self]

    @property
    def editable(self) -> bool:
        """Whether the person may change it here. A department's value is corrected at the department."""
        return self is not Source.GOVERNMENT_VERIFIED


class FieldStatus(StrEnum):
    """How a field stands."""

    ACTIVE = "active"
    DISPUTED = "disputed"
    """The person says that it is wrong: released only together with that mark."""
    RESTRICTED = "restricted"
    """The person does not want it released."""
    SUPERSEDED = "superseded"
    """An earlier version; only in the history."""
    ERASED = "erased"
    """The person removed it; what is left is that there was one, and its version."""


class UnavailableReason(StrEnum):
    """Why a field has no value."""

    NOT_COLLECTED = "not_collected"
    NOT_APPLICABLE = "not_applicable"
    WITHHELD = "withheld"
    SOURCE_DOWN = "source_down"


class Superseded(StrEnum):
    """Why an earlier version is one."""

    REPLACED_BY_PERSON = "replaced_by_person"
    REPLACED_BY_SOURCE = "replaced_by_source"
    CONFIRMED = "confirmed"
    CORRECTED = "corrected"


class Mark(StrEnum):
    """What a person can say about a field without changing it."""

    DISPUTE = "dispute"
    WITHDRAW_DISPUTE = "withdraw_dispute"
    RESTRICT = "restrict"
    RELEASE_RESTRICTION = "release_restriction"


_RANK: Final = {
    Source.NOT_APPLICABLE: 1,
    Source.USER_PROVIDED: 1,
    Source.PLATFORM_VERIFIED: 2,
    Source.GOVERNMENT_VERIFIED: 3,
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What counts when two claims about one field meet.

    Attributes:
        source: Who stands behind it.
        last_updated_ms: When the source last changed it, Unix ms; None when unknown, which is never newer.
        unavailable: Why it has no value; None when it has one.
    """

    source: Source
    last_updated_ms: int | None = None
    unavailable: UnavailableReason | None = None

    @property
    def strength(self) -> tuple[int, bool, int]:
        """Source, then time: the greater one stands."""
        known = self.last_updated_ms is not None
        return (self.source.rank, known, self.last_updated_ms or 0)


def prevails(incoming: Claim, standing: Claim | None) -> bool:
    """Whether a claim that arrives takes the place of the one that stands.

    Args:
        incoming: What arrives.
        standing: What stands; None when nothing does.

    Returns:
        True when it takes its place. Of two equally strong ones the later to arrive does.
    """
    if standing is None:
        return True
    if incoming.unavailable is UnavailableReason.SOURCE_DOWN:
        return False
    return incoming.strength >= standing.strength
