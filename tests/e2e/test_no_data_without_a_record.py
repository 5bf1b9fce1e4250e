"""Promise 1: every question is durable before a node hears of it, and its end before a byte of the answer leaves."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.bootstrap.offline import compose
from gateway.bootstrap.serving import Gateway
from gateway.clock import SystemClock
from gateway.federation.model import Order
from gateway.settings import FILE_NAME, Settings
from keys.batch import ItemVerifier, scope
from keys.signing import PROMISE
from nodes.enrolment.home import Home
from oncegate.v1 import signed_pb2
from tests.support.city import BO, CHEN, City, free_port
from tests.support.city_fixtures import shared_city
from tests.support.doors import LOCATION, NAME, RECORD, RawSystem, issued, pair_of, refused, systems_door
from tests.support.log_book import logged, read
from tests.support.tampering import Asking, answered, between, storage_that_fails

pytestmark = shared_city("e2e-record")


def committed(city: City) -> list[str]:
    """Kinds of the entries that another process can read right now, and so would survive this one."""
    with sqlite3.connect(city.home / "gateway.db") as base:
        rows = base.execute("SELECT kind FROM audit_entries ORDER BY leaf_index").fetchall()
    base.close()
    return [kind for (kind,) in rows]


async def test_the_question_is_durable_before_any_node_is_asked(city: City, raw: RawSystem) -> None:
    before = len(committed(city))
    seen: list[list[str]] = []

    async def look(ask: Asking, orders: Sequence[Order], deadline_s: float) -> Any:
        seen.append(committed(city)[before:])
        return await ask(orders, deadline_s)

    with between(city, look):
        await raw.fetch(raw.asking(items=[NAME, LOCATION]))
    assert seen == [["asked"]]


async def test_each_ticket_carries_the_logs_promise_of_that_very_entry(city: City, raw: RawSystem) -> None:
    orders_seen: list[Order] = []

    async def look(ask: Asking, orders: Sequence[Order], deadline_s: float) -> Any:
        orders_seen.extend(orders)
        return await ask(orders, deadline_s)

    with between(city, look), logged(city) as book:
        await raw.fetch(raw.asking(items=[NAME, LOCATION]))
    asked = book.only("asked")
    verifier = ItemVerifier(city.parts.secrets.promise_key.verify_key)
    assert len(orders_seen) == 2
    for order in orders_seen:
        verifier.verify(PROMISE, scope("oncegate.test/ledger"), order.promise)
        promise = signed_pb2.PromiseBody.FromString(order.promise.body)
        assert (promise.leaf_index, promise.leaf_hash) == (asked.leaf_index, asked.leaf_hash)
        assert promise.request_digest == order.request_digest


async def test_the_outcome_is_durable_before_one_byte_of_the_answer_leaves(city: City, raw: RawSystem) -> None:
    with storage_that_fails(city, "NEW.kind = 'released'"), logged(city) as book:
        before = answered(city)
        refusal = await refused(raw.fetch(raw.asking(items=[NAME, LOCATION])))
        assert answered(city) == before + 2  # The nodes did answer; the answers stayed here.
    assert (refusal.status, refusal.reason) == ("UNAVAILABLE", "LEDGER_UNAVAILABLE")
    assert refusal.retry_ms
    assert book.kinds == ["asked"]
    response = await raw.fetch(raw.asking())
    promise = signed_pb2.PromiseBody.FromString(response.outcome.body)
    assert city.parts.ledger.entry(promise.leaf_index).kind == "released"
    # What the failure left open is closed without a restart.
    assert city.gateway is not None
    with logged(city) as closed:
        await city.gateway._mend.at_start()
    assert closed.only("abandoned").account["request"] == book.only("asked").leaf_index


async def test_nobody_is_asked_and_nothing_is_released_when_the_log_cannot_write(city: City, raw: RawSystem) -> None:
    before = answered(city)
    with logged(city) as book, storage_that_fails(city):
        for request in (raw.asking(), raw.asking(items=[NAME, LOCATION])):
            refusal = await refused(raw.fetch(request))
            assert (refusal.status, refusal.reason) == ("UNAVAILABLE", "LEDGER_UNAVAILABLE")
        assert (await refused(raw.locate(raw.asking(items=[RECORD])))).reason == "LEDGER_UNAVAILABLE"
        # A refusal that cannot be written is not told as what it is either.
        assert (await refused(raw.fetch(raw.asking(purpose="no_such_purpose")))).reason == "LEDGER_UNAVAILABLE"
    assert answered(city) == before
    assert book.kinds == []
    assert (await raw.fetch(raw.asking())).complete  # It recovers by itself.


async def test_an_answer_names_the_entries_and_the_entries_say_what_was_released(city: City, raw: RawSystem) -> None:
    with logged(city) as book:
        response = await raw.fetch(raw.asking(BO, items=[NAME, LOCATION], case_reference="入学-2026-7"))
    assert book.kinds == ["asked", "released"]
    asked, released = book.only("asked").account, book.only("released").account
    assert signed_pb2.PromiseBody.FromString(response.asked.body).leaf_hash == book.only("asked").leaf_hash
    assert signed_pb2.PromiseBody.FromString(response.outcome.body).leaf_hash == book.only("released").leaf_hash
    assert released["request"] == book.only("asked").leaf_index
    for said in (asked, released):
        assert (said["department"], said["purpose"], said["legal_basis"]) == (
            "education",
            "school_enrolment",
            "mandate",
        )
        assert said["case"] == "入学-2026-7"
        assert said["system"] == raw.spiffe
    assert [(i["resource"], i["field"], i["outcome"]) for i in released["items"]] == [
        ("civil.resident", "name", "released"),
        ("housing.property", "location", "released"),
    ]
    assert len(released["receipts"]) == 2
    assert [a["id"] for a in asked["agreements"]] == ["education-civil-resident", "education-housing-property"]
    assert asked["rules"]
    assert asked["bundle"]


async def test_what_the_asking_system_is_not_told_is_on_the_log(city: City, raw: RawSystem) -> None:
    with logged(city) as book:
        await raw.fetch(raw.asking(CHEN, items=[LOCATION]))
    assert [i["outcome"] for i in book.only("released").account["items"]] == ["no_record"]


async def test_refusals_are_recorded_like_answers(city: City, raw: RawSystem) -> None:
    signed = raw.asking
    other = "spiffe://oncegate.test/department/tourism/system/booking"
    causes: dict[str, Any] = {
        "BAD_SIGNATURE": raw.request(signature=b"\x30\x00"),
        "BAD_KEY_CERTIFICATE": raw.request(keys=Home(city.member_home("tourism", "booking")).certified()),
        "BAD_REQUEST": signed(request_id="not an id"),
        "BAD_IDENTIFIER": raw.request(typed="11010519491231002Y"),
        "WRONG_SUBJECT": raw.request(typed=BO),
        "WRONG_SYSTEM": signed(system=other),
        "WRONG_GATEWAY": signed(trust_domain="elsewhere.test"),
        "REQUEST_EXPIRED": signed(created_unix_ms=1),
        "UNKNOWN_PURPOSE": signed(purpose="no_such_purpose"),
        "UNKNOWN_RESOURCE": signed(items=[("civil.nothing", "name", signed_pb2.FORM_VALUE)]),
        "UNKNOWN_FIELD": signed(items=[("civil.resident", "nothing", signed_pb2.FORM_VALUE)]),
        "NOT_IN_AGREEMENT": signed(items=[("civil.resident", "address", signed_pb2.FORM_VALUE)]),
        "PURPOSE_NOT_COVERED": signed(purpose="marriage_registration"),
    }
    for reason, request in causes.items():
        before = answered(city)
        with logged(city) as book:
            refusal = await refused(raw.fetch(request))
        assert refusal.reason == reason
        said = book.only("refused").account
        assert book.kinds == ["refused"]
        assert said["reason"] == reason
        assert said["system"] == raw.spiffe
        assert answered(city) == before


async def test_a_certificate_that_may_not_ask_is_refused_on_the_record(city: City) -> None:
    stranger = "spiffe://oncegate.test/department/education/system/stranger"
    async with RawSystem(city) as honest:
        request = honest.asking()
    for pair, name, reason in (
        (issued(city.parts.authority, stranger), stranger, "CERTIFICATE_UNKNOWN"),
        (pair_of(Home(city.member_home("civil", "registry"))), city.node_id("civil"), "NOT_ALLOWED"),
    ):
        with logged(city) as book:
            async with systems_door(city, pair) as door:
                assert (await refused(door.exchange.Fetch(request))).reason == reason
        assert (book.only("refused").account["system"], book.only("refused").account["reason"]) == (name, reason)


async def test_a_caller_who_goes_away_leaves_an_abandoned_question_and_no_release(city: City, raw: RawSystem) -> None:
    reached = asyncio.Event()

    async def stall(_ask: Asking, _orders: Sequence[Order], _deadline_s: float) -> Any:
        reached.set()
        await asyncio.Event().wait()

    with between(city, stall), logged(city) as book:
        call = asyncio.create_task(raw.fetch(raw.asking()))
        await reached.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        for _ in range(100):
            await asyncio.sleep(0.01)
            if committed(city)[-1] == "abandoned":
                break
    assert book.kinds == ["asked", "abandoned"]
    assert book.only("abandoned").account["request"] == book.only("asked").leaf_index


async def test_a_mistake_inside_ends_as_an_abandoned_question_and_tells_nothing(city: City, raw: RawSystem) -> None:
    async def stumble(_ask: Asking, _orders: Sequence[Order], _deadline_s: float) -> Any:
        raise RuntimeError(f"could not find {BO} called 李博文")

    with between(city, stumble), logged(city) as book:
        refusal = await refused(raw.fetch(raw.asking(BO)))
        await asyncio.sleep(0.05)
    assert (refusal.status, refusal.reason, refusal.message) == ("INTERNAL", "INTERNAL", "Internal error")
    assert refusal.texts == {"zh-CN": "内部错误", "en": "Internal error"}
    assert BO.encode() not in refusal.everything
    assert "李博文".encode() not in refusal.everything
    assert book.kinds == ["asked", "abandoned"]
    assert BO not in json.dumps([dict(entry.account) for entry in book.entries])


async def test_a_question_left_open_by_a_crash_is_abandoned_at_the_next_start(
    city: City, raw: RawSystem, tmp_path: Path
) -> None:
    after = tmp_path / "after-the-crash"

    async def crash(ask: Asking, orders: Sequence[Order], deadline_s: float) -> Any:
        # The power goes while nodes are being asked: what is on disk at this very moment is what a restart finds.
        shutil.copytree(city.home, after)
        return await ask(orders, deadline_s)

    with between(city, crash), logged(city) as book:
        await raw.fetch(raw.asking())
    text = (after / FILE_NAME).read_text(encoding="utf-8")
    for port in (city.systems, city.people):
        text = text.replace(port, f"127.0.0.1:{free_port()}")
    (after / FILE_NAME).write_text(text, encoding="utf-8")
    restarted = compose(Settings.load(after), SystemClock())
    gateway = Gateway(restarted)
    await gateway.start()
    try:
        begun, *newest = restarted.ledger.entries(limit=3).entries
        assert begun.kind == "gateway_started"
        assert [entry.kind for entry in newest] == ["abandoned", "asked"]
        assert newest[0].account["request"] == newest[1].leaf_index == book.only("asked").leaf_index
        assert newest[1].leaf_hash == book.only("asked").leaf_hash
        # The person sees that it was broken off, not that it is still being carried out.
        person = bytes.fromhex(str((newest[1].personal or {})["person"]))
        assert restarted.ledger.accesses(person).accesses[0].outcome == "abandoned"
    finally:
        await gateway.stop()


async def test_the_log_of_a_quiet_exchange_has_one_outcome_per_question(city: City, raw: RawSystem) -> None:
    entries = read(city)
    asked = [entry.leaf_index for entry in entries if entry.kind == "asked"]
    closed = [entry.account["request"] for entry in entries if entry.kind in {"released", "abandoned"}]
    closed += [e.account["request"] for e in entries if e.kind == "refused" and "request" in e.account]
    assert sorted(closed) == asked
