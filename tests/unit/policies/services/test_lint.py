"""What the accepted agreements say about a service item."""

import pytest

from policies.agreements import Agreement, parse_agreement
from policies.lint.findings import Severity
from policies.services.lint import FINDINGS, Offered, ServiceFinding, lint_offered, lint_service
from policies.services.reach import Asker, not_agreed, permitted_form
from policies.vocabulary import DataType, Form
from tests.support.services import Fact, Need, service

FACTS = {
    "name": Fact(["name"]),
    "adult": Fact(["birth_date=age_at_least(18)|year"]),
    "paper": Fact(["address"], by_hand="户口簿"),
    "lease": Fact(by_hand="租赁合同", more='channel = "applicant"\n'),
    "home": Fact(["location"], "housing.property"),
}
ADULT = '[[predicates]]\nname = "adult"\nfield = "birth_date"\noperator = "age_at_least"\nvalue = 18\n'
ASKER = Asker("education", "school", 1_750_000_000_000)


def agreement(items: dict[str, list[str]], predicates: str = "", **changes: str) -> Agreement:
    keys = {
        "format": '"oncegate.agreement/1"',
        "id": '"one"',
        "revision": "1",
        "provider": '"civil"',
        "provider_key": f'"sha256:{"1" * 64}"',
        "consumer": '"education"',
        "consumer_key": f'"sha256:{"2" * 64}"',
        "systems": '["school"]',
        "resource": '"civil.resident"',
        "legal_basis": '"mandate"',
        "purposes": '["school_enrolment"]',
        "valid_from": "2025-01-01T00:00:00+08:00",
        "valid_until": "2026-01-01T00:00:00+08:00",
        "case_required": "true",
        "uses_per_day": "10",
        **changes,
    }
    text = "".join(f"{key} = {value}\n" for key, value in keys.items())
    text += "".join(f'[[items]]\nfield = "{field}"\nforms = {forms}\n' for field, forms in items.items())
    return parse_agreement((text + predicates).encode())


def found(needs: dict[str, Need], *agreements: Agreement) -> list[tuple[str, str]]:
    return [(str(one.code), one.subject) for one in lint_service(service(FACTS, needs), agreements, ASKER)]


WHOLE = agreement({"name": ["value"], "birth_date": ["predicate", "year"], "address": ["value"]}, ADULT)


def test_a_service_item_that_the_agreements_cover_has_no_finding() -> None:
    assert found({"who": Need([["name", "adult"]]), "residence": Need([["paper"]])}, WHOLE) == []


def test_a_requirement_that_nothing_can_satisfy_is_an_error_where_it_is_required() -> None:
    assert found({"residence": Need([["home"]])}, WHOLE) == [
        ("NEVER_SATISFIED", "residence"),
        ("LIST_NOT_AGREED", "residence[1]"),
    ]
    assert found({"residence": Need([["home"]], "optional")}, WHOLE)[0][0] == "NEVER_SATISFIED_BUT_NOT_REQUIRED"
    assert FINDINGS[ServiceFinding.NEVER_SATISFIED][0] is Severity.ERROR


def test_an_alternative_that_cannot_be_had_is_named_with_its_place_and_items() -> None:
    needs = {"residence": Need([["paper"], ["home", "name"], ["lease"]])}
    [finding] = lint_service(service(FACTS, needs), [WHOLE], ASKER)
    assert (finding.code, finding.subject, finding.severity) == (
        ServiceFinding.LIST_NOT_AGREED,
        "residence[2]",
        Severity.WARNING,
    )
    assert finding.detail == "housing.property:location=value"
    assert "residence[2]" in finding.text.zh
    assert finding.text.en.endswith("[housing.property:location=value]")


def test_what_can_only_be_handed_in_is_noted() -> None:
    assert found({"residence": Need([["lease"]]), "who": Need([["name"]])}, WHOLE) == [("ONLY_BY_HAND", "residence")]
    assert ("ONLY_BY_HAND", "residence") in found({"residence": Need([["paper"]])}, agreement({"name": ["value"]}))


def test_a_form_that_tells_more_than_is_needed_is_noted() -> None:
    year_only = agreement({"name": ["value"], "birth_date": ["year", "value"]})
    [finding] = lint_service(service(FACTS, {"age": Need([["adult"]])}), [year_only], ASKER)
    assert finding.code is ServiceFinding.MORE_REVEALING
    assert finding.detail == "civil.resident:birth_date: age_at_least(18) → year"


@pytest.mark.parametrize(
    "change",
    [
        {"consumer": '"tourism"'},
        {"systems": '["booking"]'},
        {"purposes": '["household_registration"]'},
        {"legal_basis": '"explicit_request"'},
        {"valid_until": "2025-02-01T00:00:00+08:00"},
        {"valid_from": "2025-12-01T00:00:00+08:00"},
        {"resource": '"civil.household"'},
        {"services": '["newborn"]'},
    ],
)
def test_an_agreement_for_something_else_permits_nothing(change: dict[str, str]) -> None:
    other = agreement({"name": ["value"]}, **change)
    item = service(FACTS, {"who": Need([["name"]])})
    assert not_agreed(item, [other], ASKER) == frozenset(item.evidence["name"].items)
    assert found({"who": Need([["name"]])}, other)[0] == ("NEVER_SATISFIED", "who")


def test_the_predicate_must_be_the_one_that_is_needed() -> None:
    item = service(FACTS, {"age": Need([["adult"]])})
    [asked] = item.evidence["adult"].items
    other = ADULT.replace("18", "60")
    assert permitted_form(asked, item, [WHOLE], ASKER) is Form.PREDICATE
    assert permitted_form(asked, item, [agreement({"birth_date": ["predicate"]}, other)], ASKER) is None
    assert permitted_form(asked, item, [agreement({"birth_date": ["predicate", "year"]}, other)], ASKER) is Form.YEAR


def test_every_finding_has_a_text_in_both_languages() -> None:
    assert set(FINDINGS) == set(ServiceFinding)
    assert all(text.zh.strip() and text.en.strip() for _, text in FINDINGS.values())


def test_what_the_catalogue_does_not_have_is_an_error() -> None:
    facts = {
        "name": Fact(["name", "rank", "height=ge(170)|value"]),
        "born": Fact(["birth_date=ge(3)", "birth_date2=age_at_least(18)|year"]),
        "home": Fact(["record=exists"], "housing.property"),
        "car": Fact(["plate"], "traffic.car"),
    }
    strings, dates = (DataType.STRING, {Form.MASKED}), (DataType.DATE, {Form.YEAR})
    fields = {"name": strings, "height": (DataType.INTEGER, {Form.VALUE}), "birth_date": dates, "birth_date2": dates}
    catalogue = {
        "civil.resident": Offered(["cn.resident-id"], fields),
        "housing.property": Offered(["cn.uscc"], {"record": (DataType.BOOLEAN, {Form.EXISTS})}),
    }
    item = service(facts, {"all": Need([list(facts)])})
    assert [(str(one.code), one.detail) for one in lint_offered(item, catalogue.get)] == [
        ("NOT_OFFERED", "civil.resident:name=value"),
        ("NOT_IN_CATALOGUE", "civil.resident:rank=value"),
        ("QUESTION_DOES_NOT_FIT", "civil.resident:birth_date=ge(3)"),
        ("SCHEME_NOT_ACCEPTED", "housing.property:record=exists"),
        ("NOT_IN_CATALOGUE", "traffic.car:plate=value"),
    ]
