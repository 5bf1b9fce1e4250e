"""One consent, what it permits, and how it is written.

Rules kept here: `permits` fails closed; every condition must hold, and the first that does not is the reason, in the
same order at the gateway and at a node. A form is permitted only when it is listed itself.

What it does not do: it knows neither whether the consent stands (`lifecycle`) nor how often it was used; and that it is
about the person in question is checked with the key of the commitment, which is not in it.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.consent_words import Fetch, Frequency, Locale, Mode
from policies.reasons import Reason
from policies.vocabulary import Form

FORMAT: Final = "oncegate.consent/1"
MAX_BYTES: Final = 16_384
"""Largest artefact, bytes."""
COMMITMENT_BYTES: Final = 32
DIGEST_BYTES: Final = 32
ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Delegate:
    """Who acts for the subject: a guardian, or someone whom the person entrusted."""

    relation: str
    commitment: bytes


@dataclass(frozen=True, slots=True)
class ConsentPart:
    """What one provider may give of one resource, under one revision of an agreement."""

    provider: str
    resource: str
    agreement_id: str
    agreement_revision: int
    agreement_digest: bytes
    items: Mapping[str, frozenset[Form]]


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What a person allows. Made by `parse_consent`; times are Unix milliseconds, UTC.

    `valid_from_ms` is the first moment in force, `valid_until_ms` the first no longer in force. `data_life_days` says
    how long the consumer may keep what it received, counted from each release: it may be shorter or longer than the
    validity. `range_from_ms` and `range_until_ms` bound when the source changed a record; 0 is open. `commitment` is
    HMAC-SHA256 over scheme, 0x00 and canonical identifier under a key that is not in the artefact. `raw` is the exact
    text, `digest` its SHA-256.
    """

    id: bytes
    domain: str
    scheme: str
    commitment: bytes
    delegate: Delegate | None
    consumer: str
    systems: frozenset[str]
    purpose: str
    purpose_text: str
    mode: Mode
    fetch: Fetch
    frequency: Frequency | None
    range_from_ms: int
    range_until_ms: int
    data_life_days: int
    valid_from_ms: int
    valid_until_ms: int
    notice: bytes
    locale: Locale
    parts: tuple[ConsentPart, ...]
    supersedes: bytes
    created_ms: int
    digest: bytes
    raw: bytes

    def __hash__(self) -> int:
        """By digest: equal bytes are equal consents."""
        return hash(self.digest)

    @property
    def providers(self) -> frozenset[str]:
        """Departments that may give something under it."""
        return frozenset(part.provider for part in self.parts)

    def part(self, resource: str) -> ConsentPart | None:
        """What it says about one resource."""
        return next((part for part in self.parts if part.resource == resource), None)

    def limit(self, now_ms: int) -> tuple[int, int]:
        """Where the use counter stands: the stretch in which a moment lies, and most uses in it.

        Args:
            now_ms: Unix time in milliseconds.

        Returns:
            Number of the stretch from 0, and most uses. A consent for one fetch has one stretch with one use.
        """
        if self.frequency is None:
            return 0, 1
        return max(0, now_ms - self.valid_from_ms) // self.frequency.stretch_ms, self.frequency.repeats

    def stretch_began_ms(self, now_ms: int) -> int:
        """When the stretch in which a moment lies began, Unix ms."""
        number, _ = self.limit(now_ms)
        return self.valid_from_ms + (number * self.frequency.stretch_ms if self.frequency is not None else 0)

    def covers_time(self, changed_ms: int) -> bool:
        """Whether a record that its source changed then is in the data range; unknown (0) is outside any range."""
        if not self.range_from_ms and not self.range_until_ms:
            return True
        return bool(changed_ms) and self.range_from_ms <= changed_ms < (self.range_until_ms or changed_ms + 1)

    def permits(
        self,
        *,
        consumer: str,
        system: str,
        purpose: str,
        resource: str,
        field: str,
        form: Form,
        agreement_digest: bytes,
        now_ms: int,
    ) -> Reason | None:
        """Check one item against this consent; fails closed, the first condition that does not hold is told.

        Args:
            consumer: Department id of the asking system.
            system: Name of the asking system.
            purpose: Purpose code of the request.
            resource: Resource code.
            field: Field code.
            form: Form asked for.
            agreement_digest: SHA-256 of the agreement under which it would be released.
            now_ms: Unix time in milliseconds.

        Returns:
            None if the item is permitted, else the reason.
        """
        part = self.part(resource)
        forms = None if part is None else part.items.get(field)
        checks = (
            (consumer == self.consumer, Reason.CONSENT_WRONG_CONSUMER),
            (system in self.systems, Reason.CONSENT_WRONG_CONSUMER),
            (bool(purpose) and purpose == self.purpose, Reason.CONSENT_WRONG_PURPOSE),
            (now_ms >= self.valid_from_ms, Reason.CONSENT_NOT_STARTED),
            (now_ms < self.valid_until_ms, Reason.CONSENT_EXPIRED),
            (part is not None, Reason.CONSENT_NOT_COVERED),
            (part is not None and part.agreement_digest == agreement_digest, Reason.CONSENT_WRONG_AGREEMENT),
            (forms is not None and form in forms, Reason.CONSENT_NOT_COVERED),
        )
        return next((reason for holds, reason in checks if not holds), None)


def document(consent: Consent) -> dict[str, Any]:
    """The artefact as a JSON object; every member is always there, so that nobody can tell two spellings apart."""
    return {
        "format": FORMAT,
        "id": consent.id.hex(),
        "domain": consent.domain,
        "subject": {"scheme": consent.scheme, "commitment": to_text(consent.commitment)},
        "delegate": None
        if consent.delegate is None
        else {"relation": consent.delegate.relation, "commitment": to_text(consent.delegate.commitment)},
        "consumer": consent.consumer,
        "systems": sorted(consent.systems),
        "purpose": {"code": consent.purpose, "text": consent.purpose_text},
        "mode": str(consent.mode),
        "fetch": str(consent.fetch),
        "frequency": None
        if consent.frequency is None
        else {
            "unit": str(consent.frequency.unit),
            "value": consent.frequency.value,
            "repeats": consent.frequency.repeats,
        },
        "data_range": {"from_ms": consent.range_from_ms, "until_ms": consent.range_until_ms},
        "data_life_days": consent.data_life_days,
        "valid": {"from_ms": consent.valid_from_ms, "until_ms": consent.valid_until_ms},
        "notice": {"sha256": to_text(consent.notice), "locale": str(consent.locale)},
        "parts": [_part(part) for part in consent.parts],
        "supersedes": to_text(consent.supersedes),
        "created_ms": consent.created_ms,
    }


def write_consent(consent: Consent) -> bytes:
    """The exact bytes of an artefact; `raw` and `digest` of what is given do not matter.

    Args:
        consent: What to write.

    Returns:
        Canonical JSON, to be read with `parse_consent`.
    """
    return canonical(document(consent))


def canonical(value: Mapping[str, Any]) -> bytes:
    """Canonical JSON, equal to `keys.canonical.write` (tested): keys sorted, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def to_text(data: bytes) -> str:
    """Bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _part(part: ConsentPart) -> dict[str, Any]:
    return {
        "provider": part.provider,
        "resource": part.resource,
        "agreement": {
            "id": part.agreement_id,
            "revision": part.agreement_revision,
            "sha256": to_text(part.agreement_digest),
        },
        "items": {field: sorted(str(form) for form in forms) for field, forms in part.items.items()},
    }
