"""A department's word about a field, put into a profile inside the caller's transaction.

Rules kept: the conflict order of `gateway.vault.provenance` decides; an equal statement of the same department only
renews the times; what was disputed about the value before goes into the history with it, a restriction stays, since it
is about the field; the field's index value follows in the same transaction. Fails closed: a malformed statement changes
nothing.

What it does not do: it does not know whether the department may state this field (`gateway.exchange.source_desk`).
"""

from typing import Final

from sqlalchemy import Connection

from gateway.errors import Code, Refused, bad_request
from gateway.vault import rows
from gateway.vault.contents import Contents
from gateway.vault.fields import DESCRIPTIONS, canonical
from gateway.vault.provenance import Source, Superseded, UnavailableReason, prevails
from gateway.vault.search import BlindIndexes
from gateway.vault.texts import record_reference
from gateway.vault.views import Arrival, Verified
from keys.envelope import FieldCipher

AHEAD_MS: Final = 300_000
"""How far a source's clock may be ahead of ours."""


def checked(field: str, stated: Verified, now_ms: int) -> Verified:
    """A statement whose every member keeps its rule; the value in its canonical text.

    Raises:
        Refused: UNKNOWN_FIELD, or BAD_REQUEST with the broken rule.
    """
    if (stated.value is None) == (stated.unavailable is None):
        raise bad_request("value", "须有内容或无内容的原因，二者取一 / must be there, or else the reason why it is not")
    if field not in DESCRIPTIONS:
        raise Refused(Code.UNKNOWN_FIELD, "profile field")
    value = None if stated.value is None else canonical(field, stated.value)
    updated, until = stated.last_updated_ms, stated.valid_until_ms
    if updated is not None and not 0 < updated <= now_ms + AHEAD_MS:
        raise bad_request("last_updated_unix_ms", "不得晚于当前时间 / must not be in the future")
    if until is not None and until <= (updated or 0):
        raise bad_request("valid_until_unix_ms", "须晚于更新时间 / must be after the last update")
    return Verified(
        value,
        stated.department,
        record_reference("record", stated.record),
        updated,
        until,
        stated.unavailable,
    )


def record(
    connection: Connection,
    search: BlindIndexes,
    key: FieldCipher,
    person_id: bytes,
    field: str,
    stated: Verified,
    now_ms: int,
    why: Superseded = Superseded.REPLACED_BY_SOURCE,
) -> Arrival:
    """Put a department's statement into a profile, if it prevails.

    Args:
        connection: An open write transaction.
        search: The vault's blind indexes.
        key: The person's key.
        person_id: 16 bytes.
        field: Field code.
        stated: From `checked`.
        now_ms: The time, Unix ms.
        why: What to say in the history about the version before.

    Returns:
        What became of it.

    Raises:
        KeysError: A row was tampered with or the index key cannot be read; nothing of the transaction may be kept.
    """
    arriving = Contents(
        value=stated.value,
        source=Source.GOVERNMENT_VERIFIED,
        collected_ms=now_ms,
        updated_ms=now_ms,
        last_updated_ms=stated.last_updated_ms,
        source_department=stated.department,
        source_record=stated.record,
        verified_ms=now_ms,
        valid_until_ms=stated.valid_until_ms,
        unavailable=stated.unavailable,
    )
    before = rows.find(connection, key, person_id, field)
    standing = None if before is None or before.contents.erased_ms is not None else before.contents
    if not prevails(arriving.claim, None if standing is None else standing.claim):
        return Arrival.KEPT_STRONGER
    search.follow(connection, person_id, field, arriving.value)
    if before is not None and standing is not None and _same(standing, arriving):
        renewed = standing.but(
            last_updated_ms=arriving.last_updated_ms,
            verified_ms=arriving.verified_ms,
            valid_until_ms=arriving.valid_until_ms,
        )
        rows.put(connection, key, person_id, rows.Entry(field, before.version, renewed))
        return Arrival.TAKEN
    rows.succeed(connection, key, person_id, field, arriving, why)
    return Arrival.TAKEN


def _same(standing: Contents, arriving: Contents) -> bool:
    """Whether a statement says again what stands."""
    return _said(standing) == _said(arriving)


def _said(
    held: Contents,
) -> tuple[str | None, Source, str, str, UnavailableReason | None]:
    return (held.value, held.source, held.source_department, held.source_record, held.unavailable)
