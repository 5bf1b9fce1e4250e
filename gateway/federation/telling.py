"""Tells a connected node which consents ended, were paused or go on.

Rules kept: after a stream opens, every change that has not expired is told again, so that a node that was away, lost
its state or outlives a restored gateway misses none; afterwards each change within a fraction of a second, whichever
process made it. A node is told only about consents under which its own department gives something; a digest says
nothing about anybody. The database is read beside the event loop, a page at a time.

A node that is not told releases nothing because of it: the gateway does not order under a consent that ended. The node
keeps what it was told, for a gateway that was taken over.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog

from gateway.federation.ports import ConsentFeed
from gateway.federation.session import NodeSession
from oncegate.v1 import node_link_pb2

EVERY_S: Final = 0.1
PAGE: Final = 2048
_STANDINGS: Final = {
    "granted": node_link_pb2.CONSENT_STANDING_GRANTED,
    "paused": node_link_pb2.CONSENT_STANDING_PAUSED,
}

_log = structlog.get_logger("oncegate.federation")


async def tell_consents(session: NodeSession, feed: ConsentFeed, every_s: float = EVERY_S) -> None:
    """Tell until the stream ends; a database that fails is asked again.

    Args:
        session: The node's stream.
        feed: What changed.
        every_s: Seconds between two looks at the change counter.
    """
    through = 0
    while not session.closed.done():
        try:
            newest = feed.position()
            while through < newest:
                page = await asyncio.to_thread(feed.changes, through, PAGE)
                _send(session, page)
                through = page[-1].position if len(page) == PAGE else newest
        except Exception as error:  # noqa: BLE001 - drivers raise what they like; it is tried again
            _log.error("consents not told", node=session.node, error=type(error).__name__)
        await asyncio.sleep(every_s)


def _send(session: NodeSession, page: Sequence[Any]) -> None:
    mine = [change for change in page if session.offer.peer.department in change.providers]
    if not mine:
        return
    frame = node_link_pb2.GatewayFrame()
    for change in mine:
        frame.consents.changes.add(
            consent=change.digest,
            # Whatever is neither granted nor paused has ended.
            standing=_STANDINGS.get(str(change.status), node_link_pb2.CONSENT_STANDING_ENDED),
            valid_until_unix_ms=change.valid_until_ms,
        )
    session.outgoing.send(frame)
