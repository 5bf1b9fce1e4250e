"""Whatever is asked: no guardrail errs, nothing is allowed without an agreement that lists it, node and gateway agree."""

from collections.abc import Mapping
from dataclasses import replace

import cedarpy
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.agreements import SENSITIVE_TERM_MS, Agreement
from policies.engine import AccessQuestion, PolicyEngine
from policies.engine.bundle import PACKAGED, load_bundle
from policies.engine.facts import evaluate, parse_entities
from policies.engine.probes import ENTITY_TYPES
from policies.predicates import Operator, Predicate
from policies.resources import ResourceDescription
from policies.vocabulary import Classification, DataType, Form, LegalBasis, Necessity, SharingType
from tests.support.policy_cases import NOW_MS, agreement, field, resource
from tests.support.policy_purposes import CONSENT_ONLY, RETIRED, VOCABULARY

ENGINE = PolicyEngine.load(purposes=VOCABULARY)
RULES = load_bundle(PACKAGED).rules
DAY_MS = 86_400_000

forms = st.frozensets(st.sampled_from(Form))
departments = st.sampled_from(["civil", "education", "police"])
systems = st.sampled_from(["enrolment", "archive", "x"])
purposes = st.sampled_from(["school_enrolment", "tax_assessment", "newborn_registration", RETIRED, CONSENT_ONLY])
names = st.sampled_from(["adult", "same", "other"])
codes = st.sampled_from(["name", "birth_date", "record", "health", "nonsense"])


@st.composite
def agreements(draw: st.DrawFn) -> Agreement:
    start = NOW_MS + draw(st.integers(-400, 2)) * DAY_MS
    items: Mapping[str, frozenset[Form]] = draw(st.dictionaries(codes, forms, max_size=4))
    return agreement(
        provider=draw(departments),
        consumer=draw(departments),
        systems=draw(st.frozensets(systems, min_size=1)),
        resource=draw(st.sampled_from(["civil.resident", "civil.marriage"])),
        sharing_type=draw(st.none() | st.sampled_from(SharingType)),
        legal_basis=draw(st.sampled_from(LegalBasis)),
        purposes=draw(st.frozensets(purposes, min_size=1)),
        valid_from_ms=start,
        valid_until_ms=start + draw(st.sampled_from([1, 100 * DAY_MS, 366 * DAY_MS, 366 * DAY_MS + 1, 1098 * DAY_MS])),
        case_required=draw(st.booleans()),
        official_required=draw(st.booleans()),
        items=items,
        predicates={name: Predicate(name, draw(codes), Operator.EQUALS, ()) for name in draw(st.sets(names))},
    )


@st.composite
def resources(draw: st.DrawFn) -> ResourceDescription:
    described = [
        field(code, data_type=DataType.STRING, forms=draw(forms), classification=draw(st.sampled_from(Classification)))
        for code in ("name", "birth_date", "health")
    ]
    return resource(
        provider=draw(departments),
        sharing_type=draw(st.sampled_from(SharingType)),
        classification=draw(st.sampled_from(Classification)),
        fields=tuple(described),
    )


@st.composite
def questions(draw: st.DrawFn) -> AccessQuestion:
    items = draw(st.lists(st.tuples(codes, st.sampled_from(Form), st.sampled_from(Necessity)), min_size=1, max_size=4))
    return AccessQuestion(
        consumer=draw(departments),
        system=draw(systems),
        resource=draw(resources()),
        items=tuple(items),
        purpose=draw(purposes | st.sampled_from(["", "curiosity"])),
        basis=draw(st.sampled_from(LegalBasis)),
        case_present=draw(st.booleans()),
        agreement=draw(st.none() | agreements()),
        subject_scheme=draw(st.sampled_from(["cn.resident-id", "cn.uscc", ""])),
        now_ms=NOW_MS,
        official=draw(st.booleans()),
        consent_present=draw(st.booleans()),
        predicates=tuple(sorted(draw(st.dictionaries(codes, names)).items())),
    )


