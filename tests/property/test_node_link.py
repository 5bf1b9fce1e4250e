"""Whatever the sizes, the order and the bytes: answers arrive whole, and a peer's garbage is only ever refused."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Refused
from gateway.federation import LinkLimits
from gateway.federation.asks import FIRST_CREDIT, AskBook, Gathering
from gateway.federation.receipts import BadAnswer, FinishedAnswer, ReceiptChecker
from gateway.federation.wire import BadBody, parse_disclosure, parse_receipt
from keys.batch import BatchItem
from keys.signing import SigningKey
from nodes.link.codec import ProtobufCodec
from nodes.link.replies import ReplyQueue
from nodes.provider.model import Released
from oncegate.v1 import node_link_pb2
from tests.support.federation import NODE, MemoryWorld

WORLD = MemoryWorld()
ORDER = WORLD.order()
CHECKER = ReceiptChecker(NODE, bytes(16), WORLD.certified(NODE, SigningKey.generate()), 1000)
CODEC = ProtobufCodec()


def book(limits, tell):
    """An ask book with one sent ask whose credit is told at once."""

    def grant(waiting):
        waiting.credit += waiting.promised
        tell(waiting.promised)
        waiting.promised = 0

    loop = asyncio.new_event_loop()
    asks = AskBook(limits, grant, lambda _: None)
    waiting = asks.add(ORDER, Gathering(1, loop.create_future()), 0, 0.0)
    waiting.ticket_digest = bytes(32)
    loop.close()
    return asks, waiting


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 900_000), marks=st.binary(min_size=1, max_size=9))
def test_an_answer_of_any_size_arrives_whole_through_chunks_and_credit(size, marks):
    sealed = (marks * (size // len(marks) + 1))[:size]
    queue = ReplyQueue()
    asks, waiting = book(LinkLimits(), lambda more: queue.credit(1, more))
    queue.opened(1, FIRST_CREDIT)
    queue.answered(1, Released(sealed, b"receipt", b"", bytes(32)))
    finished = None
    while finished is None:
        batch = queue.take()
        assert batch is not None
        for reply in batch.message.replies:
            done = asks.receive(reply)
            finished = done[1] if done else None
    assert isinstance(finished, FinishedAnswer)
    assert finished.sealed == sealed
    assert not waiting.settled


REPLIES = st.builds(
    node_link_pb2.Reply,
    ask_id=st.integers(0, 3),
    chunk=st.integers(0, 3),
    data=st.sampled_from([b"", b"x", bytes(65_536), bytes(65_537)]),
    last=st.booleans(),
    receipt=st.sampled_from([b"", b"r"]),
    disclosure=st.sampled_from([b"", b"d"]),
    refusal=st.sampled_from(["", "TICKET_EXPIRED", "anything"]),
)


@settings(max_examples=200, deadline=None)
@given(replies=st.lists(REPLIES, max_size=40))
def test_no_sequence_of_replies_makes_the_gateway_keep_more_than_the_largest_answer(replies):
    limits = LinkLimits(answer_bytes=200_000)
    asks, waiting = book(limits, lambda _: None)
    for reply in replies:
        try:
            asks.receive(reply)
        except Refused:
            break
        assert sum(map(len, waiting.chunks)) <= limits.answer_bytes + 65_536


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=200))
def test_garbage_bodies_are_refused_and_never_anything_else(raw):
    for parse in (parse_receipt, parse_disclosure):
        with suppress(BadBody):
            parse(raw)
    for parse in (CODEC.parse_ticket, CODEC.parse_request, CODEC.parse_promise):
        with suppress(ValueError):
            parse(raw)
    with pytest.raises(BadAnswer) as bad:
        CHECKER.accept(FinishedAnswer(ORDER, bytes(32), raw, raw, raw), BatchItem(raw, b"", 0, 1, ()), 0)
    assert bad.value.rule.isupper()
