"""An explanation says what became of a request, not only what was decided, and what would refuse it today."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select, update

from gateway.sharing.tables import AGREEMENTS, EPOCH, SUSPENSIONS
from gateway.storage.database import write_transaction
from gateway.storage.epochs import advance
from oncegate.v1 import policy_pb2, signed_pb2
from tests.support.city import ALICE, CIVIL_ITEMS, HOUSING_ITEMS, NOBODY, City
from tests.support.city_fixtures import shared_city
from tests.support.consents import TERMS, Citizen, agree_on_consent, asking
from tests.support.doors import LOCATION, NAME, Door, RawSystem, refused
from tests.support.log_book import logged
from tests.support.policy_city import auditor, policy_city
from tests.support.stewards import steward
from tests.support.tampering import stalled

pytestmark = shared_city("e2e-policy-explain-outcomes")
OPTIONAL_ADDRESS = ("civil.resident", "address", signed_pb2.FORM_VALUE, signed_pb2.NECESSITY_OPTIONAL)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with policy_city(tmp_path_factory.mktemp("city")) as running:
        agree_on_consent(running)
        yield running


async def explain(people: Door, index: int, who: Any) -> Any:
    return await people.policy.ExplainEntry(policy_pb2.ExplainEntryRequest(leaf_index=index), metadata=who)


def became(explanation: Any) -> dict[str, tuple[str | None, str]]:
    """By field, what became of each item and why."""
    return {
        item["field"]: (item["became"], item["because"])
        for resource in json.loads(explanation.document)["resources"]
        for item in resource["items"]
    }


@contextmanager
def limited(city: City, revision: int, **changes: Any) -> Iterator[None]:
    """The school's agreement with the civil registry with other limits, and afterwards as it was."""
    city.agree("civil", "civil.resident", CIVIL_ITEMS, revision=revision, **changes)
    city.node("civil").provider.agreements._looked_s = float("-inf")
    yield
    city.agree("civil", "civil.resident", CIVIL_ITEMS, revision=revision + 1)
    city.node("civil").provider.agreements._looked_s = float("-inf")


async def test_an_item_is_said_to_be_released_only_if_it_was(city: City, people: Door, raw: RawSystem) -> None:
    with logged(city) as book, stalled(city, "housing"):
        await raw.fetch(raw.asking(items=[NAME, LOCATION], deadline_ms=800))
    found = await explain(people, book.only("asked").leaf_index, auditor(city))
    assert became(found.explanation) == {"name": ("released", ""), "location": ("silent", "DEADLINE")}
    told = " ".join(found.explanation.en)
    assert "Name (name) may be released as the value; it was released; rules:" in told
    assert "its provider did not answer: The provider did not answer in time (DEADLINE); rules:" in told
    assert "提供方未应答：提供方未在时限内应答（DEADLINE）；" in "".join(found.explanation.zh)
    for department, shown in (("education", {"name", "location"}), ("housing", {"location"})):
        own = await explain(people, found.leaf_index, steward(city, department))
        assert became(own.explanation).keys() == shown
        assert became(own.explanation)["location"] == ("silent", "DEADLINE")


async def test_that_there_is_no_record_is_told_to_the_auditor_and_not_to_whoever_asked(
    city: City, people: Door, raw: RawSystem
) -> None:
    with logged(city) as book:
        await raw.fetch(raw.asking(NOBODY))
    index = book.only("asked").leaf_index
    assert became((await explain(people, index, auditor(city))).explanation) == {"name": ("not_released", "no_record")}
    own = await explain(people, index, steward(city, "education"))
    assert became(own.explanation) == {"name": ("not_released", "")}
    assert "record of the subject" not in " ".join([*own.explanation.en, own.explanation.document])


