"""Promise 2: default deny, fail closed. Every way in which a decision can go wrong withholds."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from policies.agreements import Agreement
from policies.agreements.emergency import EmergencyTerms
from policies.engine import GUARDRAILS, KNOWN_TERMS_RULE, PURPOSES_RULE, BadBundle, ItemDecision, PolicyEngine
from policies.engine.bundle import PACKAGED, load_bundle
from policies.predicates import Operator, Predicate
from policies.reasons import Reason
from policies.vocabulary import Classification, Form, LegalBasis, Necessity, SharingType
from tests.support.policy_cases import (
    AGREEMENT_TEXT,
    NOW_MS,
    agreement,
    bundle_copy,
    field,
    item,
    question,
    resource,
)
from tests.support.policy_purposes import CONSENT_ONLY, RETIRED, VOCABULARY


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    return PolicyEngine.load(purposes=VOCABULARY)


def only(engine: PolicyEngine, asked: object) -> ItemDecision:
    (decided,) = engine.decide(asked).items  # type: ignore[arg-type]
    return decided


def test_an_item_under_an_agreement_in_force_is_allowed_and_names_its_rule(engine: PolicyEngine) -> None:
    decided = only(engine, question())
    assert decided == ItemDecision("name", Form.VALUE, Necessity.REQUIRED, True, None, ("share-under-agreement",))


def test_each_item_is_decided_by_itself_and_keeps_its_place(engine: PolicyEngine) -> None:
    asked = question(
        item("name", Form.MASKED),
        item("health", Form.VALUE, Necessity.OPTIONAL),
        item("nonsense"),
        item("birth_date", Form.YEAR),
        item("birth_date", Form.VALUE),
        item("record", Form.EXISTS),
        item("record", Form.VALUE),
        agreement=agreement(impact_assessment="PIA-2025-1"),
    )
    decision = engine.decide(asked)
    assert [(d.field, d.form, d.necessity) for d in decision.items] == list(asked.items)
    assert [d.reason for d in decision.items] == [
        None,
        Reason.NOT_IN_AGREEMENT,
        Reason.UNKNOWN_TERM,
        None,
        Reason.FORM_NOT_ALLOWED,
        None,
        Reason.FORM_NOT_ALLOWED,
    ]
    assert decision.bundle_digest == engine.digest
    assert [d.field for d in decision.released] == ["name", "birth_date", "record"]
    assert [d.field for d in decision.withheld] == ["health", "nonsense", "birth_date", "record"]


def test_a_request_is_refused_when_a_required_item_is_withheld_but_not_for_an_optional_one(
    engine: PolicyEngine,
) -> None:
    optional = question(item("name"), item("health", Form.VALUE, Necessity.OPTIONAL))
    assert not engine.decide(optional).refuses
    assert engine.decide(question(item("name"), item("health"))).refuses


TERMS = EmergencyTerms(frozenset({"life_saving_care"}), 5, 24, None, "", 0)
SAME = Predicate("same", "name", Operator.EQUALS, ())
WITHHELD = {
    "not shared": (question(resource=resource(sharing_type=SharingType.NOT_SHARED)), Reason.NOT_SHARED),
    "no agreement": (question(agreement=None), Reason.NO_AGREEMENT),
    "another resource's agreement": (
        question(agreement=agreement(resource="civil.marriage")),
        Reason.AGREEMENT_MISMATCH,
    ),
    "another provider's agreement": (question(agreement=agreement(provider="police")), Reason.AGREEMENT_MISMATCH),
    "other sharing terms": (
        question(agreement=agreement(sharing_type=SharingType.UNCONDITIONAL)),
        Reason.AGREEMENT_MISMATCH,
    ),
    "not started": (question(now_ms=agreement().valid_from_ms - 1), Reason.AGREEMENT_NOT_STARTED),
    "expired": (question(now_ms=agreement().valid_until_ms), Reason.AGREEMENT_EXPIRED),
    "another department": (question(consumer="police"), Reason.WRONG_DEPARTMENT),
    "another system": (question(system="intranet"), Reason.WRONG_SYSTEM),
    "no purpose": (question(purpose=""), Reason.PURPOSE_MISSING),
    "another purpose": (question(purpose="tax_assessment"), Reason.PURPOSE_NOT_COVERED),
    "retired purpose": (question(purpose=RETIRED), Reason.PURPOSE_RETIRED),
    "basis that the purpose does not have": (question(purpose=CONSENT_ONLY), Reason.BASIS_NOT_FOR_PURPOSE),
    "unregistered purpose": (question(purpose="curiosity"), Reason.UNKNOWN_TERM),
    "another service": (
        question(agreement=agreement(services=frozenset({"newborn"})), service="school-enrolment"),
        Reason.SERVICE_NOT_COVERED,
    ),
    "no service under an agreement for services": (
        question(agreement=agreement(services=frozenset({"newborn"}))),
        Reason.SERVICE_NOT_COVERED,
    ),
    "another basis": (question(basis=LegalBasis.MANDATE), Reason.BASIS_NOT_COVERED),
    "consent that nobody verified": (
        question(agreement=agreement(legal_basis=LegalBasis.CONSENT), basis=LegalBasis.CONSENT),
        Reason.CONSENT_MISSING,
    ),
    "an emergency agreement without an emergency": (
        question(agreement=agreement(emergency=TERMS)),
        Reason.EMERGENCY_ONLY,
    ),
    "an emergency under an ordinary agreement": (
        question(emergency="life_saving_care"),
        Reason.EMERGENCY_NOT_AGREED,
    ),
    "another reason for an emergency": (
        question(agreement=agreement(emergency=TERMS), emergency="disaster_relief"),
        Reason.EMERGENCY_REASON_NOT_COVERED,
    ),
    "no case": (question(case_present=False), Reason.CASE_REQUIRED),
    "no official": (question(agreement=agreement(official_required=True)), Reason.OFFICIAL_REQUIRED),
    "another scheme": (question(subject_scheme="cn.uscc"), Reason.SCHEME_NOT_ACCEPTED),
    "field outside the agreement": (question(item("health")), Reason.NOT_IN_AGREEMENT),
    "form outside the agreement": (question(item("birth_date")), Reason.FORM_NOT_ALLOWED),
    "form outside the catalogue": (
        question(resource=resource(fields=(field("name", forms=frozenset({Form.MASKED})),))),
        Reason.FORM_NOT_ALLOWED,
    ),
    "predicate outside the agreement": (
        question(
            item("name", Form.PREDICATE),
            agreement=agreement(items={"name": frozenset({Form.PREDICATE})}, predicates={"same": SAME}),
            predicates=(("name", "other"),),
        ),
        Reason.PREDICATE_NOT_AGREED,
    ),
    "predicate that nothing names": (
        question(
            item("name", Form.PREDICATE),
            agreement=agreement(items={"name": frozenset({Form.PREDICATE})}, predicates={"same": SAME}),
        ),
        Reason.PREDICATE_NOT_AGREED,
    ),
    "less revealing form that is not listed": (question(item("name", Form.EXISTS)), Reason.FORM_NOT_ALLOWED),
    "sensitive for longer than a year": (
        question(
            resource=resource(fields=(field("name", classification=Classification.SENSITIVE),)),
            agreement=agreement(valid_until_ms=agreement().valid_from_ms + 366 * 86_400_000 + 1),
        ),
        Reason.SENSITIVE_TERM,
    ),
    "sensitive without an impact assessment": (
        question(resource=resource(fields=(field("name", classification=Classification.SENSITIVE),))),
        Reason.IMPACT_ASSESSMENT_MISSING,
    ),
    "unknown field": (question(item("nonsense")), Reason.UNKNOWN_TERM),
    "basis that is no word": (question(basis="whim"), Reason.BASIS_NOT_FOR_PURPOSE),
    "word outside the schema": (question(agreement=agreement(legal_basis="whim")), Reason.POLICY_ERROR),
    "text that Cedar cannot read": (question(system="\ud800"), Reason.POLICY_ERROR),
}


@pytest.mark.parametrize("name", WITHHELD)
def test_it_is_withheld_with_its_own_reason(engine: PolicyEngine, name: str) -> None:
    asked, reason = WITHHELD[name]
    decided = only(engine, asked)
    assert (decided.allowed, decided.reason) == (False, reason)


@pytest.mark.parametrize(
    "asked",
    [
        question(agreement=agreement(official_required=True), official=True),
        question(agreement=agreement(legal_basis=LegalBasis.CONSENT), basis=LegalBasis.CONSENT, consent_present=True),
        question(agreement=agreement(case_required=False), case_present=False),
        question(agreement=agreement(sharing_type=SharingType.CONDITIONAL)),
        question(now_ms=agreement().valid_from_ms),
        question(
            item("name", Form.PREDICATE),
            agreement=agreement(items={"name": frozenset({Form.PREDICATE})}, predicates={"same": SAME}),
            predicates=(("name", "same"),),
        ),
        question(now_ms=agreement().valid_until_ms - 1),
        question(system="archive"),
        question(
            resource=resource(fields=(field("name", classification=Classification.SENSITIVE),)),
            agreement=agreement(
                valid_until_ms=agreement().valid_from_ms + 366 * 86_400_000, impact_assessment="PIA-2025-1"
            ),
        ),
    ],
)
def test_what_meets_every_condition_is_allowed(engine: PolicyEngine, asked: object) -> None:
    assert only(engine, asked).allowed


def test_every_guardrail_reason_is_met_by_a_case_above() -> None:
    assert {reason for _, reason in WITHHELD.values()} >= set(GUARDRAILS.values())


def test_an_unknown_term_never_reaches_the_rules(engine: PolicyEngine) -> None:
    assert only(engine, question(item("nonsense"))).rules == (KNOWN_TERMS_RULE,)


def test_a_purpose_that_does_not_count_never_reaches_the_rules_of_any_bundle(tmp_path: Path) -> None:
    everything = '@id("permits-everything") permit (principal, action, resource);'
    own = PolicyEngine.load(bundle_copy(tmp_path, sharing=("", everything)), VOCABULARY)
    for asked in (question(purpose=RETIRED), question(purpose=CONSENT_ONLY)):
        held = replace(asked, agreement=agreement(purposes=frozenset({RETIRED, CONSENT_ONLY})))
        assert only(own, held).rules == (PURPOSES_RULE,)


def test_a_purpose_is_refused_from_its_day_on_also_when_the_same_was_decided_before(engine: PolicyEngine) -> None:
    held = agreement(purposes=frozenset({RETIRED}))
    before = question(purpose=RETIRED, agreement=held, now_ms=NOW_MS - 86_400_000)
    assert only(engine, before).allowed
    assert only(engine, replace(before, now_ms=NOW_MS)).reason is Reason.PURPOSE_RETIRED
    assert only(engine, before).allowed


def test_a_purpose_of_a_file_is_one_for_rules_too(tmp_path: Path) -> None:
    rule = f'@id("no-library") forbid (principal, action, resource) when {{ context.purpose == Purpose::"{CONSENT_ONLY}" }};'
    copy = bundle_copy(tmp_path, sharing=("", rule))
    with pytest.raises(BadBundle, match=f"names the purpose {CONSENT_ONLY}, which is not registered"):
        PolicyEngine.load(copy)
    assert only(PolicyEngine.load(copy, VOCABULARY), question()).allowed


def test_a_rule_that_errs_while_deciding_withholds_although_a_permit_holds(tmp_path: Path) -> None:
    # No probe asks for this purpose, so the rule's overflow shows only while deciding. Cedar itself says Allow.
    rule = """
    @id("local-errs")
    forbid (principal, action == Action::"release", resource)
    when
    {
      context.purpose == Purpose::"newborn_registration" &&
      context.agreement has term_days &&
      context.agreement.term_days + 9223372036854775807 < 0
    };
    """
    engine = PolicyEngine.load(bundle_copy(tmp_path, sharing=("", rule)))
    assert only(engine, question()).allowed
    decided = only(engine, question(purpose="newborn_registration"))
    assert (decided.allowed, decided.reason, decided.rules) == (False, Reason.POLICY_ERROR, ())
    assert only(engine, question(purpose="newborn_registration")).reason is Reason.POLICY_ERROR


def test_a_local_rule_can_only_take_away(tmp_path: Path) -> None:
    rules = """
    @id("local-permits-everything") permit (principal, action, resource);
    @id("local-no-names-at-all")
    forbid (principal, action == Action::"release", resource)
    when { resource == Field::"civil.resident:name" };
    """
    engine = PolicyEngine.load(bundle_copy(tmp_path, sharing=("", rules)))
    assert only(engine, question()).reason is Reason.GUARDRAIL
    assert only(engine, question(item("birth_date", Form.YEAR))).allowed
    for asked, reason in WITHHELD.values():
        assert not only(engine, asked).allowed, reason


def test_no_rule_for_or_against_means_withheld(tmp_path: Path) -> None:
    copy = bundle_copy(tmp_path, sharing=('context.term == Term::"in_force" &&', 'context.purpose == Purpose::"" &&'))
    decided = only(PolicyEngine.load(copy), question())
    assert (decided.allowed, decided.reason, decided.rules) == (False, Reason.POLICY_EMPTY, ())


def test_a_remembered_decision_does_not_outlive_its_agreement(engine: PolicyEngine) -> None:
    until = agreement().valid_until_ms
    assert only(engine, question(now_ms=until - 1)).allowed
    assert only(engine, question(now_ms=until - 1)).allowed
    assert only(engine, question(now_ms=until)).reason is Reason.AGREEMENT_EXPIRED
    assert only(engine, question(now_ms=until - 1)).allowed


def test_a_withdrawn_or_newer_agreement_is_not_answered_from_memory(engine: PolicyEngine) -> None:
    assert only(engine, question()).allowed
    assert only(engine, question(agreement=None)).reason is Reason.NO_AGREEMENT
    newer = agreement(AGREEMENT_TEXT.replace("revision = 3", "revision = 4").replace('"value", "masked"', '"masked"'))
    assert only(engine, question(agreement=newer)).reason is Reason.FORM_NOT_ALLOWED
    assert only(engine, question()).allowed


def test_two_agreements_with_one_digest_are_not_confused(engine: PolicyEngine) -> None:
    assert only(engine, question()).allowed
    assert only(engine, question(agreement=agreement(items={}))).reason is Reason.NOT_IN_AGREEMENT


@pytest.mark.parametrize(
    "changes",
    [
        {"consumer": "police"},
        {"system": "intranet"},
        {"purpose": "tax_assessment"},
        {"basis": LegalBasis.MANDATE},
        {"case_present": False},
        {"subject_scheme": "cn.uscc"},
        {"resource": resource(sharing_type=SharingType.NOT_SHARED)},
        {"agreement": agreement(items={})},
        {"agreement": None},
        {"now_ms": 0},
        {"items": (item("health"),)},
    ],
)
def test_nothing_that_enters_a_decision_is_left_out_of_what_is_remembered(changes: dict[str, object]) -> None:
    bundle = load_bundle(PACKAGED)
    for first in (False, True):
        engine = PolicyEngine(bundle)
        assert only(engine, question(**({} if first else changes))).allowed is first
        assert only(engine, question(**(changes if first else {}))).allowed is not first
        assert only(engine, question(**({} if first else changes))).allowed is first


def test_official_and_consent_enter_what_is_remembered(engine: PolicyEngine) -> None:
    strict = question(agreement=agreement(official_required=True), official=True)
    assert only(engine, strict).allowed
    assert not only(engine, replace(strict, official=False)).allowed
    consented = question(
        agreement=agreement(legal_basis=LegalBasis.CONSENT), basis=LegalBasis.CONSENT, consent_present=True
    )
    assert only(engine, consented).allowed
    assert not only(engine, replace(consented, consent_present=False)).allowed


def test_memory_is_bounded_and_forgetting_changes_no_decision() -> None:
    engine = PolicyEngine(load_bundle(PACKAGED), remember=2)
    asked = [question(case_present=case, system=system) for case in (True, False) for system in ("enrolment", "x")]
    first = [engine.decide(one) for one in asked]
    assert [engine.decide(one) for one in asked] == first
    assert [d.items[0].allowed for d in first] == [True, False, False, False]


def test_many_threads_get_the_same_decisions(engine: PolicyEngine) -> None:
    asked = [replace(question(), now_ms=NOW_MS + n, case_present=n % 2 == 0, system=f"s{n % 5}") for n in range(60)]
    asked += [replace(one, system="enrolment") for one in asked]
    with ThreadPoolExecutor(4) as pool:
        decided = list(pool.map(engine.decide, asked))
    expected = [one.system == "enrolment" and one.case_present for one in asked]
    assert [d.items[0].allowed for d in decided] == expected


def test_a_question_without_items_releases_nothing(engine: PolicyEngine) -> None:
    assert engine.decide(replace(question(), items=())).items == ()


def test_the_agreement_alone_would_have_said_the_same(engine: PolicyEngine) -> None:
    held: Agreement = agreement()
    reason = held.permits(
        system_name="enrolment",
        consumer="education",
        purpose="school_enrolment",
        basis=LegalBasis.EXPLICIT_REQUEST,
        field="name",
        form=Form.VALUE,
        case_present=True,
        now_ms=NOW_MS,
    )
    assert reason is only(engine, question()).reason is None
