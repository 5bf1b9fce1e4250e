"""Index changes of one stream: applied one frame after the other, outside the event loop, then acknowledged.

Rules kept: a frame is acknowledged only after the index returned, so what is acknowledged is durable; a node may only
touch the resources it offered in its Hello and that are listed; each frame is acknowledged by one DeltaAck, which is
also the node's permission to send the next; the queue is bounded, so a node that floods waits for itself only. It
does not interpret identifiers and keeps none.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.federation import wire
from gateway.federation.model import PointerChange, SnapshotPiece
from gateway.federation.ports import Applied, Index
from oncegate.v1 import node_link_pb2

WINDOW = 4
"""Frames of changes that wait before the stream is read no further. An honest node keeps at most two unacknowledged."""

InThread = Callable[..., Awaitable[Any]]


class Ingest:
    """The index changes of one stream.

    Args:
        index: Where they go.
        node: SPIFFE id of the node.
        outbox_id: The outbox it named in its Hello.
        allowed: Codes of the listed resources it offered.
        acknowledge: Sends a frame to the node.
        in_thread: Runs a blocking function in the federation's own thread.
    """

    def __init__(
        self,
        index: Index,
        node: str,
        outbox_id: bytes,
        allowed: frozenset[str],
        acknowledge: Callable[[node_link_pb2.GatewayFrame], None],
        in_thread: InThread,
    ) -> None:
        self._index = index
        self._node = node
        self._outbox_id = outbox_id
        self._allowed = allowed
        self._acknowledge = acknowledge
        self._in_thread = in_thread
        self._queue: asyncio.Queue[tuple[PointerChange, ...] | SnapshotPiece | int] = asyncio.Queue(WINDOW)
        self._synced_ms = 0

    async def changes(self, changes: tuple[PointerChange, ...]) -> None:
        """Queue consecutive deltas; waits while the queue is full."""
        await self._queue.put(changes)

    async def piece(self, piece: SnapshotPiece) -> None:
        """Queue a part of a snapshot; waits while the queue is full."""
        await self._queue.put(piece)

    def synced(self, synced_ms: int) -> None:
        """Note when the node last compared its sources; dropped while the queue is full: it is told again."""
        if synced_ms > self._synced_ms and not self._queue.full():
            self._synced_ms = synced_ms
            self._queue.put_nowait(synced_ms)

    async def run(self) -> None:
        """Apply what is queued, for ever.

        Raises:
            Exception: What the index raised. Fails closed: nothing of that frame is acknowledged and the stream ends.
        """
        while True:
            work = await self._queue.get()
            if isinstance(work, int):
                await self._in_thread(self._index.mark_synced, self._node, work)
                continue
            # Made with an acknowledgement, so that one which says nothing (a staged part) is still one.
            frame = node_link_pb2.GatewayFrame(delta_ack=node_link_pb2.DeltaAck())
            ack = frame.delta_ack
            if isinstance(work, SnapshotPiece):
                applied: Applied | None = await self._in_thread(self._apply_piece, work)
                if applied is not None:
                    ack.snapshot_id = work.snapshot_id
            else:
                applied = await self._in_thread(self._apply_changes, work)
            if applied is not None:
                ack.through_sequence = applied.through
                wire.rejections(ack, applied.rejections)
            self._acknowledge(frame)

    def _apply_changes(self, changes: tuple[PointerChange, ...]) -> Any:
        return self._index.apply(self._node, self._outbox_id, changes, allowed=self._allowed)

    def _apply_piece(self, piece: SnapshotPiece) -> Applied | None:
        return self._index.snapshot_part(self._node, self._outbox_id, piece, allowed=self._allowed)