async def test_a_request_that_a_limit_refused_is_not_explained_as_released(
    city: City, people: Door, raw: RawSystem
) -> None:
    await raw.fetch(raw.asking())
    with limited(city, 2, uses_per_day=1):
        with logged(city) as book:
            assert (await refused(raw.fetch(raw.asking()))).reason == "USES_EXHAUSTED"
        entry = book.only("refused").leaf_index
        found = await explain(people, entry, auditor(city))
        question = policy_pb2.ExplainDecisionRequest(
            consumer="education",
            system="school",
            items=[policy_pb2.HypotheticalItem(resource="civil.resident", field="name", form=signed_pb2.FORM_VALUE)],
            purpose="school_enrolment",
            legal_basis=signed_pb2.LEGAL_BASIS_MANDATE,
        )
        imagined = (await people.policy.ExplainDecision(question, metadata=auditor(city))).explanation
    assert became(found.explanation) == {"name": ("not_released", "")}
    said = json.loads(found.explanation.document)
    assert (said["ending"]["how"], said["ending"]["reason"]) == ("refused", "USES_EXHAUSTED")
    assert said["resources"][0]["uses"]["per_day"] == 1
    assert said["resources"][0]["subjects"]["taken"] >= 1
    assert any(
        "(USES_EXHAUSTED)" in one and one.startswith("But the request is refused") for one in found.explanation.en
    )
    assert any("USES_EXHAUSTED" in one and one.startswith("但请求被拒绝") for one in found.explanation.zh)
    assert found.same_today
    assert json.loads(imagined.document)["ending"]["reason"] == "USES_EXHAUSTED"
    # With room again, the day's numbers do not refuse it any more; what was then stays as it was.
    later = await explain(people, entry, auditor(city))
    assert later.explanation.document == found.explanation.document
    assert not later.same_today
    assert "The request as a whole: then The agreement's uses" in " ".join(later.differences_en).replace(
        "the r", "The r"
    )


async def test_the_rate_that_is_used_up_now_is_said_of_a_question_that_nobody_asked(
    city: City, people: Door, raw: RawSystem
) -> None:
    with limited(city, 4, rate_per_minute=1):
        with logged(city) as book:
            await raw.fetch(raw.asking())
        found = await explain(people, book.only("asked").leaf_index, auditor(city))
        assert not found.same_today
        assert json.loads(found.today.document)["ending"]["reason"] == "RATE_EXCEEDED"
        assert "at most 1 a minute" in " ".join(found.explanation.en)


async def test_what_was_refused_before_it_was_decided_is_explained_by_its_reason(
    city: City, people: Door, raw: RawSystem
) -> None:
    with logged(city) as book:
        await refused(raw.fetch(raw.asking(purpose="curiosity")))
    entry = book.only("refused").leaf_index
    for who in (auditor(city), steward(city, "education")):
        found = await explain(people, entry, who)
        assert found.outcome == "refused"
        assert not found.HasField("today")
        assert not found.same_today
        assert len(found.explanation.en) == 1
        assert "of the system school of education was refused before anything was decided" in found.explanation.en[0]
        assert "(UNKNOWN_PURPOSE)" in found.explanation.en[0]
        assert "curiosity" not in found.explanation.document
    assert (await refused(explain(people, entry, steward(city, "civil")))).reason == "NOT_FOUND"


async def test_a_provider_learns_that_the_whole_was_refused_and_not_that_its_own_part_was(
    city: City, people: Door, raw: RawSystem
) -> None:
    unshared = ("housing.property", "location", signed_pb2.FORM_MASKED)
    with logged(city) as book:
        await refused(raw.fetch(raw.asking(items=[NAME, unshared])))
    found = await explain(people, book.only("refused").leaf_index, steward(city, "civil"))
    assert became(found.explanation) == {"name": ("not_released", "")}
    assert "So the whole request is refused and nobody is asked." in found.explanation.en
    # What a provider may leave out of an answer refuses nothing.
    with logged(city) as book:
        await raw.fetch(raw.asking(items=[LOCATION, OPTIONAL_ADDRESS]))
    found = await explain(people, book.only("asked").leaf_index, steward(city, "civil"))
    assert "refused" not in " ".join(found.explanation.en)


