"""Which asks of one stream wait for an answer, and what has arrived of it.

Rules kept: an ask is answered at most once; a reply to an ask that was never sent, a second answer, a chunk out of
order, over its size or without credit breaks the protocol and ends the stream (`Refused` BAD_FRAME), while a late
reply to an ask that nobody waits for any more is dropped silently, because it is the node's right to be slow. What a
node makes us keep is bounded by the credit we gave it. Nothing is verified here; see `receipts.py`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.errors import Code, Refused
from gateway.federation.model import Answer, LinkLimits, Order, Silence
from gateway.federation.receipts import FinishedAnswer
from oncegate.v1 import node_link_pb2
from policies.reasons import Reason

MAX_CHUNK = 64 * 1024
MIN_CHUNK = 4 * 1024
"""A chunk that is neither the last nor as long as credit allows holds at least this, or chunks cost more than bytes."""
FIRST_CREDIT = 128 * 1024
"""Bytes a node may send before it gets more credit: two chunks, so that the next is under way while one is read."""
_REMEMBERED_LATE = 16_384
_DETAILS = frozenset(reason.value for reason in Reason)


class Gathering:
    """The orders of one call and what became of each; done when all are settled or its time is over.

    Args:
        count: Number of orders.
        done: Completed with the outcomes, in the orders' order.
    """

    __slots__ = ("_left", "_outcomes", "asked", "done")

    def __init__(self, count: int, done: "asyncio.Future[list[Answer | Silence]]") -> None:
        self._outcomes: list[Answer | Silence | None] = [None] * count
        self._left = count
        self.done = done
        self.asked: list[tuple[Callable[[Waiting, Reason], None], Waiting]] = []

    def settle(self, place: int, outcome: Answer | Silence) -> None:
        """Note what became of one order; the first outcome stands."""
        if self._outcomes[place] is not None:
            return
        self._outcomes[place] = outcome
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result([item for item in self._outcomes if item is not None])

    def give_up(self) -> None:
        """Nobody waits any more: whatever is not settled becomes a silence with the reason DEADLINE."""
        for give_up, waiting in self.asked:
            if not waiting.settled:
                give_up(waiting, Reason.DEADLINE)


@dataclass(slots=True, eq=False)
class Waiting:
    """One ask that is queued or sent and not yet answered.

    Attributes:
        ask_id: Its number in the stream.
        order: What is asked.
        gathering: Whom to tell.
        place: The order's place there.
        deadline_s: When nobody waits any more, event loop time.
        ticket_digest: SHA-256 of the ticket; empty until it is sent.
        credit: Bytes that the node may still send, as far as it was told.
        promised: Bytes of further credit that are queued and not yet told.
        received: Bytes that arrived.
        chunks: What arrived, in order.
        settled: Whether its outcome is known.
    """

    ask_id: int
    order: Order
    gathering: Gathering
    place: int
    deadline_s: float
    ticket_digest: bytes = b""
    credit: int = FIRST_CREDIT
    promised: int = 0
    received: int = 0
    chunks: list[bytes] = field(default_factory=list)
    settled: bool = False

    def settle(self, outcome: Answer | Silence) -> None:
        """Tell the outcome to whoever waits."""
        self.settled = True
        self.gathering.settle(self.place, outcome)


class AskBook:
    """The asks of one stream.

    Args:
        limits: Most waiting asks and largest answer.
        grant: Called with an ask whose node may be told the promised credit.
        cancel: Called with an ask id when nobody waits for a sent ask any more.
        remember_late: How many asks that were given up are remembered; replies to older ones are dropped unchecked.
    """

    def __init__(
        self,
        limits: LinkLimits,
        grant: Callable[[Waiting], None],
        cancel: Callable[[int], None],
        remember_late: int = _REMEMBERED_LATE,
    ) -> None:
        self._remember = remember_late
        self._limits = limits
        self._grant = grant
        self._cancel = cancel
        self._waiting: dict[int, Waiting] = {}
        self._late: dict[int, int] = {}
        self._late_floor = 0
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether no further ask fits; fails closed: a full stream is silent at once instead of queueing."""
        return len(self._waiting) >= self._limits.waiting_asks

    def add(self, order: Order, gathering: Gathering, place: int, deadline_s: float) -> Waiting:
        """Book a new ask."""
        self._last_id += 1
        waiting = Waiting(self._last_id, order, gathering, place, deadline_s)
        self._waiting[waiting.ask_id] = waiting
        return waiting

    def give_up(self, waiting: Waiting, reason: Reason, detail: str = "") -> None:
        """Settle an ask as a silence; the node is told when it has the ask."""
        if self._waiting.pop(waiting.ask_id, None) is None:
            return
        waiting.chunks.clear()
        if waiting.ticket_digest:
            self._remember_late(waiting)
            self._cancel(waiting.ask_id)
        waiting.settle(Silence(waiting.order, reason, detail))

    def give_up_all(self, reason: Reason) -> None:
        """Settle every ask as a silence; the stream is closed."""
        waiting = list(self._waiting.values())
        self._waiting.clear()
        for item in waiting:
            item.chunks.clear()
            item.settle(Silence(item.order, reason))

    def receive(self, reply: node_link_pb2.Reply) -> tuple[Waiting, FinishedAnswer | Silence] | None:
        """Take one reply.

        Args:
            reply: One entry of a Replies frame.

        Returns:
            The ask that this reply finishes, and with what; None when more chunks come or nobody waits.

        Raises:
            Refused: BAD_FRAME, the reply breaks the protocol. Fails closed: the caller ends the stream.
        """
        waiting = self._waiting.get(reply.ask_id)
        if waiting is None:
            self._take_late(reply)
            return None
        if not waiting.ticket_digest:
            raise Refused(Code.BAD_FRAME, "reply: to an ask that was not sent")
        if reply.refusal:
            if reply.data or reply.receipt or waiting.chunks:
                raise Refused(Code.BAD_FRAME, "reply: refusal with an answer")
            del self._waiting[reply.ask_id]
            # A peer's words are never relayed: only codes of our own table pass.
            detail = reply.refusal if reply.refusal in _DETAILS else "UNKNOWN_REASON"
            return waiting, Silence(waiting.order, Reason.NODE_REFUSED, detail)
        self._take_chunk(waiting, reply)
        if not reply.last:
            self._top_up(waiting)
            return None
        del self._waiting[reply.ask_id]
        sealed = waiting.chunks[0] if len(waiting.chunks) == 1 else b"".join(waiting.chunks)
        finished = FinishedAnswer(waiting.order, waiting.ticket_digest, sealed, reply.receipt, reply.disclosure)
        return waiting, finished

    def _take_chunk(self, waiting: Waiting, reply: node_link_pb2.Reply) -> None:
        size = len(reply.data)
        if reply.chunk != len(waiting.chunks):
            raise Refused(Code.BAD_FRAME, "reply: chunk out of order")
        if not 0 < size <= MAX_CHUNK:
            raise Refused(Code.BAD_FRAME, "reply: chunk size")
        if size > waiting.credit:
            raise Refused(Code.BAD_FRAME, "reply: no credit")
        if reply.last != bool(reply.receipt) or (reply.disclosure and not reply.last):
            raise Refused(Code.BAD_FRAME, "reply: receipt not with the last chunk")
        waiting.credit -= size
        if not reply.last and size < MIN_CHUNK and waiting.credit:
            raise Refused(Code.BAD_FRAME, "reply: chunk size")
        waiting.received += size
        waiting.chunks.append(reply.data)

    def _top_up(self, waiting: Waiting) -> None:
        """Give more credit up to the largest answer; an answer that wants more is given up."""
        if waiting.promised or waiting.credit > MAX_CHUNK:
            return
        room = self._limits.answer_bytes - waiting.received - waiting.credit
        more = min(room, FIRST_CREDIT)
        if more > 0:
            waiting.promised = more
            self._grant(waiting)
        elif not waiting.credit:
            self.give_up(waiting, Reason.BAD_ANSWER, "ANSWER_TOO_LARGE")

    def _remember_late(self, waiting: Waiting) -> None:
        self._late[waiting.ask_id] = waiting.credit + waiting.promised
        while len(self._late) > self._remember:
            oldest = next(iter(self._late))
            del self._late[oldest]
            self._late_floor = max(self._late_floor, oldest)

    def _take_late(self, reply: node_link_pb2.Reply) -> None:
        """Drop a reply that comes too late; refuse one that answers nothing or answers twice."""
        if not 0 < reply.ask_id <= self._last_id:
            raise Refused(Code.BAD_FRAME, "reply: to an ask that was never made")
        if reply.ask_id <= self._late_floor:
            return
        if reply.ask_id not in self._late:
            raise Refused(Code.BAD_FRAME, "reply: second answer")
        # Late chunks still use up credit, or a node could send them for ever.
        self._late[reply.ask_id] -= max(len(reply.data), MIN_CHUNK)
        if reply.last or reply.refusal:
            del self._late[reply.ask_id]
        elif self._late[reply.ask_id] < 0:
            raise Refused(Code.BAD_FRAME, "reply: no credit")
