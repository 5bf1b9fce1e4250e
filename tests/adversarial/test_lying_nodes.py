"""Nodes that lie: no lie becomes an answer, and none of them hurts another node."""

import asyncio
import secrets

import pytest

from gateway.errors import Code, Refused
from gateway.federation import Answer, LinkLimits, Silence
from keys.signing import SigningKey
from oncegate.v1 import node_link_pb2
from policies.reasons import Reason
from policies.vocabulary import Form
from tests.support.federation import NODE, MemoryWorld, node_id, pipe, resource
from tests.support.lying_nodes import Lie, ScriptedNode, running, until

OTHER = node_id("other")

LIES_IN_AN_ANSWER = {
    Lie.SIGNS_WITH_ANOTHER_KEY: "RECEIPT_SIGNATURE",
    Lie.SIGNS_FOR_ANOTHER_SESSION: "RECEIPT_SIGNATURE",
    Lie.NAMES_ANOTHER_TICKET: "RECEIPT_TICKET",
    Lie.NAMES_ANOTHER_REQUEST: "RECEIPT_REQUEST",
    Lie.NAMES_ANOTHER_NODE: "RECEIPT_NAMES",
    Lie.NAMES_ANOTHER_RESOURCE: "RECEIPT_NAMES",
    Lie.CHANGES_THE_CIPHERTEXT: "RECEIPT_CIPHERTEXT",
    Lie.CHANGES_THE_DISCLOSURE: "RECEIPT_DISCLOSURE",
    Lie.LEAVES_AN_ITEM_OUT: "DISCLOSURE_ITEMS",
    Lie.STATES_NO_OUTCOME: "DISCLOSURE_VOCABULARY",
    Lie.SALT_IS_SHORT: "DISCLOSURE_SALT",
    Lie.RELEASED_LAST_YEAR: "RECEIPT_TIME",
    Lie.RECEIPT_IS_GARBAGE: "RECEIPT_UNREADABLE",
    Lie.DISCLOSURE_IS_GARBAGE: "DISCLOSURE_UNREADABLE",
}
BROKEN_FRAMES = (
    Lie.ANSWERS_WHAT_WAS_NOT_ASKED,
    Lie.CHUNK_TOO_LARGE,
    Lie.CHUNK_EMPTY,
    Lie.CHUNK_OUT_OF_ORDER,
    Lie.FAR_TOO_MUCH,
    Lie.NO_RECEIPT,
    Lie.REFUSES_AND_ANSWERS,
    Lie.EMPTY_FRAME,
    Lie.SPEAKS_LIKE_A_GATEWAY,
)


@pytest.mark.parametrize("lie", LIES_IN_AN_ANSWER)
async def test_a_lie_in_an_answer_is_a_silence_and_the_stream_goes_on(lie):
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world, lie=lie)
        await connect(script)
        [silence] = await federation.ask([world.order(items=(("name", Form.VALUE), ("address", Form.VALUE)))], 2)
        assert isinstance(silence, Silence)
        assert (silence.reason, silence.detail) == (Reason.BAD_ANSWER, LIES_IN_AN_ANSWER[lie])
        script.lie = Lie.NONE
        [answer] = await federation.ask([world.order()], 2)
        assert isinstance(answer, Answer)


@pytest.mark.parametrize("lie", BROKEN_FRAMES)
async def test_a_frame_that_breaks_the_protocol_ends_only_the_liars_stream(lie):
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        liar = await connect(ScriptedNode(world, lie=lie))
        honest = ScriptedNode(world, node=OTHER)
        await connect(honest)
        lied, answered = await federation.ask([world.order(), world.order(OTHER)], 2)
        assert isinstance(lied, Silence)
        assert lied.reason in {Reason.NODE_DOWN, Reason.BAD_ANSWER}
        assert isinstance(answered, Answer)
        refused = await liar.ended()
        assert isinstance(refused, Refused)
        assert refused.code is Code.BAD_FRAME
        assert federation.connected(OTHER)
        assert not federation.connected(NODE)


async def test_the_first_of_two_answers_stands_and_the_second_ends_the_stream():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        liar = await connect(ScriptedNode(world, lie=Lie.ANSWERS_TWICE))
        [answer] = await federation.ask([world.order()], 2)
        assert isinstance(answer, Answer)
        refused = await liar.ended()
        assert isinstance(refused, Refused)
        assert refused.detail == "reply: second answer"


