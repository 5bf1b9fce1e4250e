"""A predicate by its name is signed as what it asks in the agreements that were accepted, or not at all."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from keys.certificates.spiffe import SpiffeId
from nodes.consumer.items import Item
from nodes.consumer.questions import Asking, spelled_out
from nodes.enrolment.errors import BadInput
from policies.agreements import Agreement
from policies.agreements.emergency import EmergencyTerms
from policies.emergencies import Emergency
from policies.predicates import Need, Operator, Predicate
from policies.vocabulary import Form, LegalBasis, Necessity
from tests.support import policy_cases
from tests.support.policy_cases import NOW_MS

ADULT = Predicate("adult", "birth_date", Operator.AGE_AT_LEAST, ("18",))
SENIOR = Predicate("adult", "birth_date", Operator.AGE_AT_LEAST, ("60",))
SAME = Predicate("same", "name", Operator.EQUALS, ())
ITEM = "civil.resident:birth_date=predicate(adult)?"
SYSTEM = SpiffeId("oncegate.test", "education", "system", "enrolment")
ASKING = Asking(SYSTEM, "school_enrolment", "explicit_request", None, NOW_MS)


def agreement(*predicates: Predicate, **changes: Any) -> Agreement:
    items = {one.field: frozenset({Form.PREDICATE}) for one in predicates or (ADULT,)}
    named = {one.name: one for one in predicates or (ADULT,)}
    return policy_cases.agreement(**{"items": items, "predicates": named, **changes})


def asks(*held: Agreement, item: Item | str = ITEM, asking: Asking = ASKING) -> Need | None:
    (found,) = spelled_out([item], asking, lambda _now_ms: held)
    return found.need


def refused(*held: Agreement, item: Item | str = ITEM, asking: Asking = ASKING) -> str:
    with pytest.raises(BadInput) as caught:
        asks(*held, item=item, asking=asking)
    return str(caught.value)


def test_a_name_is_replaced_by_operator_and_constants_and_the_rest_of_the_item_stays() -> None:
    (found,) = spelled_out([f"{ITEM[:-1]}|year?"], ASKING, lambda _now_ms: (agreement(),))
    assert found == Item(
        "civil.resident",
        "birth_date",
        Form.PREDICATE,
        Necessity.OPTIONAL,
        Need("", Operator.AGE_AT_LEAST, ("18",)),
        (Form.YEAR,),
    )
    assert found.asks == "age_at_least(18)"
    assert asks(agreement(), asking=replace(ASKING, basis=LegalBasis.EXPLICIT_REQUEST)) == found.need


def test_what_needs_no_agreement_to_be_clear_is_left_as_it_is_and_none_is_looked_at() -> None:
    def never(_now_ms: int) -> Iterable[Agreement]:
        raise AssertionError

    texts = ["civil.resident:birth_date=age_at_least(60)", "civil.resident:name=masked"]
    assert spelled_out(texts, ASKING, never) == tuple(map(Item.parse, texts))


UNKNOWN = "named that no accepted agreement has"
OTHER = {
    "nothing is accepted": (),
    "another name": (agreement(replace(ADULT, name="grown_up")),),
    "another field": (agreement(replace(ADULT, field="name")),),
    "another resource": (agreement(resource="civil.marriage"),),
    "another purpose": (agreement(purposes=frozenset({"tax_assessment"})),),
    "another basis": (agreement(legal_basis=LegalBasis.MANDATE),),
    "another system": (agreement(systems=frozenset({"archive"})),),
    "another department": (agreement(consumer="police"),),
    "its term is over": (agreement(valid_until_ms=NOW_MS),),
    "its term has not begun": (agreement(valid_from_ms=NOW_MS + 1),),
    "for emergencies": (agreement(emergency=EmergencyTerms(frozenset({"disaster_relief"}), 1, 24, None, "", 0)),),
}


@pytest.mark.parametrize("case", OTHER)
def test_a_name_that_no_accepted_agreement_has_for_this_request_is_refused(case: str) -> None:
    assert UNKNOWN in refused(*OTHER[case])


def test_a_basis_that_is_no_word_matches_no_agreement() -> None:
    assert UNKNOWN in refused(agreement(), asking=replace(ASKING, basis="whim"))


def test_with_a_declared_emergency_the_agreements_for_emergencies_say_what_a_name_means() -> None:
    terms = EmergencyTerms(frozenset({"disaster_relief"}), 1, 24, None, "", 0)
    held = (agreement(), agreement(SENIOR, emergency=terms))
    declared = replace(ASKING, emergency=Emergency("disaster_relief", "x"))
    assert asks(*held) == Need("", Operator.AGE_AT_LEAST, ("18",))
    assert asks(*held, asking=declared) == Need("", Operator.AGE_AT_LEAST, ("60",))


def test_a_name_that_means_two_things_here_is_refused_and_one_that_means_the_same_twice_is_not() -> None:
    assert "means several questions" in refused(agreement(), agreement(SENIOR))
    assert asks(agreement(), agreement(revision=7)) == Need("", Operator.AGE_AT_LEAST, ("18",))
    # For another purpose it may mean something else.
    other = agreement(SENIOR, purposes=frozenset({"pension_eligibility"}))
    assert asks(agreement(), other) == Need("", Operator.AGE_AT_LEAST, ("18",))
    assert asks(agreement(), other, asking=replace(ASKING, purpose="pension_eligibility")) == Need(
        "", Operator.AGE_AT_LEAST, ("60",)
    )


def test_an_equality_by_its_name_keeps_its_operand() -> None:
    item = Item.parse("civil.resident:name=predicate(same)").compared_with("王伟")
    (found,) = spelled_out([item], ASKING, lambda _now_ms: (agreement(SAME),))
    assert (found.need, found.operand) == (Need("", Operator.EQUALS), "王伟")
