"""Answers on their way to the gateway: cut into chunks, sent as far as credit reaches, signed once a frame.

Rules kept: a chunk is at most 64 KiB and never more than the credit for its ask; a frame takes one chunk of each
answer in turn, so a big answer does not hold up small ones; a reply to an ask that was cancelled is dropped before it
is signed, so no receipt is kept for something that never left. Pure bookkeeping: no signing and no sending here.
"""

from collections import deque
from dataclasses import dataclass

from nodes.provider.model import Refusal, Released, Reply
from oncegate.v1 import node_link_pb2

MAX_CHUNK = 64 * 1024
MAX_REPLIES = 256
FRAME_BYTES = 512 * 1024


@dataclass(slots=True, eq=False)
class _Outbound:
    """One ask and how much of its answer has left."""

    ask_id: int
    credit: int
    reply: Reply | None = None
    sent: int = 0
    chunk: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes into one frame: the message still without signature, and the answers that end in it, in order."""

    message: node_link_pb2.Replies
    ending: tuple[Released, ...]


class ReplyQueue:
    """The asks of one stream whose answers have not left completely."""

    def __init__(self) -> None:
        self._open: dict[int, _Outbound] = {}
        self._ready: deque[_Outbound] = deque()
        self._starved: set[int] = set()

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, ask_id: int, credit: int) -> bool:
        """Note a new ask; False when its number is in use, which an honest gateway never does."""
        if ask_id in self._open:
            return False
        self._open[ask_id] = _Outbound(ask_id, credit)
        return True

    def answered(self, ask_id: int, reply: Reply) -> bool:
        """Queue the reply to an ask; False when it was cancelled meanwhile."""
        outbound = self._open.get(ask_id)
        if outbound is None:
            return False
        outbound.reply = reply
        self._ready.append(outbound)
        return True

    def credit(self, ask_id: int, more: int) -> bool:
        """Allow more bytes for one ask; True when that lets something be sent."""
        outbound = self._open.get(ask_id)
        if outbound is None:
            return False
        outbound.credit += more
        if ask_id in self._starved:
            self._starved.discard(ask_id)
            self._ready.append(outbound)
            return True
        return False

    def cancel(self, ask_id: int) -> None:
        """Nobody waits any more: what has not left is dropped."""
        self._open.pop(ask_id, None)
        self._starved.discard(ask_id)

    def take(self) -> Batch | None:
        """The next frame's replies, or None when nothing can be sent now."""
        message = node_link_pb2.Replies()
        ending: list[Released] = []
        size = 0
        # Each answer gives at most one chunk a frame; what is left of it goes to the back.
        for _ in range(len(self._ready)):
            if len(message.replies) >= MAX_REPLIES or size >= FRAME_BYTES:
                break
            outbound = self._ready.popleft()
            if self._open.get(outbound.ask_id) is not outbound:
                continue
            if isinstance(outbound.reply, Released):
                size += self._add_chunk(message, outbound, outbound.reply, ending)
            elif isinstance(outbound.reply, Refusal):
                message.replies.add(ask_id=outbound.ask_id, refusal=outbound.reply.reason.value)
                del self._open[outbound.ask_id]
        return Batch(message, tuple(ending)) if message.replies else None

    def _add_chunk(
        self, message: node_link_pb2.Replies, outbound: _Outbound, answer: Released, ending: list[Released]
    ) -> int:
        """Append the next chunk of one answer; returns its size."""
        left = len(answer.sealed) - outbound.sent
        size = min(left, MAX_CHUNK, outbound.credit)
        if not size:
            self._starved.add(outbound.ask_id)
            return 0
        data = answer.sealed[outbound.sent : outbound.sent + size] if size < len(answer.sealed) else answer.sealed
        reply = message.replies.add(ask_id=outbound.ask_id, chunk=outbound.chunk, data=data)
        outbound.sent += size
        outbound.chunk += 1
        outbound.credit -= size
        if size < left:
            self._ready.append(outbound)
            return size
        reply.last = True
        reply.receipt = answer.receipt
        reply.disclosure = answer.disclosure
        ending.append(answer)
        del self._open[outbound.ask_id]
        return size + len(answer.receipt) + len(answer.disclosure)
