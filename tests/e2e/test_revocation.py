"""Promise 10: what is withdrawn stops the next release, on open streams within a second, whoever withdrew it."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio

from gateway.audit.entries import EntryDraft
from gateway.bootstrap.offline import open_offline
from gateway.clock import SystemClock
from oncegate.v1 import catalog_pb2, signed_pb2
from tests.support.city import CIVIL_ITEMS, City, running_city
from tests.support.doors import LOCATION, NAME, RECORD, RawSystem, read_refusal, refused
from tests.support.log_book import logged
from tests.support.tampering import Asking, between

SCHOOL = "spiffe://oncegate.test/department/education/system/school"


class MovableClock(SystemClock):
    """The gateway's clock, which can be put forward."""

    ahead_s: float = 0.0

    def now_ms(self) -> int:
        return super().now_ms() + int(self.ahead_s * 1000)


@pytest_asyncio.fixture
async def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[City]:
    # Nodes that hardly ever say anything: it is the gateway that must notice.
    monkeypatch.setenv("ONCEGATE_HEARTBEAT_MS", "20000")
    async with running_city(tmp_path, clock=MovableClock()) as running:
        yield running


@pytest_asyncio.fixture
async def raw(city: City) -> AsyncIterator[RawSystem]:
    async with RawSystem(city) as system:
        yield system


async def operator(city: City, method: str, *args: str) -> None:
    """The operator's command line: another process with its own connections to the same database."""

    def work() -> None:
        with open_offline(city.home) as offline:
            getattr(offline.membership, method)(*args)

    await asyncio.to_thread(work)


async def cut_off_within_a_second(city: City, department: str) -> None:
    """The stream of a node that does nothing is closed.

    The second is a hundred turns of ten milliseconds: on a machine that is too busy, all turns take longer alike.
    """
    assert city.gateway is not None
    for _ in range(100):
        if not city.gateway.federation.connected(city.node_id(department)):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the stream stayed open")


async def test_a_revoked_certificate_stops_the_next_call_on_the_open_channel(city: City, raw: RawSystem) -> None:
    request = raw.asking()
    await raw.fetch(request)
    await operator(city, "revoke_certificate", SCHOOL, "key lost")
    with logged(city) as book:
        # A new question, the kept answer of an old one, and the catalogue.
        for call in (raw.fetch(raw.asking()), raw.fetch(request)):
            refusal = await refused(call)
            assert (refusal.status, refusal.reason) == ("UNAUTHENTICATED", "CERTIFICATE_REVOKED")
        listing = raw.door.catalog.ListResources(catalog_pb2.ListResourcesRequest())
        assert (await refused(listing)).reason == "CERTIFICATE_REVOKED"
    assert book.kinds == ["refused", "refused"]
    assert {entry.account["system"] for entry in book.entries} == {SCHOOL}


async def test_a_revoked_node_is_cut_off_within_a_second_and_does_not_come_back(city: City, raw: RawSystem) -> None:
    await operator(city, "revoke_certificate", city.node_id("housing"), "stolen")
    await cut_off_within_a_second(city, "housing")
    response = await raw.fetch(raw.asking(items=[NAME, LOCATION]))
    assert [a.silence_reason for a in response.answers] == ["", "NOT_CONNECTED"]
    await asyncio.sleep(0.5)
    assert city.gateway is not None
    assert not city.gateway.federation.connected(city.node_id("housing"))
    assert city.gateway.federation.connected(city.node_id("civil"))


async def test_a_revoked_department_is_cut_off_with_its_systems_nodes_and_agreements(
    city: City, raw: RawSystem
) -> None:
    await operator(city, "revoke_department", "housing", "dissolved")
    await cut_off_within_a_second(city, "housing")
    # Its agreements no longer count, so the request is not even asked.
    assert (await refused(raw.fetch(raw.asking(items=[LOCATION])))).reason == "NO_AGREEMENT"
    await operator(city, "revoke_department", "education", "dissolved")
    refusal = await refused(raw.fetch(raw.asking()))
    assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "DEPARTMENT_REVOKED")


async def test_a_withdrawn_agreement_stops_the_next_release_and_the_repeat_of_an_old_one(
    city: City, raw: RawSystem
) -> None:
    request = raw.asking(items=[NAME])
    await raw.fetch(request)
    await operator(city, "revoke_agreement", "education-civil-resident", "purpose has ended")
    with logged(city) as book:
        for call in (raw.fetch(raw.asking(items=[NAME])), raw.fetch(request)):
            refusal = await refused(call)
            assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "NO_AGREEMENT")
    assert book.kinds == ["refused", "refused"]
    # What rests on another agreement goes on.
    assert (await raw.fetch(raw.asking(items=[LOCATION]))).complete


