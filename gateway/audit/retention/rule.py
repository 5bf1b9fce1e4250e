"""How long what an entry says is kept. Pure.

Rules kept here: every kind of entry has a line in the table below (tested). Entries by which the log and the gateway
explain themselves (keys, agreements, rules, departments, erasures, restores, holds and prunings) are few, hold nothing
about what was read of whom, and are kept always; so whatever is in force today can still be traced to its beginning.
Everything else is kept as long as the rule says, never for less than the floor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.audit.errors import AuditError
from gateway.audit.kinds import Kind
from gateway.audit.verify.pruned import FLOOR_MONTHS, MONTH_MS

LONGEST_MONTHS: Final = 1_200

ALWAYS: Final = frozenset(
    {
        Kind.DEPARTMENT_ADDED,
        Kind.DEPARTMENT_REVOKED,
        Kind.AGREEMENT_ADDED,
        Kind.AGREEMENT_REVOKED,
        Kind.AGREEMENT_STEP,
        Kind.POLICY_PROPOSED,
        Kind.POLICY_APPROVED,
        Kind.POLICY_ACTIVATED,
        Kind.KEY_CEREMONY,
        Kind.KEY_ROTATED,
        Kind.KEY_RETIRED,
        Kind.INDEX_KEY_ROTATED,
        Kind.SEARCH_KEY_ADDED,
        Kind.PSEUDONYMS_ROTATED,
        Kind.PROFILE_ERASED,
        Kind.PERSON_PART_ERASED,
        Kind.GATEWAY_RESTORED,
        Kind.EPOCH_OPENED,
        Kind.IDENTITY_KEY_SET,
        Kind.LOG_PRUNED,
        Kind.LOG_HOLD_ADDED,
        Kind.LOG_HOLD_REMOVED,
    }
)
"""Kinds that are never pruned."""

TIMED: Final = frozenset(
    {
        Kind.ASKED,
        Kind.RELEASED,
        Kind.REFUSED,
        Kind.ABANDONED,
        Kind.REPLAYED,
        Kind.ACKNOWLEDGED,
        Kind.LOG_READ,
        Kind.PERSON_SEARCHED,
        Kind.IDENTITY_SEALED,
        Kind.IDENTITY_OPENED,
        Kind.ACCESSES_READ,
        Kind.RELATION_RECORDED,
        Kind.PROFILE_WRITTEN,
        Kind.PROFILE_READ,
        Kind.PROFILE_DELETED,
        Kind.PROFILE_MARKED,
        Kind.PROFILE_EXPORTED,
        Kind.PROFILE_COMPARED,
        Kind.PROFILE_RECORDED,
        Kind.PROFILES_SEARCHED,
        Kind.PROFILE_FOUND,
        Kind.CORRECTION_SUBMITTED,
        Kind.CORRECTION_WITHDRAWN,
        Kind.CORRECTION_READ,
        Kind.CORRECTION_ANSWERED,
        Kind.CONSENT_REQUESTED,
        Kind.CONSENT_DRAFTED,
        Kind.CONSENT_GRANTED,
        Kind.CONSENT_DENIED,
        Kind.CONSENT_PAUSED,
        Kind.CONSENT_RESUMED,
        Kind.CONSENT_REVOKED,
        Kind.CONSENT_READ,
        Kind.EXPLICIT_REQUEST_MADE,
        Kind.EXPLICIT_REQUEST_READ,
        Kind.TOKEN_ISSUED,
        Kind.ENROLLED,
        Kind.RENEWED,
        Kind.CERTIFICATE_REVOKED,
        Kind.EMERGENCY_READ,
        Kind.EMERGENCY_REVIEWED,
        Kind.EMERGENCY_OVERDUE,
        Kind.RESOURCE_CHANGED,
        Kind.AGREEMENT_OVERDUE,
        Kind.GATEWAY_STARTED,
        Kind.NOTICE_READ,
        Kind.NOTICE_ACKNOWLEDGED,
        Kind.BACKUP_MADE,
        Kind.ALERT_RAISED,
        Kind.ALERT_JUDGED,
        Kind.LIST_CHANGED,
    }
)
"""Kinds that are kept as long as the rule says."""


class BadRule(AuditError):
    """A rule that keeps entries for too short a time, or names a kind for which it cannot hold."""


class Kept(StrEnum):
    """Why an entry whose time is over stays all the same."""

    ALWAYS = "always"
    LONGER = "longer"
    HOLD = "hold"
    OPEN_REQUEST = "open_request"
    YOUNGER_OUTCOME = "younger_outcome"
    HIDDEN_FROM_PERSON = "hidden_from_person"
    EMERGENCY_WITHOUT_FINDING = "emergency_without_finding"
    CONSENT_IN_FORCE = "consent_in_force"
    OPEN_NOTICE = "open_notice"
    OPEN_ALERT = "open_alert"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Rule:
    """How long entries are kept.

    Args:
        months: For every kind that is not named, of 31 days each.
        kinds: Kinds that are kept longer, with their months.
        law: By which law or decision; goes into the entry that prunes.

    Raises:
        BadRule: It keeps something for less than the floor, a kind for less than the others, or one that is unknown.
    """

    months: int
    kinds: Mapping[str, int] = field(default_factory=dict)
    law: str = ""

    def __post_init__(self) -> None:
        """Check it. Fails closed."""
        if not FLOOR_MONTHS <= self.months <= LONGEST_MONTHS:
            raise BadRule(f"months must be {FLOOR_MONTHS} to {LONGEST_MONTHS}")
        for kind, months in self.kinds.items():
            if kind not in TIMED:
                raise BadRule("kinds: must be kinds of entries that are not kept always")
            if not self.months <= months <= LONGEST_MONTHS:
                raise BadRule(f"kinds: must be at least months and at most {LONGEST_MONTHS}")

    def is_over(self, time_ms: int, now_ms: int) -> bool:
        """Whether the time for which everything is kept is over for an entry of that time."""
        return time_ms + self.months * MONTH_MS <= now_ms

    def kept(self, kind: str, time_ms: int, now_ms: int) -> Kept | None:
        """Why an entry for which `is_over` stays because of its kind; None when it does not."""
        if kind not in TIMED:
            # One that this program does not know is kept: what it is for, nobody here can tell.
            return Kept.ALWAYS
        longer = self.kinds.get(kind, self.months)
        return None if time_ms + longer * MONTH_MS <= now_ms else Kept.LONGER
