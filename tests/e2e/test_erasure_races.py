"""Erasures that something comes between: a caller who leaves, a database that fails, a fetch, a second erasure."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from gateway.audit.entries import EntryDraft
from gateway.exchange import erase as module
from gateway.exchange.erase import EraseProfile
from gateway.exchange.record import Record
from nodes.consumer import AsyncClient
from oncegate.v1 import signed_pb2
from tests.e2e.test_erasure import enter, erase, opened, phone_of
from tests.support.city import ALICE, BO, CHEN, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, RawSystem, refused
from tests.support.log_book import logged

pytestmark = shared_city("e2e-erasure-races")

PHONE = ("oncegate.profile", "phone", signed_pb2.FORM_VALUE)


def parts(city: City) -> tuple[EraseProfile, Record]:
    assert city.gateway is not None
    return city.gateway._erase, city.gateway._record


def person_of(city: City) -> bytes:
    """The one person who has a profile."""
    with sqlite3.connect(city.home / "gateway.db") as base:
        [[person]] = base.execute("SELECT person_id FROM vault_keys WHERE wrapped IS NOT NULL").fetchall()
    base.close()
    return bytes(person)


def keys(city: City) -> int:
    with sqlite3.connect(city.home / "gateway.db") as base:
        [count] = base.execute("SELECT count(*) FROM vault_keys WHERE wrapped IS NOT NULL").fetchone()
    base.close()
    return int(count)


async def append_erasure(city: City, person: bytes) -> int:
    """What another process leaves on the log before it carries the erasure out."""
    said: Mapping[str, Any] = {"person": person.hex(), "scheme": "cn.resident-id"}
    entry = await city.parts.ledger.append(EntryDraft("profile_erased", {"by": "person"}, said, about=person))
    return entry.leaf_index


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 - looks at a database
            await asyncio.sleep(0.02)


class Held:
    """Where an erasure is stopped: it is there once `reached`, and goes on at `go`."""

    def __init__(self) -> None:
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def wait(self) -> None:
        self.reached.set()
        async with asyncio.timeout(15):
            await self.go.wait()


@contextmanager
def held(city: City, *, behind_entry: bool) -> Iterator[Held]:
    """Stops an erasure right before or right behind its entry."""
    _, record = parts(city)
    honest, stop = record.write, Held()

    async def write(draft: EntryDraft) -> Any:
        if draft.kind == "profile_erased" and not behind_entry:
            await stop.wait()
        recorded = await honest(draft)
        if draft.kind == "profile_erased" and behind_entry:
            await stop.wait()
        return recorded

    record.write = write  # type: ignore[method-assign]
    try:
        yield stop
    finally:
        del record.write


@contextmanager
def failing(city: City, times: int) -> Iterator[list[int]]:
    """The vault cannot erase for so many times; counts them."""
    use_case, _ = parts(city)
    erasures, seen = use_case._erasures, []
    honest = erasures.erase

    def erase_(*arguments: Any, **named: Any) -> Any:
        seen.append(len(seen))
        if len(seen) <= times:
            raise OSError("the disk is full")
        return honest(*arguments, **named)

    erasures.erase = erase_  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        del erasures.erase


@contextmanager
def just_before(record: Record, name: str, step: Callable[[], Awaitable[object]]) -> Iterator[None]:
    """Does something after the last look and before the outcome has its place on the log."""
    honest = getattr(record, name)

    async def write(*arguments: Any) -> Any:
        await step()
        return await honest(*arguments)

    setattr(record, name, write)
    try:
        yield
    finally:
        delattr(record, name)


async def test_a_caller_who_leaves_behind_the_entry_does_not_leave_the_erasure_undone(
    city: City, people: Door, raw: RawSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The gateway's own turns would carry it out as well, later.
    monkeypatch.setattr(parts(city)[0], "_finish", lambda: 0)
    await enter(city, people, ALICE, "13800138000")
    with held(city, behind_entry=True) as stop:
        call = asyncio.ensure_future(erase(city, people, ALICE))
        await stop.reached.wait()
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        # The cancellation reaches the gateway.
        await asyncio.sleep(0.3)
        stop.go.set()
        await eventually(lambda: keys(city) == 0)
    assert await phone_of(raw, ALICE) == ""


async def test_what_fails_behind_the_entry_is_tried_again_and_the_caller_gets_the_receipt(
    city: City, people: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_S", 0.01)
    await enter(city, people, ALICE, "13800138000")
    with failing(city, 3) as tries, logged(city) as book:
        receipt = opened(city, await erase(city, people, ALICE))
    assert len(tries) == 4
    assert receipt.entry == book.only("profile_erased").leaf_index


async def test_while_an_erasure_cannot_be_carried_out_nothing_is_released_or_entered(
    city: City, people: Door, raw: RawSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_S", 0.01)
    monkeypatch.setattr(module, "_LONGEST_RETRY_S", 0.02)
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    await enter(city, people, BO, "13800138000")
    with failing(city, 1_000_000):
        assert (await refused(erase(city, people, BO))).reason == "REQUEST_UNSETTLED"
        assert (await refused(raw.fetch(raw.asking(BO, items=[PHONE])))).reason == "ANSWER_EXPIRED"
        assert (await refused(enter(city, people, BO, "13800138001"))).reason == "REQUEST_UNSETTLED"
    await eventually(lambda: keys(city) == 0)
    await enter(city, people, BO, "13800138001")
    assert await phone_of(raw, BO) == "13800138001"
    await erase(city, people, BO)


async def test_what_is_entered_meanwhile_waits_and_is_not_erased_with_the_rest(
    city: City, people: Door, raw: RawSystem
) -> None:
    await enter(city, people, BO, "13800138000")
    with held(city, behind_entry=True) as stop, logged(city) as book:
        call = asyncio.ensure_future(erase(city, people, BO))
        await stop.reached.wait()
        entering = asyncio.ensure_future(enter(city, people, BO, "13800138002"))
        await asyncio.sleep(0.3)
        stop.go.set()
        await asyncio.gather(call, entering)
    assert book.kinds == ["profile_erased", "profile_written"]
    assert await phone_of(raw, BO) == "13800138002"
    await erase(city, people, BO)


async def test_an_erasure_that_another_process_left_holds_the_fields_back_and_is_carried_out_while_the_gateway_runs(
    city: City, people: Door, raw: RawSystem
) -> None:
    await enter(city, people, CHEN, "13800138000")
    use_case, _ = parts(city)
    await use_case.running()
    # So that the gateway's own next turn does not come first.
    with failing(city, 1_000_000):
        await append_erasure(city, person_of(city))
        assert (await refused(raw.fetch(raw.asking(CHEN, items=[PHONE])))).reason == "ANSWER_EXPIRED"
        assert (await refused(enter(city, people, CHEN, "13800138001"))).reason == "REQUEST_UNSETTLED"
    await use_case.running()
    assert keys(city) == 0
    assert await use_case.running() == 0
    assert await phone_of(raw, CHEN) == ""


async def test_at_start_nothing_is_erased_that_was_entered_after_the_erasure(
    city: City, people: Door, raw: RawSystem
) -> None:
    await enter(city, people, CHEN, "13800138000")
    receipt = opened(city, await erase(city, people, CHEN))
    await enter(city, people, CHEN, "13800138001")
    with sqlite3.connect(city.home / "gateway.db") as base:
        base.execute("DELETE FROM vault_erasures WHERE entry = ?", (receipt.entry,))
    base.close()
    use_case, _ = parts(city)
    use_case.erasing.settled_below = 0
    assert await use_case.at_start() == 0
    assert await phone_of(raw, CHEN) == "13800138001"
    await erase(city, people, CHEN)


async def test_two_erasures_at_once_are_one_entry_one_receipt_and_one_notice(
    city: City, people: Door, raw: RawSystem, school: AsyncClient
) -> None:
    await enter(city, people, ALICE, "13800138000")
    await phone_of(raw, ALICE)
    before = len(await school.notices())
    with held(city, behind_entry=False) as stop, logged(city) as book:
        calls = [asyncio.ensure_future(erase(city, people, ALICE)) for _ in range(2)]
        await stop.reached.wait()
        await asyncio.sleep(0.3)
        stop.go.set()
        first, second = await asyncio.gather(*calls)
    assert first.receipt == second.receipt
    assert book.kinds == ["profile_erased"]
    assert len(await school.notices()) == before + 1


async def test_a_department_is_told_once_of_each_release(city: City, people: Door, raw: RawSystem) -> None:
    await enter(city, people, BO, "13800138000")
    await phone_of(raw, BO)
    assert opened(city, await erase(city, people, BO)).notices == 1
    await enter(city, people, BO, "13800138001")
    assert opened(city, await erase(city, people, BO)).notices == 0


async def test_nothing_is_released_once_an_erasure_has_begun(city: City, people: Door, raw: RawSystem) -> None:
    await enter(city, people, ALICE, "13800138000")
    request = raw.asking(ALICE, items=[PHONE])
    await raw.fetch(request)
    with held(city, behind_entry=False) as stop, logged(city) as book:
        call = asyncio.ensure_future(erase(city, people, ALICE))
        await stop.reached.wait()
        assert (await refused(raw.fetch(raw.asking(ALICE, items=[PHONE])))).reason == "ANSWER_EXPIRED"
        assert (await refused(raw.fetch(request))).reason == "ANSWER_EXPIRED"
        stop.go.set()
        receipt = opened(city, await call)
    assert book.kinds == ["asked", "refused", "refused", "profile_erased"]
    assert receipt.notices == 1


async def test_an_erasure_by_another_process_that_gets_before_the_outcome_keeps_the_answer_back(
    city: City, people: Door, raw: RawSystem
) -> None:
    await enter(city, people, ALICE, "13800138000")
    use_case, record = parts(city)
    person, kept = person_of(city), raw.asking(ALICE, items=[PHONE])
    await raw.fetch(kept)

    async def between() -> None:
        await append_erasure(city, person)

    with just_before(record, "released", between), logged(city) as book:
        assert (await refused(raw.fetch(raw.asking(ALICE, items=[PHONE])))).reason == "ANSWER_EXPIRED"
    assert book.kinds == ["asked", "profile_erased", "released", "refused"]
    await use_case.running()

    await enter(city, people, ALICE, "13800138001")
    again = raw.asking(ALICE, items=[PHONE])
    await raw.fetch(again)
    with just_before(record, "replayed", between), logged(city) as book:
        assert (await refused(raw.fetch(again))).reason == "ANSWER_EXPIRED"
    assert book.kinds == ["profile_erased", "replayed", "refused"]
    await use_case.running()
    assert keys(city) == 0
