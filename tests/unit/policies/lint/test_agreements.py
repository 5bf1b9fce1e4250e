"""The linter finds agreements that can never be used, grant too much, or get in each other's way."""

from dataclasses import replace
from typing import Any

import pytest

from policies.agreements import Agreement
from policies.lint import AgreementSource, Exchange, Finding, FindingCode, Severity, lint_agreements
from policies.predicates import Operator, Predicate
from policies.purposes import PURPOSES
from policies.resources import ResourceDescription
from policies.vocabulary import Classification, Form, LegalBasis, SharingType
from tests.support import policy_cases
from tests.support.policy_cases import AGREEMENT_TEXT, NOW_MS, field, resource
from tests.support.policy_purposes import CONSENT_ONLY, RETIRED, VOCABULARY


def agreement(**changes: Any) -> Agreement:
    """A sound one, with some of its parts exchanged."""
    return policy_cases.agreement(**{"impact_assessment": "PIA-1", **changes})


KEYS = {"civil": f"sha256:{'a' * 64}", "education": f"sha256:{'b' * 64}"}


def exchange(described: ResourceDescription | None = None, **changes: object) -> Exchange:
    known = Exchange(
        resource=lambda _code: described or resource(),
        key_of=KEYS.get,
        systems_of=lambda _department: ("enrolment", "archive"),
    )
    return replace(known, **changes)


def lint(*held: Agreement, known: Exchange | None = None) -> list[Finding]:
    sources = [AgreementSource(f"{number}.toml", one) for number, one in enumerate(held)]
    return list(lint_agreements(sources, known or exchange(), NOW_MS))


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, [one.en for one in findings]
    return findings[0]


def test_a_sound_agreement_is_not_found_fault_with() -> None:
    assert lint(agreement()) == []
    assert lint(agreement(), known=exchange(purposes=PURPOSES)) == []


def test_nothing_is_said_about_what_is_not_known() -> None:
    assert lint(agreement(resource="no.such", provider="nobody"), known=Exchange()) == []


@pytest.mark.parametrize(
    ("held", "known", "code", "key"),
    [
        (agreement(valid_until_ms=NOW_MS), exchange(), FindingCode.AGREEMENT_EXPIRED, "valid_until"),
        (
            agreement(purposes=frozenset({"school_enrolment", RETIRED})),
            exchange(purposes=VOCABULARY),
            FindingCode.AGREEMENT_PURPOSE,
            "purposes",
        ),
        (
            agreement(purposes=frozenset({CONSENT_ONLY})),
            exchange(purposes=VOCABULARY),
            FindingCode.AGREEMENT_PURPOSE,
            "purposes",
        ),
        (
            agreement(purposes=frozenset({CONSENT_ONLY})),
            exchange(purposes=PURPOSES),
            FindingCode.AGREEMENT_PURPOSE,
            "purposes",
        ),
        (agreement(provider="gone"), exchange(resource=None), FindingCode.AGREEMENT_DEPARTMENT, "provider"),
        (agreement(consumer="gone"), exchange(), FindingCode.AGREEMENT_DEPARTMENT, "consumer"),
        (agreement(consumer_key="sha256:x"), exchange(), FindingCode.AGREEMENT_KEY, "consumer_key"),
        (agreement(systems=frozenset({"enrolment", "x"})), exchange(), FindingCode.AGREEMENT_SYSTEM, "systems"),
        (agreement(), exchange(resource=lambda _: None), FindingCode.AGREEMENT_RESOURCE, "resource"),
        (agreement(), exchange(resource(provider="police")), FindingCode.AGREEMENT_RESOURCE, "resource"),
        (
            agreement(sharing_type=SharingType.UNCONDITIONAL),
            exchange(),
            FindingCode.AGREEMENT_SHARING_TYPE,
            "sharing_type",
        ),
        (
            agreement(),
            exchange(resource(sharing_type=SharingType.NOT_SHARED)),
            FindingCode.AGREEMENT_SHARING_TYPE,
            "sharing_type",
        ),
        (
            agreement(items={"name": frozenset({Form.VALUE}), "colour": frozenset({Form.VALUE})}),
            exchange(),
            FindingCode.AGREEMENT_FIELD,
            "items[1].field",
        ),
        (
            agreement(items={"birth_date": frozenset({Form.YEAR, Form.EXISTS})}),
            exchange(),
            FindingCode.AGREEMENT_BROADER_THAN_CATALOGUE,
            "items[0].forms",
        ),
        (
            agreement(valid_until_ms=NOW_MS + 500 * 86_400_000, items={"name": frozenset({Form.VALUE})}),
            exchange(resource(fields=(field("name", classification=Classification.SENSITIVE),))),
            FindingCode.AGREEMENT_SENSITIVE_TERM,
            "items[0].field",
        ),
    ],
)
def test_each_mistake_is_found_at_its_key(held: Agreement, known: Exchange, code: FindingCode, key: str) -> None:
    found = only(lint(held, known=known))
    assert (found.code, found.subject) == (code, key)
    if found.line:
        assert AGREEMENT_TEXT.splitlines()[found.line - 1].startswith(key.rpartition(".")[2].split("[")[0])


def test_sensitive_data_without_an_assessment_and_a_predicate_of_another_type_are_found() -> None:
    sensitive = resource(fields=(field("name", classification=Classification.SENSITIVE),))
    held = agreement(items={"name": frozenset({Form.VALUE})}, impact_assessment="")
    assert only(lint(held, known=exchange(sensitive))).code is FindingCode.AGREEMENT_NO_ASSESSMENT
    assert lint(replace(held, impact_assessment="PIA-1"), known=exchange(sensitive)) == []
    text = resource(fields=(field("name", forms=frozenset(Form)),))
    asked = Predicate("old", "name", Operator.AGE_AT_LEAST, ("18",))
    found = only(
        lint(agreement(items={"name": frozenset({Form.PREDICATE})}, predicates={"old": asked}), known=exchange(text))
    )
    assert (found.code, found.detail) == (FindingCode.AGREEMENT_PREDICATE, "old")


def test_two_agreements_about_the_same_overlap_and_contradict_when_their_conditions_differ() -> None:
    first, second = agreement(), agreement(id="another")
    found = only(lint(first, second))
    assert (found.code, found.severity, found.file) == (FindingCode.AGREEMENT_OVERLAP, Severity.WARNING, "1.toml")
    assert "0.toml" in found.detail
    assert "name=value" in found.detail
    contrary = only(lint(first, replace(second, case_required=False)))
    assert (contrary.code, contrary.severity) == (FindingCode.AGREEMENT_CONTRADICTION, Severity.ERROR)
    assert contrary.detail.endswith("case_required")


@pytest.mark.parametrize(
    "other",
    [
        agreement(id="b", consumer="police", consumer_key=KEYS["civil"]),
        agreement(id="b", systems=frozenset({"archive"}), purposes=frozenset({"tax_assessment"})),
        agreement(id="b", legal_basis=LegalBasis.MANDATE),
        agreement(id="b", items={"health": frozenset({Form.VALUE})}),
        agreement(id="b", items={"name": frozenset({Form.EXISTS})}),
        agreement(id="b", valid_from_ms=agreement().valid_until_ms, valid_until_ms=agreement().valid_until_ms + 1),
        agreement(revision=4),
    ],
)
def test_agreements_that_no_request_fits_both_do_not_overlap(other: Agreement) -> None:
    codes = {one.code for one in lint(agreement(), other, known=Exchange())}
    assert not codes & {FindingCode.AGREEMENT_OVERLAP, FindingCode.AGREEMENT_CONTRADICTION}
