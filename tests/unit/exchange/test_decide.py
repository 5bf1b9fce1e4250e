"""Deciding a request: whatever the policy engine does not allow in so many words is withheld."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.errors import Code, Refused
from gateway.exchange.decide import Decide, Plan, refusal
from policies.agreements import Agreement
from policies.engine import AccessQuestion, Decision, ItemDecision, PolicyEngine
from policies.purposes import PURPOSES, Purposes
from policies.reasons import Reason
from policies.vocabulary import Form, Necessity
from tests.support.policy_cases import agreement
from tests.unit.exchange.parts import SUBJECT, Catalog, Clock, caller, item


@dataclass
class Shelf:
    """Agreements as the use case sees them."""

    found: Agreement | None = field(default_factory=agreement)
    near: Agreement | None = None
    suspended: bool = False

    def find(self, *_: Any, emergency: str = "", service: str = "") -> Agreement | None:
        return self.found

    def nearest(self, *_: Any, emergency: str = "", service: str = "") -> Agreement | None:
        return self.near

    def is_suspended(self, *_: Any) -> bool:
        return self.suspended

    def require_unchanged(self, one: Agreement, _now_ms: int) -> None:
        if self.found != one:
            raise Refused(Code.NO_AGREEMENT)


@dataclass
class Engine:
    """Says what it is told to say about every item."""

    allowed: bool = True
    reason: Reason | None = None
    digest: str = "bundle"
    purposes: Purposes = PURPOSES

    def decide(self, question: AccessQuestion) -> Decision:
        items = tuple(ItemDecision(*one, self.allowed, self.reason, ("rule",)) for one in question.items)
        return Decision(items, self.digest)


def no_consents(*_: Any) -> None:
    """Nobody consented to anything."""


def decide(engine: Any = None, shelf: Any = None) -> Decide:
    used = engine or PolicyEngine.load()
    parts: Any = (
        Catalog(),
        shelf or Shelf(),
        lambda: used,
        Clock(),
        no_consents,
        no_consents,
    )
    return Decide(*parts)


def test_what_the_agreement_lists_is_permitted_and_the_rest_withheld_with_its_reason() -> None:
    asked = caller(item(), item("birth_date", Form.VALUE, Necessity.OPTIONAL))
    plan = decide()(asked, SUBJECT)
    assert plan.permitted[0].items == (("name", Form.VALUE),)
    assert plan.permitted[0].required == {"name"}
    assert [(w.field, w.reason) for w in plan.withheld] == [("birth_date", "FORM_NOT_ALLOWED")]
    assert plan.required_withheld == ()
    assert plan.withheld[0].zh
    assert plan.withheld[0].en
    assert refusal(plan) is None


def test_an_engine_that_gives_no_reason_withholds_all_the_same() -> None:
    plan = decide(Engine(allowed=False))(caller(), SUBJECT)
    assert plan.permitted == ()
    assert [w.reason for w in plan.required_withheld] == ["POLICY_ERROR"]


def test_an_engine_that_allows_without_an_agreement_in_force_is_not_followed() -> None:
    with pytest.raises(Refused) as caught:
        decide(Engine(), Shelf(found=None, near=agreement()))(caller(), SUBJECT)
    assert caught.value.code is Code.NO_AGREEMENT


def test_without_an_agreement_the_nearest_one_only_tells_the_reason() -> None:
    assert refused_for(Shelf(found=None)) == "NO_AGREEMENT"
    suspended = agreement(systems=frozenset({"library"}))
    assert refused_for(Shelf(found=None, near=suspended)) == "WRONG_SYSTEM"


def test_an_agreement_that_a_party_suspended_is_told_apart_from_none() -> None:
    assert refused_for(Shelf(found=None, suspended=True)) == "AGREEMENT_SUSPENDED"
    other = agreement(systems=frozenset({"library"}))
    assert refused_for(Shelf(found=None, near=other, suspended=True)) == "WRONG_SYSTEM"


def refused_for(shelf: Shelf) -> str:
    plan = decide(shelf=shelf)(caller(), SUBJECT)
    assert plan.permitted == ()
    refused = refusal(plan)
    assert refused is not None
    return refused.reason


def test_one_withheld_required_item_refuses_the_request_and_names_every_withheld_one() -> None:
    plan = decide()(caller(item(), item("birth_date", Form.VALUE), item("health")), SUBJECT)
    refused = refusal(plan)
    assert refused is not None
    assert refused.code is Code.WITHHELD
    assert dict(refused.facts)["items"] == (
        "civil.resident.birth_date:value=FORM_NOT_ALLOWED;civil.resident.health:value=NOT_IN_AGREEMENT"
    )


def test_a_request_of_which_nothing_is_left_is_refused_although_nothing_was_required() -> None:
    plan = decide()(caller(item("health", Form.VALUE, Necessity.OPTIONAL)), SUBJECT)
    assert plan.required_withheld == ()
    assert refusal(plan) is not None


def test_an_empty_plan_is_no_refusal() -> None:
    assert refusal(Plan((), (), (), (), "")) is None


@pytest.mark.parametrize("case", ["", " ", "\t\n"])
def test_a_blank_case_is_none(case: str) -> None:
    plan = decide()(caller(case_reference=case), SUBJECT)
    assert [w.reason for w in plan.required_withheld] == ["CASE_REQUIRED"]


def test_an_agreement_that_changed_meanwhile_holds_the_answer_back() -> None:
    shelf = Shelf()
    deciding = decide(shelf=shelf)
    plan = deciding(caller(), SUBJECT)
    deciding.unchanged(plan)
    shelf.found = None
    with pytest.raises(Refused) as caught:
        deciding.unchanged(plan)
    assert caught.value.code is Code.NO_AGREEMENT


def test_the_digest_of_the_bundle_in_force_is_on_every_plan() -> None:
    deciding = decide()
    assert deciding(caller(), SUBJECT).bundle_digest == deciding.bundle_digest
