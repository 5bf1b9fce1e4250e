"""A system's question from its SDK through gateway and nodes and back, with everything real."""

import asyncio

import pytest

from nodes.consumer import AsyncClient
from nodes.consumer.answer import RowStatus
from nodes.consumer.items import Item
from nodes.enrolment.errors import RequestRefused
from oncegate.v1 import signed_pb2
from policies.vocabulary import Form, Necessity
from tests.support.city import ALICE, BO, CHEN, NOBODY, PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import NAME, RawSystem, refused
from tests.support.log_book import logged

pytestmark = shared_city("e2e-fetch")

FROM_TWO = ["civil.resident:name=value", "civil.resident:birth_date=year", "housing.property:location=value"]


def about(identifier: str, *items: Item | str, **more: object) -> dict[str, object]:
    return {
        "subject": ("cn.resident-id", identifier),
        "purpose": PURPOSE,
        "basis": "mandate",
        "items": items or FROM_TWO,
        **more,
    }


async def test_a_fetch_gathers_fields_from_two_departments(school: AsyncClient) -> None:
    answer = await school.fetch(**about(ALICE))
    assert answer.complete
    assert [(row.field, row.text) for row in answer.rows] == [
        ("name", "欧阳静好"),
        ("birth_date", "1949"),
        ("location", "幸福路1号"),
    ]
    assert [(p.department, p.stale, p.silence) for p in answer.providers] == [
        ("civil", False, ""),
        ("housing", False, ""),
    ]
    assert all(p.synced_ms for p in answer.providers)
    assert {row.source for row in answer.rows} == {"government_verified"}


async def test_the_form_decided_is_the_form_released(school: AsyncClient) -> None:
    answer = await school.fetch(
        **about(ALICE, "civil.resident:name=masked", "civil.resident:birth_date=year", "civil.resident:record=exists")
    )
    texts = {row.field: row.text for row in answer.rows}
    assert texts["birth_date"] == "1949"
    assert texts["record"] == "true"
    assert "静好" not in str(texts["name"])
    assert texts["name"] != "欧阳静好"


async def test_someone_whom_a_provider_does_not_know_is_not_available_and_nobody_is_silent(
    school: AsyncClient,
) -> None:
    answer = await school.fetch(**about(CHEN))
    assert answer.complete
    assert [(row.field, row.status) for row in answer.rows] == [
        ("name", RowStatus.RELEASED),
        ("birth_date", RowStatus.RELEASED),
        ("location", RowStatus.NOT_AVAILABLE),
    ]
    nobody = await school.fetch(**about(NOBODY))
    assert {row.status for row in nobody.rows} == {RowStatus.NOT_AVAILABLE}
    assert [p.department for p in nobody.providers] == ["civil", "housing"]


async def test_an_optional_item_that_policy_withholds_is_named_with_its_reason(school: AsyncClient) -> None:
    wish = Item("civil.resident", "address", Form.VALUE, Necessity.OPTIONAL)
    answer = await school.fetch(**about(ALICE, "civil.resident:name=value", wish))
    row = answer["civil.resident:address"]
    assert (row.status, row.reason, row.text) == (RowStatus.WITHHELD, "NOT_IN_AGREEMENT", None)
    assert row.reason_text.zh
    assert row.reason_text.en
    assert answer["civil.resident:name"].text == "欧阳静好"
    assert answer.complete


@pytest.mark.domain_check(number=8)
async def test_identifiers_are_folded_before_anything_is_looked_up(raw: RawSystem) -> None:
    # Full-width digits, inner spaces and a lower-case x: all the same person, committed to in canonical form.
    upper = "11010519491231002X"
    assert upper == ALICE
    wide = "".join(chr(ord(c) + 0xFEE0) for c in ALICE)
    for typed in (ALICE, ALICE.lower(), wide, wide.lower(), f" {ALICE} "):
        response = await raw.fetch(raw.request(raw.body(ALICE), typed=typed))
        assert response.complete
        assert [a.status for a in response.answers] == [1]


@pytest.mark.domain_check(number=8)
@pytest.mark.parametrize(
    "typed",
    ["110105194912310021", "1101051949123100", "", "1101051949123100二X", "110105194902300027", "x" * 65, "\x00" * 18],
)
async def test_an_identifier_that_breaks_its_scheme_is_refused_before_any_look_up(
    city: City, raw: RawSystem, typed: str
) -> None:

    with logged(city) as book:
        refusal = await refused(raw.fetch(raw.request(typed=typed)))
    assert (refusal.status, refusal.reason) == ("INVALID_ARGUMENT", "BAD_IDENTIFIER")
    assert list(refusal.violations) == ["subject_identifier"]
    assert book.kinds == ["refused"]
    assert not typed or typed.encode() not in refusal.everything


async def test_a_locate_says_where_records_are_and_asks_no_node(city: City, school: AsyncClient) -> None:
    assert city.gateway is not None
    before = [status.answered for status in city.gateway.federation.status()]
    found = [
        (
            await school.locate(
                subject=("cn.resident-id", who), purpose=PURPOSE, basis="mandate", resources=["civil.resident"]
            )
        )
        .located[0]
        .exists
        for who in (ALICE, BO, NOBODY)
    ]
    assert found == [True, True, False]
    assert [status.answered for status in city.gateway.federation.status()] == before


async def test_a_locate_of_anything_but_the_record_is_refused(raw: RawSystem) -> None:

    refusal = await refused(raw.locate(raw.asking(items=[NAME])))
    assert refusal.reason == "BAD_REQUEST"
    assert list(refusal.violations) == ["items[0]"]


async def test_the_catalogue_lists_what_can_be_asked_for(school: AsyncClient) -> None:
    codes = [resource.code for resource in await school.catalog()]
    assert codes == ["civil.resident", "housing.property", "oncegate.profile"]
    assert (await school.resource("civil.resident")).provider == "civil"
    with pytest.raises(RequestRefused) as caught:
        await school.resource("civil.nothing")
    assert caught.value.code == "NOT_FOUND"


async def test_many_fetches_at_once_are_all_answered_and_all_on_the_log(city: City, school: AsyncClient) -> None:
    people = [ALICE, BO, CHEN, NOBODY] * 6
    with logged(city) as book:
        answers = await asyncio.gather(*(school.fetch(**about(who)) for who in people))
    names = {ALICE: "欧阳静好", BO: "李博文", CHEN: "陈某某", NOBODY: None}
    assert [answer.rows[0].text for answer in answers] == [names[who] for who in people]
    assert sorted(book.kinds) == ["asked"] * 24 + ["released"] * 24


async def test_a_basis_or_purpose_that_the_agreement_does_not_cover_is_refused_with_its_own_reason(
    raw: RawSystem,
) -> None:

    told = [
        (await refused(raw.fetch(raw.asking(**change)))).reason
        for change in (
            {"legal_basis": signed_pb2.LEGAL_BASIS_EXPLICIT_REQUEST},
            {"purpose": "marriage_registration"},
        )
    ]
    assert told == ["BASIS_NOT_COVERED", "PURPOSE_NOT_COVERED"]
