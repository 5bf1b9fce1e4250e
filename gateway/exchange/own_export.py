"""A person's profile as one JSON document that other programs can read, in pieces. Pure.

Rules kept: the document says its format and version, and holds everything that the profile holds: every field with its
provenance, dispute and earlier versions, and every request for correction. What has no value is null, never left
out; times are Unix milliseconds, null when unknown. A piece may end inside a character: only the whole is UTF-8. It
ends with a line feed, so that a document that broke off can be told.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.vault.corrections import Correction
from gateway.vault.fields import DESCRIPTIONS
from gateway.vault.views import ProfileField, not_collected

FORMAT: Final = "oncegate.profile-export/1"
"""The version marker of the document."""
PIECE: Final = 64 * 1024
"""Largest piece, bytes."""


def export_pieces(
    fields: Sequence[ProfileField],
    histories: Mapping[str, Sequence[ProfileField]],
    corrections: Sequence[Correction],
    now_ms: int,
) -> Iterator[bytes]:
    """The document in pieces.

    Args:
        fields: The current fields.
        histories: Earlier versions by field code, newest first.
        corrections: Requests for correction, newest first.
        now_ms: When it is made, Unix ms.

    Yields:
        At most `PIECE` bytes each.
    """
    by_code = {field.field: field for field in fields}
    document = {
        "format": FORMAT,
        "exported_unix_ms": now_ms,
        "fields": [
            {
                **_field(by_code.get(code) or not_collected(code)),
                "name": {"zh": described.name_zh, "en": described.name_en},
                "history": [_field(version) for version in histories.get(code, ())],
            }
            for code, described in sorted(DESCRIPTIONS.items())
        ],
        "corrections": [_correction(correction) for correction in corrections],
    }
    raw = (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
    return (raw[start : start + PIECE] for start in range(0, len(raw), PIECE))


def _field(field: ProfileField) -> dict[str, Any]:
    dispute = field.dispute
    return {
        "field": field.field,
        "value": field.value,
        "unavailable_reason": field.unavailable and str(field.unavailable),
        "version": field.version,
        "status": str(field.status),
        "source": str(field.source),
        "source_department": field.source_department or None,
        "source_record": field.source_record or None,
        "classification": str(field.classification),
        "editable": field.editable,
        "collected_unix_ms": field.collected_ms or None,
        "updated_unix_ms": field.updated_ms or None,
        "last_updated_unix_ms": field.last_updated_ms,
        "verified_unix_ms": field.verified_ms,
        "valid_until_unix_ms": field.valid_until_ms,
        "restricted_unix_ms": field.restricted_ms,
        "dispute": None if dispute is None else {"reason": dispute.reason, "since_unix_ms": dispute.since_ms},
        "superseded_unix_ms": field.superseded_ms,
        "superseded_reason": field.superseded and str(field.superseded),
    }


def _correction(correction: Correction) -> dict[str, Any]:
    return {
        "correction": correction.id.hex(),
        "field": correction.field,
        "department": correction.department,
        "record": correction.record or None,
        "proposal": correction.proposal,
        "reason": correction.reason,
        "status": str(correction.status),
        "created_unix_ms": correction.created_ms,
        "changed_unix_ms": correction.changed_ms,
        "note": correction.note or None,
    }
