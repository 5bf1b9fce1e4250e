"""The same request id twice: one release, one record, the first answer again; and never a second release."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SystemClock
from tests.support.city import BO, City, running_city
from tests.support.city_fixtures import shared_city
from tests.support.doors import LOCATION, NAME, RECORD, RawSystem, refused
from tests.support.log_book import logged
from tests.support.tampering import Asking, answered, between

pytestmark = shared_city("e2e-idempotency")


class MovableClock(SystemClock):
    """A clock that can be put forward."""

    ahead_s: float = 0.0

    def now_ms(self) -> int:
        return super().now_ms() + int(self.ahead_s * 1000)

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


@pytest.mark.domain_check(number=7)
async def test_a_repeat_gets_the_first_answer_and_no_node_is_asked_again(city: City, raw: RawSystem) -> None:
    request = raw.asking(items=[NAME, LOCATION])
    with logged(city) as book:
        first = await raw.fetch(request)
        before = answered(city)
        second = await raw.fetch(request)
    assert not first.replayed
    assert second.replayed
    assert [a.sealed for a in second.answers] == [a.sealed for a in first.answers]
    assert (second.asked, second.outcome) == (first.asked, first.outcome)
    assert answered(city) == before
    assert book.kinds == ["asked", "released", "replayed"]


@pytest.mark.domain_check(number=7)
async def test_repeats_at_the_same_moment_share_one_release(city: City, raw: RawSystem) -> None:
    request = raw.asking(items=[NAME])
    before = answered(city)
    with logged(city) as book:
        responses = await asyncio.gather(*(raw.fetch(request) for _ in range(8)))
    assert answered(city) == before + 1
    assert len({r.answers[0].sealed for r in responses}) == 1
    assert sorted(r.replayed for r in responses) == [False] + [True] * 7
    assert sorted(book.kinds) == ["asked", "released"] + ["replayed"] * 7


async def test_the_same_id_with_another_body_is_refused(city: City, raw: RawSystem) -> None:
    await raw.fetch(raw.asking(request_id="case-17"))
    with logged(city) as book:
        for other in (raw.asking(BO, request_id="case-17"), raw.asking(request_id="case-17", items=[LOCATION])):
            refusal = await refused(raw.fetch(other))
            assert (refusal.status, refusal.reason) == ("ALREADY_EXISTS", "REQUEST_REPLAYED")
    assert book.kinds == ["refused", "refused"]


async def test_the_same_id_with_another_body_is_refused_while_the_first_is_running(raw: RawSystem, city: City) -> None:
    other = raw.asking(BO, request_id="case-18")
    told: list[str] = []

    async def meanwhile(ask: Asking, orders: Any, deadline_s: float) -> Any:
        told.append((await refused(raw.fetch(other))).reason)
        return await ask(orders, deadline_s)

    with between(city, meanwhile):
        await raw.fetch(raw.asking(request_id="case-18"))
    assert told == ["REQUEST_REPLAYED"]


async def test_ids_of_different_systems_do_not_meet(city: City, raw: RawSystem) -> None:
    await raw.fetch(raw.asking(request_id="case-19"))
    async with RawSystem(city, "tourism", "booking") as booking:
        refusal = await refused(booking.fetch(booking.asking(request_id="case-19")))
    assert refusal.reason == "NO_AGREEMENT"


async def test_a_refused_request_leaves_its_id_free(raw: RawSystem) -> None:
    refusal = await refused(raw.fetch(raw.asking(request_id="case-20", purpose="marriage_registration")))
    assert refusal.reason == "PURPOSE_NOT_COVERED"
    assert (await raw.fetch(raw.asking(request_id="case-20"))).complete


async def test_an_id_whose_first_call_broke_off_is_told_so_and_never_released(city: City, raw: RawSystem) -> None:
    request = raw.asking(request_id="case-22")

    async def stumble(_ask: Asking, _orders: Any, _deadline_s: float) -> Any:
        raise RuntimeError("inside")

    before = answered(city)
    with between(city, stumble):
        assert (await refused(raw.fetch(request))).reason == "INTERNAL"
    with logged(city) as book:
        for _ in range(100):
            refusal = await refused(raw.fetch(request))
            if refusal.reason != "REQUEST_UNSETTLED":
                break
        other = await refused(raw.fetch(raw.asking(BO, request_id="case-22")))
    assert (refusal.status, refusal.reason) == ("ALREADY_EXISTS", "REQUEST_BROKEN_OFF")
    assert other.reason == "REQUEST_REPLAYED"
    assert set(book.kinds) <= {"refused", "abandoned"}
    assert answered(city) == before
    assert (await raw.fetch(raw.asking(request_id="case-23"))).complete


async def test_a_locate_is_carried_out_once(city: City, raw: RawSystem) -> None:
    request = raw.asking(items=[RECORD], request_id="case-21")
    await raw.locate(request)
    with logged(city) as book:
        assert (await refused(raw.locate(request))).reason == "ANSWER_EXPIRED"
        assert (await refused(raw.fetch(request))).reason == "ANSWER_EXPIRED"
    assert book.kinds == ["refused", "refused"]


async def test_after_its_time_or_a_restart_an_id_gets_its_own_error_and_never_a_second_release(tmp_path: Path) -> None:
    clock = MovableClock()
    async with running_city(tmp_path, clock=clock, settings="[limits]\nanswer_kept_s = 60\n") as city:
        async with RawSystem(city) as raw:
            request = raw.asking(request_id="case-1")
            first = await raw.fetch(request)
            clock.ahead_s = 59
            assert (await raw.fetch(request)).answers[0].sealed == first.answers[0].sealed
            clock.ahead_s = 61
            before = answered(city)
            with logged(city) as book:
                refusal = await refused(raw.fetch(request))
            assert (refusal.status, refusal.reason) == ("ALREADY_EXISTS", "ANSWER_EXPIRED")
            assert book.kinds == ["refused"]
            assert answered(city) == before
        clock.ahead_s = 0
        for department in ("civil", "housing"):
            await city.stop_node(department)
        await city.stop_gateway()
        await city.start_gateway()
        for department, pointers in (("civil", 3), ("housing", 2)):
            await city.start_node(department)
            await city.synced(department, pointers)
        async with RawSystem(city) as raw:
            with logged(city) as book:
                refusal = await refused(raw.fetch(request))
                other = await refused(raw.fetch(raw.asking(BO, request_id="case-1")))
            assert (refusal.status, refusal.reason) == ("ALREADY_EXISTS", "ANSWER_EXPIRED")
            assert (other.status, other.reason) == ("ALREADY_EXISTS", "REQUEST_REPLAYED")
            assert book.kinds == ["refused", "refused"]
            assert answered(city) == 0
            assert (await raw.fetch(raw.asking())).complete