async def test_two_answers_that_were_swapped_are_both_refused():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        await connect(ScriptedNode(world, lie=Lie.SWAPS_TWO_ANSWERS))
        silences = await federation.ask([world.order(), world.order()], 2)
    assert [item.detail for item in silences if isinstance(item, Silence)] == ["RECEIPT_TICKET"] * 2


async def test_the_receipt_of_another_ask_is_no_receipt():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        await connect(ScriptedNode(world, lie=Lie.REPLAYS_AN_OLD_RECEIPT))
        [first] = await federation.ask([world.order()], 2)
        [second] = await federation.ask([world.order()], 2)
    assert isinstance(first, Answer)
    assert isinstance(second, Silence)
    assert second.detail == "RECEIPT_TICKET"


async def test_a_lie_beside_an_honest_answer_in_one_frame_costs_only_the_liars_answer():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world)
        node = await connect(script)
        script.lie = Lie.STALLS
        asking = asyncio.create_task(federation.ask([world.order(), world.order()], 2))
        await until(lambda: len(script.asks) == 2)
        script.lie = Lie.CHANGES_THE_CIPHERTEXT
        bad = script.reply(script.asks[0])
        script.lie = Lie.NONE
        await node.wire.write(script.signed([bad, script.reply(script.asks[1])]))
        lied, honest = await asking
    assert isinstance(lied, Silence)
    assert isinstance(honest, Answer)


@pytest.mark.parametrize(
    ("lie", "detail"),
    [(Lie.REFUSES, "TICKET_EXPIRED"), (Lie.REFUSES_IN_ITS_OWN_WORDS, "UNKNOWN_REASON")],
)
async def test_a_nodes_refusal_is_told_by_our_own_codes_only(lie, detail):
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        await connect(ScriptedNode(world, lie=lie))
        [silence] = await federation.ask([world.order()], 2)
    assert isinstance(silence, Silence)
    assert (silence.reason, silence.detail) == (Reason.NODE_REFUSED, detail)


async def test_an_answer_larger_than_the_limit_is_given_up_and_the_node_told():
    world = MemoryWorld(limits=LinkLimits(answer_bytes=100 * 1024))
    async with running(world) as (federation, connect):
        script = ScriptedNode(world, lie=Lie.STALLS)
        node = await connect(script)
        asking = asyncio.create_task(federation.ask([world.order()], 5))
        await until(lambda: script.asks)
        for number, size in enumerate((64 * 1024, 64 * 1024)):
            reply = node_link_pb2.Reply(ask_id=script.asks[0].ask_id, chunk=number, data=bytes(size))
            await node.wire.write(node_link_pb2.NodeFrame(replies=node_link_pb2.Replies(replies=[reply])))
        [silence] = await asking
        assert isinstance(silence, Silence)
        assert (silence.reason, silence.detail) == (Reason.BAD_ANSWER, "ANSWER_TOO_LARGE")
        await until(lambda: any(frame.WhichOneof("frame") == "cancel" for frame in script.seen))
        assert federation.connected(NODE)


def _stranger(world):
    world.keys.key("civil")
    return {"keys": world.certified(NODE, SigningKey.generate(), by=SigningKey.generate())}


BAD_HELLOS = {
    "keys certified by a stranger": (_stranger, Code.BAD_KEY_CERTIFICATE),
    "keys of another node": (
        lambda world: {"keys": world.certified(OTHER, SigningKey.generate())},
        Code.BAD_KEY_CERTIFICATE,
    ),
    "keys that have expired": (
        lambda world: {"keys": world.certified(NODE, SigningKey.generate(), life_ms=-500)},
        Code.BAD_KEY_CERTIFICATE,
    ),
    "a resource of another department": (
        lambda _: {"resources": (resource(), resource("tax.income", "tax"))},
        Code.NOT_ALLOWED,
    ),
    "a short session id": (lambda _: {"session_id": b"short"}, Code.BAD_FRAME),
    "a short outbox id": (lambda _: {"outbox_id": b""}, Code.BAD_FRAME),
    "more resources than any node has": (
        lambda _: {"resources": tuple(resource(f"civil.r{n}") for n in range(257))},
        Code.BAD_FRAME,
    ),
}


