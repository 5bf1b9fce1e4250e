"""Promise 7, first half: who did not answer is named, and what that means for the answer is said."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from oncegate.v1 import exchange_pb2, profile_pb2, signed_pb2
from tests.support.city import ALICE, HOUSING, NOBODY, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import LOCATION, NAME, Door, RawSystem, bearer, refused
from tests.support.log_book import logged
from tests.support.tampering import answered, stalled

pytestmark = shared_city("e2e-honest")

PHONE = ("oncegate.profile", "phone", signed_pb2.FORM_VALUE)
OPTIONAL = signed_pb2.NECESSITY_OPTIONAL
ANSWERED, SILENT = exchange_pb2.PROVIDER_STATUS_ANSWERED, exchange_pb2.PROVIDER_STATUS_SILENT


def shape(response: exchange_pb2.FetchResponse) -> list[tuple[object, ...]]:
    """Everything that an answer shows about its providers without being opened."""
    return [
        (a.department, a.resource, a.status, a.silence_reason, a.stale, len(a.sealed), bool(a.receipt.body))
        for a in response.answers
    ]


@pytest_asyncio.fixture(loop_scope="module")
async def without_housing(city: City) -> AsyncIterator[None]:
    await city.stop_node("housing")
    yield
    await city.start_node("housing")
    await city.synced("housing", 2)


async def test_every_provider_is_listed_with_status_and_freshness(raw: RawSystem) -> None:
    now_ms = time.time() * 1000
    response = await raw.fetch(raw.asking(items=[LOCATION, NAME]))
    assert [(a.department, a.status, a.stale) for a in response.answers] == [
        ("housing", ANSWERED, False),
        ("civil", ANSWERED, False),
    ]
    assert all(now_ms - 60_000 < a.synced_unix_ms <= now_ms + 1000 for a in response.answers)


@pytest.mark.usefixtures("without_housing")
async def test_a_node_that_is_down_is_named_and_the_others_answer(city: City, raw: RawSystem) -> None:
    request = raw.asking(items=[NAME, LOCATION])
    with logged(city) as book:
        response = await raw.fetch(request)
    assert [(a.department, a.status, a.silence_reason) for a in response.answers] == [
        ("civil", ANSWERED, ""),
        ("housing", SILENT, "NOT_CONNECTED"),
    ]
    assert raw.opened(request, response.answers[0]).fields[0].text == "欧阳静好"
    assert response.answers[1].synced_unix_ms  # How old what is known of it is, is still said.
    assert not response.complete
    outcomes = {item["resource"]: item["outcome"] for item in book.only("released").account["items"]}
    assert outcomes == {"civil.resident": "released", "housing.property": "silent"}


@pytest.mark.domain_check(number=13)
async def test_domain_check_13_with_two_nodes_down_the_answer_is_partial_names_them_and_says_how_old_all_is(
    city: City, raw: RawSystem, people: Door
) -> None:
    set_phone = profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000")
    await people.profile.SetProfileField(set_phone, metadata=bearer(city.token("person", resident=ALICE)))
    await city.stop_node("civil")
    await city.stop_node("housing")
    try:
        request = raw.asking(items=[NAME, LOCATION, PHONE])
        with logged(city) as book:
            response = await raw.fetch(request)
        by = {answer.department: answer for answer in response.answers}
        assert {name: (one.status, one.silence_reason) for name, one in by.items()} == {
            "civil": (SILENT, "NOT_CONNECTED"),
            "housing": (SILENT, "NOT_CONNECTED"),
            "data-bureau": (ANSWERED, ""),
        }
        assert not response.complete
        assert raw.opened(request, by["data-bureau"]).fields[0].text == "13800138000"
        now_ms = time.time() * 1000
        assert all(0 < now_ms - by[name].synced_unix_ms < 600_000 for name in ("civil", "housing"))
        outcomes = {item["resource"]: item["outcome"] for item in book.only("released").account["items"]}
        assert outcomes == {"civil.resident": "silent", "housing.property": "silent", "oncegate.profile": "released"}
    finally:
        await city.start_node("civil")
        await city.start_node("housing")
        await city.synced("civil", 3)
        await city.synced("housing", 2)


@pytest.mark.usefixtures("without_housing")
async def test_what_may_be_missing_does_not_make_an_answer_incomplete(raw: RawSystem) -> None:
    response = await raw.fetch(raw.asking(items=[NAME, (*LOCATION, OPTIONAL)]))
    assert response.complete
    assert response.answers[1].status == SILENT


@pytest.mark.usefixtures("without_housing")
async def test_silence_does_not_depend_on_whether_there_is_a_record(raw: RawSystem) -> None:
    known, unknown = [await raw.fetch(raw.asking(who, items=[NAME, LOCATION])) for who in (ALICE, NOBODY)]
    assert shape(known) == shape(unknown)
    assert known.complete == unknown.complete


@pytest.mark.usefixtures("without_housing")
async def test_when_nobody_answers_the_request_is_unavailable_and_on_the_log(city: City, raw: RawSystem) -> None:
    told = []
    for who in (ALICE, NOBODY):
        with logged(city) as book:
            refusal = await refused(raw.fetch(raw.asking(who, items=[LOCATION])))
        assert (refusal.status, refusal.reason) == ("UNAVAILABLE", "ALL_PROVIDERS_SILENT")
        assert refusal.facts == {"providers": "housing/housing.property=NOT_CONNECTED"}
        assert refusal.retry_ms
        assert book.kinds == ["asked", "refused"]
        assert book.only("refused").account["request"] == book.only("asked").leaf_index
        told.append(refusal.everything)
    assert told[0] == told[1]


async def test_a_node_that_stalls_costs_its_own_answer_and_not_the_others(city: City, raw: RawSystem) -> None:
    with stalled(city, "housing"):
        began = time.monotonic()
        response = await raw.fetch(raw.asking(items=[NAME, LOCATION], deadline_ms=300))
        took_s = time.monotonic() - began
    assert [(a.department, a.silence_reason) for a in response.answers] == [("civil", ""), ("housing", "DEADLINE")]
    assert not response.complete
    assert 0.3 <= took_s < 2.0


async def test_a_stalling_node_does_not_hold_up_requests_to_others(city: City, raw: RawSystem) -> None:
    with stalled(city, "housing"):
        waiting = asyncio.create_task(raw.fetch(raw.asking(items=[NAME, LOCATION], deadline_ms=600)))
        await asyncio.sleep(0.05)
        for _ in range(5):
            assert (await raw.fetch(raw.asking(items=[NAME]))).complete
        assert not waiting.done()
        await waiting


async def test_a_nodes_refusal_is_a_silence_whose_cause_only_the_log_knows(city: City, raw: RawSystem) -> None:
    agreements = city.member_home("housing", "registry") / "agreements"
    away = agreements.with_name("agreements-away")
    book_of_agreements = city.node("housing").provider.agreements
    agreements.rename(away)
    agreements.mkdir()
    book_of_agreements._looked_s = float("-inf")  # It would look again within a second by itself.
    try:
        with logged(city) as book:
            response = await raw.fetch(raw.asking(items=[NAME, LOCATION]))
    finally:
        agreements.rmdir()
        away.rename(agreements)
        book_of_agreements._looked_s = float("-inf")
    assert [a.silence_reason for a in response.answers] == ["", "NODE_REFUSED"]
    assert not response.complete
    [said] = [i for i in book.only("released").account["items"] if i["resource"] == "housing.property"]
    assert (said["outcome"], said["reason"], said["detail"]) == ("silent", "NODE_REFUSED", "AGREEMENT_UNKNOWN")
    assert b"AGREEMENT_UNKNOWN" not in response.SerializeToString()


async def test_a_required_item_that_policy_withholds_refuses_before_anyone_is_asked(city: City, raw: RawSystem) -> None:
    address = ("civil.resident", "address", signed_pb2.FORM_VALUE)
    before = answered(city)
    told = []
    for who in (ALICE, NOBODY):
        with logged(city) as book:
            refusal = await refused(raw.fetch(raw.asking(who, items=[NAME, address])))
        assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "NOT_IN_AGREEMENT")
        assert refusal.facts == {"items": "civil.resident.address:value=NOT_IN_AGREEMENT"}
        assert book.kinds == ["refused"]
        told.append(refusal.everything)
    assert told[0] == told[1]
    assert answered(city) == before


async def test_without_any_agreement_nothing_is_asked_and_the_reason_is_its_own(city: City) -> None:
    before = answered(city)
    async with RawSystem(city, "tourism", "booking") as booking:
        refusal = await refused(booking.fetch(booking.asking()))
        optional = await refused(booking.fetch(booking.asking(items=[(*NAME, OPTIONAL)])))
    assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "NO_AGREEMENT")
    assert optional.reason == "NO_AGREEMENT"  # Nothing is left of it, so there is nobody to ask.
    assert answered(city) == before


@pytest.mark.domain_check(number=13)
async def test_a_provider_whose_source_is_broken_is_stale_for_everyone_alike(city: City, raw: RawSystem) -> None:
    home = city.member_home("housing", "registry")
    resources, source = home / "resources.toml", home / "source.db"
    await city.stop_node("housing")
    resources.write_text(HOUSING.replace('"P1D"', '"PT1S"'), encoding="utf-8")
    await city.start_node("housing")
    await city.synced("housing", 2)
    with sqlite3.connect(source) as base:
        base.execute("alter table homes rename to gone")
    try:
        for _ in range(60):
            await asyncio.sleep(0.1)
            known, unknown = [await raw.fetch(raw.asking(who, items=[NAME, LOCATION])) for who in (ALICE, NOBODY)]
            if known.answers[1].stale and unknown.answers[1].stale:
                break
        assert [a.stale for a in known.answers] == [False, True]
        assert time.time() * 1000 - known.answers[1].synced_unix_ms > 1000  # The age that makes it stale is told.
        assert shape(known) == shape(unknown)
        assert known.complete  # It did answer: that it has nothing to give now is sealed inside.
    finally:
        with sqlite3.connect(source) as base:
            base.execute("alter table gone rename to homes")
        base.close()
        await city.stop_node("housing")
        resources.write_text(HOUSING, encoding="utf-8")
        await city.start_node("housing")
        await city.synced("housing", 2)


async def test_a_new_record_is_found_and_a_removed_one_is_gone_without_anyone_restarting(
    city: City, raw: RawSystem
) -> None:
    source = city.member_home("civil", "registry") / "source.db"

    async def text_for_nobody() -> str:
        request = raw.asking(NOBODY)
        return raw.opened(request, (await raw.fetch(request)).answers[0]).fields[0].text

    assert not await text_for_nobody()
    with sqlite3.connect(source) as base:
        base.execute(
            "insert into residents (id, id_no, name, born, address) values (9,?,'何其多','1980-01-01','某街一号')",
            (NOBODY,),
        )
    await city.synced("civil", 4)
    assert await text_for_nobody() == "何其多"
    with sqlite3.connect(source) as base:
        base.execute("delete from residents where id = 9")
    base.close()
    await city.synced("civil", 3)
    assert not await text_for_nobody()
