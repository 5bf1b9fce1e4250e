"""Publishing the outbox: order, window, acknowledgements, snapshots."""

import asyncio
import secrets
from contextlib import asynccontextmanager
from dataclasses import replace

from nodes.link.changes import WINDOW, ChangeSender
from oncegate.v1 import node_link_pb2
from tests.support.lying_nodes import until
from tests.support.memory_provider import MemoryProvider, delta


@asynccontextmanager
async def sending(provider, *, acknowledged=0, max_deltas=2, gap_s=2.0):
    sent = []
    sender = ChangeSender(
        provider,
        sent.append,
        acknowledged=acknowledged,
        max_deltas=max_deltas,
        random_bytes=secrets.token_bytes,
        gap_s=gap_s,
    )
    task = asyncio.create_task(sender.run())
    try:
        yield sender, sent, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def ack(through=0, snapshot_id=b"", rejections=()):
    return node_link_pb2.DeltaAck(through_sequence=through, snapshot_id=snapshot_id, rejections=rejections)


def sequences(frames):
    return [item.sequence for frame in frames for item in frame.deltas.deltas]


async def test_what_the_gateway_has_already_is_forgotten_and_not_sent():
    provider = MemoryProvider()
    provider.publish(*(delta(number) for number in range(1, 5)))
    async with sending(provider, acknowledged=3) as (_, sent, _task):
        await until(lambda: sent)
        assert sequences(sent) == [4]
        assert provider.acknowledged == [3]


async def test_no_more_frames_leave_than_the_window_until_one_is_acknowledged():
    provider = MemoryProvider()
    provider.publish(*(delta(number) for number in range(1, 20)))
    async with sending(provider) as (sender, sent, _):
        await until(lambda: len(sent) == WINDOW)
        await asyncio.sleep(0.02)
        assert sequences(sent) == [1, 2, 3, 4]
        sender.acknowledged(ack(2))
        await until(lambda: len(sent) == WINDOW + 1)
        await asyncio.sleep(0.02)
        assert sequences(sent) == [1, 2, 3, 4, 5, 6]
        assert provider.acknowledged == [0, 2]


async def test_new_deltas_leave_as_soon_as_they_are_there():
    provider = MemoryProvider()
    async with sending(provider) as (_, sent, _task):
        await asyncio.sleep(0.02)
        assert not sent
        provider.publish(delta(1))
        await until(lambda: sent)
        assert sequences(sent) == [1]


async def test_rejections_are_handed_to_the_provider():
    provider = MemoryProvider()
    provider.publish(delta(1))
    async with sending(provider) as (sender, sent, _):
        await until(lambda: sent)
        rejection = node_link_pb2.Rejection(sequence=1, handle=bytes(16), reason="BAD_IDENTIFIER")
        sender.acknowledged(ack(1, rejections=[rejection]))
        await until(lambda: provider.rejections)
    assert (provider.rejections[0].sequence, provider.rejections[0].reason) == (1, "BAD_IDENTIFIER")


async def test_a_snapshot_goes_out_in_numbered_parts_and_deltas_wait_for_its_acknowledgement():
    provider = MemoryProvider()
    provider.records = [replace(delta(number), sequence=0) for number in range(100, 107)]
    async with sending(provider, max_deltas=3) as (sender, sent, _):
        sender.requested("civil.resident")
        sender.requested("civil.resident")
        await until(lambda: len(sent) == WINDOW)
        provider.publish(delta(1))
        await asyncio.sleep(0.02)
        assert len(sent) == WINDOW
        for _ in range(3):
            sender.acknowledged(ack())
        await until(lambda: len(sent) == 4)
        parts = [frame.snapshot for frame in sent]
        assert [len(part.entries) for part in parts] == [3, 3, 1, 0]
        assert [part.part for part in parts] == [0, 1, 2, 3]
        assert [part.last for part in parts] == [False, False, False, True]
        assert parts[3].total == 7
        assert len({part.snapshot_id for part in parts}) == 1
        await asyncio.sleep(0.02)
        assert len(sent) == 4
        sender.acknowledged(ack(0, parts[3].snapshot_id))
        await until(lambda: len(sent) == 5)
        assert sequences(sent) == [1]


async def test_parts_are_cut_to_what_the_gateway_takes():
    provider = MemoryProvider()
    provider.records = [replace(delta(number), sequence=0) for number in range(100, 105)]
    async with sending(provider, max_deltas=2) as (sender, sent, _):
        sender.requested("civil.resident")
        for _ in range(5):
            sender.acknowledged(ack())
            await asyncio.sleep(0.02)
        assert [len(frame.snapshot.entries) for frame in sent] == [2, 1, 2, 0]


async def test_a_wish_for_an_unknown_resource_is_passed_over():
    provider = MemoryProvider()
    async with sending(provider) as (sender, sent, task):
        sender.requested("civil.other")
        sender.requested("civil.resident")
        await until(lambda: sent)
        assert sent[0].snapshot.resource == "civil.resident"
        assert not task.done()


async def test_a_gap_is_sent_only_after_the_gateway_had_time_to_ask_for_snapshots():
    provider = MemoryProvider()
    provider.publish(delta(11))
    async with sending(provider, gap_s=30) as (sender, sent, _):
        await asyncio.sleep(0.02)
        assert not sent
        sender.requested("civil.resident")
        await until(lambda: sent)
        assert sent[0].HasField("snapshot")
    provider = MemoryProvider()
    provider.publish(delta(11))
    async with sending(provider, gap_s=0.05) as (_, sent, _task):
        await until(lambda: sent)
        assert sequences(sent) == [11]


async def test_after_a_snapshot_deltas_go_on_from_where_it_holds():
    provider = MemoryProvider()
    provider.publish(delta(11), delta(12))
    async with sending(provider) as (sender, sent, _):
        sender.requested("civil.resident")
        await until(lambda: sent)
        assert sent[0].snapshot.as_of_sequence == 12
        sender.acknowledged(ack(12, sent[0].snapshot.snapshot_id))
        await until(lambda: provider.acknowledged[-1] == 12)
        provider.publish(delta(13))
        await until(lambda: len(sent) == 2)
        assert sequences(sent) == [13]


async def test_a_failing_outbox_ends_the_sender():
    class Broken(MemoryProvider):
        async def pending(self, after, limit):
            raise OSError("disk full")

    async with sending(Broken()) as (_, _sent, task):
        await asyncio.wait({task}, timeout=2)
        assert isinstance(task.exception(), OSError)
