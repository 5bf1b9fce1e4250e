"""The node link's door over real gRPC: garbage, strangers, revoked and expired nodes."""

import asyncio
import secrets
import time

import grpc
import pytest

from gateway.federation import Answer, Silence
from oncegate.v1 import node_link_pb2
from policies.reasons import Reason
from tests.support.federation import NODE, MemoryWorld, node_id
from tests.support.grpc_link import MutableIdentities, gateway, linked, node_link
from tests.support.lying_nodes import ScriptedNode, until
from tests.support.memory_provider import MemoryProvider
from tests.support.tls import TlsWorld

METHOD = "/oncegate.v1.NodeLinkService/Connect"


@pytest.fixture(scope="module")
def tls():
    return TlsWorld()


async def raw_stream(address, credentials, frames):
    """Send raw bytes as frames and return the status with which the gateway ends the stream."""
    async with grpc.aio.secure_channel(address, credentials) as channel:
        call = channel.stream_stream(METHOD)()
        try:
            for frame in frames:
                await call.write(frame)
            while await call.read() is not grpc.aio.EOF:
                pass
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass
        return await call.code(), await call.details()


GARBAGE = {
    "random bytes": [b"\xff" * 40],
    "an empty frame": [b""],
    "a hello of zeros": [b"\x0a\x00"],
    "a length beyond the end": [b"\x0a\x7f\x01"],
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_in_place_of_hello_is_refused_with_a_code_and_nothing_else(tls, name):
    async with gateway(MemoryWorld(), tls) as serving:
        code, details = await raw_stream(serving.address, tls.client_credentials(tls.node()), GARBAGE[name])
    assert (code, details) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_FRAME")


async def test_garbage_after_hello_ends_this_stream_only(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        honest = node_id("honest")
        async with linked(node_link(serving.address, MutableIdentities(world, tls, honest), MemoryProvider(honest))):
            await until(lambda: serving.federation.connected(honest))
            hello = ScriptedNode(world).hello().SerializeToString()
            code, details = await raw_stream(
                serving.address, tls.client_credentials(tls.node()), [hello, secrets.token_bytes(200) + b"\xff"]
            )
            assert (code, details) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_FRAME")
            assert serving.federation.connected(honest)
            assert not serving.federation.connected(NODE)


async def test_a_frame_over_the_message_limit_ends_this_stream_only(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        hello = ScriptedNode(world).hello().SerializeToString()
        code, _ = await raw_stream(serving.address, tls.client_credentials(tls.node()), [hello, bytes(5 * 1024 * 1024)])
        assert code is not grpc.StatusCode.OK
        await until(lambda: not serving.federation.connected(NODE))


async def test_a_system_gets_no_node_stream(tls):
    async with gateway(MemoryWorld(), tls) as serving:
        code, details = await raw_stream(serving.address, tls.client_credentials(tls.system()), [b""])
    assert (code, details) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


async def test_a_certificate_of_another_authority_does_not_get_through_the_handshake(tls):
    stranger = TlsWorld()
    async with gateway(MemoryWorld(), tls) as serving:
        leaf = stranger.node()
        credentials = grpc.ssl_channel_credentials(tls.ca, leaf.key, leaf.certificate)
        code, _ = await raw_stream(serving.address, credentials, [b""])
    assert code is grpc.StatusCode.UNAVAILABLE


async def test_a_revoked_nodes_stream_is_closed_within_a_second_and_its_asks_are_silences(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        provider = MemoryProvider()
        link = node_link(serving.address, MutableIdentities(world, tls, NODE), provider)
        async with linked(link):
            await until(lambda: serving.federation.connected(NODE))
            provider.go.clear()
            asking = asyncio.create_task(serving.federation.ask([world.order()], 10))
            await until(lambda: provider.asks)
            began = time.monotonic()
            world.peers.revoked.add(NODE)
            [silence] = await asking
            assert time.monotonic() - began < 1
            assert isinstance(silence, Silence)
            assert silence.reason is Reason.NODE_DOWN
            await until(lambda: "UNAUTHENTICATED" in link.status().failure)
            [again] = await serving.federation.ask([world.order()], 5)
            assert isinstance(again, Silence)


async def test_a_revoked_nodes_next_frame_is_not_taken(tls):
    """Without waiting for the sweep: the check is made for every frame."""
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        provider = MemoryProvider()
        async with linked(node_link(serving.address, MutableIdentities(world, tls, NODE), provider)):
            await until(lambda: serving.federation.connected(NODE))
            world.peers.revoked.add(NODE)
            [silence] = await serving.federation.ask([world.order()], 5)
            assert isinstance(silence, Silence)


async def test_an_expired_certificates_stream_is_closed_within_a_second(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        leaf = tls.leaf(NODE, lifetime_s=1)
        identities = MutableIdentities(world, tls, NODE, leaf)
        async with linked(node_link(serving.address, identities, MemoryProvider())):
            await until(lambda: serving.federation.connected(NODE))
            await until(lambda: not serving.federation.connected(NODE), 3)
            assert time.time() * 1000 - leaf.not_after_ms < 1000


async def test_closing_a_peer_ends_its_streams_at_once(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        link = node_link(serving.address, MutableIdentities(world, tls, NODE), MemoryProvider())
        async with linked(link):
            await until(lambda: serving.federation.connected(NODE))
            await serving.federation.close_peer(NODE)
            assert not serving.federation.connected(NODE)
            assert serving.federation.status() == []


async def test_a_department_whose_key_changed_is_asked_no_more_until_its_node_shows_new_keys(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        identities = MutableIdentities(world, tls, NODE)
        async with linked(node_link(serving.address, identities, MemoryProvider())):
            await until(lambda: serving.federation.connected(NODE))
            del world.keys.keys["civil"]
            world.keys.key("civil")
            await until(lambda: not serving.federation.connected(NODE), 1)
            identities.renew()
            await until(lambda: serving.federation.connected(NODE))
            [answer] = await serving.federation.ask([world.order()], 5)
            assert isinstance(answer, Answer)


async def test_a_connection_that_breaks_is_an_end_like_any_other(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        for number in range(6):
            script = ScriptedNode(world, node=node_id(f"n{number}"))
            leaf = tls.leaf(script.node)
            channel = grpc.aio.secure_channel(serving.address, tls.client_credentials(leaf))
            call = channel.stream_stream(METHOD)()
            await call.write(script.hello().SerializeToString())
            await call.read()
            asking = asyncio.create_task(serving.federation.ask([world.order(script.node)] * 20, 5))
            if number % 2:
                await asyncio.sleep(0.01)
            call.cancel()
            await channel.close(None)
            silences = await asking
            assert {item.reason for item in silences if isinstance(item, Silence)} <= {
                Reason.NODE_DOWN,
                Reason.NOT_CONNECTED,
            }
        await until(lambda: serving.federation.status() == [])
        assert serving.door.unknown == []


class _GarbageServer:
    """A gateway that answers Hello with whatever bytes a test gives."""

    def __init__(self, tls, answer):
        self._tls = tls
        self._answer = answer
        self.streams = 0

    async def start(self):
        async def connect(_requests, context):
            self.streams += 1
            await context.read()
            for frame in self._answer:
                await context.write(frame)
            await context.read()

        handler = grpc.stream_stream_rpc_method_handler(connect)
        self.server = grpc.aio.server()
        generic = grpc.method_handlers_generic_handler("oncegate.v1.NodeLinkService", {"Connect": handler})
        self.server.add_generic_rpc_handlers((generic,))
        port = self.server.add_secure_port("127.0.0.1:0", self._tls.server_credentials())
        await self.server.start()
        return f"127.0.0.1:{port}"


def _frame(**content):
    return node_link_pb2.GatewayFrame(**content).SerializeToString()


WELCOME = _frame(welcome=node_link_pb2.Welcome(protocol_version=1, heartbeat_ms=1000, max_deltas=10))
BAD_GATEWAYS = {
    "garbage": ([b"\xff" * 9], "BadFrame"),
    "no welcome": ([_frame(drain=node_link_pb2.Drain())], "no welcome"),
    "another version": ([_frame(welcome=node_link_pb2.Welcome(protocol_version=2))], "another protocol version"),
    "garbage after the welcome": ([WELCOME, b"\xff" * 9], "BadFrame"),
    "an empty frame": ([WELCOME, b""], "not a frame that a gateway sends now"),
    "a second welcome": ([WELCOME, WELCOME], "not a frame that a gateway sends now"),
    "no asks in asks": ([WELCOME, _frame(asks=node_link_pb2.Asks())], "BadFrame"),
    "one number for two asks": (
        [WELCOME, _frame(asks=node_link_pb2.Asks(asks=[node_link_pb2.Ask(ask_id=1)] * 2))],
        "an ask id in use",
    ),
}


@pytest.mark.parametrize("name", BAD_GATEWAYS)
async def test_a_node_leaves_a_gateway_that_breaks_the_protocol_and_tries_again(tls, name):
    answer, failure = BAD_GATEWAYS[name]
    world = MemoryWorld()
    bad = _GarbageServer(tls, answer)
    provider = MemoryProvider()
    provider.go.clear()
    link = node_link(await bad.start(), MutableIdentities(world, tls, NODE), provider)
    async with linked(link):
        await until(lambda: bad.streams >= 2)
        assert link.status().failure == failure
    await bad.server.stop(0)
