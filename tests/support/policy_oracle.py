"""Decides questions by a plain reading of docs/policies.md, without Cedar: the second opinion of the differential test.

Written from the page's table of guardrails, row by row, and not from the rules. A new guardrail is a new row of `ROWS`;
a test demands that the rows are those of the page, in its order. Nothing here is imported from the engine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from policies.agreements import Agreement
from policies.engine import AccessQuestion
from policies.reasons import Reason
from policies.resources import ResourceDescription
from policies.vocabulary import Classification, Form, LegalBasis, SharingType
from tests.support.policy_purposes import VOCABULARY

YEAR_MS = 366 * 24 * 60 * 60 * 1000
CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Item:
    """One item of a question, with what the catalogue says of its field."""

    asked: AccessQuestion
    field: str
    form: Form
    offered: frozenset[Form]
    classification: Classification

    @property
    def shared(self) -> ResourceDescription:
        """The resource."""
        return self.asked.resource

    @property
    def predicate(self) -> str:
        """The predicate that is needed, empty when the agreement has none."""
        return dict(self.asked.predicates).get(self.field, "")


def found(holds: Callable[[Item, Agreement], bool]) -> Callable[[Item], bool]:
    """A condition about the agreement: it does not hold without one."""

    def check(item: Item) -> bool:
        return item.asked.agreement is not None and holds(item, item.asked.agreement)

    return check


def reasons_of(held: Agreement | None) -> frozenset[str]:
    """The reasons for an emergency that an agreement lists."""
    return frozenset() if held is None or held.emergency is None else held.emergency.reasons


ROWS: tuple[tuple[str, Callable[[Item], bool], Reason], ...] = (
    ("resource-is-shared", lambda i: i.shared.sharing_type != SharingType.NOT_SHARED, Reason.NOT_SHARED),
    ("agreement-exists", lambda i: i.asked.agreement is not None, Reason.NO_AGREEMENT),
    (
        "agreement-fits-resource",
        found(lambda i, held: (held.resource, held.provider) == (i.shared.code, i.shared.provider)),
        Reason.AGREEMENT_MISMATCH,
    ),
    (
        "agreement-fits-sharing-type",
        found(lambda i, held: held.sharing_type is None or held.sharing_type == i.shared.sharing_type),
        Reason.AGREEMENT_MISMATCH,
    ),
    (
        "agreement-has-started",
        found(lambda i, held: i.asked.now_ms >= held.valid_from_ms),
        Reason.AGREEMENT_NOT_STARTED,
    ),
    (
        "agreement-has-not-expired",
        found(lambda i, held: i.asked.now_ms < held.valid_until_ms),
        Reason.AGREEMENT_EXPIRED,
    ),
    ("consumer-is-party", found(lambda i, held: i.asked.consumer == held.consumer), Reason.WRONG_DEPARTMENT),
    (
        "system-is-listed",
        found(lambda i, held: i.asked.consumer == held.consumer and i.asked.system in held.systems),
        Reason.WRONG_SYSTEM,
    ),
    ("purpose-is-stated", lambda i: i.asked.purpose != "", Reason.PURPOSE_MISSING),
    ("purpose-is-covered", found(lambda i, held: i.asked.purpose in held.purposes), Reason.PURPOSE_NOT_COVERED),
    (
        "service-is-covered",
        found(lambda i, held: not held.services or i.asked.service in held.services),
        Reason.SERVICE_NOT_COVERED,
    ),
    ("basis-is-covered", found(lambda i, held: i.asked.basis == held.legal_basis), Reason.BASIS_NOT_COVERED),
    (
        "emergency-agreement-is-for-emergencies",
        lambda i: bool(i.asked.emergency) or (i.asked.agreement is not None and i.asked.agreement.emergency is None),
        Reason.EMERGENCY_ONLY,
    ),
    (
        "emergency-has-its-own-agreement",
        lambda i: not i.asked.emergency or (i.asked.agreement is not None and i.asked.agreement.emergency is not None),
        Reason.EMERGENCY_NOT_AGREED,
    ),
    (
        "emergency-reason-is-covered",
        lambda i: not i.asked.emergency or i.asked.emergency in reasons_of(i.asked.agreement),
        Reason.EMERGENCY_REASON_NOT_COVERED,
    ),
    (
        "consent-is-present",
        lambda i: i.asked.basis != LegalBasis.CONSENT or i.asked.consent_present,
        Reason.CONSENT_MISSING,
    ),
    ("case-is-stated", found(lambda i, held: i.asked.case_present or not held.case_required), Reason.CASE_REQUIRED),
    (
        "official-is-identified",
        found(lambda i, held: i.asked.official or not held.official_required),
        Reason.OFFICIAL_REQUIRED,
    ),
    ("scheme-is-accepted", lambda i: i.asked.subject_scheme in i.shared.subject_schemes, Reason.SCHEME_NOT_ACCEPTED),
    ("field-is-in-agreement", found(lambda i, held: i.field in held.items), Reason.NOT_IN_AGREEMENT),
    ("form-is-in-agreement", found(lambda i, held: i.form in held.items.get(i.field, ())), Reason.FORM_NOT_ALLOWED),
    (
        "predicate-is-in-agreement",
        found(
            lambda i, held: (
                i.form != Form.PREDICATE
                or any((one.field, one.name) == (i.field, i.predicate) for one in held.predicates.values())
            )
        ),
        Reason.PREDICATE_NOT_AGREED,
    ),
    ("form-is-in-catalogue", lambda i: i.form in i.offered, Reason.FORM_NOT_ALLOWED),
    (
        "sensitive-has-a-term",
        found(
            lambda i, held: (
                i.classification != Classification.SENSITIVE or held.valid_until_ms - held.valid_from_ms <= YEAR_MS
            )
        ),
        Reason.SENSITIVE_TERM,
    ),
    (
        "sensitive-has-an-assessment",
        found(lambda i, held: i.classification != Classification.SENSITIVE or held.impact_assessment != ""),
        Reason.IMPACT_ASSESSMENT_MISSING,
    ),
)
"""The page's table: guardrail, what must hold, the reason when it does not; the first that does not hold is told."""


