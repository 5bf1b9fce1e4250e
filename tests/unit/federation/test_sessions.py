"""Streams of one node: greeting, changing over, draining, heartbeats and index changes, all in memory."""

import asyncio
import secrets

import pytest

from gateway.clock import SystemClock
from gateway.errors import Code, Refused
from gateway.federation import Answer, LinkLimits, Silence
from oncegate.v1 import node_link_pb2
from policies.reasons import Reason
from tests.support.federation import NODE, MemoryState, MemoryWorld, now_ms, pipe, resource
from tests.support.lying_nodes import Lie, ScriptedNode, running, until


def kinds(script):
    return [frame.WhichOneof("frame") for frame in script.seen]


def deltas(first, count, code="civil.resident"):
    return node_link_pb2.NodeFrame(
        deltas=node_link_pb2.Deltas(
            deltas=[
                node_link_pb2.Delta(sequence=first + n, resource=code, handle=(first + n).to_bytes(16, "big"))
                for n in range(count)
            ]
        )
    )


async def test_the_welcome_tells_version_clock_heartbeat_and_what_is_durable():
    world = MemoryWorld(limits=LinkLimits(heartbeat_ms=700, deltas_per_frame=55))
    script = ScriptedNode(world)
    world.index.states[NODE] = MemoryState(script.outbox_id, 17)
    async with running(world) as (federation, connect):
        await connect(script)
        assert federation.connected(NODE)
    welcome = script.seen[0].welcome
    assert (welcome.protocol_version, welcome.acknowledged_sequence) == (1, 17)
    assert (welcome.heartbeat_ms, welcome.max_deltas) == (700, 55)
    assert abs(welcome.clock_unix_ms - now_ms()) < 2000
    assert world.catalogue.published == {"civil.resident": NODE}


async def test_a_node_with_an_unknown_outbox_is_asked_for_a_snapshot_of_each_listed_resource():
    world = MemoryWorld()
    world.index.states[NODE] = MemoryState(bytes(16), 17)
    script = ScriptedNode(
        world, resources=(resource(), resource("civil.marriage"), resource("civil.hidden", unlisted=True))
    )
    async with running(world) as (_, connect):
        await connect(script)
        await until(lambda: len(script.seen) >= 3)
    assert script.seen[0].welcome.acknowledged_sequence == 0
    wanted = [frame.snapshot_request.resource for frame in script.seen if frame.HasField("snapshot_request")]
    assert wanted == ["civil.marriage", "civil.resident"]


@pytest.mark.parametrize(("durable", "forgotten", "asked"), [(17, 17, False), (17, 20, True), (20, 17, False)])
async def test_a_gateway_restored_from_a_backup_asks_for_snapshots_though_the_node_has_nothing_new(
    durable, forgotten, asked
):
    world = MemoryWorld()
    script = ScriptedNode(world, last_sequence=20, acknowledged=forgotten)
    world.index.states[NODE] = MemoryState(script.outbox_id, durable)
    async with running(world) as (federation, connect):
        await connect(script)
        await federation.ask([world.order()], 5)
    assert ("snapshot_request" in kinds(script)) is asked


async def test_a_second_stream_of_the_same_boot_takes_over_and_the_first_finishes_its_asks():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        first = ScriptedNode(world, lie=Lie.STALLS)
        one = await connect(first)
        asking = asyncio.create_task(federation.ask([world.order()], 5))
        await until(lambda: first.asks)
        second = ScriptedNode(world, session_id=first.session_id, outbox_id=first.outbox_id)
        await connect(second)
        await until(lambda: "drain" in kinds(first))
        [new] = await federation.ask([world.order()], 5)
        assert isinstance(new, Answer)
        assert len(second.asks) == 1
        first.lie = Lie.NONE
        await one.wire.write(first.signed([first.reply(first.asks[0])]))
        [old] = await asking
        assert isinstance(old, Answer)
        assert await one.ended() is None
        assert federation.connected(NODE)