async def test_an_agreement_changed_by_hand_is_named_when_it_is_asked_why_none_applies(
    city: City, people: Door, raw: RawSystem
) -> None:
    assert city.gateway is not None
    housing = AGREEMENTS.c.id == "education-housing-property"
    with logged(city) as book:
        await raw.fetch(raw.asking(items=[LOCATION]))
    with write_transaction(city.parts.engine) as connection:
        signed = connection.execute(select(AGREEMENTS.c.raw).where(housing)).scalar_one()
        wider = signed.replace(b"uses_per_day = 1", b"uses_per_day = 9")
        connection.execute(update(AGREEMENTS).where(housing).values(raw=wider))
    await city.gateway._agreeing.intact.agreements()
    assert (await refused(raw.fetch(raw.asking(items=[LOCATION])))).reason == "NO_AGREEMENT"
    found = await explain(people, book.only("asked").leaf_index, auditor(city))
    assert became(found.explanation) == {"location": ("released", "")}
    assert not found.same_today
    assert "the stored agreement education-housing-property revision 1 is not what was signed" in " ".join(
        found.today.en
    )
    told = "housing.property a stored agreement that is not what was signed: then absent, now education-housing-property r1."
    assert told in found.differences_en
    assert "第 1 版与签名内容不符，不予使用。" in "".join(found.today.zh)
    assert json.loads(found.today.document)["resources"][0]["damaged"][0]["id"] == "education-housing-property"
    city.agree("housing", "housing.property", HOUSING_ITEMS, revision=2)
    city.node("housing").provider.agreements._looked_s = float("-inf")
    assert (await raw.fetch(raw.asking(items=[LOCATION]))).complete


async def test_a_consent_withdrawn_since_is_not_taken_as_standing(city: City, people: Door, raw: RawSystem) -> None:
    alice = Citizen(city, people)
    granted = await alice.granted()
    with logged(city) as book:
        await raw.fetch(asking(raw, granted.digest))
    index = book.only("asked").leaf_index
    stands = await explain(people, index, auditor(city))
    assert stands.same_today
    assert "Uses of the consent so far: 1." in stands.today.en
    await alice.act("Withdraw", granted.consent_id)
    found = await explain(people, index, auditor(city))
    assert found.explanation.document == stands.explanation.document
    assert "consent of the person: verified and covers the items." in " ".join(found.explanation.en)
    assert not found.same_today
    told = "\n".join(found.differences_en)
    assert "civil.resident name=value the outcome: then released, now The person has withdrawn the consent." in told
    assert "civil.resident the person's consent: then valid, now The person has withdrawn the consent." in told
    assert "civil.resident 本人授权同意：当时 有效，现在 本人已撤回该授权同意。" in found.differences_zh
    # Now asked in vain: explained alike then and now.
    with logged(city) as book:
        assert (await refused(raw.fetch(asking(raw, granted.digest)))).reason == "CONSENT_REVOKED"
    assert (await explain(people, book.only("refused").leaf_index, auditor(city))).same_today


async def test_what_a_consent_lacks_is_told_as_it_is_also_where_no_agreement_applies(
    city: City, people: Door, raw: RawSystem
) -> None:
    granted = await Citizen(city, people).granted()
    suspended = SUSPENSIONS.insert().values(agreement_id="consent-civil", party="provider", since_ms=1)
    for changes, said, by_hand in (
        ({"purpose": "medical_reimbursement"}, "The consent is for another purpose", False),
        ({"items": [LOCATION]}, "The consent does not cover this field or form", False),
        ({}, "verified and covers the items", True),
    ):
        with write_transaction(city.parts.engine) as connection:
            if by_hand:
                connection.execute(suspended)
            advance(connection, EPOCH)
        with logged(city) as book:
            await refused(raw.fetch(asking(raw, granted.digest, **changes)))
        found = await explain(people, book.only("refused").leaf_index, auditor(city))
        told = " ".join(found.explanation.en)
        assert f"consent of the person: {said}." in told
        assert "another revision" not in told
    with write_transaction(city.parts.engine) as connection:
        connection.execute(SUSPENSIONS.delete())
        advance(connection, EPOCH)


async def test_a_consent_under_a_revision_that_was_replaced_is_not_taken_as_covering(
    city: City, people: Door, raw: RawSystem
) -> None:
    granted = await Citizen(city, people).granted()
    with logged(city) as book:
        await raw.fetch(asking(raw, granted.digest))
    index = book.only("asked").leaf_index
    agree_on_consent(city, terms=TERMS.replace("同意提供姓名", "同意提供本人姓名"), revision=2)
    found = await explain(people, index, auditor(city))
    assert not found.same_today
    assert "CONSENT_WRONG_AGREEMENT" in found.today.document
    assert ALICE not in str(found)
    with logged(city) as book:
        assert (await refused(raw.fetch(asking(raw, granted.digest)))).reason == "CONSENT_WRONG_AGREEMENT"