@pytest.mark.parametrize("name", BAD_HELLOS)
async def test_a_node_that_shows_the_wrong_thing_gets_no_session(name):
    change, code = BAD_HELLOS[name]
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        script = ScriptedNode(world, **change(world))
        refused = await (await connect(script)).ended()
        assert isinstance(refused, Refused)
        assert refused.code is code
        assert not federation.connected(NODE)
        assert federation.status() == []
        assert not script.seen
        assert not world.catalogue.published


def _unknown_term(hello):
    hello.hello.resources[0].classification = 77


def _unknown_form(hello):
    hello.hello.resources[0].fields[0].forms.append(77)


def _unknown_type(hello):
    hello.hello.resources[0].fields[0].data_type = "blob"


def _future(hello):
    hello.hello.protocol_versions[:] = [2]


@pytest.mark.parametrize(
    ("twist", "code"),
    [
        (_unknown_term, Code.BAD_FRAME),
        (_unknown_form, Code.BAD_FRAME),
        (_unknown_type, Code.BAD_FRAME),
        (_future, Code.PROTOCOL_VERSION),
    ],
)
async def test_a_hello_with_unknown_words_is_refused(twist, code):
    world = MemoryWorld()
    async with running(world) as (federation, _):
        hello = ScriptedNode(world).hello()
        twist(hello)
        gateway_end, node_end = pipe()
        await node_end.write(hello)
        with pytest.raises(Refused) as refused:
            await federation.serve(gateway_end, NODE.encode())
        assert refused.value.code is code


async def test_a_stream_that_does_not_begin_with_hello_is_refused():
    world = MemoryWorld()
    async with running(world) as (federation, _):
        for first in (node_link_pb2.NodeFrame(heartbeat=node_link_pb2.Heartbeat()), None):
            gateway_end, node_end = pipe()
            await (node_end.put(None) if first is None else node_end.write(first))
            with pytest.raises(Refused) as refused:
                await federation.serve(gateway_end, NODE.encode())
            assert refused.value.code is Code.BAD_FRAME


async def test_a_second_hello_ends_the_stream():
    world = MemoryWorld()
    async with running(world) as (_, connect):
        script = ScriptedNode(world)
        node = await connect(script)
        await node.wire.write(script.hello())
        refused = await node.ended()
        assert isinstance(refused, Refused)
        assert refused.code is Code.BAD_FRAME


async def test_a_stream_that_says_nothing_is_not_kept():
    world = MemoryWorld(limits=LinkLimits(hello_s=0.05))
    async with running(world) as (federation, _):
        gateway_end, _node_end = pipe()
        with pytest.raises(Refused) as refused:
            await federation.serve(gateway_end, NODE.encode())
        assert refused.value.detail == "hello: not in time"


async def test_one_node_cannot_hold_many_streams():
    world = MemoryWorld()
    async with running(world) as (federation, _):
        ends = [pipe() for _ in range(4)]
        waiting = [asyncio.create_task(federation.serve(end, NODE.encode())) for end, _ in ends]
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await federation.serve(pipe()[0], NODE.encode())
        assert refused.value.code is Code.OVERLOADED
        for task in waiting:
            task.cancel()


@pytest.mark.parametrize("certificate", [None, f"spiffe://gov.test/department/education/system/{'counter'}".encode()])
async def test_only_a_node_with_a_certificate_gets_a_stream(certificate):
    world = MemoryWorld()
    async with running(world) as (federation, _):
        with pytest.raises(Refused) as refused:
            await federation.serve(pipe()[0], certificate)
        assert refused.value.code in {Code.CERTIFICATE_MISSING, Code.NOT_ALLOWED}


def _delta(**changes):
    plain = {"sequence": 1, "resource": "civil.resident", "handle": bytes(16), "subject_scheme": "cn.resident-id"}
    return node_link_pb2.Delta(**(plain | changes))


