"""How a consent stands and what can be done about it: a state machine without memory.

Rules kept here: what is denied, revoked, expired or superseded stays so; a consent that nobody answered in time, or
whose validity has ended, is expired whatever is stored; everything that is not listed is not possible (fails closed).
"""

from enum import StrEnum
from typing import Final

from policies.consent_words import DAY_MS
from policies.reasons import Reason

ANSWER_MS: Final = 30 * DAY_MS
"""How long a request for consent waits for an answer."""


class Status(StrEnum):
    """How a consent stands."""

    REQUESTED = "requested"
    GRANTED = "granted"
    DENIED = "denied"
    PAUSED = "paused"
    REVOKED = "revoked"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class Act(StrEnum):
    """What changes it."""

    GRANT = "grant"
    DENY = "deny"
    PAUSE = "pause"
    RESUME = "resume"
    WITHDRAW = "withdraw"
    SUPERSEDE = "supersede"


FINAL: Final = frozenset({Status.DENIED, Status.REVOKED, Status.EXPIRED, Status.SUPERSEDED})
"""Nothing changes these any more."""

_AFTER: Final = {
    (Status.REQUESTED, Act.GRANT): Status.GRANTED,
    (Status.REQUESTED, Act.DENY): Status.DENIED,
    (Status.REQUESTED, Act.SUPERSEDE): Status.SUPERSEDED,
    (Status.GRANTED, Act.PAUSE): Status.PAUSED,
    (Status.GRANTED, Act.WITHDRAW): Status.REVOKED,
    (Status.GRANTED, Act.SUPERSEDE): Status.SUPERSEDED,
    (Status.PAUSED, Act.RESUME): Status.GRANTED,
    (Status.PAUSED, Act.WITHDRAW): Status.REVOKED,
    (Status.PAUSED, Act.SUPERSEDE): Status.SUPERSEDED,
}

_REASONS: Final = {
    Status.REQUESTED: Reason.CONSENT_NOT_GRANTED,
    Status.DENIED: Reason.CONSENT_NOT_GRANTED,
    Status.PAUSED: Reason.CONSENT_PAUSED,
    Status.REVOKED: Reason.CONSENT_REVOKED,
    Status.EXPIRED: Reason.CONSENT_EXPIRED,
    Status.SUPERSEDED: Reason.CONSENT_SUPERSEDED,
}


class NotPossible(Exception):
    """An act that does not fit how the consent stands.

    Args:
        status: How it stands.
    """

    def __init__(self, status: Status) -> None:
        super().__init__(f"a consent that is {status} cannot be changed like this")
        self.status = status


def standing(stored: Status, *, created_ms: int, valid_until_ms: int, now_ms: int) -> Status:
    """How a consent stands now.

    Args:
        stored: As stored.
        created_ms: When the artefact was made.
        valid_until_ms: End of its validity.
        now_ms: Unix time in milliseconds.

    Returns:
        The stored status, or `expired` when time has passed over it.
    """
    if stored in FINAL:
        return stored
    answered_late = stored is Status.REQUESTED and now_ms >= created_ms + ANSWER_MS
    return Status.EXPIRED if answered_late or now_ms >= valid_until_ms else stored


def after(status: Status, act: Act) -> Status:
    """How a consent stands after an act.

    Args:
        status: How it stands, from `standing`.
        act: What is done.

    Returns:
        The new status.

    Raises:
        NotPossible: The act does not fit.
    """
    found = _AFTER.get((status, act))
    if found is None:
        raise NotPossible(status)
    return found


def reason_of(status: Status) -> Reason | None:
    """Why nothing is released under a consent that stands so; None only when it is granted."""
    return None if status is Status.GRANTED else _REASONS.get(status, Reason.CONSENT_MISSING)
