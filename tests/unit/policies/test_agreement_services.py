"""Agreements that are for certain services."""

from dataclasses import replace

import pytest

from policies.agreements import BadAgreement, parse_agreement
from policies.agreements.compare import Effect, compare, is_narrower
from policies.agreements.contradictions import contradictions, meets
from tests.support.policy_cases import AGREEMENT_TEXT, agreement

NEWBORN = AGREEMENT_TEXT.replace("case_required", 'services = ["newborn"]\ncase_required', 1)


def test_an_agreement_without_a_list_is_for_every_service_and_for_none() -> None:
    held = parse_agreement(AGREEMENT_TEXT.encode())
    assert held.services == frozenset()
    assert held.serves("newborn")
    assert held.serves("")


def test_an_agreement_with_a_list_is_for_these_services_only() -> None:
    held = parse_agreement(NEWBORN.encode())
    assert held.services == {"newborn"}
    assert [held.serves(code) for code in ("newborn", "Newborn", "school-enrolment", "")] == [True, False, False, False]


@pytest.mark.parametrize("value", ["[]", '"newborn"', '["a b"]', '[""]', "[1]", '["newborn", "newborn"]', '["出生"]'])
def test_a_list_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(BadAgreement) as refused:
        parse_agreement(NEWBORN.replace('["newborn"]', value).encode())
    assert refused.value.key == "services"


def test_a_list_narrows_and_taking_it_away_widens() -> None:
    every, one = agreement(), agreement(NEWBORN)
    two = replace(one, services=frozenset({"newborn", "school-enrolment"}))
    other = replace(one, services=frozenset({"school-enrolment"}))

    def effects(before, after):
        return [(change.key, change.effect) for change in compare(before, after)]

    assert effects(every, one) == [("services", Effect.NARROWS)]
    assert effects(one, every) == [("services", Effect.WIDENS)]
    assert effects(two, one) == [("services", Effect.NARROWS)]
    assert effects(one, other) == [("services", Effect.CHANGES)]
    assert is_narrower(every, one)
    assert not is_narrower(one, every)


def test_agreements_for_different_services_never_meet() -> None:
    one = replace(agreement(NEWBORN), id="one")
    other = replace(one, id="other", services=frozenset({"school-enrolment"}), case_required=False)
    assert not meets(one, other)
    assert contradictions(one, other) == ()
    both = replace(other, services=frozenset({"school-enrolment", "newborn"}))
    assert contradictions(one, both) == ("case_required",)
    assert contradictions(one, replace(other, services=frozenset())) == ("case_required",)
