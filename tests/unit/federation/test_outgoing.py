"""What the gateway sends, and in which order: the queue of one stream without any stream."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from gateway.clock import SystemClock
from gateway.errors import Code, Refused
from gateway.federation import LinkLimits
from gateway.federation.asks import FIRST_CREDIT, MAX_CHUNK, MIN_CHUNK, AskBook, Gathering
from gateway.federation.outgoing import FRAME_BYTES, MAX_ASKS, Outgoing, TicketIssuer
from keys.batch import scope
from keys.key_certificates import CertifiedKeys
from oncegate.v1 import node_link_pb2
from policies.reasons import Reason
from tests.support.federation import NODE, MemoryWorld

SESSION = bytes(16)


class Queue:
    """An ask book and its outgoing queue, as a session joins them."""

    def __init__(self, limits=None, ticket_life_ms=30_000):
        self.world = MemoryWorld()
        issuer = TicketIssuer(self.world.ticket_key, SystemClock(), ticket_life_ms, secrets.token_bytes)
        self.outgoing = Outgoing(issuer, SESSION, scope(NODE, SESSION), SystemClock())
        self.book = AskBook(limits or LinkLimits(), self.outgoing.grant, self.outgoing.cancel)

    def ask(self, order=None, deadline_s=10.0):
        done = asyncio.get_running_loop().create_future()
        waiting = self.book.add(order or self.world.order(), Gathering(1, done), 0, deadline_s)
        self.outgoing.ask(waiting)
        return waiting

    def kinds(self):
        found = []
        while (frame := self.outgoing.next_frame(0.0)) is not None:
            found.append(frame.WhichOneof("frame"))
        return found


async def test_nothing_waits_at_first():
    assert Queue().kinds() == []


async def test_an_ask_that_nobody_waits_for_any_more_is_never_sent_and_never_cancelled():
    queue = Queue()
    queue.book.give_up(queue.ask(), Reason.DEADLINE)
    assert queue.kinds() == []


async def test_a_frame_holds_at_most_256_asks():
    queue = Queue()
    order = replace(queue.world.order(), requester_keys=CertifiedKeys(b"", b"", b""))
    for _ in range(MAX_ASKS + 1):
        queue.ask(order)
    first, second = queue.outgoing.next_frame(0.0), queue.outgoing.next_frame(0.0)
    assert first is not None
    assert second is not None
    assert (len(first.asks.asks), len(second.asks.asks)) == (MAX_ASKS, 1)


async def test_a_frame_of_big_asks_stays_under_its_size_but_always_takes_one():
    queue = Queue()
    order = queue.world.order()
    big = replace(order, request=bytes(500_000))
    for _ in range(3):
        queue.ask(big)
    sizes = []
    while (frame := queue.outgoing.next_frame(0.0)) is not None:
        sizes.append(frame.ByteSize())
    assert len(sizes) == 3
    assert max(sizes) < FRAME_BYTES


async def test_small_frames_go_before_asks_and_heartbeats_do_not_pile_up():
    queue = Queue()
    waiting = queue.ask()
    queue.outgoing.heartbeat()
    queue.outgoing.heartbeat()
    waiting.promised = 100
    queue.outgoing.grant(waiting)
    queue.outgoing.send(node_link_pb2.GatewayFrame(drain=node_link_pb2.Drain()))
    assert queue.kinds() == ["drain", "credit", "heartbeat", "asks"]
    assert waiting.credit == FIRST_CREDIT + 100


async def test_cancels_of_a_node_that_reads_nothing_are_bounded():
    queue = Queue()
    for number in range(3000):
        queue.outgoing.cancel(number)
    assert len(queue.kinds()) == 1024


@pytest.mark.parametrize(("deadline_s", "expected_ms"), [(1.0, 3000), (100.0, 30_000), (-1.0, 2001)])
async def test_a_ticket_lives_a_little_longer_than_its_ask_and_never_longer_than_allowed(deadline_s, expected_ms):
    from oncegate.v1 import signed_pb2

    queue = Queue()
    queue.ask(deadline_s=deadline_s)
    frame = queue.outgoing.next_frame(0.0)
    assert frame is not None
    ticket = signed_pb2.TicketBody.FromString(frame.asks.asks[0].ticket)
    assert ticket.expires_unix_ms - ticket.issued_unix_ms == expected_ms


def chunk(ask_id, number, size=MAX_CHUNK):
    return node_link_pb2.Reply(ask_id=ask_id, chunk=number, data=bytes(size))


async def test_credit_is_topped_up_while_chunks_come_and_ends_at_the_largest_answer():
    queue = Queue(LinkLimits(answer_bytes=4 * MAX_CHUNK))
    waiting = queue.ask()
    assert queue.kinds() == ["asks"]
    granted = FIRST_CREDIT
    for number in range(4):
        assert queue.book.receive(chunk(waiting.ask_id, number)) is None
        while (frame := queue.outgoing.next_frame(0.0)) is not None:
            granted += frame.credit.bytes
    assert granted == 4 * MAX_CHUNK
    assert waiting.settled


async def test_credit_that_was_not_yet_told_does_not_count():
    queue = Queue()
    waiting = queue.ask()
    queue.kinds()
    queue.book.receive(chunk(waiting.ask_id, 0))
    queue.book.receive(chunk(waiting.ask_id, 1))
    with pytest.raises(Refused, match="no credit"):
        queue.book.receive(chunk(waiting.ask_id, 2))


async def test_credit_for_an_ask_that_is_settled_is_not_sent():
    queue = Queue()
    waiting = queue.ask()
    queue.kinds()
    queue.book.receive(chunk(waiting.ask_id, 0))
    queue.book.give_up(waiting, Reason.DEADLINE)
    assert queue.kinds() == ["cancel"]


async def test_a_reply_to_an_ask_that_is_still_queued_breaks_the_protocol():
    queue = Queue()
    waiting = queue.ask()
    with pytest.raises(Refused) as refused:
        queue.book.receive(chunk(waiting.ask_id, 0))
    assert refused.value.code is Code.BAD_FRAME


async def test_a_chunk_in_the_middle_is_not_tiny_unless_credit_ends_there():
    queue = Queue()
    waiting = queue.ask()
    queue.kinds()
    with pytest.raises(Refused, match="chunk size"):
        queue.book.receive(chunk(waiting.ask_id, 0, MIN_CHUNK - 1))
    waiting = queue.ask()
    queue.kinds()
    waiting.credit = 5
    assert queue.book.receive(chunk(waiting.ask_id, 0, 5)) is None


@pytest.mark.parametrize("size", [0, 1, MAX_CHUNK])
async def test_late_chunks_use_up_credit_too(size):
    queue = Queue()
    waiting = queue.ask()
    queue.kinds()
    queue.book.give_up(waiting, Reason.DEADLINE)
    for number in range(FIRST_CREDIT // max(size, MIN_CHUNK)):
        assert queue.book.receive(chunk(waiting.ask_id, number, size)) is None
    with pytest.raises(Refused, match="no credit"):
        queue.book.receive(chunk(waiting.ask_id, 99, size))


async def test_late_replies_are_dropped_however_many_chunks_they_have_and_then_count_as_second_answers():
    queue = Queue()
    waiting = queue.ask()
    queue.kinds()
    queue.book.give_up(waiting, Reason.DEADLINE)
    last = chunk(waiting.ask_id, 1)
    last.last = True
    assert queue.book.receive(chunk(waiting.ask_id, 0)) is None
    assert queue.book.receive(last) is None
    with pytest.raises(Refused):
        queue.book.receive(last)


async def test_very_old_asks_are_forgotten_without_harm():
    queue = Queue()
    queue.book = AskBook(LinkLimits(), queue.outgoing.grant, queue.outgoing.cancel, remember_late=2)
    asks = [queue.ask() for _ in range(4)]
    queue.kinds()
    for waiting in asks:
        queue.book.give_up(waiting, Reason.DEADLINE)
    for waiting in asks:
        assert queue.book.receive(chunk(waiting.ask_id, 0)) is None


async def test_the_first_outcome_of_an_order_stands():
    from gateway.federation import Silence

    world = MemoryWorld()
    done = asyncio.get_running_loop().create_future()
    gathering = Gathering(1, done)
    order = world.order()
    gathering.settle(0, Silence(order, Reason.DEADLINE))
    gathering.settle(0, Silence(order, Reason.NODE_DOWN))
    assert [item.reason for item in done.result()] == [Reason.DEADLINE]