@pytest.mark.parametrize(
    ("method", "args", "reason"),
    [
        ("revoke_agreement", ("education-civil-resident", "late"), "NO_AGREEMENT"),
        ("revoke_certificate", (SCHOOL, "late"), "CERTIFICATE_REVOKED"),
        ("revoke_department", ("education", "late"), "DEPARTMENT_REVOKED"),
    ],
)
async def test_what_is_withdrawn_while_nodes_are_answering_holds_the_answer_back(
    city: City, raw: RawSystem, method: str, args: tuple[str, str], reason: str
) -> None:
    async def late(ask: Asking, orders: Any, deadline_s: float) -> Any:
        answers = await ask(orders, deadline_s)
        await operator(city, method, *args)
        return answers

    with between(city, late), logged(city) as book:
        assert (await refused(raw.fetch(raw.asking(items=[NAME, LOCATION])))).reason == reason
    kinds = [kind for kind in book.kinds if kind in {"asked", "refused", "released"}]
    assert kinds == ["asked", "refused"]
    said = book.only("refused").account
    assert said["request"] == book.only("asked").leaf_index
    # What the nodes had released to the gateway is on the record as well.
    assert [item["outcome"] for item in said["items"]] == ["released", "released"]


async def test_what_is_withdrawn_while_a_repeat_waits_holds_the_repeat_back(city: City, raw: RawSystem) -> None:
    ledger = city.parts.ledger
    honest = ledger.append

    async def late(draft: EntryDraft) -> Any:
        recorded = await honest(draft)
        if draft.kind == "released":
            # The first answer has had its last look and is on its way out.
            await operator(city, "revoke_agreement", "education-civil-resident", "late")
        return recorded

    request = raw.asking(items=[NAME])
    ledger.append = late  # type: ignore[method-assign]
    with logged(city) as book:
        outcomes = await asyncio.gather(raw.fetch(request), raw.fetch(request), return_exceptions=True)
    [held_back] = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert read_refusal(held_back).reason == "NO_AGREEMENT"
    assert "replayed" not in book.kinds


async def test_what_is_withdrawn_during_a_locate_holds_its_result_back(city: City, raw: RawSystem) -> None:
    assert city.gateway is not None
    index = city.gateway.index
    honest = index.find

    def late(*args: Any) -> Any:
        city.parts.membership.revoke_agreement("education-civil-resident", "late")
        return honest(*args)

    index.find = late  # type: ignore[method-assign]
    with logged(city) as book:
        assert (await refused(raw.locate(raw.asking(items=[RECORD])))).reason == "NO_AGREEMENT"
    assert [kind for kind in book.kinds if kind in {"asked", "refused", "released"}] == ["asked", "refused"]
    assert book.only("refused").account["request"] == book.only("asked").leaf_index


async def test_a_new_revision_replaces_the_old_one_for_the_very_next_request(city: City, raw: RawSystem) -> None:
    assert (await raw.fetch(raw.asking(items=[NAME]))).complete
    narrower = {field: forms for field, forms in CIVIL_ITEMS.items() if field != "name"}
    city.agree("civil", "civil.resident", narrower, revision=2)
    refusal = await refused(raw.fetch(raw.asking(items=[NAME])))
    assert refusal.reason == "NOT_IN_AGREEMENT"


async def test_an_expired_agreement_does_not_count_although_nobody_withdrew_it(city: City, raw: RawSystem) -> None:
    clock = city._clock
    assert isinstance(clock, MovableClock)
    soon = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 60))
    city.agree("civil", "civil.resident", CIVIL_ITEMS, revision=2, valid_until=soon)
    assert (await raw.fetch(raw.asking(items=[NAME]))).complete
    clock.ahead_s = 61
    assert (await refused(raw.fetch(raw.asking(items=[NAME])))).reason == "AGREEMENT_EXPIRED"


async def test_peers_whose_certificates_expired_are_cut_off_on_open_connections(city: City, raw: RawSystem) -> None:
    clock = city._clock
    assert isinstance(clock, MovableClock)
    assert (await raw.fetch(raw.asking())).complete
    clock.ahead_s = 25 * 3600
    await cut_off_within_a_second(city, "civil")
    created_ms = clock.now_ms()
    refusal = await refused(raw.fetch(raw.asking(created_unix_ms=created_ms)))
    assert (refusal.status, refusal.reason) == ("UNAUTHENTICATED", "CERTIFICATE_EXPIRED")


async def test_a_department_that_takes_its_own_copy_back_stops_its_node_without_the_gateway(
    city: City, raw: RawSystem
) -> None:
    for file in (city.member_home("civil", "registry") / "agreements").iterdir():
        file.unlink()
    for _ in range(100):
        response = await raw.fetch(raw.asking(items=[NAME, (*LOCATION, signed_pb2.NECESSITY_OPTIONAL)]))
        if response.answers[0].silence_reason:
            break
        await asyncio.sleep(0.01)
    assert [a.silence_reason for a in response.answers] == ["NODE_REFUSED", ""]