async def test_a_replaced_stream_that_never_finishes_is_closed_after_its_time():
    world = MemoryWorld(limits=LinkLimits(drain_s=0.1))
    async with running(world) as (federation, connect):
        first = ScriptedNode(world, lie=Lie.STALLS)
        one = await connect(first)
        asking = asyncio.create_task(federation.ask([world.order()], 30))
        await until(lambda: first.asks)
        await connect(ScriptedNode(world, session_id=first.session_id))
        [silence] = await asking
        assert isinstance(silence, Silence)
        assert silence.reason is Reason.NODE_DOWN
        assert await one.ended() is None


async def test_a_newer_boot_replaces_the_older_which_is_never_admitted_again():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        old = ScriptedNode(world)
        one = await connect(old)
        new = ScriptedNode(world)
        await connect(new)
        replaced = await one.ended()
        assert isinstance(replaced, Refused)
        assert replaced.code is Code.NODE_REFUSED
        again = await (await connect(ScriptedNode(world, session_id=old.session_id))).ended()
        assert isinstance(again, Refused)
        assert again.code is Code.NODE_REFUSED
        [answer] = await federation.ask([world.order()], 2)
        assert isinstance(answer, Answer)
        assert answer.session_id == new.session_id


async def test_a_node_that_drains_gets_no_new_asks_and_is_closed_when_it_has_answered():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world, lie=Lie.STALLS)
        node = await connect(script)
        asking = asyncio.create_task(federation.ask([world.order()], 5))
        await until(lambda: script.asks)
        await node.wire.write(node_link_pb2.NodeFrame(drain=node_link_pb2.Drain(reason="NODE_STOPPING")))
        await until(lambda: not federation.connected(NODE))
        [silence] = await federation.ask([world.order()], 5)
        assert isinstance(silence, Silence)
        assert silence.reason is Reason.NOT_CONNECTED
        script.lie = Lie.NONE
        await node.wire.write(script.signed([script.reply(script.asks[0])]))
        [answer] = await asking
        assert isinstance(answer, Answer)
        assert await node.ended() is None


async def test_a_node_without_a_sign_of_life_is_given_up_and_one_with_heartbeats_is_kept():
    world = MemoryWorld(limits=LinkLimits(heartbeat_ms=100))
    async with running(world) as (federation, connect):
        script = ScriptedNode(world)
        node = await connect(script)
        for _ in range(8):
            await node.wire.write(
                node_link_pb2.NodeFrame(heartbeat=node_link_pb2.Heartbeat(clock_unix_ms=now_ms() + 5000))
            )
            await asyncio.sleep(0.06)
        assert federation.connected(NODE)
        assert 4000 < federation.status()[0].clock_offset_ms < 6000
        assert "heartbeat" in kinds(script)
        ended = await node.ended()
        assert isinstance(ended, Refused)
        assert ended.code is Code.DEADLINE


async def test_a_comparison_in_the_future_counts_as_never_told():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        node = await connect(ScriptedNode(world))
        for synced in (now_ms() + 3_600_000, 0):
            await node.wire.write(
                node_link_pb2.NodeFrame(
                    heartbeat=node_link_pb2.Heartbeat(clock_unix_ms=now_ms(), synced_unix_ms=synced)
                )
            )
        await asyncio.sleep(0.05)
        assert federation.status()[0].synced_ms == 0
        assert not world.index.synced
        told = now_ms() - 60_000
        await node.wire.write(
            node_link_pb2.NodeFrame(heartbeat=node_link_pb2.Heartbeat(clock_unix_ms=now_ms(), synced_unix_ms=told))
        )
        await until(lambda: world.index.synced)
        assert abs(world.index.synced[NODE] - told) < 1000


async def test_deltas_are_acknowledged_when_the_index_has_them_and_each_frame_once():
    world = MemoryWorld()
    async with running(world) as (_, connect):
        script = ScriptedNode(world)
        node = await connect(script)
        await node.wire.write(deltas(1, 3))
        await node.wire.write(deltas(4, 1, "civil.unknown"))
        await until(lambda: kinds(script).count("delta_ack") == 2)
    acks = [frame.delta_ack for frame in script.seen if frame.HasField("delta_ack")]
    assert [ack.through_sequence for ack in acks] == [3, 4]
    assert not acks[0].rejections
    assert [(item.sequence, item.reason) for item in acks[1].rejections] == [(4, "UNKNOWN_RESOURCE")]
    assert len(world.index.pointers) == 3