@settings(max_examples=150, deadline=None)
@given(questions())
def test_no_rule_errs_and_nothing_is_allowed_when_an_entity_is_missing(asked: AccessQuestion) -> None:
    known = [(found, form) for code, form, _ in asked.items if (found := asked.resource.field(code))]
    for without in ENTITY_TYPES:
        handle = parse_entities(RULES, asked, {f.code: f for f, _ in known}.values(), without)
        for result in evaluate(RULES, asked, known, handle):
            assert result.diagnostics.errors == []
            assert result.decision is not cedarpy.Decision.NoDecision
            assert not without or result.decision is cedarpy.Decision.Deny


@settings(max_examples=200, deadline=None)
@given(questions())
def test_what_is_allowed_is_what_a_plain_reading_of_the_rules_allows(asked: AccessQuestion) -> None:
    for decided in ENGINE.decide(asked).items:
        assert decided.allowed == plain_reading(asked, decided.field, decided.form)
        assert decided.allowed == (decided.reason is None)
        assert decided.rules


def agreed(held: Agreement, code: str, name: str) -> bool:
    return any((one.field, one.name) == (code, name) for one in held.predicates.values())


def plain_reading(asked: AccessQuestion, code: str, form: Form) -> bool:
    held, shared = asked.agreement, asked.resource
    described = shared.field(code)
    if held is None or described is None or VOCABULARY.fault(asked.purpose, asked.basis, asked.now_ms) is not None:
        return False
    term_ok = held.valid_until_ms - held.valid_from_ms <= SENSITIVE_TERM_MS
    return (
        shared.sharing_type is not SharingType.NOT_SHARED
        and (held.resource, held.provider) == (shared.code, shared.provider)
        and held.sharing_type in {None, shared.sharing_type}
        and held.valid_from_ms <= asked.now_ms < held.valid_until_ms
        and asked.consumer == held.consumer
        and asked.system in held.systems
        and asked.purpose in held.purposes
        and asked.basis == held.legal_basis
        and (asked.basis is not LegalBasis.CONSENT or asked.consent_present)
        and (asked.case_present or not held.case_required)
        and (asked.official or not held.official_required)
        and asked.subject_scheme in shared.subject_schemes
        and form in held.items.get(code, ())
        and form in described.forms
        and (form is not Form.PREDICATE or agreed(held, code, dict(asked.predicates).get(code, "")))
        and (described.classification is not Classification.SENSITIVE or (term_ok and bool(held.impact_assessment)))
    )


def every_form(code: str) -> object:
    return field(code, forms=frozenset(Form), classification=Classification.PUBLIC)


@settings(max_examples=200, deadline=None)
@given(questions(), agreements())
def test_node_and_gateway_give_the_same_reason_about_one_agreement(asked: AccessQuestion, held: Agreement) -> None:
    held = replace(held, resource="civil.resident", provider="civil", sharing_type=None, official_required=False)
    open_resource = resource(
        classification=Classification.PUBLIC,
        fields=tuple(every_form(code) for code in ("name", "birth_date", "health")),
    )
    asked = replace(
        asked,
        resource=open_resource,
        agreement=held,
        subject_scheme="cn.resident-id",
        purpose="tax_assessment" if asked.purpose == "curiosity" else asked.purpose,
        items=tuple(item for item in asked.items if item[0] not in {"nonsense", "record"}),
    )
    for decided in ENGINE.decide(asked).items:
        # As the node does it: its vocabulary first, then its copy of the agreement. It asks for a stated purpose first.
        fault = VOCABULARY.fault(asked.purpose, asked.basis, asked.now_ms)
        at_node = (
            fault
            if fault is not None and asked.purpose
            else held.permits(
                system_name=asked.system,
                consumer=asked.consumer,
                purpose=asked.purpose,
                basis=asked.basis,
                field=decided.field,
                form=decided.form,
                case_present=asked.case_present,
                now_ms=asked.now_ms,
                consent_present=asked.consent_present,
                predicate=dict(asked.predicates).get(decided.field, ""),
            )
        )
        assert decided.reason is at_node


@settings(max_examples=100, deadline=None)
@given(questions(), st.text(max_size=8), st.text(max_size=8))
def test_no_text_makes_the_engine_raise_or_allow(asked: AccessQuestion, first: str, second: str) -> None:
    strange = replace(asked, consumer=first, system=second, subject_scheme=first, purpose=second)
    assert not ENGINE.decide(strange).released
