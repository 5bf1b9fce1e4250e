"""Keeping a stream open: pauses, identities, failures, without sockets."""

import asyncio
from dataclasses import dataclass, field

import pytest

from keys.signing import SigningKey
from nodes.clock import SystemClock
from nodes.link.backoff import Backoff
from nodes.link.identity import HomeIdentities, LinkIdentity
from nodes.link.link import LinkTimes, NodeLink, failure_code
from nodes.link.stream import LinkClosed, LinkStream
from oncegate.v1 import node_link_pb2
from tests.support.federation import NODE, MemoryWorld, NodeEnd, pipe
from tests.support.lying_nodes import until
from tests.support.memory_provider import MemoryProvider, delta

TIMES = LinkTimes(greet_s=0.2, poll_s=0.02, grace_s=0.2, steady_s=0.05)


def identity(world=None):
    key = SigningKey.generate()
    return LinkIdentity(b"", b"", b"", (world or MemoryWorld()).certified(NODE, key), key)


@dataclass
class Identities:
    value: LinkIdentity = field(default_factory=identity)
    version: int = 0

    def stamp(self):
        return self.version

    def load(self):
        return self.value


class Gateway:
    """The other end of every stream that a link opens; a test plays the gateway by hand."""

    def __init__(self, welcome=True):
        self.welcome = welcome
        self.opened = []
        self.closed = 0
        self.tasks = []

    def connect(self, _address, _identity):
        gateway_end, node_end = pipe(64)
        self.opened.append(gateway_end)
        if self.welcome:
            self.tasks.append(asyncio.create_task(self._greet(gateway_end)))
        outer = self

        class Connection(NodeEnd):
            async def close(self):
                outer.closed += 1

        return Connection(node_end._incoming, node_end._outgoing)

    @staticmethod
    async def _greet(end):
        await end.read()
        welcome = node_link_pb2.Welcome(protocol_version=1, heartbeat_ms=200, max_deltas=5)
        await end.write(node_link_pb2.GatewayFrame(welcome=welcome))


def make(gateway, provider=None, identities=None, times=TIMES):
    return NodeLink(
        address="",
        node=NODE,
        provider=provider or MemoryProvider(),
        identities=identities or Identities(),
        clock=SystemClock(),
        connect=gateway.connect,
        times=times,
        uniform=lambda: 0.0,
    )


async def finish(link, task):
    link.stop()
    await asyncio.wait_for(task, 5)


