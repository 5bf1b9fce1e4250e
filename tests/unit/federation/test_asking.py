"""Asking over streams in memory: what comes back, and who waits for whom."""

import asyncio

import pytest

from gateway.federation import Answer, LinkLimits, Silence
from keys.batch import ItemVerifier, scope, verify_batch
from keys.signing import RECEIPTS, TICKETS, digest
from oncegate.v1 import signed_pb2
from policies.reasons import Reason
from policies.vocabulary import Form
from tests.support.federation import NODE, MemoryWorld, node_id, now_ms, resource
from tests.support.lying_nodes import Lie, ScriptedNode, running, until

OTHER = node_id("other")


async def test_an_honest_answer_arrives_with_a_receipt_that_verifies_alone():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world)
        await connect(script)
        order = world.order(items=(("name", Form.VALUE), ("address", Form.EXISTS)))
        [answer] = await federation.ask([order], 2)
    assert isinstance(answer, Answer)
    assert answer.order is order
    assert answer.sealed == script.sealed
    assert answer.session_id == script.session_id
    assert answer.outcomes == (("name", Form.VALUE, "released"), ("address", Form.EXISTS, "released"))
    assert answer.ticket_digest == digest(script.asks[0].ticket)
    ItemVerifier(script.key.verify_key).verify(RECEIPTS, scope(NODE, script.session_id), answer.receipt)


async def test_each_order_of_a_call_gets_its_own_answer_in_the_orders_order():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        for name in ("registry", "other"):
            await connect(ScriptedNode(world, node=node_id(name), sealed=name.encode()))
        orders = [world.order(node_id(name)) for name in ("other", "registry", "other")]
        answers = await federation.ask(orders, 2)
    assert [answer.order for answer in answers] == orders
    assert [answer.sealed for answer in answers if isinstance(answer, Answer)] == [b"other", b"registry", b"other"]


async def test_asks_that_wait_together_travel_in_one_frame_under_one_signature():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world)
        await connect(script)
        orders = [world.order() for _ in range(20)]
        await asyncio.gather(*(federation.ask([order], 2) for order in orders))
        frames = [frame.asks for frame in script.seen if frame.WhichOneof("frame") == "asks"]
    assert len(frames) < 5
    for asks in frames:
        tickets = [ask.ticket for ask in asks.asks]
        verify_batch(world.ticket_key.verify_key, TICKETS, scope(NODE, script.session_id), tickets, asks.signature)


async def test_a_ticket_says_exactly_what_was_ordered_and_expires_soon():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world)
        await connect(script)
        order = world.order()
        await federation.ask([order], 3)
    ask = script.asks[0]
    ticket = signed_pb2.TicketBody.FromString(ask.ticket)
    assert (ticket.node, ticket.session_id, ticket.handle) == (NODE, script.session_id, order.handle)
    assert (ticket.resource, ticket.purpose) == (order.resource, order.purpose)
    assert ticket.legal_basis == signed_pb2.LEGAL_BASIS_MANDATE
    assert (ticket.agreement_id, ticket.agreement_revision) == (order.agreement_id, order.agreement_revision)
    assert (ticket.agreement_digest, ticket.request_digest) == (order.agreement_digest, order.request_digest)
    assert [(item.field, item.form) for item in ticket.items] == [("name", signed_pb2.FORM_VALUE)]
    assert abs(ticket.issued_unix_ms - now_ms()) < 3000
    assert 3000 <= ticket.expires_unix_ms - ticket.issued_unix_ms <= 5001
    assert 0 < ask.deadline_ms <= 3000
    assert (ask.request, ask.request_signature) == (order.request, order.request_signature)
    assert ask.promise.body == order.promise.body


async def test_every_ticket_has_its_own_id():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world)
        await connect(script)
        await federation.ask([world.order() for _ in range(5)], 2)
    assert len({signed_pb2.TicketBody.FromString(ask.ticket).ticket_id for ask in script.asks}) == 5


async def test_nothing_to_ask_is_answered_with_nothing():
    async with running(MemoryWorld()) as (federation, _):
        assert await federation.ask([], 1) == []


async def test_a_node_without_a_stream_is_silent_at_once():
    world = MemoryWorld()
    async with running(world) as (federation, _):
        [silence] = await asyncio.wait_for(federation.ask([world.order()], 30), 1)
    assert isinstance(silence, Silence)
    assert silence.reason is Reason.NOT_CONNECTED


