"""A whole node on real files: answers, receipts, restarts, broken and slow sources, a full disk."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from keys.batch import ItemVerifier, scope
from keys.signing import PROMISE, RECEIPTS, REQUEST, TICKETS, SigningKey, VerifyKey, digest
from nodes.link.codec import ProtobufCodec
from nodes.provider.checks import CheckedTicket
from nodes.provider.model import DisclosureContent, Refusal, Released, Reply, Ticket
from nodes.provider.node import ProviderNode
from nodes.provider.release import Prepared
from nodes.provider.state import KeptReceipt, list_receipts, open_reader
from oncegate.v1 import signed_pb2
from policies.reasons import Reason
from tests.support.provider_world import (
    DOMAIN,
    LI,
    NOBODY,
    NODE,
    RESOURCE,
    RESOURCES_TOML,
    ZHANG,
    Ask,
    World,
    handles_of,
    outcomes,
    texts,
)

PERMITS = """
[sources.permits]
kind = "csv"
path = "permits.csv"
encoding = "gb18030"

"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


@pytest.fixture
async def node(world: World) -> AsyncIterator[ProviderNode]:
    node = world.node()
    node.compare()
    node.start()
    yield node
    await node.close()


async def ask_for(world: World, node: ProviderNode, subject: str = ZHANG) -> Ask:
    return world.ask((await handles_of(node))[subject], request=world.request(subject))


async def answer(world: World, node: ProviderNode, ask: Ask) -> Reply:
    return await node.answer(world.send(ask)[0])


def receipts(world: World) -> list[KeptReceipt]:
    reader = open_reader(world.folder / "state" / "node.sqlite")
    found = list_receipts(reader, None, 1000)
    reader.close()
    return found


def with_permits(world: World) -> None:
    """Adds a second resource from a CSV file."""
    resource = RESOURCES_TOML[RESOURCES_TOML.index("[[resources]]") :]
    resource = resource.replace("civil.resident", "civil.permit").replace('source = "people"', 'source = "permits"')
    text = RESOURCES_TOML.replace("[[resources]]", PERMITS + "[[resources]]", 1)
    text = text.replace(
        'url = "sqlite:///people.db"', 'url = "sqlite:///people.db"\ntimeout_s = 60\nworkers = 1\nwaiting = 2'
    )
    (world.folder / "resources.toml").write_text(text + resource)
    rows = [("id", "id_no", "xm", "csrq", "xb", "updated_at"), ("P1", ZHANG, "张三丰", "19900307", "1", "")]
    (world.folder / "permits.csv").write_text("\n".join(",".join(row) for row in rows), encoding="gb18030")


def permit_ask(world: World, handle: bytes) -> Ask:
    agreement = world.accept_agreement(id="permits-1", resource="civil.permit")
    item = signed_pb2.RequestItem(resource="civil.permit", field="name", form=4, necessity=1)
    year = signed_pb2.RequestItem(resource="civil.permit", field="birth_date", form=2, necessity=1)
    return world.ask(
        handle,
        request=world.request(items=[item, year]),
        resource="civil.permit",
        agreement_id="permits-1",
        agreement_digest=digest(agreement),
    )


async def test_what_is_kept_proves_the_release_to_a_third_party(world: World, node: ProviderNode) -> None:
    asks = [await ask_for(world, node, ZHANG), await ask_for(world, node, LI)]
    replies = await asyncio.gather(*(node.answer(ask) for ask in world.send(*asks)))
    released = [reply for reply in replies if isinstance(reply, Released)]
    assert [texts(world.open(ask, reply)) for ask, reply in zip(asks, released, strict=True)] == [
        ["张三丰", "1990"],
        ["李四", "1985"],
    ]
    frame = scope(str(NODE), node.session_id)
    assert {kept.receipt.body for kept in receipts(world)} == {reply.receipt for reply in released}
    for kept in receipts(world):
        ItemVerifier(world.receipt_key.verify_key).verify(RECEIPTS, frame, kept.receipt)
        ItemVerifier(VerifyKey.from_der(world.trust.ticket_key)).verify(TICKETS, frame, kept.ticket)
        origin = scope(world.trust.log_origin)
        ItemVerifier(VerifyKey.from_der(world.trust.promise_key)).verify(PROMISE, origin, kept.promise)
        world.system.signing.verify_key.verify(REQUEST, kept.request, kept.request_signature)
        assert kept.requester_keys == world.system.certified


