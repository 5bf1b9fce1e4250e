"""Why something was released or withheld: from what the log recorded then, and whether it would be so today."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from oncegate.v1 import policy_pb2, signed_pb2
from tests.support.city import ALICE, CIVIL_ITEMS, NAMES, PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import LOCATION, NAME, Door, RawSystem, refused
from tests.support.log_book import logged
from tests.support.policy_city import NO_SCHOOL, auditor, operator, policy_city, put_in_force, roll_back, with_rule
from tests.support.stewards import steward

pytestmark = shared_city("e2e-policy-explain")
ADDRESS = ("civil.resident", "address", signed_pb2.FORM_MASKED, signed_pb2.NECESSITY_OPTIONAL)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with policy_city(tmp_path_factory.mktemp("city")) as running:
        yield running


async def asked(city: City, raw: RawSystem, **changes: Any) -> int:
    """Index of the `asked` entry of a fetch."""
    with logged(city) as book:
        await raw.fetch(raw.asking(**changes))
    return book.only("asked").leaf_index


async def explain(people: Door, index: int, who: Any) -> Any:
    return await people.policy.ExplainEntry(policy_pb2.ExplainEntryRequest(leaf_index=index), metadata=who)


def question(**changes: Any) -> policy_pb2.ExplainDecisionRequest:
    item = policy_pb2.HypotheticalItem(resource="civil.resident", field="name", form=signed_pb2.FORM_VALUE)
    content: dict[str, Any] = {
        "consumer": "education",
        "system": "school",
        "items": [item],
        "purpose": PURPOSE,
        "legal_basis": signed_pb2.LEGAL_BASIS_MANDATE,
        **changes,
    }
    return policy_pb2.ExplainDecisionRequest(**content)


def items(document: str) -> dict[str, str]:
    return {
        f"{resource['resource']}:{item['field']}={item['form']}": item["reason"] or item["outcome"]
        for resource in json.loads(document)["resources"]
        for item in resource["items"]
    }


async def test_a_recorded_decision_names_items_rules_agreement_and_bundle_in_both_languages(
    city: City, people: Door, raw: RawSystem
) -> None:
    index = await asked(city, raw, items=[NAME, LOCATION, ADDRESS])
    with logged(city) as book:
        found = await explain(people, index, auditor(city))
    assert book.kinds == ["log_read"]
    assert (book.only("log_read").account["what"], book.only("log_read").account["entry"]) == ("explain", str(index))
    assert items(found.explanation.document) == {
        "civil.resident:name=value": "released",
        "civil.resident:address=masked": "NOT_IN_AGREEMENT",
        "housing.property:location=value": "released",
    }
    said = json.loads(found.explanation.document)
    civil = next(one for one in said["resources"] if one["resource"] == "civil.resident")
    assert civil["agreement"]["id"] == "education-civil-resident"
    assert len(civil["agreement"]["digest"]) == 64
    assert civil["uses"]["per_day"] == 1_000_000
    assert [rule["id"] for rule in civil["items"][0]["rules"]] == ["share-under-agreement"]
    assert civil["items"][0]["rules"][0]["zh"] == "按有效的共享协议提供"
    assert said["bundle"].startswith("sha256:")
    zh, en = "".join(found.explanation.zh), " ".join(found.explanation.en)
    assert "不予提供" in zh
    assert "共享协议不包含该信息项" in zh
    assert "is withheld: The agreement does not include this field (NOT_IN_AGREEMENT)" in en
    assert found.outcome == "released"
    assert found.same_today
    everything = found.SerializeToString()
    assert not any(secret.encode() in everything for secret in (ALICE, NAMES[ALICE]))


async def test_the_outcome_of_a_request_is_explained_by_the_entry_that_decided_it(
    city: City, people: Door, raw: RawSystem
) -> None:
    index = await asked(city, raw)
    assert (await explain(people, index + 1, auditor(city))).leaf_index == index


async def test_an_explanation_stays_true_when_agreement_and_rules_change_and_says_what_differs(
    city: City, people: Door, raw: RawSystem
) -> None:
    index = await asked(city, raw)
    before = (await explain(people, index, auditor(city))).explanation
    city.agree("civil", "civil.resident", {"record": ["exists"]}, revision=2)
    changed = await explain(people, index, auditor(city))
    assert changed.explanation.document == before.document
    assert not changed.same_today
    told = "\n".join(changed.differences_en)
    assert (
        "civil.resident name=value the outcome: then released, now The agreement does not include this field." in told
    )
    assert "the agreement: then education-civil-resident r1 sha256:" in told
    assert items(changed.today.document) == {"civil.resident:name=value": "NOT_IN_AGREEMENT"}
    city.agree("civil", "civil.resident", CIVIL_ITEMS, revision=3)
    digest = await put_in_force(city, people, with_rule(NO_SCHOOL))
    by_rules = await explain(people, index, auditor(city))
    assert by_rules.explanation.document == before.document
    assert items(by_rules.today.document) == {"civil.resident:name=value": "GUARDRAIL"}
    assert "暂停入学" in "".join(by_rules.today.zh)
    # What was decided under the new rules is explained in their words also when they are no longer in force.
    with logged(city) as book:
        await refused(raw.fetch(raw.asking()))
    await roll_back(city, people, digest)
    later = await explain(people, book.only("refused").leaf_index, auditor(city))
    assert items(later.explanation.document) == {"civil.resident:name=value": "GUARDRAIL"}
    assert "No enrolment for now" in " ".join(later.explanation.en)
    assert "So the whole request is refused and nobody is asked." in later.explanation.en
    assert not later.same_today


async def test_a_steward_sees_what_its_department_asked_or_provides_and_nothing_else(
    city: City, people: Door, raw: RawSystem
) -> None:
    index = await asked(city, raw, items=[NAME, LOCATION])
    civil = await explain(people, index, steward(city, "civil"))
    assert items(civil.explanation.document) == {"civil.resident:name=value": "released"}
    assert items(civil.today.document) == {"civil.resident:name=value": "released"}
    assert "housing" not in civil.explanation.document
    only_civil = await asked(city, raw, items=[NAME])
    foreign = await refused(explain(people, only_civil, steward(city, "housing")))
    none_such = await refused(explain(people, 1 << 40, steward(city, "housing")))
    assert foreign.reason == none_such.reason == "NOT_FOUND"
    assert foreign.everything == none_such.everything


async def test_only_auditors_and_stewards_read_recorded_decisions(city: City, people: Door, raw: RawSystem) -> None:
    index = await asked(city, raw)
    with logged(city) as book:
        for who in (operator(city), None):
            refusal = await refused(explain(people, index, who))
            assert refusal.status in {"PERMISSION_DENIED", "UNAUTHENTICATED"}
    assert book.kinds == []


async def test_an_entry_that_is_about_no_request_is_not_explained(city: City, people: Door) -> None:
    assert (await refused(explain(people, 0, auditor(city)))).reason == "NOT_FOUND"


async def test_a_question_that_nobody_asked_is_decided_like_one_that_somebody_asks(
    city: City, people: Door, raw: RawSystem
) -> None:
    with logged(city) as book:
        found = (await people.policy.ExplainDecision(question(), metadata=operator(city))).explanation
        other = question(purpose="tax_assessment")
        withheld = (await people.policy.ExplainDecision(other, metadata=auditor(city))).explanation
    assert book.kinds == []
    assert items(found.document) == {"civil.resident:name=value": "released"}
    assert items(withheld.document) == {"civil.resident:name=value": "PURPOSE_NOT_COVERED"}
    assert (await refused(raw.fetch(raw.asking(purpose="tax_assessment")))).reason == "PURPOSE_NOT_COVERED"
    assert "so the whole request is refused" in " ".join(withheld.en).lower()


async def test_a_steward_imagines_only_questions_of_and_to_its_own_department(city: City, people: Door) -> None:
    assert (await people.policy.ExplainDecision(question(), metadata=steward(city, "civil"))).explanation.zh
    call = people.policy.ExplainDecision(question(), metadata=steward(city, "housing"))
    assert (await refused(call)).reason == "NOT_ALLOWED"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"consumer": "Not A Department"}, "consumer"),
        ({"system": ""}, "system"),
        ({"legal_basis": 0}, "legal_basis"),
        ({"subject_scheme": "made.up"}, "subject_scheme"),
        ({"items": []}, "items"),
        ({"items": [policy_pb2.HypotheticalItem(resource="civil.resident", field="name")]}, "items[0].form"),
        ({"items": [policy_pb2.HypotheticalItem(resource="no.such", field="x", form=1)]}, "items[0].resource"),
        ({"purpose": "x" * 200}, "purpose"),
    ],
)
async def test_a_question_must_make_sense(city: City, people: Door, changes: dict[str, Any], field: str) -> None:
    refusal = await refused(people.policy.ExplainDecision(question(**changes), metadata=auditor(city)))
    assert refusal.status == "INVALID_ARGUMENT"
    assert list(refusal.violations) == [field]
