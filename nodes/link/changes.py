"""Publishing a node's outbox over one stream: deltas in order, snapshots when asked, never more than is acknowledged.

Rules kept: at most two frames are unacknowledged, so that answers are never stuck behind a mountain of changes;
deltas wait while a snapshot is sent; a delta is forgotten only when the gateway said that it is durable; a gap between
what is durable there and what is left here is sent anyway after a moment, because the gateway then asks for snapshots
and the two converge by themselves.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from nodes.link import frames
from nodes.provider.model import PointerDelta, Provider
from oncegate.v1 import node_link_pb2

WINDOW = 2
_IDLE_S = 30.0
_GAP_S = 2.0
_ID_BYTES = 16

_log = structlog.get_logger("oncegate.link")


@dataclass(slots=True)
class _Snapshot:
    """A snapshot that is being sent."""

    snapshot_id: bytes
    resource: str
    as_of: int
    parts: Iterator[Sequence[PointerDelta]]
    number: int = 0
    total: int = 0
    ended: bool = False


class ChangeSender:
    """Sends the changes of one stream.

    Args:
        provider: Holds the outbox.
        send: Queues a frame.
        acknowledged: What the gateway's Welcome said is durable.
        max_deltas: Most deltas in a frame, from the Welcome.
        random_bytes: Source of snapshot ids.
        gap_s: How long a gap waits for the gateway's wish for snapshots, seconds.
        in_thread: Runs a blocking function outside the event loop.
    """

    def __init__(
        self,
        provider: Provider,
        send: Callable[[node_link_pb2.NodeFrame], None],
        *,
        acknowledged: int,
        max_deltas: int,
        random_bytes: Callable[[int], bytes],
        gap_s: float = _GAP_S,
        in_thread: Callable[..., Awaitable[Sequence[PointerDelta] | None]] = asyncio.to_thread,
    ) -> None:
        self._provider = provider
        self._send = send
        self._sent = acknowledged
        self._max_deltas = max(1, max_deltas)
        self._random_bytes = random_bytes
        self._gap_s = gap_s
        self._in_thread = in_thread
        self._acks: deque[node_link_pb2.DeltaAck] = deque()
        self._requests: deque[str] = deque()
        self._snapshot: _Snapshot | None = None
        self._unacknowledged = 0
        self._gap_told = False
        self._wake = asyncio.Event()

    def acknowledged(self, ack: node_link_pb2.DeltaAck) -> None:
        """Take an acknowledgement."""
        self._acks.append(ack)
        self._wake.set()

    def requested(self, resource: str) -> None:
        """Take the wish for a snapshot; one that is already waiting is not doubled."""
        if resource not in self._requests:
            self._requests.append(resource)
            self._wake.set()

    async def run(self) -> None:
        """Send changes until cancelled.

        Raises:
            Exception: What the provider's outbox raised; the stream then ends and is tried again.
        """
        await self._provider.acknowledge(self._sent, ())
        while True:
            while self._acks:
                await self._take_ack(self._acks.popleft())
            if self._unacknowledged >= WINDOW or (self._snapshot is not None and self._snapshot.ended):
                await self._woken(None)
            elif self._snapshot is not None:
                await self._send_part(self._snapshot)
            elif self._requests:
                await self._begin(self._requests.popleft())
            else:
                await self._send_deltas()

    async def _take_ack(self, ack: node_link_pb2.DeltaAck) -> None:
        self._unacknowledged = max(0, self._unacknowledged - 1)
        if self._snapshot is not None and ack.snapshot_id == self._snapshot.snapshot_id:
            self._snapshot = None
            self._gap_told = False
            self._sent = max(self._sent, ack.through_sequence)
        if ack.through_sequence or ack.rejections:
            await self._provider.acknowledge(ack.through_sequence, frames.rejections(ack))

    async def _begin(self, resource: str) -> None:
        try:
            as_of, parts = await self._provider.snapshot(resource)
        except KeyError:
            _log.warning("snapshot of a resource that this node does not offer", resource=resource)
            return
        pieces = _pieces(parts, self._max_deltas)
        self._snapshot = _Snapshot(self._random_bytes(_ID_BYTES), resource, as_of, pieces)

    async def _send_part(self, snapshot: _Snapshot) -> None:
        entries = await self._in_thread(next, snapshot.parts, None)
        if entries is not None:
            self._sent_frame(frames.snapshot_part(snapshot.snapshot_id, snapshot.resource, snapshot.number, entries))
            snapshot.number += 1
            snapshot.total += len(entries)
        else:
            snapshot.ended = True
            self._sent_frame(
                frames.snapshot_end(
                    snapshot.snapshot_id, snapshot.resource, snapshot.number, snapshot.total, snapshot.as_of
                )
            )

    async def _send_deltas(self) -> None:
        deltas = await self._provider.pending(self._sent, self._max_deltas)
        if not deltas:
            await self._woken(_IDLE_S)
        elif deltas[0].sequence != self._sent + 1 and not self._gap_told:
            self._gap_told = True
            _log.warning("the gateway lost track of the outbox; expecting it to ask for snapshots")
            await self._sleep(self._gap_s)
        else:
            self._sent = deltas[-1].sequence
            self._sent_frame(frames.deltas(deltas))

    def _sent_frame(self, frame: node_link_pb2.NodeFrame) -> None:
        self._unacknowledged += 1
        self._send(frame)

    async def _sleep(self, seconds: float) -> None:
        """Wait for a frame of the gateway, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken(None)
        except TimeoutError:
            return

    async def _woken(self, deltas_within_s: float | None) -> None:
        """Wait for a frame of the gateway or, when a time is given, for new deltas."""
        wake = asyncio.create_task(self._wake.wait())
        waits: set[asyncio.Task[object]] = {wake}
        if deltas_within_s is not None:
            waits.add(asyncio.create_task(self._provider.wait_for_deltas(self._sent, deltas_within_s)))
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in waits:
                task.cancel()
        self._wake.clear()


def _pieces(parts: Iterator[Sequence[PointerDelta]], most: int) -> Iterator[Sequence[PointerDelta]]:
    """The same entries in parts of at most `most`."""
    for part in parts:
        for start in range(0, len(part), most):
            yield part[start : start + most]
