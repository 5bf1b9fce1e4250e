"""Both ends of the node link over real gRPC and mutual TLS."""

import asyncio
from dataclasses import replace

import pytest

from gateway.federation import Answer, LinkLimits, Silence
from keys.batch import ItemVerifier, scope
from keys.signing import RECEIPTS
from policies.reasons import Reason
from tests.support.federation import NODE, MemoryState, MemoryWorld, node_id
from tests.support.grpc_link import Gateway, MutableIdentities, gateway, linked, node_link
from tests.support.lying_nodes import until
from tests.support.memory_provider import MemoryProvider, delta
from tests.support.tls import TlsWorld


@pytest.fixture(scope="module")
def tls():
    return TlsWorld()


async def test_an_ask_travels_to_the_node_and_its_answer_back(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        provider = MemoryProvider()
        identities = MutableIdentities(world, tls, NODE)
        link = node_link(serving.address, identities, provider)
        async with linked(link):
            await until(lambda: serving.federation.connected(NODE))
            order = world.order()
            [answer] = await serving.federation.ask([order], 5)
            assert isinstance(answer, Answer)
            assert answer.sealed == provider.sealed
            assert link.status().connected
            assert abs(link.status().clock_offset_ms) < 2000
    ask = provider.asks[0]
    assert (ask.request, ask.subject_nonce) == (order.request, order.subject_nonce)
    assert ask.promise == order.promise
    assert ask.requester_keys == order.requester_keys
    ItemVerifier(identities.identity.signing_key.verify_key).verify(
        RECEIPTS, scope(NODE, provider.session_id), answer.receipt
    )


async def test_a_big_answer_arrives_whole_while_small_ones_pass_it(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        big = MemoryProvider(sealed=bytes(range(256)) * 3500)
        async with linked(node_link(serving.address, MutableIdentities(world, tls, NODE), big)):
            await until(lambda: serving.federation.connected(NODE))
            answers = await serving.federation.ask([world.order() for _ in range(4)], 10)
    assert all(isinstance(answer, Answer) and answer.sealed == big.sealed for answer in answers)


async def test_index_changes_and_the_time_of_the_last_comparison_reach_the_gateway(tls):
    world = MemoryWorld(limits=LinkLimits(heartbeat_ms=200, deltas_per_frame=7))
    async with gateway(world, tls) as serving:
        provider = MemoryProvider()
        provider.publish(*(delta(number) for number in range(1, 31)))
        async with linked(node_link(serving.address, MutableIdentities(world, tls, NODE), provider)):
            await until(lambda: len(world.index.pointers) == 30)
            provider.synced_ms = 1_700_000_000_000
            provider.publish(delta(31))
            await until(lambda: len(world.index.pointers) == 31 and not provider.deltas)
            await until(lambda: NODE in world.index.synced)
    assert world.index.states[NODE].acknowledged == 31
    assert provider.acknowledged[-1] == 31
    assert abs(world.index.synced[NODE] - provider.synced_ms) < 2000


async def test_a_gateway_that_lost_the_outbox_gets_snapshots_and_then_deltas_again(tls):
    world = MemoryWorld()
    world.index.wants_snapshot = True
    async with gateway(world, tls) as serving:
        provider = MemoryProvider()
        provider.records = [replace(delta(number), sequence=0) for number in range(100, 110)]
        provider.publish(delta(1), delta(2))
        async with linked(node_link(serving.address, MutableIdentities(world, tls, NODE), provider)):
            await until(lambda: len(world.index.pointers) == 10)
            provider.publish(delta(3))
            await until(lambda: len(world.index.pointers) == 11)


async def test_a_restored_gateway_gets_back_what_it_lost_though_nothing_changes_at_the_node(tls):
    world = MemoryWorld(limits=LinkLimits(heartbeat_ms=200))
    async with gateway(world, tls) as serving:
        provider = MemoryProvider()
        provider.records = [replace(delta(number), sequence=0) for number in (1, 2, 3)]
        provider.publish(delta(1), delta(2), delta(3))
        async with linked(node_link(serving.address, MutableIdentities(world, tls, NODE), provider)):
            await until(lambda: provider.acknowledged[-1:] == [3])
            # Yesterday's database: one change is durable, and the node has nothing left to send.
            world.index.states[NODE] = MemoryState(provider.outbox_id, 1)
            world.index.pointers.clear()
            await serving.federation.close_peer(NODE)
            await until(lambda: len(world.index.pointers) == 3)


async def test_renewal_changes_the_certificate_without_losing_an_ask(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        provider = MemoryProvider()
        identities = MutableIdentities(world, tls, NODE)
        async with linked(node_link(serving.address, identities, provider)):
            await until(lambda: serving.federation.connected(NODE))
            first = serving.federation.status()[0].connected_ms
            provider.go.clear()
            orders = [world.order() for _ in range(3)]
            under_way = asyncio.create_task(serving.federation.ask(orders, 10))
            await until(lambda: len(provider.asks) == 3)
            identities.renew()
            await until(lambda: len(serving.federation.status()) == 2)
            provider.go.set()
            during = await serving.federation.ask([world.order()], 5)
            answers = await under_way
            await until(lambda: len(serving.federation.status()) == 1)
            [status] = serving.federation.status()
            after = await serving.federation.ask([world.order()], 5)
    assert all(isinstance(answer, Answer) for answer in (*answers, *during, *after))
    assert after[0].node_keys == identities.identity.certified
    assert answers[0].node_keys != identities.identity.certified
    assert status.connected_ms >= first
    assert not status.draining


async def test_asks_never_fail_while_certificates_are_renewed_again_and_again(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        identities = MutableIdentities(world, tls, NODE)
        async with linked(node_link(serving.address, identities, MemoryProvider())):
            await until(lambda: serving.federation.connected(NODE))
            stop = asyncio.Event()
            outcomes = []

            async def keep_asking():
                while not stop.is_set():
                    outcomes.extend(await serving.federation.ask([world.order()], 5))

            asking = [asyncio.create_task(keep_asking()) for _ in range(4)]
            for _ in range(4):
                identities.renew()
                await asyncio.sleep(0.2)
            stop.set()
            await asyncio.gather(*asking)
    assert len(outcomes) > 50
    assert [item for item in outcomes if not isinstance(item, Answer)] == []


async def test_an_identity_that_cannot_be_read_leaves_the_old_stream_in_force(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        identities = MutableIdentities(world, tls, NODE)
        provider = MemoryProvider()
        link = node_link(serving.address, identities, provider)
        async with linked(link):
            await until(lambda: serving.federation.connected(NODE) and provider.acknowledged)
            identities.failure = OSError("half written")
            identities.version += 1
            await until(lambda: link.status().failure == "OSError")
            [answer] = await serving.federation.ask([world.order()], 5)
            assert isinstance(answer, Answer)
            identities.failure = None
            identities.renew()
            await until(lambda: len(provider.acknowledged) == 2)
            [answer] = await serving.federation.ask([world.order()], 5)
            assert isinstance(answer, Answer)
            assert answer.node_keys == identities.identity.certified


async def test_a_node_reconnects_when_the_gateway_comes_back(tls):
    world = MemoryWorld()
    serving = Gateway(world, tls)
    await serving.start()
    provider = MemoryProvider()
    link = node_link(serving.address, MutableIdentities(world, tls, NODE), provider)
    async with linked(link):
        await until(lambda: serving.federation.connected(NODE))
        port = int(serving.address.rpartition(":")[2])
        await serving.stop()
        await until(lambda: not link.status().connected)
        await serving.start(port)
        await until(lambda: serving.federation.connected(NODE), 10)
        [answer] = await serving.federation.ask([world.order()], 5)
        assert isinstance(answer, Answer)
    await serving.stop()


async def test_a_gateway_that_stops_lets_asks_under_way_finish(tls):
    world = MemoryWorld()
    serving = Gateway(world, tls)
    await serving.start()
    provider = MemoryProvider()
    async with linked(node_link(serving.address, MutableIdentities(world, tls, NODE), provider)):
        await until(lambda: serving.federation.connected(NODE))
        provider.go.clear()
        asking = asyncio.create_task(serving.federation.ask([world.order()], 10))
        await until(lambda: provider.asks)
        stopping = asyncio.create_task(serving.stop(5))
        await asyncio.sleep(0.05)
        [late] = await serving.federation.ask([world.order()], 5)
        assert isinstance(late, Silence)
        provider.go.set()
        [answer] = await asking
        assert isinstance(answer, Answer)
        await stopping


async def test_a_node_that_stops_answers_what_it_has_and_takes_nothing_new(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        provider = MemoryProvider()
        link = node_link(serving.address, MutableIdentities(world, tls, NODE), provider)
        async with linked(link) as running:
            await until(lambda: serving.federation.connected(NODE))
            provider.go.clear()
            asking = asyncio.create_task(serving.federation.ask([world.order()], 10))
            await until(lambda: provider.asks)
            link.stop()
            await until(lambda: not serving.federation.connected(NODE))
            provider.go.set()
            [answer] = await asking
            assert isinstance(answer, Answer)
            await asyncio.wait_for(running, 5)
            assert not link.status().connected


async def test_a_provider_that_fails_on_an_ask_refuses_it_and_stays(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        provider = MemoryProvider()
        provider.failure = RuntimeError("张三")
        async with linked(node_link(serving.address, MutableIdentities(world, tls, NODE), provider)):
            await until(lambda: serving.federation.connected(NODE))
            [silence] = await serving.federation.ask([world.order()], 5)
            assert isinstance(silence, Silence)
            assert (silence.reason, silence.detail) == (Reason.NODE_REFUSED, "NODE_BUSY")
            provider.failure = None
            [answer] = await serving.federation.ask([world.order()], 5)
            assert isinstance(answer, Answer)


async def test_a_newer_boot_replaces_an_older_one_which_never_comes_back(tls):
    world = MemoryWorld()
    async with gateway(world, tls) as serving:
        old, new = MemoryProvider(), MemoryProvider()
        old_link = node_link(serving.address, MutableIdentities(world, tls, NODE), old)
        async with linked(old_link):
            await until(lambda: serving.federation.connected(NODE))
            async with linked(node_link(serving.address, MutableIdentities(world, tls, NODE), new)):
                await until(lambda: "FAILED_PRECONDITION" in old_link.status().failure)
                await asyncio.sleep(0.5)
                for _ in range(3):
                    [answer] = await serving.federation.ask([world.order()], 5)
                    assert isinstance(answer, Answer)
                    assert answer.session_id == new.session_id


async def test_many_nodes_are_asked_at_once(tls):
    world = MemoryWorld()
    names = [node_id(f"n{number}") for number in range(5)]
    async with gateway(world, tls) as serving:
        links = [
            node_link(serving.address, MutableIdentities(world, tls, name), MemoryProvider(name)) for name in names
        ]
        tasks = [asyncio.create_task(link.run()) for link in links]
        await until(lambda: all(serving.federation.connected(name) for name in names))
        answers = await serving.federation.ask([world.order(name) for name in names], 5)
        assert all(isinstance(answer, Answer) for answer in answers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
