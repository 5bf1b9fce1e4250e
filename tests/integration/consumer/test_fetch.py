import asyncio
from collections.abc import Awaitable

import grpc
import pytest

from keys.certificates.csr import new_tls_key
from keys.certificates.spiffe import SpiffeId
from nodes.consumer import (
    AsyncClient,
    BadInput,
    Client,
    GatewayUnreachable,
    HomeInvalid,
    RequestRefused,
    UntrustedAnswer,
)
from nodes.enrolment.home import Addresses, Home
from oncegate.v1 import exchange_pb2
from tests.integration.consumer.server import Doors, refused
from tests.support.exchange_gateway import DOMAIN, RESIDENT, ExchangeGateway

ASK = {
    "subject": ("cn.resident-id", RESIDENT),
    "purpose": "school_enrolment",
    "basis": "mandate",
    "items": ["civil.resident:name=value", "tax.payer:name=masked?"],
}


def client(home: Home) -> AsyncClient:
    return AsyncClient(home.path, renew=False, jitter=lambda: 0.0)


async def test_a_fetch_over_mutual_tls_returns_verified_rows(doors: Doors, home: Home) -> None:
    async with client(home) as asking:
        answer = await asking.fetch(**ASK)  # type: ignore[arg-type]
        located = await asking.locate(
            subject=("cn.resident-id", RESIDENT), purpose="school_enrolment", basis="mandate", resources=["tax.payer"]
        )
    assert [row.value for row in answer] == ["王小明", "王*"]
    assert located.located[0].exists


async def test_many_fetches_share_one_channel(doors: Doors, home: Home) -> None:
    async with client(home) as asking:
        answers = await asyncio.gather(*(asking.fetch(**ASK) for _ in range(8)))  # type: ignore[arg-type]
    assert len({answer.request_id for answer in answers}) == 8
    assert len(set(doors.peers)) == 1


async def test_the_catalogue_is_read_page_by_page(doors: Doors, home: Home) -> None:
    async with client(home) as asking:
        listed = await asking.catalog()
        civil = await asking.catalog(provider="civil")
        one = await asking.resource("civil.resident")
        with pytest.raises(RequestRefused) as caught:
            await asking.resource("land.parcel")
    assert [r.code for r in listed] == ["civil.resident", "tax.payer"]
    assert [r.code for r in civil] == ["civil.resident"]
    assert one.field("name") is not None
    assert one.field("nothing") is None
    assert caught.value.code == "NOT_FOUND"


async def test_a_refusal_keeps_its_code_texts_violations_facts_and_retry(doors: Doors, home: Home) -> None:
    doors.failures.append(
        refused("PERMISSION_DENIED", "NOT_IN_AGREEMENT", violations={"items[0]": "rule"}, retry_ms=1500, items="a;b")
    )
    async with client(home) as asking:
        with pytest.raises(RequestRefused) as caught:
            await asking.fetch(**ASK)  # type: ignore[arg-type]
    error = caught.value
    assert (error.code, error.status, error.zh, error.en) == ("NOT_IN_AGREEMENT", "PERMISSION_DENIED", "不行", "No")
    assert (error.violations[0].field, error.violations[0].rule) == ("items[0]", "rule")
    assert error.retry_after_ms == 1500
    assert error.facts["items"] == "a;b"
    assert not error.unavailable


async def test_a_break_of_the_transport_is_repeated_with_the_very_same_bytes(doors: Doors, home: Home) -> None:
    doors.failures += [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE]
    async with client(home) as asking:
        await asking.fetch(**ASK)  # type: ignore[arg-type]
    assert len(doors.requests) == 3
    assert len(set(doors.requests)) == 1


