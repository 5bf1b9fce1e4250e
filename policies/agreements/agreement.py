"""One agreement and the check that a node makes against its own copy of it.

Rules kept here: `permits` fails closed. Every condition must hold, and the first that does not is the reason; the same
order is used by the gateway's rules, so that both give the same reason (tested).

What it does not do: it knows neither the catalogue nor today's count of uses; the gateway's engine adds those.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies.agreements.consent_terms import ConsentTerms
from policies.agreements.emergency import EmergencyTerms
from policies.predicates import Predicate
from policies.reasons import Reason
from policies.vocabulary import Form, LegalBasis, SharingType

DAY_MS: Final = 86_400_000
MAX_TERM_MS: Final = 3 * 366 * DAY_MS
"""Longest term of any agreement: three years, each counted as 366 days, milliseconds."""
SENSITIVE_TERM_MS: Final = 366 * DAY_MS
"""Longest term of an agreement under which sensitive fields are released: a year of 366 days, milliseconds."""


class Term(StrEnum):
    """Where a moment lies in an agreement's term."""

    IN_FORCE = "in_force"
    NOT_STARTED = "not_started"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What one provider lets one consumer have. Made by `parse_agreement`; times are Unix milliseconds, UTC.

    `valid_from_ms` is the first moment in force, `valid_until_ms` the first moment no longer in force. `items` lists
    the forms permitted for each field, `predicates` by name what may be asked in the form predicate. The three limits
    are always there (policies/agreements/limits.py). `raw` is the exact file, `digest` its SHA-256. `retention_days`,
    `impact_assessment` and `onward_transfer` are what the consumer owes (policies/agreements/obligations.py). `consent`
    is there exactly when the legal basis is consent. One with `emergency` serves declared emergencies and nothing else.
    One with `services` serves requests for one of these service items, and no other; an empty set says nothing of them.
    """

    id: str
    revision: int
    provider: str
    provider_key: str
    consumer: str
    consumer_key: str
    systems: frozenset[str]
    resource: str
    sharing_type: SharingType | None
    condition: str
    legal_basis: LegalBasis
    purposes: frozenset[str]
    valid_from_ms: int
    valid_until_ms: int
    case_required: bool
    official_required: bool
    uses_per_day: int
    rate_per_minute: int
    subjects_per_day: int
    items: Mapping[str, frozenset[Form]]
    digest: bytes
    raw: bytes
    retention_days: int | None = None
    impact_assessment: str = ""
    onward_transfer: bool = False
    predicates: Mapping[str, Predicate] = dataclasses.field(default_factory=dict)
    consent: ConsentTerms | None = None
    emergency: EmergencyTerms | None = None
    services: frozenset[str] = frozenset()

    def __hash__(self) -> int:
        """By digest: equal bytes are equal agreements."""
        return hash(self.digest)

    def term(self, now_ms: int) -> Term:
        """Where `now_ms` lies in the term: from `valid_from_ms` (in force) to `valid_until_ms` (expired).

        Args:
            now_ms: Unix time in milliseconds, UTC.

        Returns:
            The part of the term.
        """
        if now_ms < self.valid_from_ms:
            return Term.NOT_STARTED
        return Term.IN_FORCE if now_ms < self.valid_until_ms else Term.EXPIRED

    def serves(self, service: str) -> bool:
        """Whether it is for a service item: every one, or those that it lists.

        Args:
            service: Its code; empty when none is named, which a list of services never covers.
        """
        return not self.services or service in self.services

    def permits(
        self,
        *,
        system_name: str,
        consumer: str,
        purpose: str,
        basis: LegalBasis,
        field: str,
        form: Form,
        case_present: bool,
        now_ms: int,
        consent_present: bool = False,
        predicate: str = "",
        emergency: str = "",
        service: str = "",
    ) -> Reason | None:
        """Check one item against this agreement; fails closed, the first condition that does not hold is told.

        Args:
            system_name: Name of the asking system (the last part of its SPIFFE id).
            consumer: Department id of the asking system.
            purpose: Purpose code of the request.
            basis: Legal basis of the request.
            field: Field code.
            form: Form asked for; only a form that is listed itself is permitted.
            case_present: Whether the request has a case reference.
            now_ms: Unix time in milliseconds, UTC.
            consent_present: Whether a valid consent of the person was verified; needed when the basis is consent.
            predicate: With the form predicate, its name.
            emergency: Reason of the declared emergency; empty when none is declared.
            service: Code of the service item for which the system asks; empty when it names none.

        Returns:
            None if the item is permitted, else the reason.
        """
        term = self.term(now_ms)
        forms = self.items.get(field)
        asked = self.predicates.get(predicate)
        checks = (
            (term is not Term.NOT_STARTED, Reason.AGREEMENT_NOT_STARTED),
            (term is not Term.EXPIRED, Reason.AGREEMENT_EXPIRED),
            (consumer == self.consumer, Reason.WRONG_DEPARTMENT),
            (system_name in self.systems, Reason.WRONG_SYSTEM),
            (bool(purpose), Reason.PURPOSE_MISSING),
            (purpose in self.purposes, Reason.PURPOSE_NOT_COVERED),
            (self.serves(service), Reason.SERVICE_NOT_COVERED),
            (basis is self.legal_basis, Reason.BASIS_NOT_COVERED),
            (emergency or self.emergency is None, Reason.EMERGENCY_ONLY),
            (not emergency or self.emergency is not None, Reason.EMERGENCY_NOT_AGREED),
            (
                not emergency or (self.emergency is not None and emergency in self.emergency.reasons),
                Reason.EMERGENCY_REASON_NOT_COVERED,
            ),
            (consent_present or basis is not LegalBasis.CONSENT, Reason.CONSENT_MISSING),
            (case_present or not self.case_required, Reason.CASE_REQUIRED),
            (forms is not None, Reason.NOT_IN_AGREEMENT),
            (forms is not None and form in forms, Reason.FORM_NOT_ALLOWED),
            (
                form is not Form.PREDICATE or (asked is not None and asked.field == field),
                Reason.PREDICATE_NOT_AGREED,
            ),
        )
        return next((reason for holds, reason in checks if not holds), None)
