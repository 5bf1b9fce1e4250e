"""What an entry can be about."""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Kinds of entries; docs/audit.md lists what each one records (tested)."""

    ASKED = "asked"
    RELEASED = "released"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    REPLAYED = "replayed"
    ACKNOWLEDGED = "acknowledged"
    LOG_READ = "log_read"
    PERSON_SEARCHED = "person_searched"
    ACCESSES_READ = "accesses_read"
    IDENTITY_KEY_SET = "identity_key_set"
    IDENTITY_SEALED = "identity_sealed"
    IDENTITY_OPENED = "identity_opened"
    RELATION_RECORDED = "relation_recorded"
    PROFILE_WRITTEN = "profile_written"
    PROFILE_READ = "profile_read"
    PROFILE_DELETED = "profile_deleted"
    PROFILE_MARKED = "profile_marked"
    PROFILE_EXPORTED = "profile_exported"
    PROFILE_COMPARED = "profile_compared"
    PROFILE_RECORDED = "profile_recorded"
    CORRECTION_SUBMITTED = "correction_submitted"
    CORRECTION_WITHDRAWN = "correction_withdrawn"
    CORRECTION_READ = "correction_read"
    CORRECTION_ANSWERED = "correction_answered"
    CONSENT_REQUESTED = "consent_requested"
    CONSENT_DRAFTED = "consent_drafted"
    CONSENT_GRANTED = "consent_granted"
    CONSENT_DENIED = "consent_denied"
    CONSENT_PAUSED = "consent_paused"
    CONSENT_RESUMED = "consent_resumed"
    CONSENT_REVOKED = "consent_revoked"
    CONSENT_READ = "consent_read"
    EXPLICIT_REQUEST_MADE = "explicit_request_made"
    EXPLICIT_REQUEST_READ = "explicit_request_read"
    DEPARTMENT_ADDED = "department_added"
    DEPARTMENT_REVOKED = "department_revoked"
    TOKEN_ISSUED = "token_issued"  # noqa: S105 - a kind of entry
    ENROLLED = "enrolled"
    RENEWED = "renewed"
    CERTIFICATE_REVOKED = "certificate_revoked"
    AGREEMENT_ADDED = "agreement_added"
    AGREEMENT_REVOKED = "agreement_revoked"
    EMERGENCY_READ = "emergency_read"
    EMERGENCY_REVIEWED = "emergency_reviewed"
    EMERGENCY_OVERDUE = "emergency_overdue"
    RESOURCE_CHANGED = "resource_changed"
    AGREEMENT_STEP = "agreement_step"
    AGREEMENT_OVERDUE = "agreement_overdue"
    POLICY_PROPOSED = "policy_proposed"
    POLICY_APPROVED = "policy_approved"
    POLICY_ACTIVATED = "policy_activated"
    GATEWAY_STARTED = "gateway_started"
    PROFILE_ERASED = "profile_erased"
    NOTICE_READ = "notice_read"
    NOTICE_ACKNOWLEDGED = "notice_acknowledged"
    KEY_CEREMONY = "key_ceremony"
    KEY_ROTATED = "key_rotated"
    KEY_RETIRED = "key_retired"
    PROFILES_SEARCHED = "profiles_searched"
    PROFILE_FOUND = "profile_found"
    SEARCH_KEY_ADDED = "search_key_added"
    PSEUDONYMS_ROTATED = "pseudonyms_rotated"
    PERSON_PART_ERASED = "person_part_erased"
    BACKUP_MADE = "backup_made"
    GATEWAY_RESTORED = "gateway_restored"
    EPOCH_OPENED = "epoch_opened"
    INDEX_KEY_ROTATED = "index_key_rotated"
    ALERT_RAISED = "alert_raised"
    ALERT_JUDGED = "alert_judged"
    LIST_CHANGED = "list_changed"
    LOG_PRUNED = "log_pruned"
    LOG_HOLD_ADDED = "log_hold_added"
    LOG_HOLD_REMOVED = "log_hold_removed"


PRUNED: Final = "pruned"
"""What stands in place of the kind of an entry whose retention has ended. No entry is written under it."""


OUTCOMES: Final = frozenset({Kind.RELEASED, Kind.REFUSED, Kind.ABANDONED})
"""The kinds that close an `asked` entry when they name it in `request`."""

ACCESSES: Final = frozenset(
    {
        Kind.ASKED,
        Kind.RELEASED,
        Kind.REFUSED,
        Kind.ABANDONED,
        Kind.REPLAYED,
        Kind.PERSON_SEARCHED,
        Kind.IDENTITY_OPENED,
        Kind.ACCESSES_READ,
        Kind.PROFILE_RECORDED,
        Kind.PROFILE_FOUND,
        Kind.CORRECTION_READ,
        Kind.CORRECTION_ANSWERED,
        Kind.CONSENT_REQUESTED,
        Kind.EMERGENCY_READ,
        Kind.EMERGENCY_REVIEWED,
    }
)
"""The kinds that a person sees as accesses to their data."""