@pytest.mark.parametrize(
    "failure",
    [refused("UNAVAILABLE", "LEDGER_UNAVAILABLE"), grpc.StatusCode.INTERNAL, grpc.StatusCode.UNIMPLEMENTED],
)
async def test_what_the_gateway_itself_said_is_not_repeated(doors: Doors, home: Home, failure: object) -> None:
    doors.failures.append(failure)  # type: ignore[arg-type]
    async with client(home) as asking:
        with pytest.raises((RequestRefused, GatewayUnreachable)):
            await asking.fetch(**ASK)  # type: ignore[arg-type]
    assert len(doors.requests) == 1


async def test_breaks_are_not_repeated_for_ever(doors: Doors, home: Home) -> None:
    doors.failures += [grpc.StatusCode.UNAVAILABLE] * 9
    async with client(home) as asking:
        with pytest.raises(GatewayUnreachable):
            await asking.fetch(**ASK)  # type: ignore[arg-type]
    assert len(doors.requests) == 3


async def test_a_prepared_request_is_sent_again_byte_for_byte(doors: Doors, home: Home) -> None:
    async with client(home) as asking:
        prepared = asking.prepare(**ASK)  # type: ignore[arg-type]
        first = await asking.send(prepared)
        second = await asking.send(prepared)
    assert first.request_id == second.request_id
    assert len(set(doors.requests)) == 1


async def test_a_lying_gateway_is_noticed_over_the_wire(doors: Doors, home: Home) -> None:
    def lie(response: exchange_pb2.FetchResponse) -> None:
        response.answers[0].department = "tax"

    doors.gateway.twists["response"] = lie
    async with client(home) as asking:
        with pytest.raises(UntrustedAnswer):
            await asking.fetch(**ASK)  # type: ignore[arg-type]


async def test_a_server_of_another_authority_is_not_talked_to(doors: Doors, home: Home) -> None:
    stranger = ExchangeGateway.create(doors.gateway.now_ms)
    home.write_trust(stranger.trust())
    async with client(home) as asking:
        with pytest.raises(GatewayUnreachable):
            await asking.fetch(**ASK, deadline_s=1.0)  # type: ignore[arg-type]
    assert not doors.requests


async def test_a_renewed_certificate_is_used_at_the_next_call_without_a_restart(doors: Doors, home: Home) -> None:
    async with client(home) as asking:
        await asking.fetch(**ASK)  # type: ignore[arg-type]
        key_pem = new_tls_key()
        home.write_identity(key_pem, doors.gateway.leaf_certificate(home.spiffe(), key_pem))
        under_way: Awaitable[object] = asyncio.create_task(asking.fetch(**ASK))  # type: ignore[arg-type]
        await asking.fetch(**ASK)  # type: ignore[arg-type]
        await under_way
    assert len(set(doors.peers)) == 2


def test_a_node_cannot_ask(tmp_path: object, home: Home, doors: Doors) -> None:
    home.create(SpiffeId(DOMAIN, "school", "node", "main"), Addresses("127.0.0.1:1", "127.0.0.1:1"))
    with Client(home.path, renew=False) as asking, pytest.raises(HomeInvalid):
        asking.fetch(**ASK)  # type: ignore[arg-type]


async def test_the_blocking_client_gives_the_same_answers(doors: Doors, home: Home) -> None:
    def work() -> tuple[object, ...]:
        with Client(home.path) as asking:
            prepared = asking.prepare(**ASK)  # type: ignore[arg-type]
            answer = asking.send(prepared)
            fetched = asking.fetch(**ASK)  # type: ignore[arg-type]
            located = asking.locate(
                subject=("cn.resident-id", RESIDENT), purpose="school_enrolment", basis="mandate", resources=["x.y"]
            )
            with pytest.raises(BadInput):
                asking.fetch(**{**ASK, "items": []})  # type: ignore[arg-type]
            names = [r.code for r in asking.catalog()], asking.resource("tax.payer").provider
        asking.close()
        return answer["civil.resident:name"].value, fetched.complete, located.located[0].exists, names

    assert await asyncio.to_thread(work) == ("王小明", True, False, (["civil.resident", "tax.payer"], "tax"))
