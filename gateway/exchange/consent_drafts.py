"""Draws up consents: out of what somebody wishes and what agreements let a person consent to.

Rules kept here: a consent is drawn up under the agreements in force at that moment, to their very revision, and never
wider than they are; the notice is theirs. Who asks learns from a refusal about agreements and the catalogue only, never
about a person. Whoever is named in it appears as a commitment under a fresh salt.

Nothing is granted here, and nothing is stored: who calls does, after it is on the ledger.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from gateway.catalog.catalog import Catalog
from gateway.clock import Clock
from gateway.errors import Code, Refused, Violation, bad_request
from gateway.exchange.identify import Subject
from gateway.sharing.agreements import Agreements
from gateway.sharing.grounds import require_ground
from keys.consent_proof import SALT_BYTES
from keys.subjects import subject_commitment
from policies.agreements import Agreement
from policies.agreements.consent_terms import ConsentTerms
from policies.consent_words import DAY_MS, Fetch, Frequency, Locale
from policies.consents import (
    BadConsent,
    Consent,
    ConsentPart,
    Delegate,
    exceeds,
    notice_of,
    notice_text,
    parse_consent,
    write_consent,
)
from policies.consents.artefact import ID_BYTES
from policies.purposes import Purposes
from policies.reasons import Reason
from policies.vocabulary import Form, LegalBasis

MOST_ITEMS: Final = 64
MOST_SYSTEMS: Final = 64
EARLIEST_MS: Final = 300_000
"""How far back the first moment of validity may lie: clocks differ."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a consent is to say; 0, None and an empty text take what the agreements allow."""

    purpose: str
    items: tuple[tuple[str, str, Form], ...]
    fetch: Fetch
    frequency: Frequency | None = None
    valid_from_ms: int = 0
    valid_until_ms: int = 0
    data_life_days: int = 0
    range_from_ms: int = 0
    range_until_ms: int = 0
    locale: Locale = Locale.ZH


@dataclass(frozen=True, slots=True)
class Draft:
    """A consent that was drawn up.

    Attributes:
        consent: The artefact.
        salt: Key of its commitments, 32 bytes.
    """

    consent: Consent
    salt: bytes