BAD_CHANGES = {
    "no deltas": node_link_pb2.NodeFrame(deltas=node_link_pb2.Deltas()),
    "a gap inside": node_link_pb2.NodeFrame(deltas=node_link_pb2.Deltas(deltas=[_delta(), _delta(sequence=3)])),
    "sequence zero": node_link_pb2.NodeFrame(deltas=node_link_pb2.Deltas(deltas=[_delta(sequence=0)])),
    "a short handle": node_link_pb2.NodeFrame(deltas=node_link_pb2.Deltas(deltas=[_delta(handle=b"x")])),
    "a long code": node_link_pb2.NodeFrame(deltas=node_link_pb2.Deltas(deltas=[_delta(resource="r" * 129)])),
    "a long identifier": node_link_pb2.NodeFrame(
        deltas=node_link_pb2.Deltas(deltas=[_delta(subject_identifier="1" * 65)])
    ),
    "a snapshot without id": node_link_pb2.NodeFrame(snapshot=node_link_pb2.Snapshot(resource="civil.resident")),
    "a tombstone in a snapshot": node_link_pb2.NodeFrame(
        snapshot=node_link_pb2.Snapshot(
            snapshot_id=bytes(16), resource="civil.resident", entries=[_delta(sequence=0, tombstone=True)]
        )
    ),
    "another resource in a snapshot": node_link_pb2.NodeFrame(
        snapshot=node_link_pb2.Snapshot(snapshot_id=bytes(16), resource="civil.other", entries=[_delta(sequence=0)])
    ),
}


@pytest.mark.parametrize("name", BAD_CHANGES)
async def test_changes_of_a_wrong_shape_end_the_stream_and_change_nothing(name):
    world = MemoryWorld()
    async with running(world) as (_, connect):
        node = await connect(ScriptedNode(world))
        await node.wire.write(BAD_CHANGES[name])
        refused = await node.ended()
        assert isinstance(refused, Refused)
        assert refused.code is Code.BAD_FRAME
    assert not world.index.pointers
    assert not world.index.staged


async def test_too_many_deltas_in_a_frame_end_the_stream():
    world = MemoryWorld(limits=LinkLimits(deltas_per_frame=3))
    async with running(world) as (_, connect):
        node = await connect(ScriptedNode(world))
        deltas = [_delta(sequence=n + 1, handle=secrets.token_bytes(16)) for n in range(4)]
        await node.wire.write(node_link_pb2.NodeFrame(deltas=node_link_pb2.Deltas(deltas=deltas)))
        refused = await node.ended()
        assert isinstance(refused, Refused)
    assert not world.index.pointers


async def test_a_node_that_never_stops_sending_is_stopped_at_the_largest_answer():
    world = MemoryWorld(limits=LinkLimits(answer_bytes=256 * 1024))
    async with running(world) as (federation, connect):
        script = ScriptedNode(world, lie=Lie.STALLS)
        node = await connect(script)
        asking = asyncio.create_task(federation.ask([world.order()], 5))
        await until(lambda: script.asks)

        async def flood():
            for number in range(40):
                reply = node_link_pb2.Reply(ask_id=script.asks[0].ask_id, chunk=number, data=bytes(64 * 1024))
                await node.wire.write(node_link_pb2.NodeFrame(replies=node_link_pb2.Replies(replies=[reply])))

        flooding = asyncio.create_task(flood())
        [silence] = await asking
        flooding.cancel()
    assert isinstance(silence, Silence)
    assert silence.reason in {Reason.NODE_DOWN, Reason.BAD_ANSWER}


async def test_a_node_that_floods_heartbeats_loses_its_stream():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        node = await connect(ScriptedNode(world))
        await connect(ScriptedNode(world, node=OTHER))

        async def flood():
            while True:
                await node.wire.write(node_link_pb2.NodeFrame(heartbeat=node_link_pb2.Heartbeat()))

        flooding = asyncio.create_task(flood())
        refused = await node.ended()
        flooding.cancel()
        assert isinstance(refused, Refused)
        assert refused.detail == "frame: too many signs of life"
        assert federation.connected(OTHER)


async def test_a_node_that_opens_stream_after_stream_has_to_wait():
    world = MemoryWorld()
    async with running(world) as (federation, connect):
        await connect(ScriptedNode(world, node=OTHER))
        outcomes = []
        for _ in range(22):
            gateway_end, node_end = pipe()
            await node_end.put(None)
            with pytest.raises(Refused) as refused:
                await federation.serve(gateway_end, NODE.encode())
            outcomes.append(refused.value.code)
        assert outcomes == [Code.BAD_FRAME] * 20 + [Code.OVERLOADED] * 2
        assert federation.connected(OTHER)
