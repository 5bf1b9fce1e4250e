"""Promise 7, second half: withheld, absent, ambiguous and unreadable look the same to whoever may not know."""

import sqlite3
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from keys.sealing import answer_info
from keys.signing import digest
from oncegate.v1 import exchange_pb2, signed_pb2
from tests.support.city import ALICE, BO, CHEN, HOUSING, NOBODY, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import LOCATION, NAME, RECORD, RawSystem, refused
from tests.support.log_book import logged
from tests.support.tampering import answered

pytestmark = shared_city("adversarial-oracle")

BIRTH_YEAR = ("civil.resident", "birth_date", signed_pb2.FORM_YEAR)
EVERYTHING = (NAME, BIRTH_YEAR, RECORD)
# In this city ALICE's record is withheld by the department, BO's stands twice in the register, CHEN's has no name and
# a birth date that is none, and NOBODY is unknown.
HIDDEN = (ALICE, BO, NOBODY)


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def secretive(city: City) -> AsyncIterator[None]:
    """The civil registry with its own rules and its own mistakes; housing without entries in the index."""
    await city.stop_node("civil")
    await city.stop_node("housing")
    home = city.member_home("civil", "registry")
    with (home / "node.toml").open("a", encoding="utf-8") as file:
        file.write('[withhold.records]\n"civil.resident" = ["1"]\n')
    with sqlite3.connect(home / "source.db") as base:
        base.execute(
            "insert into residents (id, id_no, name, born, address) select 9, id_no, name, born, address from residents where id = 2"
        )
        base.execute("update residents set name = '', born = '不详' where id = 3")
    base.close()
    unlisted = HOUSING.replace('update_cycle = "P1D"', 'update_cycle = "P1D"\nunlisted = true')
    (city.member_home("housing", "registry") / "resources.toml").write_text(unlisted, encoding="utf-8")
    await city.start_node("civil")
    await city.start_node("housing")
    await city.synced("civil", 3)  # Four rows; the withheld one is not published at all.
    await city.synced("housing", 0)
    yield


def seen_from_outside(response: exchange_pb2.FetchResponse) -> bytes:
    """The response without what is random in every answer: ids, seals, signatures and times; lengths stay."""
    plain = exchange_pb2.FetchResponse()
    plain.CopyFrom(response)
    plain.request_id = ""
    plain.ClearField("asked")
    plain.ClearField("outcome")
    for answer in plain.answers:
        answer.sealed = bytes(len(answer.sealed))
        answer.ticket_digest = bytes(len(answer.ticket_digest))
        answer.synced_unix_ms = 0
        answer.receipt.body = bytes(len(answer.receipt.body))
        answer.receipt.ClearField("signature")
    return plain.SerializeToString(deterministic=True)


def opened(raw: RawSystem, request: exchange_pb2.FetchRequest, response: exchange_pb2.FetchResponse) -> bytes:
    """What is inside the seals, without the request's digest."""
    bodies = [raw.opened(request, answer) for answer in response.answers]
    for body in bodies:
        body.ClearField("request_digest")
    return b"".join(body.SerializeToString(deterministic=True) for body in bodies)


@pytest.mark.domain_check(number=15)
async def test_withheld_absent_and_ambiguous_differ_neither_outside_nor_inside_the_seal(
    city: City, raw: RawSystem
) -> None:
    outside, inside = set(), set()
    for who in HIDDEN:
        request = raw.asking(who, items=EVERYTHING)
        response = await raw.fetch(request)
        outside.add(seen_from_outside(response))
        inside.add(opened(raw, request, response))
    assert len(outside) == 1
    assert len(inside) == 1
    request = raw.asking(CHEN, items=EVERYTHING)
    assert opened(raw, request, await raw.fetch(request)) not in inside  # The comparison would see a difference.


