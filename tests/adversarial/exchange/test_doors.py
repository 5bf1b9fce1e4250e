"""Who gets through which door: certificates, tokens and the access table, tried with raw gRPC."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.rpc.access import RULES, Caller
from gateway.rpc.access import Door as Which
from keys.certificates.authority import CertificateAuthority
from nodes.enrolment.home import Home
from oncegate.v1 import catalog_pb2, exchange_pb2, node_link_pb2
from tests.support.city import City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, RawSystem, issued, pair_of, people_door, refused, systems_door
from tests.support.log_book import logged

pytestmark = shared_city("adversarial-doors")

SCHOOL = "spiffe://oncegate.test/department/education/system/school"
GATEWAY = "spiffe://oncegate.test/gateway/gateway"
HOUR_MS = 3_600_000


def now_ms() -> int:
    return int(time.time() * 1000)


async def listing(door: Door) -> Any:
    return await door.catalog.ListResources(catalog_pb2.ListResourcesRequest(), timeout=5)


# The handshake of the systems' door.


async def test_without_a_certificate_there_is_no_handshake(city: City) -> None:
    async with systems_door(city, None) as door:
        refusal = await refused(listing(door))
    assert (refusal.status, refusal.reason) == ("UNAVAILABLE", "")


async def test_a_certificate_of_another_authority_gets_no_handshake(city: City) -> None:
    stranger = CertificateAuthority.create("oncegate.test", now_ms())
    async with systems_door(city, issued(stranger, SCHOOL)) as door:
        assert (await refused(listing(door))).status == "UNAVAILABLE"


async def test_a_certificate_outside_its_time_gets_no_handshake(city: City) -> None:
    over = issued(city.parts.authority, SCHOOL, lifetime_s=1)
    unborn = issued(city.parts.authority, SCHOOL, now_ms=now_ms() + 48 * HOUR_MS)
    await asyncio.sleep(1.1)
    for pair in (over, unborn):
        async with systems_door(city, pair) as door:
            assert (await refused(listing(door))).status == "UNAVAILABLE"


async def test_a_certificate_without_its_key_gets_no_handshake(city: City, raw: RawSystem) -> None:
    _, certificate = pair_of(raw.home)
    other_key, _ = issued(city.parts.authority, SCHOOL)
    async with systems_door(city, (other_key, certificate)) as door:
        assert (await refused(listing(door))).status in {"UNAVAILABLE", "UNKNOWN", "INTERNAL"}


async def test_a_gateway_that_is_not_ours_is_not_spoken_to(city: City, raw: RawSystem) -> None:
    stranger = CertificateAuthority.create("oncegate.test", now_ms())
    async with Door(city.systems, stranger.certificate_pem, pair_of(raw.home)) as door:
        assert (await refused(listing(door))).status == "UNAVAILABLE"


# Certificates that complete a handshake and still are nobody's.


@pytest.mark.parametrize(
    "spiffe",
    [
        SCHOOL,
        "spiffe://oncegate.test/department/education/system/unheard-of",
        "spiffe://oncegate.test/department/nowhere/system/school",
        GATEWAY,
    ],
)
async def test_a_certificate_that_was_signed_but_never_registered_is_refused(city: City, spiffe: str) -> None:
    async with systems_door(city, issued(city.parts.authority, spiffe)) as door:
        refusal = await refused(listing(door))
        assert (refusal.status, refusal.reason) == ("UNAUTHENTICATED", "CERTIFICATE_UNKNOWN")
        async with RawSystem(city) as honest:
            request = honest.asking()
        assert (await refused(door.exchange.Fetch(request))).reason == "CERTIFICATE_UNKNOWN"


# The right certificate for the wrong thing.


async def test_a_nodes_certificate_does_not_fetch_or_locate(city: City, raw: RawSystem) -> None:
    request = raw.asking()
    async with systems_door(city, pair_of(Home(city.member_home("civil", "registry")))) as door:
        for call in (
            door.exchange.Fetch(request),
            door.exchange.Locate(exchange_pb2.LocateRequest.FromString(request.SerializeToString())),
        ):
            refusal = await refused(call)
            assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "NOT_ALLOWED")
        assert (await listing(door)).resources  # The catalogue is for nodes too.


async def test_a_systems_certificate_does_not_open_a_node_stream(city: City, raw: RawSystem) -> None:
    assert city.gateway is not None
    before = len(city.gateway.federation.status())
    stream = raw.door.link.Connect()
    with suppress(grpc.aio.AioRpcError):
        await stream.write(node_link_pb2.NodeFrame(hello=node_link_pb2.Hello(protocol_versions=[1])))
    assert await stream.code() is grpc.StatusCode.PERMISSION_DENIED
    assert len(city.gateway.federation.status()) == before


async def test_a_client_certificate_is_worth_nothing_at_the_peoples_door(city: City, raw: RawSystem) -> None:
    async with people_door(city, pair_of(raw.home)) as door:
        assert (await refused(listing(door))).reason == "UNAUTHENTICATED"
        assert (await refused(door.exchange.Fetch(raw.asking()))).status == "UNIMPLEMENTED"


# The access table, enforced at both doors.


def doors_of(method: str) -> set[Which]:
    return set(RULES[method].doors)


async def test_what_the_table_does_not_name_for_a_door_is_not_there(city: City, raw: RawSystem, people: Door) -> None:
    with logged(city) as book:
        for method in RULES:
            for which, door in ((Which.SYSTEMS, raw.door), (Which.PEOPLE, people)):
                if which in doors_of(method):
                    continue
                refusal = await refused(door.call(method))
                assert (refusal.status, refusal.reason) == ("UNIMPLEMENTED", "UNIMPLEMENTED"), method
    assert book.kinds == []


@pytest.mark.parametrize(
    "method",
    [
        "/oncegate.v1.ExchangeService/Everything",
        "/oncegate.v1.Nothing/Fetch",
        "/oncegate.v1.ExchangeService/Fetch/",
        "/grpc.channelz.v1.Channelz/GetServers",
        "/",
    ],
)
async def test_what_is_in_no_table_is_at_no_door(raw: RawSystem, people: Door, method: str) -> None:
    for door in (raw.door, people):
        assert (await refused(door.call(method))).status == "UNIMPLEMENTED"


async def test_everything_at_the_peoples_door_but_proofs_and_enrolment_needs_a_token(people: Door) -> None:
    tried = 0
    for method, rule in RULES.items():
        callers = rule.doors.get(Which.PEOPLE, frozenset())
        if not callers or callers & {Caller.ANYONE, Caller.TOKEN_HOLDER}:
            continue
        tried += 1
        refusal = await refused(people.call(method))
        assert (refusal.status, refusal.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED"), method
    assert tried >= 19


async def test_bytes_that_are_no_message_end_the_call_and_tell_nothing(raw: RawSystem, people: Door) -> None:
    for method in ("ExchangeService/Fetch", "CatalogService/ListResources", "EnrolmentService/Renew"):
        refusal = await refused(raw.door.call(f"/oncegate.v1.{method}", b"\xff\xff\xff"))
        assert (refusal.status, refusal.reason) == ("INVALID_ARGUMENT", "BAD_REQUEST")
        assert refusal.violations == {"message": "is not a message of this method"}
    assert (await refused(people.call("/oncegate.v1.AuditService/ExportLog", b"\xff"))).reason == "BAD_REQUEST"
    assert (await raw.fetch(raw.asking())).complete


async def test_both_doors_tell_whether_they_serve_and_which_messages_they_speak(raw: RawSystem, people: Door) -> None:
    for door, service in ((raw.door, "oncegate.v1.ExchangeService"), (people, "oncegate.v1.AuditService")):
        health = health_pb2_grpc.HealthStub(door.channel)
        for name in ("", service):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health.Check(health_pb2.HealthCheckRequest(service="oncegate.v1.Nothing"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
