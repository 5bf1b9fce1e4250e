"""The first frame of a stream: who the node is in this boot and what it offers, checked before anything is asked.

Rules kept: no valid Hello within the time allowed, no session; the node's keys must be certified by the department's
registered key for exactly this node; its resources are published before the Welcome, so a node that offers what is
not its own never becomes askable; a node whose outbox is unknown here, or that
remembers more of it as durable than is here, is asked for snapshots.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.federation import wire
from gateway.federation.ingest import Ingest
from gateway.federation.model import HANDLE_BYTES, SESSION_BYTES, LinkLimits
from gateway.federation.outgoing import TicketIssuer
from gateway.federation.ports import Catalogue, DepartmentKeys, Index, Peer, Peers
from gateway.federation.receipts import ReceiptChecker
from gateway.federation.session import NodeSession, Offer
from keys.key_certificates import CertifiedKeys
from oncegate.v1 import node_link_pb2

PROTOCOL_VERSION = 1


class Greeter:
    """Turns a Hello into a session.

    Args:
        index: Knows how far the node's outbox is durable.
        catalogue: Where its resources are published.
        peers: Admits it, or no longer.
        department_keys: The registered key of its department.
        issuer: Makes its tickets.
        clock: Wall and monotonic time.
        limits: Sizes, counts and times.
        in_thread: Runs a blocking function outside the event loop.
    """

    def __init__(
        self,
        *,
        index: Index,
        catalogue: Catalogue,
        peers: Peers,
        department_keys: DepartmentKeys,
        issuer: TicketIssuer,
        clock: Clock,
        limits: LinkLimits,
        in_thread: Callable[..., Awaitable[Any]],
    ) -> None:
        self._index = index
        self._catalogue = catalogue
        self._peers = peers
        self._department_keys = department_keys
        self._issuer = issuer
        self._clock = clock
        self._limits = limits
        self._in_thread = in_thread

    async def greet(self, frame: node_link_pb2.NodeFrame | None, peer: Peer) -> NodeSession:
        """Check a Hello, publish what it offers and queue the Welcome.

        Args:
            frame: The first frame of the stream; None when it ended before one.
            peer: The admitted node.

        Returns:
            The session, not yet entered anywhere.

        Raises:
            Refused: BAD_FRAME, PROTOCOL_VERSION, BAD_KEY_CERTIFICATE, or what catalogue and index say. Fails closed.
        """
        if frame is None or frame.WhichOneof("frame") != "hello":
            raise Refused(Code.BAD_FRAME, "hello: not the first frame")
        hello = frame.hello
        if len(hello.session_id) != SESSION_BYTES or len(hello.outbox_id) != HANDLE_BYTES:
            raise Refused(Code.BAD_FRAME, "hello: id length")
        if PROTOCOL_VERSION not in hello.protocol_versions:
            raise Refused(Code.PROTOCOL_VERSION)
        if len(hello.resources) > wire.MAX_RESOURCES:
            raise Refused(Code.BAD_FRAME, "hello: number of resources")
        node = str(peer.spiffe)
        offered = wire.resources(hello.resources)
        keys = CertifiedKeys(hello.keys.body, hello.keys.signature, hello.keys.department_key)
        now_ms = self._clock.now_ms()
        offer = Offer(
            peer=peer,
            node=node,
            session_id=hello.session_id,
            outbox_id=hello.outbox_id,
            resources=frozenset(resource.code for resource in offered),
            listed=frozenset(resource.code for resource in offered if not resource.unlisted),
            clock_offset_ms=hello.clock_unix_ms - now_ms,
            checker=ReceiptChecker(node, hello.session_id, keys, self._limits.clock_skew_ms),
        )
        session = NodeSession(offer, self._peers, self._department_keys, self._issuer, self._clock, self._limits)
        session.check()
        await self._in_thread(self._catalogue.publish, node, peer.department, offered)
        acknowledged, missing = await self._in_thread(self._outbox, offer, hello)
        session.ingest = Ingest(
            self._index, node, offer.outbox_id, offer.listed, session.outgoing.send, self._in_thread
        )
        welcome = node_link_pb2.Welcome(
            protocol_version=PROTOCOL_VERSION,
            acknowledged_sequence=acknowledged,
            clock_unix_ms=self._clock.now_ms(),
            heartbeat_ms=self._limits.heartbeat_ms,
            max_deltas=self._limits.deltas_per_frame,
        )
        session.outgoing.send(node_link_pb2.GatewayFrame(welcome=welcome))
        for resource in missing:
            request = node_link_pb2.SnapshotRequest(resource=resource)
            session.outgoing.send(node_link_pb2.GatewayFrame(snapshot_request=request))
        return session

    def _outbox(self, offer: Offer, hello: node_link_pb2.Hello) -> tuple[int, tuple[str, ...]]:
        """How far the node's outbox is durable, and the resources whose full list is needed."""
        listed = tuple(sorted(offer.listed))
        # Asked first: the index may move the position back when the node itself went back in time.
        behind = self._index.needs_snapshot(offer.node, offer.outbox_id, hello.last_sequence, listed)
        state = self._index.outbox(offer.node)
        durable = state.acknowledged if state is not None and state.outbox_id == offer.outbox_id else 0
        # The node has forgotten changes that are not durable here: this gateway was restored from a backup.
        restored = durable < min(hello.acknowledged_sequence, hello.last_sequence)
        return durable, listed if behind or restored else ()
