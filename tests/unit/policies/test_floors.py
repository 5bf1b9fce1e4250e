"""Floors that no agreement goes below, and agreements that contradict each other."""

from dataclasses import replace

import pytest

from policies.agreements import BadAgreement, parse_agreement
from policies.agreements.contradictions import contradictions, meets
from policies.agreements.floors import breaches, withheld
from policies.predicates import Operator, Predicate
from policies.reasons import Reason
from policies.vocabulary import Classification, Form, LegalBasis, SharingType
from tests.support.policy_cases import AGREEMENT_TEXT, agreement, field, resource

PLAIN = resource(classification=Classification.CONFIDENTIAL)


def keys(**changes: object) -> list[str]:
    return [breach.key for breach in breaches(agreement(**changes), PLAIN)]


def test_an_agreement_within_the_catalogue_and_above_the_floors_is_fine() -> None:
    assert keys() == []


def test_what_is_not_the_providers_own_resource_is_refused() -> None:
    assert keys(provider="tax") == ["resource"]
    assert keys(resource="civil.marriage") == ["resource"]


def test_what_is_not_shared_is_not_agreed() -> None:
    closed = replace(PLAIN, sharing_type=SharingType.NOT_SHARED)
    assert [breach.key for breach in breaches(agreement(), closed)] == ["resource"]
    other = next(kind for kind in SharingType if kind not in {PLAIN.sharing_type, SharingType.NOT_SHARED})
    assert keys(sharing_type=other) == ["sharing_type"]


def test_a_field_or_form_that_the_resource_does_not_offer_is_refused() -> None:
    assert keys(items={"shoe_size": frozenset({Form.VALUE})}) == ["items.shoe_size"]
    assert keys(items={"name": frozenset({Form.YEAR})}) == ["items.name"]


def test_a_sensitive_field_needs_an_assessment_and_a_short_term() -> None:
    sensitive = replace(PLAIN, fields=(field("name", classification=Classification.SENSITIVE),))
    wanted = {"items": {"name": frozenset({Form.VALUE})}}
    assert [breach.key for breach in breaches(agreement(**wanted), sensitive)] == ["impact_assessment"]
    assessed = agreement(**wanted, impact_assessment="PIA-7")
    assert breaches(assessed, sensitive) == ()
    long = replace(assessed, valid_until_ms=assessed.valid_from_ms + 367 * 86_400_000)
    assert [breach.key for breach in breaches(long, sensitive)] == ["valid_until"]
    texts = (agreement(**wanted), assessed, long)
    told = [withheld(text, Classification.SENSITIVE) for text in texts]
    assert told == [Reason.IMPACT_ASSESSMENT_MISSING, None, Reason.SENSITIVE_TERM]
    assert [withheld(text, Classification.CONFIDENTIAL) for text in texts] == [None] * 3


def test_a_sensitive_resource_makes_its_record_sensitive() -> None:
    closed = replace(PLAIN, classification=Classification.SENSITIVE)
    told = breaches(agreement(items={"record": frozenset({Form.EXISTS})}), closed)
    assert [breach.key for breach in told] == ["impact_assessment"]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("onward_transfer = true", "onward_transfer"),
        ('onward_transfer = "no"', "onward_transfer"),
        ("retention_days = 0", "retention_days"),
        ("retention_days = 36601", "retention_days"),
        ('impact_assessment = ""', "impact_assessment"),
        ("impact_assessment = 7", "impact_assessment"),
        ('impact_assessment = "a\\u202eb"', "impact_assessment"),
        ('condition = "a\\u202eb"', "condition"),
        ('condition = "\\u001b[2J"', "condition"),
        ("sealing = false", "sealing"),
    ],
)
def test_a_file_below_a_floor_does_not_parse(line: str, key: str) -> None:
    with pytest.raises(BadAgreement) as refused:
        parse_agreement(f"{line}\n{AGREEMENT_TEXT}".encode())
    assert (refused.value.line, refused.value.key) == (1, key)


def test_what_the_consumer_owes_is_read() -> None:
    lines = 'retention_days = 30\nonward_transfer = false\nimpact_assessment = "影响评估　2025-7"\n'
    read = parse_agreement((lines + AGREEMENT_TEXT).encode())
    assert (read.retention_days, read.onward_transfer, read.impact_assessment) == (30, False, "影响评估　2025-7")


ONE = agreement()


def test_agreements_contradict_each_other_where_one_release_could_rest_on_either() -> None:
    other = agreement(id="other", case_required=False, official_required=True, retention_days=5)
    assert contradictions(ONE, other) == ("case_required", "official_required", "retention_days")
    assert contradictions(other, ONE) == contradictions(ONE, other)
    assert meets(ONE, agreement(id="other"))
    assert contradictions(ONE, agreement(id="other")) == ()


@pytest.mark.parametrize(
    "apart",
    [
        {"id": ONE.id},
        {"consumer": "tourism"},
        {"resource": "civil.marriage"},
        {"legal_basis": LegalBasis.MANDATE},
        {"systems": frozenset({"third"})},
        {"purposes": frozenset({"tax_assessment"})},
        {"valid_from_ms": ONE.valid_until_ms, "valid_until_ms": ONE.valid_until_ms + 1},
        {"valid_from_ms": ONE.valid_from_ms - 1, "valid_until_ms": ONE.valid_from_ms},
        {"items": {"address": frozenset({Form.VALUE})}},
        {"items": {"name": frozenset({Form.EXISTS})}},
    ],
    ids=str,
)
def test_agreements_that_no_release_could_rest_on_both_of_do_not_contradict(apart: dict) -> None:
    other = agreement(**{"id": "other", "case_required": False, **apart})
    assert contradictions(ONE, other) == ()
    assert not meets(other, ONE)


def test_a_predicate_must_fit_the_type_of_its_field() -> None:
    older = Predicate("older", "name", Operator.AGE_AT_LEAST, ("18",))
    same = Predicate("same", "name", Operator.EQUALS, ())
    wanted = {"items": {"name": frozenset({Form.PREDICATE})}}
    assert keys(**wanted, predicates={"older": older, "same": same}) == ["predicates.older"]
    assert keys(**wanted, predicates={"same": same}) == []


def test_one_name_of_a_predicate_means_one_question_wherever_agreements_meet() -> None:
    def having(name: str, years: str, field: str = "birth_date", **changes: object):
        asked = {name: Predicate(name, field, Operator.AGE_AT_LEAST, (years,))}
        items = {field: frozenset({Form.PREDICATE, Form.EXISTS}), "name": frozenset({Form.VALUE})}
        return agreement(predicates=asked, items=items, **changes)

    adult = having("adult", "18")
    for other in (having("adult", "16", id="other"), having("adult", "16", id="other", case_required=False)):
        assert contradictions(adult, other)[-1] == contradictions(other, adult)[-1] == "predicates.adult"
    for fine in (
        having("adult", "18", id="other"),
        having("grown", "16", id="other"),
        having("adult", "16", field="married_on", id="other"),
        having("adult", "16", id="other", systems=frozenset({"third"})),
    ):
        assert contradictions(adult, fine) == contradictions(fine, adult) == ()