async def test_a_node_may_only_touch_the_listed_resources_it_offers():
    world = MemoryWorld()
    async with running(world) as (_, connect):
        script = ScriptedNode(world, resources=(resource(), resource("civil.hidden", unlisted=True)))
        node = await connect(script)
        await node.wire.write(deltas(1, 1))
        await until(lambda: "delta_ack" in kinds(script))
    assert world.index.allowed == frozenset({"civil.resident"})


async def test_nothing_is_acknowledged_when_the_index_fails_and_the_stream_ends():
    world = MemoryWorld()
    world.index.failure = OSError("disk full")
    async with running(world) as (_, connect):
        script = ScriptedNode(world)
        node = await connect(script)
        await node.wire.write(deltas(1, 3))
        assert isinstance(await node.ended(), OSError)
        assert "delta_ack" not in kinds(script)


async def test_a_slow_index_holds_up_neither_answers_nor_other_nodes():
    world = MemoryWorld()
    world.index.delay_s = 0.2
    async with running(world) as (federation, connect):
        script = ScriptedNode(world)
        node = await connect(script)
        for number in range(3):
            await node.wire.write(deltas(1 + number, 1))
        began = asyncio.get_running_loop().time()
        [answer] = await federation.ask([world.order()], 5)
        assert isinstance(answer, Answer)
        assert asyncio.get_running_loop().time() - began < 0.2


async def test_every_part_of_a_snapshot_is_acknowledged_and_the_last_one_by_name():
    world = MemoryWorld()
    async with running(world) as (_, connect):
        script = ScriptedNode(world)
        node = await connect(script)
        snapshot_id = secrets.token_bytes(16)
        for number in range(2):
            entries = [node_link_pb2.Delta(resource="civil.resident", handle=bytes([number]) * 16)]
            part = node_link_pb2.Snapshot(
                snapshot_id=snapshot_id, resource="civil.resident", part=number, entries=entries
            )
            await node.wire.write(node_link_pb2.NodeFrame(snapshot=part))
        end = node_link_pb2.Snapshot(
            snapshot_id=snapshot_id, resource="civil.resident", part=2, last=True, total=2, as_of_sequence=9
        )
        await node.wire.write(node_link_pb2.NodeFrame(snapshot=end))
        await until(lambda: kinds(script).count("delta_ack") == 3)
    acks = [frame.delta_ack for frame in script.seen if frame.HasField("delta_ack")]
    assert [ack.snapshot_id for ack in acks] == [b"", b"", snapshot_id]
    assert acks[2].through_sequence == 9
    assert len(world.index.pointers) == 2


async def test_a_stopped_federation_admits_nobody():
    world = MemoryWorld()
    federation = world.federation()
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await federation.serve(pipe()[0], NODE.encode())
        assert refused.value.code is Code.OVERLOADED
        assert refused.value.retry_after_ms
        await federation.start()
        await federation.stop(0)


async def test_stopping_waits_for_asks_under_way_but_not_for_ever():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world, lie=Lie.STALLS)
        await connect(script)
        asking = asyncio.create_task(federation.ask([world.order()], 30))
        await until(lambda: script.asks)
        await federation.stop(0.1)
        [silence] = await asking
        assert isinstance(silence, Silence)
        assert federation.status() == []
    assert "drain" in kinds(script)


class JumpingClock(SystemClock):
    """A clock that a test puts forward, as a process that stood still sees it."""

    ahead_s = 0.0

    def monotonic_s(self):
        return super().monotonic_s() + self.ahead_s


async def test_a_gateway_that_stood_still_does_not_take_its_own_pause_for_its_nodes_silence():
    clock = JumpingClock()
    world = MemoryWorld(clock=clock)
    async with running(world) as (federation, connect):
        await connect(ScriptedNode(world))
        await asyncio.sleep(0.05)
        clock.ahead_s = 60.0
        await asyncio.sleep(0.6)
        assert federation.connected(NODE)
