"""Consents on the wire: messages to values and back, sizes and vocabularies checked first."""

from typing import Any

from gateway.clock import Clock
from gateway.errors import bad_request
from gateway.exchange.acting import ActingFor
from gateway.exchange.consent_drafts import Wish
from gateway.rpc.codec import FORMS
from gateway.sharing.consents import StoredConsent
from oncegate.v1 import consent_pb2
from policies.consent_words import MAX_REPEATS, MAX_VALUE, Fetch, Frequency, Locale, Unit
from policies.consents import Status

MAX_ITEMS = 64
MAX_CODE = 128
MAX_IDENTIFIER = 64
STATUSES: "dict[Status, consent_pb2.ConsentStatus]" = {
    Status.REQUESTED: consent_pb2.CONSENT_STATUS_REQUESTED,
    Status.GRANTED: consent_pb2.CONSENT_STATUS_GRANTED,
    Status.DENIED: consent_pb2.CONSENT_STATUS_DENIED,
    Status.PAUSED: consent_pb2.CONSENT_STATUS_PAUSED,
    Status.REVOKED: consent_pb2.CONSENT_STATUS_REVOKED,
    Status.EXPIRED: consent_pb2.CONSENT_STATUS_EXPIRED,
    Status.SUPERSEDED: consent_pb2.CONSENT_STATUS_SUPERSEDED,
}
_FETCHES: "dict[consent_pb2.ConsentFetch, Fetch]" = {
    consent_pb2.CONSENT_FETCH_ONCE: Fetch.ONCE,
    consent_pb2.CONSENT_FETCH_PERIODIC: Fetch.PERIODIC,
}


def acting(message: Any) -> ActingFor | None:
    """For whom the caller says to act; None for themselves.

    Raises:
        Refused: BAD_REQUEST with the member that is too long.
    """
    if not message.HasField("subject"):
        return None
    said = message.subject
    for name, value in (("scheme", said.scheme), ("relation", said.relation), ("identifier", said.identifier)):
        if len(value) > MAX_IDENTIFIER:
            raise bad_request(f"subject.{name}", f"must be at most {MAX_IDENTIFIER} characters")
    return ActingFor(said.scheme, said.identifier, said.relation)


def wish(message: consent_pb2.ConsentWish) -> Wish:
    """What a consent is to say.

    Raises:
        Refused: BAD_REQUEST with the member and the rule.
    """
    if not 1 <= len(message.items) <= MAX_ITEMS:
        raise bad_request("wish.items", f"must name 1 to {MAX_ITEMS} items")
    items = []
    for position, item in enumerate(message.items):
        if item.form not in FORMS:
            raise bad_request(f"wish.items[{position}].form", "must be a form")
        if len(item.resource) > MAX_CODE or len(item.field) > MAX_CODE:
            raise bad_request(f"wish.items[{position}]", f"must have codes of at most {MAX_CODE} characters")
        items.append((item.resource, item.field, FORMS[item.form]))
    fetch = _FETCHES.get(message.fetch)
    if fetch is None:
        raise bad_request("wish.fetch", "must be once or periodic")
    try:
        locale = Locale(message.locale or Locale.ZH)
    except ValueError:
        raise bad_request("wish.locale", f"must be {' or '.join(Locale)}") from None
    times = (
        ("valid_from_unix_ms", message.valid_from_unix_ms),
        ("valid_until_unix_ms", message.valid_until_unix_ms),
        ("range_from_unix_ms", message.range_from_unix_ms),
        ("range_until_unix_ms", message.range_until_unix_ms),
    )
    for name, value in times:
        if value < 0:
            raise bad_request(f"wish.{name}", "must not be negative")
    return Wish(
        purpose=message.purpose[:MAX_CODE],
        items=tuple(items),
        fetch=fetch,
        frequency=_frequency(message, fetch),
        valid_from_ms=message.valid_from_unix_ms,
        valid_until_ms=message.valid_until_unix_ms,
        data_life_days=message.data_life_days,
        range_from_ms=message.range_from_unix_ms,
        range_until_ms=message.range_until_unix_ms,
        locale=locale,
    )


def _frequency(message: consent_pb2.ConsentWish, fetch: Fetch) -> Frequency | None:
    if not message.HasField("frequency"):
        return None
    if fetch is Fetch.ONCE:
        raise bad_request("wish.frequency", "is for periodic fetches only")
    said = message.frequency
    try:
        unit = Unit(said.unit)
    except ValueError:
        raise bad_request("wish.frequency.unit", f"must be one of {', '.join(Unit)}") from None
    if not 1 <= said.value <= MAX_VALUE:
        raise bad_request("wish.frequency.value", f"must be 1 to {MAX_VALUE}")
    if not 1 <= said.repeats <= MAX_REPEATS:
        raise bad_request("wish.frequency.repeats", f"must be 1 to {MAX_REPEATS}")
    return Frequency(unit, said.value, said.repeats)


def record(stored: StoredConsent, clock: Clock) -> consent_pb2.ConsentRecord:
    """A consent and how it stands now."""
    return consent_pb2.ConsentRecord(
        consent_id=stored.consent.id,
        artefact=stored.consent.raw,
        digest=stored.consent.digest,
        status=STATUSES[stored.status_at(clock.now_ms())],
        created_unix_ms=stored.created_ms,
        changed_unix_ms=stored.changed_ms,
        requested_by=stored.requested_by,
        uses=stored.uses,
        last_used_unix_ms=stored.last_used_ms,
        proof=stored.proof,
        superseded_by=stored.superseded_by,
    )
