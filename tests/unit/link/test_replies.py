"""Answers on their way out: chunks, credit, turns, cancels."""

from nodes.link.replies import FRAME_BYTES, MAX_CHUNK, MAX_REPLIES, ReplyQueue
from nodes.provider.model import Refusal, Released
from policies.reasons import Reason


def released(size, name=b"r"):
    return Released(bytes(size), b"receipt-" + name, b"disclosure", bytes(32))


def taken(queue):
    """What the next frame holds: ask, chunk, bytes, last."""
    batch = queue.take()
    return None if batch is None else [(r.ask_id, r.chunk, len(r.data), r.last) for r in batch.message.replies]


def test_nothing_leaves_before_there_is_an_answer():
    queue = ReplyQueue()
    queue.opened(1, 1000)
    assert queue.take() is None


def test_a_small_answer_leaves_in_one_chunk_with_its_receipt():
    queue = ReplyQueue()
    queue.opened(1, 1000)
    queue.answered(1, released(10))
    batch = queue.take()
    assert batch is not None
    [reply] = batch.message.replies
    assert (reply.data, reply.last, reply.receipt, reply.disclosure) == (bytes(10), True, b"receipt-r", b"disclosure")
    assert len(batch.ending) == 1
    assert len(queue) == 0


def test_what_waits_together_leaves_in_one_frame_in_order():
    queue = ReplyQueue()
    for ask in range(5):
        queue.opened(ask, 1000)
        queue.answered(ask, released(10, str(ask).encode()))
    batch = queue.take()
    assert batch is not None
    assert [answer.receipt for answer in batch.ending] == [reply.receipt for reply in batch.message.replies]
    assert queue.take() is None


def test_an_answer_goes_as_far_as_its_credit_and_on_when_there_is_more():
    queue = ReplyQueue()
    queue.opened(1, 100)
    queue.answered(1, released(250))
    assert taken(queue) == [(1, 0, 100, False)]
    assert taken(queue) is None
    assert taken(queue) is None
    assert queue.credit(1, 100)
    assert taken(queue) == [(1, 1, 100, False)]
    assert taken(queue) is None
    assert queue.credit(1, 1000)
    assert taken(queue) == [(1, 2, 50, True)]


def test_credit_before_the_answer_or_for_an_unknown_ask_starts_nothing():
    queue = ReplyQueue()
    queue.opened(1, 10)
    assert not queue.credit(1, 10)
    assert not queue.credit(2, 10)
    queue.answered(1, released(20))
    assert taken(queue) == [(1, 0, 20, True)]


def test_a_chunk_is_at_most_64_kib():
    queue = ReplyQueue()
    queue.opened(1, 1 << 30)
    queue.answered(1, released(MAX_CHUNK + 1))
    assert taken(queue) == [(1, 0, MAX_CHUNK, False)]
    assert taken(queue) == [(1, 1, 1, True)]


def test_a_big_answer_lets_small_ones_pass():
    queue = ReplyQueue()
    queue.opened(1, 1 << 30)
    queue.answered(1, released(10 * MAX_CHUNK))
    assert taken(queue) == [(1, 0, MAX_CHUNK, False)]
    queue.opened(2, 1000)
    queue.answered(2, released(10))
    assert taken(queue) == [(1, 1, MAX_CHUNK, False), (2, 0, 10, True)]


def test_a_frame_is_bounded_in_bytes_and_in_replies():
    queue = ReplyQueue()
    for ask in range(20):
        queue.opened(ask, 1 << 30)
        queue.answered(ask, released(MAX_CHUNK))
    first = taken(queue)
    assert first is not None
    assert sum(size for _, _, size, _ in first) <= FRAME_BYTES + MAX_CHUNK
    queue = ReplyQueue()
    for ask in range(MAX_REPLIES + 1):
        queue.opened(ask, 10)
        queue.answered(ask, Refusal(Reason.NODE_BUSY))
    first = taken(queue)
    second = taken(queue)
    assert (len(first or ()), len(second or ())) == (MAX_REPLIES, 1)


def test_a_refusal_is_only_its_code():
    queue = ReplyQueue()
    queue.opened(1, 10)
    queue.answered(1, Refusal(Reason.TICKET_EXPIRED))
    batch = queue.take()
    assert batch is not None
    [reply] = batch.message.replies
    assert (reply.refusal, reply.data, reply.receipt, reply.last) == ("TICKET_EXPIRED", b"", b"", False)
    assert not batch.ending


def test_a_cancelled_ask_is_never_sent_nor_signed():
    queue = ReplyQueue()
    for ask in (1, 2):
        queue.opened(ask, 10)
    queue.cancel(1)
    assert not queue.answered(1, released(5))
    queue.answered(2, released(50))
    assert taken(queue) == [(2, 0, 10, False)]
    queue.cancel(2)
    assert not queue.credit(2, 100)
    assert taken(queue) is None
    queue.cancel(3)


def test_an_answer_cancelled_while_it_waits_is_dropped_before_it_is_signed():
    queue = ReplyQueue()
    queue.opened(1, 10)
    queue.answered(1, released(5))
    queue.cancel(1)
    assert queue.take() is None


def test_an_ask_number_in_use_is_told_apart():
    queue = ReplyQueue()
    assert queue.opened(1, 10)
    assert not queue.opened(1, 10)
