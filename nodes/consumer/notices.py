"""Notices: what this department received and now has to erase, in its own request ids and case numbers.

A notice is the gateway's word. It names no person: look up the request id, or the case, among what was stored.
"""

from dataclasses import dataclass

from oncegate.v1 import notice_pb2

ERASE = "erase"
PSEUDONYMS = "pseudonyms"
CONSENT = "consent"
EMERGENCY = "emergency"
_KINDS = {
    notice_pb2.NOTICE_KIND_ERASE: ERASE,
    notice_pb2.NOTICE_KIND_PSEUDONYMS: PSEUDONYMS,
    notice_pb2.NOTICE_KIND_CONSENT: CONSENT,
    notice_pb2.NOTICE_KIND_EMERGENCY: EMERGENCY,
}


@dataclass(frozen=True, slots=True)
class NoticedRelease:
    """One release that a notice is about.

    Args:
        system: SPIFFE id of the system that received the fields.
        request_id: As that system chose it.
        purpose: Purpose code.
        case_reference: The department's case number; may be empty.
        fields: Codes of the profile fields received; after a withdrawn consent or an emergency, resource and field
            with a dot between.
        released_ms: When, Unix ms.
        leaf_index: The release's entry in the access log.
    """

    system: str
    request_id: str
    purpose: str
    case_reference: str
    fields: tuple[str, ...]
    released_ms: int
    leaf_index: int


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice.

    Args:
        notice_id: Hexadecimal, for `acknowledge_notice`.
        kind: `erase`; `consent` when the person withdrew the consent; `emergency` when a review found a declared
            emergency not justified; or `pseudonyms` when the department's own change at `due_ms`; empty when the
            gateway's word is not known here.
        created_ms: When it arose, Unix ms.
        due_ms: By when the department is to have acted, Unix ms.
        releases: What was received, oldest first; none for a change of pseudonyms.
        consent: Digest of the consent that was withdrawn, hexadecimal; else empty.
    """

    notice_id: str
    kind: str
    created_ms: int
    due_ms: int
    releases: tuple[NoticedRelease, ...]
    consent: str = ""


def read_notice(message: notice_pb2.Notice) -> Notice:
    """Reads one notice.

    Args:
        message: As it travels.

    Returns:
        The notice.
    """
    return Notice(
        notice_id=message.notice_id.hex(),
        kind=_KINDS.get(message.kind, ""),
        created_ms=message.created_unix_ms,
        due_ms=message.due_unix_ms,
        releases=tuple(
            NoticedRelease(
                system=release.system,
                request_id=release.request_id,
                purpose=release.purpose,
                case_reference=release.case_reference,
                fields=tuple(release.fields),
                released_ms=release.released_unix_ms,
                leaf_index=release.leaf_index,
            )
            for release in message.releases
        ),
        consent=message.consent.hex(),
    )