class DrawUp:
    """Draws up consents.

    Args:
        catalog: What can be asked for.
        agreements: What can be consented to.
        domain: Trust domain of this exchange.
        clock: Now.
        purposes: The registered purposes.
        entropy: Makes random bytes.
    """

    def __init__(
        self,
        catalog: Catalog,
        agreements: Agreements,
        domain: str,
        clock: Clock,
        purposes: Purposes,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._catalog = catalog
        self._agreements = agreements
        self._domain = domain
        self._clock = clock
        self._purposes = purposes
        self._entropy = entropy

    def __call__(
        self,
        subject: Subject,
        consumer: str,
        systems: Sequence[str],
        wish: Wish,
        *,
        delegate: tuple[str, Subject] | None = None,
        supersedes: bytes = b"",
    ) -> Draft:
        """Draw up a consent.

        Args:
            subject: Whose data.
            consumer: Department that is to get it.
            systems: Names of its systems.
            wish: What it is to say.
            delegate: Relation, and who acts for the subject; None when the subject does.
            supersedes: Digest of the consent whose place it is to take; empty for none.

        Raises:
            Refused: UNKNOWN_PURPOSE, UNKNOWN_RESOURCE, UNKNOWN_FIELD, NO_AGREEMENT, or BAD_REQUEST with the member that
                goes beyond an agreement, or because the purpose is retired or may not rest on consent.
        """
        by_resource = self._by_resource(wish)
        if not 1 <= len(systems) <= MOST_SYSTEMS or len(set(systems)) != len(systems):
            raise bad_request("systems", f"must name 1 to {MOST_SYSTEMS} systems, none twice")
        agreements = [
            self._agreement(consumer, systems, resource, wish.purpose, items) for resource, items in by_resource.items()
        ]
        terms = [_terms(agreement) for agreement in agreements]
        if len({one.mode for one in terms}) != 1:
            raise bad_request("items", "must be under agreements of one mode: draw up a consent for each")
        now_ms, salt = self._clock.now_ms(), self._entropy(SALT_BYTES)
        valid_from_ms = wish.valid_from_ms or now_ms
        if valid_from_ms < now_ms - EARLIEST_MS:
            raise bad_request("valid_from_unix_ms", "must not lie in the past")
        longest = [valid_from_ms + min(one.max_days for one in terms) * DAY_MS]
        longest += [agreement.valid_until_ms for agreement in agreements]
        purpose = self._purposes[wish.purpose]
        parts = tuple(
            ConsentPart(a.provider, a.resource, a.id, a.revision, a.digest, items)
            for a, items in zip(agreements, by_resource.values(), strict=True)
        )
        drawn = Consent(
            id=self._entropy(ID_BYTES),
            domain=self._domain,
            scheme=subject.scheme,
            commitment=subject_commitment(salt, subject.scheme, subject.canonical),
            delegate=None if delegate is None else _delegate(salt, *delegate),
            consumer=consumer,
            systems=frozenset(systems),
            purpose=wish.purpose,
            purpose_text=purpose.zh if wish.locale is Locale.ZH else purpose.en,
            mode=terms[0].mode,
            fetch=wish.fetch,
            frequency=_frequency(wish, terms),
            range_from_ms=wish.range_from_ms,
            range_until_ms=wish.range_until_ms,
            data_life_days=wish.data_life_days or min(one.data_life_days for one in terms),
            valid_from_ms=valid_from_ms,
            valid_until_ms=wish.valid_until_ms or min(longest),
            notice=notice_of(agreements, wish.locale),
            locale=wish.locale,
            parts=parts,
            supersedes=supersedes,
            created_ms=now_ms,
            digest=b"",
            raw=b"",
        )
        return Draft(_checked(drawn, agreements), salt)

    def agreements_of(self, consent: Consent) -> list[Agreement]:
        """The agreements of a consent's parts, in order, as long as each is in force in the revision that it names.

        Raises:
            Refused: NO_AGREEMENT. Fails closed: a consent under another revision was given for something else.
        """
        system = min(consent.systems)
        found = []
        for part in consent.parts:
            who = (consent.consumer, system, part.resource, consent.purpose, LegalBasis.CONSENT, self._clock.now_ms())
            agreement = self._agreements.find(*who, partial(_is, part.agreement_digest))
            if agreement is None or agreement.digest != part.agreement_digest or exceeds(consent, agreement):
                raise Refused(Code.NO_AGREEMENT, "of a consent", reason=str(Reason.CONSENT_WRONG_AGREEMENT))
            found.append(agreement)
        return found

    def notice(self, consent: Consent) -> str:
        """The notice that belongs to a consent; empty once its agreements changed, since it is then told nowhere.

        Raises:
            Refused: INTERNAL, the agreements cannot be read.
        """
        try:
            text = notice_text(self.agreements_of(consent), consent.locale)
        except Refused as error:
            if error.code is not Code.NO_AGREEMENT:
                raise
            return ""
        return text

    def _by_resource(self, wish: Wish) -> dict[str, dict[str, frozenset[Form]]]:
        """Forms by field by resource, every term known."""
        require_ground(self._purposes, wish.purpose, LegalBasis.CONSENT, self._clock.now_ms(), "wish.purpose")
        if not 1 <= len(wish.items) <= MOST_ITEMS or len(set(wish.items)) != len(wish.items):
            raise bad_request("wish.items", f"must name 1 to {MOST_ITEMS} items, none twice")
        found: dict[str, dict[str, frozenset[Form]]] = {}
        for position, (resource, field, form) in enumerate(wish.items):
            entry = self._catalog.get(resource)
            if entry is None:
                violation = Violation(f"wish.items[{position}].resource", "must be a resource of the catalogue")
                raise Refused(Code.UNKNOWN_RESOURCE, violations=(violation,))
            if entry.resource.field(field) is None:
                violation = Violation(f"wish.items[{position}].field", "must be a field of the resource")
                raise Refused(Code.UNKNOWN_FIELD, violations=(violation,))
            fields = found.setdefault(resource, {})
            fields[field] = fields.get(field, frozenset()) | {form}
        return found

    def _agreement(
        self,
        consumer: str,
        systems: Sequence[str],
        resource: str,
        purpose: str,
        items: dict[str, frozenset[Form]],
    ) -> Agreement:
        who = (consumer, systems[0], resource, purpose, LegalBasis.CONSENT, self._clock.now_ms())
        agreement = self._agreements.find(*who, partial(_covered, items))
        if agreement is None:
            raise Refused(Code.NO_AGREEMENT, "to consent to")
        return agreement


def _is(digest: bytes, agreement: Agreement) -> tuple[int]:
    """Prefers one revision of one agreement."""
    return (int(agreement.digest == digest),)


def _covered(items: Mapping[str, frozenset[Form]], agreement: Agreement) -> tuple[int]:
    """Prefers the agreement that lists most of the items."""
    return (sum(len(forms & agreement.items.get(field, frozenset())) for field, forms in items.items()),)


def _terms(agreement: Agreement) -> ConsentTerms:
    if agreement.consent is None:  # pragma: no cover - an agreement on the basis of consent has terms
        raise Refused(Code.NO_AGREEMENT, "to consent to")
    return agreement.consent


def _frequency(wish: Wish, terms: Sequence[ConsentTerms]) -> Frequency | None:
    if wish.fetch is Fetch.ONCE or wish.frequency is not None:
        return wish.frequency
    return next((one.frequency for one in terms if one.frequency is not None), None)


def _delegate(salt: bytes, relation: str, who: Subject) -> Delegate:
    return Delegate(relation, subject_commitment(salt, who.scheme, who.canonical))


def _checked(drawn: Consent, agreements: Sequence[Agreement]) -> Consent:
    """The artefact as its own bytes say, inside every agreement.

    Raises:
        Refused: BAD_REQUEST with the member.
    """
    try:
        raw = write_consent(replace(drawn, parts=tuple(drawn.parts)))
        consent = parse_consent(raw)
    except BadConsent as error:
        raise bad_request(f"wish.{error.member}", error.rule) from None
    for agreement in agreements:
        member = exceeds(consent, agreement)
        if member:
            raise bad_request(f"wish.{member}", "goes beyond what the agreement lets a person consent to")
    return consent
