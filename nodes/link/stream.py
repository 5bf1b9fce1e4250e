"""One stream to the gateway, from Hello to its end.

Rules kept: asks are handed to the provider as they arrive and answered in any order; the provider has kept the proof of
a release durably before the link hears of it; the receipts of a frame are signed together under the node's certified
key; what breaks the protocol ends the stream, and the link opens another. A stream that takes no new asks (draining)
still finishes those it has. It verifies no ticket: the provider does, before it releases anything.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog

from keys.batch import scope, sign_batch
from keys.signing import RECEIPTS
from nodes.clock import Clock
from nodes.link import frames
from nodes.link.changes import ChangeSender
from nodes.link.identity import LinkIdentity
from nodes.link.replies import Batch, ReplyQueue
from nodes.provider.model import IncomingAsk, Provider, Refusal, Reply
from oncegate.v1 import node_link_pb2
from policies.reasons import Reason

PROTOCOL_VERSION = 1
MOST_OPEN_ASKS = 4096
_SILENT_HEARTBEATS = 3

_log = structlog.get_logger("oncegate.link")


class Wire(Protocol):
    """Frames both ways, as the transport carries them."""

    async def read(self) -> node_link_pb2.GatewayFrame | None:
        """The next frame; None at the end.

        Raises:
            Exception: The stream broke, or what came is no frame.
        """

    async def write(self, frame: node_link_pb2.NodeFrame) -> None:
        """Send a frame; waits while the gateway does not read."""


class LinkClosed(Exception):
    """The stream has to end; the text is a fixed rule."""


class LinkStream:
    """One open stream.

    Args:
        wire: Its frames.
        node: SPIFFE id of this node.
        provider: Answers asks and holds the outbox.
        identity: Certified keys and the key that signs receipts.
        clock: Wall and monotonic time.
        random_bytes: Source of snapshot ids.
        most_open_asks: Asks beyond this are refused as NODE_BUSY.
    """

    def __init__(
        self,
        wire: Wire,
        *,
        node: str,
        provider: Provider,
        identity: LinkIdentity,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        most_open_asks: int = MOST_OPEN_ASKS,
    ) -> None:
        self._wire = wire
        self._most_open_asks = most_open_asks
        self._provider = provider
        self._identity = identity
        self._clock = clock
        self._random_bytes = random_bytes
        self._session_id = provider.session_id
        self._scope = scope(node, self._session_id)
        self._replies = ReplyQueue()
        self._control: deque[node_link_pb2.NodeFrame] = deque()
        self._changes_out: deque[node_link_pb2.NodeFrame] = deque()
        self._wake = asyncio.Event()
        self._changes: ChangeSender | None = None
        self._changes_task: asyncio.Task[None] | None = None
        self._working: dict[int, asyncio.Task[None]] = {}
        self._heartbeat_s = 1.0
        self._heard_s = clock.monotonic_s()
        self._draining = False
        self.clock_offset_ms = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def greet(self) -> None:
        """Send Hello and take the Welcome.

        Raises:
            LinkClosed: The gateway's first frame is no Welcome, or of another version. Fails closed.
        """
        position = await self._provider.outbox()
        now_ms = self._clock.now_ms()
        await self._wire.write(
            frames.hello(
                session_id=self._session_id,
                keys=self._identity.certified,
                resources=self._provider.resources,
                now_ms=now_ms,
                outbox_id=position.outbox_id,
                last_sequence=position.last_sequence,
                acknowledged=position.acknowledged,
            )
        )
        frame = await self._wire.read()
        if frame is None or frame.WhichOneof("frame") != "welcome":
            raise LinkClosed("no welcome")
        welcome = frame.welcome
        if welcome.protocol_version != PROTOCOL_VERSION or not welcome.heartbeat_ms:
            raise LinkClosed("another protocol version")
        self._measure(welcome.clock_unix_ms)
        self._heartbeat_s = welcome.heartbeat_ms / 1000
        self._changes = ChangeSender(
            self._provider,
            self._queue_change,
            acknowledged=welcome.acknowledged_sequence,
            max_deltas=welcome.max_deltas,
            random_bytes=self._random_bytes,
        )

    async def carry(self) -> None:
        """Carry a greeted stream until it ends.

        Raises:
            Exception: What ended it, unless the gateway closed it in order.
        """
        if self._changes is None:
            raise LinkClosed("not greeted")
        self._heard_s = self._clock.monotonic_s()
        self._changes_task = asyncio.create_task(self._guard(self._changes.run()))
        tasks = [
            self._changes_task,
            asyncio.create_task(self._guard(self._read(), ends=True)),
            asyncio.create_task(self._guard(self._write())),
            asyncio.create_task(self._guard(self._live())),
        ]
        try:
            await self.ended
        finally:
            # Nobody can be answered on this stream any more; the provider drops what it has not begun.
            tasks += self._working.values()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stop_changes(self) -> None:
        """Publish nothing more here: another stream takes over. Answers go on."""
        if self._changes_task is not None:
            self._changes_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._changes_task
        self._changes_out.clear()

    def drain(self, reason: str) -> None:
        """Tell the gateway to send no new asks; the gateway closes the stream when those under way are answered."""
        if not self._draining:
            self._draining = True
            self._queue(node_link_pb2.NodeFrame(drain=node_link_pb2.Drain(reason=reason)))

    def _end(self, error: Exception | None) -> None:
        if not self.ended.done():
            if error is None:
                self.ended.set_result(None)
            else:
                self.ended.set_exception(error)

    async def _guard(self, part: Coroutine[Any, Any, None], *, ends: bool = False) -> None:
        try:
            await part
        except Exception as error:  # noqa: BLE001 - whatever it was, the stream must end with it and not hang half alive
            self._end(error)
        else:
            if ends:
                self._end(None)

    def _queue(self, frame: node_link_pb2.NodeFrame) -> None:
        self._control.append(frame)
        self._wake.set()

    def _queue_change(self, frame: node_link_pb2.NodeFrame) -> None:
        self._changes_out.append(frame)
        self._wake.set()

    def _measure(self, gateway_ms: int) -> None:
        """Note the gateway's clock against ours; the provider uses the difference to judge a ticket's expiry."""
        self.clock_offset_ms = gateway_ms - self._clock.now_ms()

    async def _read(self) -> None:
        while (frame := await self._wire.read()) is not None:
            self._heard_s = self._clock.monotonic_s()
            self._take(frame)

    def _take(self, frame: node_link_pb2.GatewayFrame) -> None:
        """Take one frame of the gateway.

        Raises:
            LinkClosed: It breaks the protocol. Fails closed: the stream ends.
        """
        kind = frame.WhichOneof("frame")
        if kind == "asks":
            self._take_asks(frame.asks)
        elif kind == "credit":
            if self._replies.credit(frame.credit.ask_id, frame.credit.bytes):
                self._wake.set()
        elif kind == "consents":
            self._provider.consents(frames.consents(frame.consents))
        elif kind == "cancel":
            self._cancel(frame.cancel.ask_id)
        elif kind == "heartbeat":
            self._measure(frame.heartbeat.clock_unix_ms)
        elif kind == "delta_ack" and self._changes is not None:
            self._changes.acknowledged(frame.delta_ack)
        elif kind == "snapshot_request" and self._changes is not None:
            self._changes.requested(frame.snapshot_request.resource)
        elif kind == "drain":
            _log.info("the gateway drains this stream")
        else:
            raise LinkClosed("not a frame that a gateway sends now")

    def _take_asks(self, asks: node_link_pb2.Asks) -> None:
        for ask, order in frames.incoming(asks, self._clock.monotonic_s(), self.clock_offset_ms):
            if not self._replies.opened(ask.ask_id, ask.credit):
                raise LinkClosed("an ask id in use")
            if len(self._replies) > self._most_open_asks:
                self._answered(ask.ask_id, Refusal(Reason.NODE_BUSY))
            else:
                self._working[ask.ask_id] = asyncio.create_task(self._answer(ask.ask_id, order))

    def _cancel(self, ask_id: int) -> None:
        """Nobody waits for this ask any more."""
        self._replies.cancel(ask_id)
        task = self._working.pop(ask_id, None)
        if task is not None:
            task.cancel()

    async def _answer(self, ask_id: int, order: IncomingAsk) -> None:
        try:
            reply: Reply = await self._provider.answer(order)
        except Exception as error:  # noqa: BLE001 - one ask must not take the others down; only the type is logged
            _log.error("the provider failed on an ask", error=type(error).__name__)
            reply = Refusal(Reason.NODE_BUSY)
        self._answered(ask_id, reply)

    def _answered(self, ask_id: int, reply: Reply) -> None:
        self._working.pop(ask_id, None)
        if self._replies.answered(ask_id, reply):
            self._wake.set()

    async def _write(self) -> None:
        while True:
            if self._control:
                await self._wire.write(self._control.popleft())
                continue
            batch = self._replies.take()
            if batch is not None:
                await self._wire.write(self._signed(batch))
            # One frame of changes after each frame of answers, so that neither starves the other.
            if self._changes_out:
                await self._wire.write(self._changes_out.popleft())
            elif batch is None:
                self._wake.clear()
                await self._wake.wait()

    def _signed(self, batch: Batch) -> node_link_pb2.NodeFrame:
        """The frame of a batch, its receipts signed."""
        if batch.ending:
            bodies = [answer.receipt for answer in batch.ending]
            batch.message.signature = sign_batch(self._identity.signing_key, RECEIPTS, self._scope, bodies)[0].signature
        return node_link_pb2.NodeFrame(replies=batch.message)

    async def _live(self) -> None:
        """Show life, and end the stream when the gateway shows none."""
        while True:
            synced_ms = self._provider.synced_ms
            heartbeat = node_link_pb2.Heartbeat(clock_unix_ms=self._clock.now_ms(), synced_unix_ms=synced_ms)
            if not self._control:
                self._queue(node_link_pb2.NodeFrame(heartbeat=heartbeat))
            began_s = self._clock.monotonic_s()
            await asyncio.sleep(self._heartbeat_s / 2)
            late_s = self._clock.monotonic_s() - began_s - self._heartbeat_s / 2
            if late_s > self._heartbeat_s:
                # This process itself stood still: that is not the gateway's silence.
                self._heard_s += late_s
            if self._clock.monotonic_s() - self._heard_s > _SILENT_HEARTBEATS * self._heartbeat_s:
                raise LinkClosed("the gateway shows no sign of life")
