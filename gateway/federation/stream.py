"""Carrying one stream: reading, writing and indexing side by side until one of them ends.

Rules kept: whatever ends one of the three ends the stream with its reason; a slow reader blocks its own writer only;
after this module returns nothing of the stream runs any more.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from gateway.federation.session import NodeSession
from oncegate.v1 import node_link_pb2


class StreamEnded(Exception):
    """The connection is gone. Nobody is left to be told anything, so it is an end like any other."""


class Stream(Protocol):
    """Frames of one node, both ways."""

    async def read(self) -> node_link_pb2.NodeFrame | None:
        """The next frame; None at the end of the stream.

        Raises:
            Refused: BAD_FRAME, what came is no frame.
            StreamEnded: The connection is gone.
        """

    async def write(self, frame: node_link_pb2.GatewayFrame) -> None:
        """Send a frame; waits while the node does not read.

        Raises:
            StreamEnded: The connection is gone.
        """


async def carry(session: NodeSession, stream: Stream) -> None:
    """Carry an entered session until its stream ends.

    Args:
        session: The session.
        stream: Its frames.

    Raises:
        Exception: What ended the stream, unless the node closed it or it was drained.
    """
    parts = [_read(session, stream), _write(session, stream)]
    if session.ingest is not None:
        parts.append(session.ingest.run())
    tasks = [asyncio.create_task(_guard(session, part)) for part in parts]
    try:
        await session.closed
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _guard(session: NodeSession, part: Coroutine[Any, Any, None]) -> None:
    """Let the end of one part end the whole stream, with its reason."""
    try:
        await part
    except StreamEnded:
        session.fail(None)
    except Exception as error:  # noqa: BLE001 - whatever it was, the stream must end with it and not hang half alive
        session.fail(error)
    else:
        session.fail(None)


async def _read(session: NodeSession, stream: Stream) -> None:
    while (frame := await stream.read()) is not None:
        await session.receive(frame)


async def _write(session: NodeSession, stream: Stream) -> None:
    outgoing = session.outgoing
    now_s = asyncio.get_running_loop().time
    while True:
        frame = outgoing.next_frame(now_s())
        if frame is None:
            outgoing.wake.clear()
            await outgoing.wake.wait()
        else:
            await stream.write(frame)