def test_pauses_double_and_are_jittered_and_bounded():
    lows = Backoff(lambda: 0.0, 1.0, 10.0)
    highs = Backoff(lambda: 1.0, 1.0, 10.0)
    assert [lows.next_s() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert [highs.next_s() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    lows.reset()
    assert lows.next_s() == 0.5
    for _ in range(2000):
        assert lows.next_s() <= 10.0


async def test_a_gateway_that_does_not_greet_in_time_is_tried_again_and_nothing_is_left_open():
    gateway = Gateway(welcome=False)
    link = make(gateway)
    task = asyncio.create_task(link.run())
    await until(lambda: gateway.closed >= 1)
    assert link.status().failure == "TimeoutError"
    assert not link.status().connected
    await finish(link, task)
    assert gateway.closed == len(gateway.opened)


async def test_a_stream_that_ends_is_followed_by_another():
    gateway = Gateway()
    link = make(gateway)
    task = asyncio.create_task(link.run())
    await until(lambda: link.status().connected)
    await asyncio.sleep(0.06)
    await gateway.opened[0].put(None)
    await until(lambda: len(gateway.opened) == 2 and link.status().connected)
    await finish(link, task)
    assert gateway.closed == 2


async def test_stopping_while_it_pauses_takes_no_time():
    link = make(Gateway(welcome=False), times=LinkTimes(greet_s=0.01))
    task = asyncio.create_task(link.run())
    await until(lambda: link.status().failure)
    await finish(link, task)


async def test_cancelling_closes_everything():
    gateway = Gateway()
    link = make(gateway)
    task = asyncio.create_task(link.run())
    await until(lambda: link.status().connected)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert gateway.closed == 1
    assert not link.status().connected


async def test_a_renewed_identity_opens_a_second_stream_and_only_that_one_publishes():
    gateway = Gateway()
    provider = MemoryProvider()
    identities = Identities()
    link = make(gateway, provider, identities)
    task = asyncio.create_task(link.run())
    await until(lambda: link.status().connected)
    identities.version += 1
    await until(lambda: len(gateway.opened) == 2 and len(provider.acknowledged) == 2)
    provider.publish(delta(1))
    old, new = [], []
    for end, seen in zip(gateway.opened, (old, new), strict=True):
        try:
            async with asyncio.timeout(0.3):
                while True:
                    seen.append((await end.read()).WhichOneof("frame"))
        except TimeoutError:
            pass
    assert "drain" in old
    assert "deltas" not in old
    assert "deltas" in new
    await finish(link, task)


async def test_a_node_that_stood_still_does_not_take_its_own_pause_for_the_gateways_silence():
    class JumpingClock(SystemClock):
        ahead_s = 0.0

        def monotonic_s(self):
            return super().monotonic_s() + self.ahead_s

    clock = JumpingClock()
    gateway_end, node_end = pipe(64)
    stream = LinkStream(
        node_end, node=NODE, provider=MemoryProvider(), identity=identity(), clock=clock, random_bytes=bytes
    )
    greeting = asyncio.create_task(Gateway._greet(gateway_end))
    await stream.greet()
    await greeting
    carrying = asyncio.create_task(stream.carry())
    await asyncio.sleep(0.02)
    clock.ahead_s = 60.0
    await asyncio.sleep(0.2)
    assert not carrying.done()
    await gateway_end.put(None)
    await carrying


async def test_a_silent_gateway_is_left():
    gateway = Gateway()
    link = make(gateway)
    task = asyncio.create_task(link.run())
    await until(lambda: link.status().failure == "the gateway shows no sign of life", 5)
    await finish(link, task)


def stream_of(node_end, provider, most_open_asks=100):
    return LinkStream(
        node_end,
        node=NODE,
        provider=provider,
        identity=identity(),
        clock=SystemClock(),
        random_bytes=bytes,
        most_open_asks=most_open_asks,
    )


async def test_a_stream_must_be_greeted_before_it_is_carried():
    stream = stream_of(pipe()[1], MemoryProvider())
    with pytest.raises(LinkClosed, match="not greeted"):
        await stream.carry()
    await stream.stop_changes()


async def test_too_many_open_asks_are_refused_as_busy():
    gateway_end, node_end = pipe(64)
    provider = MemoryProvider()
    provider.go.clear()
    stream = stream_of(node_end, provider, most_open_asks=2)
    greeting = asyncio.create_task(Gateway._greet(gateway_end))
    await stream.greet()
    await greeting
    carrying = asyncio.create_task(stream.carry())
    asks = [node_link_pb2.Ask(ask_id=number, credit=10, ticket=b"t") for number in range(1, 4)]
    await gateway_end.write(node_link_pb2.GatewayFrame(asks=node_link_pb2.Asks(asks=asks)))
    refused = []
    async with asyncio.timeout(2):
        while not refused:
            frame = await gateway_end.read()
            refused = [(reply.ask_id, reply.refusal) for reply in frame.replies.replies]
    assert refused == [(3, "NODE_BUSY")]
    await gateway_end.put(None)
    await carrying


async def test_a_cancelled_ask_is_answered_no_more():
    gateway = Gateway()
    provider = MemoryProvider()
    provider.failure = RuntimeError()
    provider.go.clear()
    link = make(gateway, provider)
    task = asyncio.create_task(link.run())
    await until(lambda: link.status().connected)
    end = gateway.opened[0]
    await end.write(node_link_pb2.GatewayFrame(asks=node_link_pb2.Asks(asks=[node_link_pb2.Ask(ask_id=1, credit=9)])))
    await until(lambda: provider.asks)
    await end.write(node_link_pb2.GatewayFrame(credit=node_link_pb2.Credit(ask_id=1, bytes=9)))
    for _ in range(2):
        await end.write(node_link_pb2.GatewayFrame(cancel=node_link_pb2.Cancel(ask_id=1)))
    await asyncio.sleep(0.02)
    provider.go.set()
    kinds = []
    try:
        async with asyncio.timeout(0.2):
            while True:
                kinds.append((await end.read()).WhichOneof("frame"))
    except TimeoutError:
        pass
    assert "replies" not in kinds
    await finish(link, task)


def test_an_unknown_failure_is_told_by_its_kind_only():
    assert failure_code(ValueError("张三")) == "ValueError"


def test_an_identity_does_not_show_its_key():
    assert "PRIVATE KEY" not in repr(
        LinkIdentity(b"PRIVATE KEY", b"", b"", identity().certified, SigningKey.generate())
    )


def test_the_identity_of_a_home_is_read_as_it_is_now(tmp_path):
    from keys.certificates.spiffe import SpiffeId
    from keys.sealing import SealingKey
    from nodes.enrolment.home import Addresses, Home, Trust

    home = Home(tmp_path / "home")
    home.create(SpiffeId.parse(NODE), Addresses("localhost:1", "localhost:2"))
    signing = SigningKey.generate()
    home.write_keys(signing, SealingKey.generate())
    certified = MemoryWorld().certified(NODE, signing)
    home.write_certified(certified)
    home.write_trust(Trust("gov.test", b"ca", b"t", b"p", "ledger", "spiffe://gov.test/gateway/gateway"))
    home.write_identity(b"key\n", b"-----BEGIN CERTIFICATE-----\n")
    identities = HomeIdentities(home)
    loaded = identities.load()
    assert loaded.certified == certified
    assert loaded.signing_key.verify_key == signing.verify_key
    assert loaded.ca == b"ca"
    before = identities.stamp()
    home.write_identity(b"key2\n", b"-----BEGIN CERTIFICATE-----\n2")
    assert identities.stamp() != before