@pytest.mark.domain_check(number=3)
async def test_domain_check_3_a_provider_with_two_matching_people_refuses_as_if_there_were_no_person(
    city: City, raw: RawSystem
) -> None:
    told, plain = set(), set()
    for who in (BO, NOBODY):
        request = raw.asking(who, items=EVERYTHING)
        with logged(city) as book:
            response = await raw.fetch(request)
        body = raw.opened(request, response.answers[0])
        assert [(field.status, field.text) for field in body.fields] == [
            (signed_pb2.FIELD_STATUS_NOT_AVAILABLE, "")
        ] * len(EVERYTHING)
        told.add(seen_from_outside(response))
        plain.add(opened(raw, request, response))
        # Not even the gateway learns which of the two it was: the node says no more to it than to anyone.
        assert {item["outcome"] for item in book.only("released").account["items"]} == {"no_record"}
    assert (len(told), len(plain)) == (1, 1)


@pytest.mark.domain_check(number=15)
async def test_an_answer_with_values_has_the_size_of_one_without(raw: RawSystem) -> None:
    sizes = set()
    for who in (ALICE, CHEN, NOBODY):
        response = await raw.fetch(raw.asking(who, items=EVERYTHING))
        assert response.complete
        sizes.add(tuple(len(answer.sealed) for answer in response.answers))
    assert len(sizes) == 1


async def test_a_value_that_is_empty_or_unreadable_looks_like_no_record(city: City, raw: RawSystem) -> None:
    inside, outcomes = set(), []
    for who in (CHEN, NOBODY):
        request = raw.asking(who, items=(NAME, BIRTH_YEAR))
        with logged(city) as book:
            response = await raw.fetch(request)
        inside.add(opened(raw, request, response))
        outcomes.append([item["outcome"] for item in book.only("released").account["items"]])
    assert len(inside) == 1
    # The difference is on the log, where those who may know it find it.
    assert outcomes == [["no_value", "source_error"], ["no_record", "no_record"]]


async def test_the_node_works_for_every_question_alike(city: City, raw: RawSystem) -> None:
    for who in (ALICE, BO, CHEN, NOBODY):
        before = answered(city)
        await raw.fetch(raw.asking(who, items=[NAME]))
        assert answered(city) == before + 1


async def test_a_locate_does_not_tell_a_withheld_record_or_two_from_none(raw: RawSystem) -> None:
    inside = set()
    for who in HIDDEN:
        request = raw.asking(who, items=[RECORD])
        response = await raw.locate(request)
        answer = exchange_pb2.ProviderAnswer(
            sealed=response.sealed, ticket_digest=digest(request.body), resource="oncegate.locate"
        )
        plain = _unsealed(raw, request, answer)
        assert [one.exists for one in plain.located] == [False]
        inside.add((len(response.sealed), plain.SerializeToString(deterministic=True)))
    assert len(inside) == 1


async def test_an_unlisted_resource_is_answered_without_the_index_knowing_anyone(city: City, raw: RawSystem) -> None:
    assert city.gateway is not None
    assert city.gateway.index.pointers(city.node_id("housing")) == 0
    with sqlite3.connect(city.home / "gateway.db") as base:
        # What was listed before is deleted and not only out of use: three of civil are left.
        assert base.execute("select count(*) from index_pointers").fetchone() == (3,)
    base.close()
    texts, outside = {}, set()
    for who in (ALICE, NOBODY):
        request = raw.asking(who, items=[LOCATION])
        response = await raw.fetch(request)
        texts[who] = raw.opened(request, response.answers[0]).fields[0].text
        outside.add(seen_from_outside(response))
    assert texts == {ALICE: "幸福路1号", NOBODY: ""}
    assert len(outside) == 1


async def test_a_refusal_by_policy_is_the_same_about_everyone(raw: RawSystem) -> None:
    address = ("civil.resident", "address", signed_pb2.FORM_VALUE)
    told = {(await refused(raw.fetch(raw.asking(who, items=[address])))).everything for who in (ALICE, BO, NOBODY)}
    assert len(told) == 1


def _unsealed(
    raw: RawSystem, request: exchange_pb2.FetchRequest, answer: exchange_pb2.ProviderAnswer
) -> exchange_pb2.LocateResult:
    info = answer_info(digest(request.body), answer.ticket_digest, answer.resource)
    return exchange_pb2.LocateResult.FromString(raw.sealing.open(answer.sealed, info))