async def test_a_resource_that_the_node_does_not_offer_is_not_asked_of_it():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world)
        await connect(script)
        [silence] = await federation.ask([world.order(code="civil.marriage")], 2)
    assert isinstance(silence, Silence)
    assert silence.reason is Reason.NOT_CONNECTED
    assert not script.asks


async def test_a_stalling_node_is_silent_at_the_deadline_and_is_told_that_nobody_waits():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world, lie=Lie.STALLS)
        await connect(script)
        [silence] = await federation.ask([world.order()], 0.1)
        assert isinstance(silence, Silence)
        assert silence.reason is Reason.DEADLINE
        await until(lambda: any(frame.WhichOneof("frame") == "cancel" for frame in script.seen))


async def test_a_stalling_node_does_not_hold_up_another():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        await connect(ScriptedNode(world, lie=Lie.STALLS))
        await connect(ScriptedNode(world, node=OTHER))
        stalled = [asyncio.create_task(federation.ask([world.order()], 30)) for _ in range(50)]
        for _ in range(20):
            [answer] = await asyncio.wait_for(federation.ask([world.order(OTHER)], 30), 1)
            assert isinstance(answer, Answer)
        assert not any(task.done() for task in stalled)
        for task in stalled:
            task.cancel()


async def test_a_node_that_reads_nothing_does_not_hold_up_another_and_its_queue_is_bounded():
    world = MemoryWorld(limits=LinkLimits(waiting_asks=10))
    async with running(world) as (federation, connect):
        deaf = await connect(ScriptedNode(world))
        deaf.playing.cancel()
        await connect(ScriptedNode(world, node=OTHER))
        stuck = [asyncio.create_task(federation.ask([world.order()], 30)) for _ in range(12)]
        [answer] = await asyncio.wait_for(federation.ask([world.order(OTHER)], 30), 1)
        assert isinstance(answer, Answer)
        silences = [task.result()[0] for task in stuck if task.done()]
        assert [(item.reason, item.detail) for item in silences if isinstance(item, Silence)] == [
            (Reason.NODE_DOWN, "QUEUE_FULL")
        ] * 2
        for task in stuck:
            task.cancel()


async def test_a_caller_that_goes_away_frees_the_place_of_its_asks():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world, lie=Lie.STALLS)
        await connect(script)
        caller = asyncio.create_task(federation.ask([world.order()], 30))
        await until(lambda: script.asks)
        assert federation.status()[0].waiting == 1
        caller.cancel()
        await until(lambda: federation.status()[0].waiting == 0)


async def test_an_answer_that_comes_after_the_deadline_is_dropped_without_ending_the_stream():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world, lie=Lie.STALLS)
        node = await connect(script)
        await federation.ask([world.order()], 0.05)
        await node.wire.write(script.signed([ScriptedNode(world, session_id=script.session_id).reply(script.asks[0])]))
        script.lie = Lie.NONE
        [answer] = await federation.ask([world.order()], 2)
        assert isinstance(answer, Answer)


async def test_a_vanished_node_is_down_at_once_and_not_at_the_deadline():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        await connect(ScriptedNode(world, lie=Lie.VANISHES))
        [silence] = await asyncio.wait_for(federation.ask([world.order()], 30), 2)
        assert isinstance(silence, Silence)
        assert silence.reason is Reason.NODE_DOWN
        await until(lambda: not federation.connected(NODE))


async def test_a_big_answer_comes_in_chunks_as_far_as_credit_reaches():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world)
        await connect(script)
        [small] = await federation.ask([world.order()], 2)
        assert isinstance(small, Answer)
    credit = script.asks[0].credit
    assert 64 * 1024 <= credit <= 1 << 20


async def test_status_counts_answers_lies_and_refusals():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world, resources=(resource(), resource("civil.hidden", unlisted=True)))
        await connect(script)
        for lie in (Lie.NONE, Lie.REFUSES, Lie.NAMES_ANOTHER_TICKET):
            script.lie = lie
            await federation.ask([world.order()], 2)
        [status] = federation.status()
    assert (status.node, status.department) == (NODE, "civil")
    assert (status.answered, status.refused, status.bad_answers, status.waiting) == (1, 1, 1, 0)
    assert status.resources == ("civil.hidden", "civil.resident")
    assert abs(status.clock_offset_ms) < 2000
    assert not status.draining


@pytest.mark.parametrize("deadline_s", [0.0, -1.0])
async def test_a_deadline_that_has_passed_is_a_silence(deadline_s):
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        await connect(ScriptedNode(world, lie=Lie.STALLS))
        [silence] = await federation.ask([world.order()], deadline_s)
    assert isinstance(silence, Silence)
    assert silence.reason is Reason.DEADLINE