KNOWN, PURPOSES = "known-terms", "registered-purposes"
BEFORE_ROWS = ((KNOWN, (Reason.UNKNOWN_TERM,)), (PURPOSES, (Reason.PURPOSE_RETIRED, Reason.BASIS_NOT_FOR_PURPOSE)))
"""The page's table of what is looked at before the guardrails: its name, and the reasons."""


def second_opinion(asked: AccessQuestion) -> list[Reason | None]:
    """For each item in order: None when it is released, else the reason."""
    told = {"": None, KNOWN: Reason.UNKNOWN_TERM} | {name: reason for name, _, reason in ROWS}
    return [_purpose_fault(asked) if name == PURPOSES else told[name] for name in decisive_rows(asked)]


def decisive_rows(asked: AccessQuestion) -> list[str]:
    """For each item in order: the row that decides, empty when it is released."""
    return [_decided(asked, field, form) for field, form, _ in asked.items]


def _purpose_fault(asked: AccessQuestion) -> Reason | None:
    """Why a registered purpose does not count: from its day on it is retired, or it does not list the legal basis."""
    registered = VOCABULARY[asked.purpose]
    today = datetime.fromtimestamp(asked.now_ms / 1000, CHINA).date()
    if registered.retired is not None and today >= registered.retired:
        return Reason.PURPOSE_RETIRED
    return None if asked.basis in registered.bases else Reason.BASIS_NOT_FOR_PURPOSE


def _decided(asked: AccessQuestion, field: str, form: Form) -> str:
    if asked.purpose and asked.purpose not in VOCABULARY:
        return KNOWN
    if asked.purpose and _purpose_fault(asked) is not None:
        return PURPOSES
    if field == "record":
        # Every resource has it, in the form exists only; it is as sensitive as the resource.
        item = Item(asked, field, form, frozenset({Form.EXISTS}), asked.resource.classification)
    else:
        described = [one for one in asked.resource.fields if one.code == field]
        if not described:
            return KNOWN
        item = Item(asked, field, form, described[0].forms, described[0].classification)
    return next((name for name, holds, _ in ROWS if not holds(item)), "")
