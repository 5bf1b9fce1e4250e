"""Questions that every bundle is asked before it is used: each guardrail must forbid what its name says.

Rules kept here: an id alone proves nothing, since a guardrail can be hollowed out and keep its name; and a rule that
errs is skipped by Cedar, so each probe is asked again with entities missing, and any error refuses the bundle.

What it does not do: probes do not prove a rule right in every case; the tests go further.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from policies.agreements import Agreement, parse_agreement
from policies.agreements.emergency import EmergencyTerms
from policies.engine.question import AccessQuestion
from policies.predicates import Operator, Predicate
from policies.resources import FieldDescription, ResourceDescription
from policies.vocabulary import Classification, DataType, Form, LegalBasis, Mask, Necessity, SharingType

ENTITY_TYPES: Final = ("", "System", "Resource", "Field", "Agreement")
"""Types of entities left out in turn; the empty text leaves out none."""

_NOW: Final = int(datetime(2025, 6, 1, tzinfo=UTC).timestamp()) * 1000
_TERM_MS: Final = 10 * 86_400_000

_FIELD: Final = FieldDescription(
    code="name",
    name_zh="姓名",
    name_en="name",
    data_type=DataType.STRING,
    classification=Classification.SENSITIVE,
    forms=frozenset({Form.VALUE, Form.MASKED, Form.PREDICATE}),
    mask=Mask.NAME,
)
_RESOURCE: Final = ResourceDescription(
    code="probe.person",
    name_zh="自检资源",
    name_en="probe",
    provider="probe-provider",
    abstract_zh="仅用于自检",
    abstract_en="for the self-test only",
    classification=Classification.SENSITIVE,
    sharing_type=SharingType.CONDITIONAL,
    sharing_terms="probe",
    update_cycle="P1D",
    subject_schemes=("cn.resident-id",),
    unlisted=False,
    fields=(_FIELD, replace(_FIELD, code="other")),
)
_AGREEMENT: Final = replace(
    parse_agreement(
        f"""
        format = "oncegate.agreement/1"
        id = "probe"
        revision = 1
        provider = "probe-provider"
        provider_key = "sha256:{"0" * 64}"
        consumer = "probe-consumer"
        consumer_key = "sha256:{"1" * 64}"
        systems = ["probe"]
        resource = "probe.person"
        sharing_type = "conditional"
        condition = "probe"
        legal_basis = "explicit_request"
        purposes = ["school_enrolment"]
        valid_from = 2025-01-01T00:00:00Z
        valid_until = 2025-01-02T00:00:00Z
        case_required = true
        official_required = true
        uses_per_day = 1
        impact_assessment = "probe"
        [[items]]
        field = "name"
        forms = ["value"]
        """.encode()
    ),
    valid_from_ms=_NOW - _TERM_MS,
    valid_until_ms=_NOW + _TERM_MS,
)
REASON: Final = "life_saving_care"
FOR_EMERGENCIES: Final = EmergencyTerms(frozenset({REASON}), 1, 24, None, "", 0)
"""What an agreement says that serves declared emergencies of this reason."""
SERVICE: Final = "school-enrolment"
_SAME: Final = Predicate("same", "name", Operator.EQUALS, ())

PERMITTED: Final = AccessQuestion(
    consumer="probe-consumer",
    system="probe",
    resource=_RESOURCE,
    items=(("name", Form.VALUE, Necessity.REQUIRED),),
    purpose="school_enrolment",
    basis=LegalBasis.EXPLICIT_REQUEST,
    case_present=True,
    agreement=_AGREEMENT,
    subject_scheme="cn.resident-id",
    now_ms=_NOW,
    official=True,
)
"""A question that no guardrail may forbid."""


def _with(agreement: Agreement) -> AccessQuestion:
    return replace(PERMITTED, agreement=agreement)


FORBIDDEN: Final[Mapping[str, tuple[AccessQuestion, ...]]] = MappingProxyType(
    {
        "resource-is-shared": (replace(PERMITTED, resource=replace(_RESOURCE, sharing_type=SharingType.NOT_SHARED)),),
        "agreement-exists": (replace(PERMITTED, agreement=None),),
        "agreement-fits-resource": (
            _with(replace(_AGREEMENT, resource="probe.other")),
            _with(replace(_AGREEMENT, provider="probe-other")),
        ),
        "agreement-fits-sharing-type": (_with(replace(_AGREEMENT, sharing_type=SharingType.UNCONDITIONAL)),),
        "agreement-has-started": (replace(PERMITTED, now_ms=_AGREEMENT.valid_from_ms - 1),),
        "agreement-has-not-expired": (replace(PERMITTED, now_ms=_AGREEMENT.valid_until_ms),),
        "consumer-is-party": (replace(PERMITTED, consumer="probe-other"),),
        "system-is-listed": (replace(PERMITTED, system="other"),),
        "purpose-is-stated": (replace(PERMITTED, purpose=""),),
        "purpose-is-covered": (replace(PERMITTED, purpose="tax_assessment"),),
        "service-is-covered": (
            _with(replace(_AGREEMENT, services=frozenset({SERVICE}))),
            replace(_with(replace(_AGREEMENT, services=frozenset({SERVICE}))), service="another"),
        ),
        "basis-is-covered": (replace(PERMITTED, basis=LegalBasis.MANDATE),),
        "emergency-agreement-is-for-emergencies": (_with(replace(_AGREEMENT, emergency=FOR_EMERGENCIES)),),
        "emergency-has-its-own-agreement": (replace(PERMITTED, emergency=REASON),),
        "emergency-reason-is-covered": (
            replace(_with(replace(_AGREEMENT, emergency=FOR_EMERGENCIES)), emergency="disaster_relief"),
            replace(PERMITTED, emergency=REASON),
        ),
        "consent-is-present": (
            replace(
                _with(replace(_AGREEMENT, legal_basis=LegalBasis.CONSENT)),
                basis=LegalBasis.CONSENT,
            ),
        ),
        "case-is-stated": (replace(PERMITTED, case_present=False),),
        "official-is-identified": (replace(PERMITTED, official=False),),
        "scheme-is-accepted": (replace(PERMITTED, subject_scheme="cn.uscc"),),
        "field-is-in-agreement": (replace(PERMITTED, items=(("other", Form.VALUE, Necessity.REQUIRED),)),),
        "form-is-in-agreement": (replace(PERMITTED, items=(("name", Form.MASKED, Necessity.REQUIRED),)),),
        "predicate-is-in-agreement": (
            replace(
                _with(replace(_AGREEMENT, items={"name": frozenset({Form.PREDICATE})}, predicates={"same": _SAME})),
                items=(("name", Form.PREDICATE, Necessity.REQUIRED),),
                predicates=(("name", "other"),),
            ),
            replace(
                _with(replace(_AGREEMENT, items={"name": frozenset({Form.PREDICATE})})),
                items=(("name", Form.PREDICATE, Necessity.REQUIRED),),
            ),
            replace(
                _with(
                    replace(
                        _AGREEMENT,
                        items={"name": frozenset({Form.PREDICATE})},
                        predicates={"same": replace(_SAME, field="other")},
                    )
                ),
                items=(("name", Form.PREDICATE, Necessity.REQUIRED),),
                predicates=(("name", "same"),),
            ),
        ),
        "form-is-in-catalogue": (
            replace(
                _with(replace(_AGREEMENT, items={"name": frozenset({Form.EXISTS})})),
                items=(("name", Form.EXISTS, Necessity.REQUIRED),),
            ),
        ),
        "sensitive-has-a-term": (
            _with(replace(_AGREEMENT, valid_until_ms=_AGREEMENT.valid_from_ms + 367 * 86_400_000)),
        ),
        "sensitive-has-an-assessment": (_with(replace(_AGREEMENT, impact_assessment="")),),
    }
)
"""Questions by the guardrail that must forbid them, whatever else does."""


def all_probes() -> Iterator[AccessQuestion]:
    """Every probe, the permitted one first."""
    yield PERMITTED
    for questions in FORBIDDEN.values():
        yield from questions