async def test_many_asks_at_once_are_all_answered(world: World, node: ProviderNode) -> None:
    handles = await handles_of(node)
    asks = [world.ask(handles[ZHANG], request=world.request(request_id=str(number))) for number in range(100)]
    replies = await asyncio.gather(*(node.answer(ask) for ask in world.send(*asks)))
    assert all(isinstance(reply, Released) for reply in replies)
    assert len(receipts(world)) == 100


async def test_a_source_that_is_down_gives_nothing_removes_nothing_and_comes_back(
    world: World, node: ProviderNode
) -> None:
    ask = await ask_for(world, node)
    world.sql("ALTER TABLE residents RENAME TO away")
    reply = await answer(world, node, ask)
    assert isinstance(reply, Released)
    assert outcomes(reply) == ["SOURCE_ERROR"] * 2
    assert not node.compare()
    assert not any(delta.tombstone for delta in await node.pending(0, 100))
    assert node.reports()[RESOURCE].failure.startswith("people: cannot be read")
    world.sql("ALTER TABLE away RENAME TO residents")
    again = await answer(world, node, await ask_for(world, node))
    assert isinstance(again, Released)
    assert outcomes(again) == ["RELEASED"] * 2


@asynccontextmanager
async def stuck_people(world: World) -> AsyncIterator[tuple[ProviderNode, sqlite3.Connection]]:
    """A node whose `people` source hangs, with one thread for it and room for two more asks."""
    with_permits(world)
    node = world.node()
    node.compare()
    await handles_of(node)
    holder = sqlite3.connect(world.folder / "people.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    # The comparison in the background is not started: it would only wait for the lock too.
    node._loop = asyncio.get_running_loop()
    yield node, holder
    holder.close()
    await node.close()


async def begun(node: ProviderNode) -> None:
    """Until the thread of `people` is at work and nothing waits for it."""
    lane = node._lanes["people"]
    while not lane._running or lane.waiting:  # noqa: ASYNC110 - a thread has no event to wait for
        await asyncio.sleep(0.002)


async def test_a_slow_source_does_not_delay_another(world: World) -> None:
    async with stuck_people(world) as (node, holder):
        slow = await ask_for(world, node)
        fast = permit_ask(world, (await handles_of(node, "civil.permit"))[ZHANG])
        waiting = asyncio.create_task(answer(world, node, slow))
        await begun(node)
        reply = await answer(world, node, fast)
        assert isinstance(reply, Released)
        assert texts(world.open(fast, reply)) == ["张三丰", "1990"]
        assert not waiting.done()
        holder.execute("ROLLBACK")
        late = await waiting
        assert isinstance(late, Released)
        assert outcomes(late) == ["RELEASED"] * 2


async def test_one_read_that_hangs_does_not_hold_up_the_next_ask_of_its_source(
    world: World, node: ProviderNode
) -> None:
    hanging = await ask_for(world, node, LI)
    releaser, go = node._releasers[RESOURCE], threading.Event()

    class Hangs:
        def prepare(self, tickets: Sequence[CheckedTicket]) -> list[Prepared]:
            if any(ticket.ask.ticket == hanging.ticket for ticket in tickets):
                assert go.wait(30)
            return releaser.prepare(tickets)

    node._releasers[RESOURCE] = Hangs()  # type: ignore[assignment]
    waiting = asyncio.create_task(answer(world, node, hanging))
    await begun(node)
    assert isinstance(await answer(world, node, await ask_for(world, node)), Released)
    assert not waiting.done()
    go.set()
    assert isinstance(await waiting, Released)


async def test_a_full_queue_is_told_at_once_and_nobody_is_answered_after_the_deadline(world: World) -> None:
    async with stuck_people(world) as (node, holder):
        handle = (await handles_of(node))[LI]
        first = asyncio.create_task(answer(world, node, replace(world.ask(handle), deadline_ms=900)))
        await begun(node)
        fit = [replace(world.ask(handle), deadline_ms=900) for _ in range(2)]
        too_many = [world.ask(handle) for _ in range(2)]
        replies = await asyncio.gather(*(node.answer(ask) for ask in world.send(*fit, *too_many)), first)
        late, busy = Refusal(Reason.DEADLINE), Refusal(Reason.NODE_BUSY)
        assert replies == [late, late, busy, busy, late]
        holder.execute("ROLLBACK")
    # The one that was being read may be on record although nobody got it; those that waited were never begun.
    assert len(receipts(world)) <= 1


async def test_a_cancelled_ask_is_not_carried_out(world: World, node: ProviderNode) -> None:
    task = asyncio.create_task(answer(world, node, await ask_for(world, node)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)
    assert receipts(world) == []


async def test_nothing_is_released_when_its_proof_cannot_be_written(world: World, node: ProviderNode) -> None:
    ask = await ask_for(world, node)

    def fill(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    node._state.write(fill)
    handles = await handles_of(node)
    asks = [world.ask(handles[ZHANG], request=world.request(request_id=str(number))) for number in range(20)]
    replies = await asyncio.gather(*(node.answer(one) for one in world.send(ask, *asks)))
    assert Refusal(Reason.NODE_BUSY) in replies
    assert len(receipts(world)) == sum(isinstance(reply, Released) for reply in replies)
    node._state.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000"))
    assert isinstance(await answer(world, node, world.ask(handles[ZHANG])), Released)


class Broken(ProtobufCodec):
    """A codec with a mistake in one place."""

    def __init__(self, where: str) -> None:
        self.where = where

    def parse_ticket(self, body: bytes) -> Ticket:
        if self.where == "checks":
            raise RuntimeError
        return super().parse_ticket(body)

    def encode_disclosure(self, disclosure: DisclosureContent) -> bytes:
        if self.where == "release":
            raise RuntimeError
        return super().encode_disclosure(disclosure)


@pytest.mark.parametrize("where", ["checks", "release"])
async def test_a_mistake_of_ours_is_a_refusal_and_the_node_goes_on(world: World, where: str) -> None:
    world.codec = Broken(where)
    node = world.node()
    node.compare()
    node.start()
    ask = await ask_for(world, node)
    assert await answer(world, node, ask) == Refusal(Reason.NODE_BUSY)
    assert receipts(world) == []
    world.codec.where = ""
    assert isinstance(await answer(world, node, world.ask((await handles_of(node))[ZHANG])), Released)
    await node.close()


async def test_an_unlisted_resource_is_searched_by_the_committed_identifier(world: World) -> None:
    file = world.folder / "resources.toml"
    file.write_text(RESOURCES_TOML.replace('update_cycle = "P1D"', 'update_cycle = "P1D"\nunlisted = true'))
    node = world.node()
    node.compare()
    node.start()
    assert (await node.outbox()).last_sequence == 0

    def unlisted(subject: str, identifier: str) -> Ask:
        return replace(world.ask(b"r" * 16, request=world.request(subject)), identifier=identifier)

    found = unlisted(ZHANG, ZHANG)
    reply = await answer(world, node, found)
    assert isinstance(reply, Released)
    assert texts(world.open(found, reply)) == ["张三丰", "1990"]
    for identifier in ("", LI):
        assert await answer(world, node, unlisted(ZHANG, identifier)) == Refusal(Reason.SUBJECT_MISMATCH)
    none = await answer(world, node, unlisted(NOBODY, NOBODY))
    assert isinstance(none, Released)
    assert outcomes(none) == ["NO_RECORD"] * 2
    assert len(none.sealed) == len(reply.sealed)
    world.sql("INSERT INTO residents VALUES (3, ?, '张四丰', NULL, '1', NULL)", ZHANG)
    node.compare()
    two = await answer(world, node, unlisted(ZHANG, ZHANG))
    assert isinstance(two, Released)
    assert outcomes(two) == ["NO_RECORD"] * 2
    await node.close()


async def test_a_record_that_a_rule_withholds_looks_like_none(world: World, node: ProviderNode) -> None:
    ask = await ask_for(world, node)
    await node.close()
    (world.folder / "node.toml").write_text(
        'format = "oncegate.node/1"\nsync_every_s = 3600\n[withhold.records]\n"civil.resident" = ["1"]\n'
    )
    again = world.node()
    again.start()
    reply = await answer(world, again, ask)
    assert isinstance(reply, Released)
    assert texts(world.open(ask, reply)) == [None, None]
    assert set(outcomes(reply)) <= {"WITHHELD", "NO_RECORD"}
    await again.close()


async def test_the_stream_client_is_woken_by_new_deltas(world: World, node: ProviderNode) -> None:
    last = (await node.outbox()).last_sequence
    await node.wait_for_deltas(last, 0.02)
    await node.wait_for_deltas(last - 1, 60)
    waiting = asyncio.create_task(node.wait_for_deltas(last, 60))
    await asyncio.sleep(0.01)
    world.sql("UPDATE residents SET xm = '张三' WHERE id = 1")
    await asyncio.to_thread(node.compare)
    await asyncio.wait_for(waiting, 30)
    [delta] = await node.pending(last, 10)
    assert (delta.subject_identifier, delta.version) == (ZHANG, 2)
    await node.acknowledge(delta.sequence, [])
    assert list(await node.pending(0, 10)) == []
    as_of, parts = await node.snapshot(RESOURCE)
    assert as_of == delta.sequence
    assert {entry.subject_identifier for part in parts for entry in part} == {ZHANG, LI}
    with pytest.raises(KeyError):
        await node.snapshot("civil.other")


async def test_sources_are_compared_in_the_background(world: World) -> None:
    (world.folder / "node.toml").write_text('format = "oncegate.node/1"\nsync_every_s = 1\n')
    node = world.node()
    assert node.synced_ms == 0
    node.start()
    await node.wait_for_deltas(1, 60)
    world.sql("INSERT INTO residents VALUES (3, ?, '王五', NULL, '1', NULL)", NOBODY)
    await node.wait_for_deltas(2, 60)
    assert (await node.outbox()).last_sequence == 3
    assert node.synced_ms == world.clock.at_ms
    assert [resource.code for resource in node.resources] == [RESOURCE]
    await node.close()


async def test_a_renewal_replaces_keys_and_a_damaged_one_replaces_nothing(world: World, node: ProviderNode) -> None:
    ask = await ask_for(world, node)
    old = world.ticket_key
    world.ticket_key = SigningKey.generate()
    mine = SigningKey.generate()
    node.renewed(replace(world.trust, ticket_key=world.ticket_key.verify_key.der), mine)
    assert await node.answer(world.send(ask, key=old)[0]) == Refusal(Reason.TICKET_BAD_SIGNATURE)
    with pytest.raises(Exception, match="not a public key"):
        node.renewed(replace(world.trust, promise_key=b"damaged", trust_domain="other.test"), world.receipt_key)
    assert isinstance(await answer(world, node, ask), Released)
    [kept] = receipts(world)
    ItemVerifier(mine.verify_key).verify(RECEIPTS, scope(str(NODE), node.session_id), kept.receipt)
    assert world.trust.trust_domain == DOMAIN


async def test_closing_refuses_what_waits(world: World, node: ProviderNode) -> None:
    waiting = asyncio.create_task(answer(world, node, await ask_for(world, node)))
    await asyncio.sleep(0)
    await node.close()
    assert isinstance(await waiting, Refusal)
