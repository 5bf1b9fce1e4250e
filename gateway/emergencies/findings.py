"""What a steward's review may find."""

from enum import StrEnum

from sqlalchemy import ColumnElement

from gateway.emergencies.tables import USES


class Outcome(StrEnum):
    """What a steward's review found."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"
    FOLLOW_UP = "follow_up"
    """More has to be found out, by another date; said at most once of a use."""


def without_finding() -> ColumnElement[bool]:
    """Of uses that were not reviewed, or are to be followed up, or of which the database says what no review finds."""
    return USES.c.outcome.notin_((str(Outcome.JUSTIFIED), str(Outcome.NOT_JUSTIFIED)))
