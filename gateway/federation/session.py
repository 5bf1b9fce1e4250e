"""One node's stream as the gateway sees it: what it offers, what it was asked, and what it may still do.

Rules kept: every frame is taken only from a peer that is still admitted and whose keys are still certified; a frame
that breaks the protocol ends this stream and no other; an answer whose receipt does not verify is a silence with the
reason BAD_ANSWER and never reaches the asking system. Everything here runs on the event loop and nothing blocks;
index changes go through `ingest.py`.
"""

import asyncio
from dataclasses import dataclass

import structlog

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.federation import wire
from gateway.federation.allowance import Allowance
from gateway.federation.asks import AskBook, Gathering, Waiting
from gateway.federation.ingest import Ingest
from gateway.federation.model import LinkLimits, NodeStatus, Order, Silence
from gateway.federation.outgoing import Outgoing, TicketIssuer
from gateway.federation.ports import DepartmentKeys, Peer, Peers
from gateway.federation.receipts import BadAnswer, FinishedAnswer, ReceiptChecker
from oncegate.v1 import node_link_pb2
from policies.reasons import Reason

MAX_REPLIES = 256
SILENT_HEARTBEATS = 3
_SMALL_FRAMES = 20

_log = structlog.get_logger("oncegate.federation")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a node said in its Hello, checked.

    Attributes:
        peer: Who it is.
        node: Its SPIFFE id as text.
        session_id: Its session, 16 bytes.
        outbox_id: Its outbox, 16 bytes.
        resources: Codes of everything it offers.
        listed: Those of them that have pointers.
        clock_offset_ms: Its clock minus ours.
        checker: Verifies its receipts.
    """

    peer: Peer
    node: str
    session_id: bytes
    outbox_id: bytes
    resources: frozenset[str]
    listed: frozenset[str]
    clock_offset_ms: int
    checker: ReceiptChecker


class NodeSession:
    """One open stream.

    Args:
        offer: What the node said in its Hello.
        peers: Still admits it or not.
        department_keys: The registered key of its department.
        issuer: Makes tickets.
        clock: Wall clock.
        limits: Sizes, counts and times.
    """

    def __init__(
        self,
        offer: Offer,
        peers: Peers,
        department_keys: DepartmentKeys,
        issuer: TicketIssuer,
        clock: Clock,
        limits: LinkLimits,
    ) -> None:
        self.offer = offer
        self.node = offer.node
        self.outgoing = Outgoing(issuer, offer.session_id, offer.checker.scope, clock)
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.left = asyncio.Event()
        self.ingest: Ingest | None = None
        self._peers = peers
        self._department_keys = department_keys
        self._clock = clock
        self._limits = limits
        self._book = AskBook(limits, self.outgoing.grant, self.outgoing.cancel)
        self._connected_ms = self._heard_ms = clock.now_ms()
        self._heard_s = self._beat_s = clock.monotonic_s()
        # An honest node shows life twice in the time it is asked to.
        self._small_frames = Allowance(_SMALL_FRAMES, 8000 / limits.heartbeat_ms, self._heard_s)
        self._draining_since_s: float | None = None
        self._clock_offset_ms = offer.clock_offset_ms
        self._synced_ms = 0
        self._answered = self._bad_answers = self._refused = 0

    @property
    def draining(self) -> bool:
        """Whether it takes no new asks."""
        return self._draining_since_s is not None

    @property
    def askable(self) -> bool:
        """Whether asks would be sent."""
        return self._draining_since_s is None and not self.closed.done()

    @property
    def waiting(self) -> int:
        """Asks not yet answered."""
        return len(self._book)

    def submit(self, order: Order, gathering: Gathering, place: int, deadline_s: float) -> None:
        """Ask; what cannot be asked is settled as a silence at once.

        Fails closed: a resource that the node did not offer, a closed stream or a full queue is a silence.
        """
        if order.resource not in self.offer.resources or not self.askable:
            gathering.settle(place, Silence(order, Reason.NOT_CONNECTED))
        elif self._book.full:
            gathering.settle(place, Silence(order, Reason.NODE_DOWN, "QUEUE_FULL"))
        else:
            waiting = self._book.add(order, gathering, place, deadline_s)
            gathering.asked.append((self._book.give_up, waiting))
            self.outgoing.ask(waiting)

    def drain(self, reason: str) -> None:
        """Take no new asks; those under way may finish."""
        if self._draining_since_s is None:
            self._draining_since_s = self._clock.monotonic_s()
            self.outgoing.send(node_link_pb2.GatewayFrame(drain=node_link_pb2.Drain(reason=reason)))

    def fail(self, error: Exception | None) -> None:
        """End the stream; with an error, that is what the node is told. Everything it was asked becomes NODE_DOWN."""
        if not self.closed.done():
            if error is None:
                self.closed.set_result(None)
            else:
                self.closed.set_exception(error)
        self._book.give_up_all(Reason.NODE_DOWN)

    def check(self) -> None:
        """Check that the peer is still admitted and its keys still certified.

        Raises:
            Refused: It is not. Fails closed: the caller ends the stream.
        """
        self._peers.check(self.offer.peer)
        fingerprint = self._department_keys.fingerprint(self.offer.peer.department)
        try:
            self.offer.checker.certify(fingerprint, self._clock.now_ms())
        except BadAnswer as bad:
            raise Refused(Code.BAD_KEY_CERTIFICATE, bad.rule) from None

    def excuse(self, seconds: float) -> None:
        """Not count a time in which this process itself stood still as the node's silence."""
        self._heard_s += seconds

    def sweep(self) -> None:
        """Called a few times a second: end what may not go on, show life, finish draining."""
        if self.closed.done():
            return
        try:
            self.check()
        except Refused as refused:
            self.fail(refused)
            return
        now_s = self._clock.monotonic_s()
        beat_s = self._limits.heartbeat_ms / 1000
        if now_s - self._heard_s > SILENT_HEARTBEATS * beat_s:
            self.fail(Refused(Code.DEADLINE, "node link: no sign of life"))
        elif self._draining_since_s is not None and (
            not self._book or now_s - self._draining_since_s > self._limits.drain_s
        ):
            self.fail(None)
        elif now_s - self._beat_s >= beat_s / 2:
            self._beat_s = now_s
            self.outgoing.heartbeat()

    async def receive(self, frame: node_link_pb2.NodeFrame) -> None:
        """Take one frame.

        Raises:
            Refused: The peer may not go on, or the frame breaks the protocol. Fails closed: the caller ends the stream.
        """
        self.check()
        self._heard_s = self._clock.monotonic_s()
        self._heard_ms = self._clock.now_ms()
        kind = frame.WhichOneof("frame")
        if kind == "replies":
            self._replies(frame.replies)
        elif kind in {"heartbeat", "drain"}:
            if not self._small_frames.take(self._heard_s):
                raise Refused(Code.BAD_FRAME, "frame: too many signs of life")
            if kind == "heartbeat":
                self._heartbeat(frame.heartbeat)
            else:
                self._draining_since_s = self._draining_since_s or self._heard_s
        elif kind == "deltas" and self.ingest is not None:
            await self.ingest.changes(wire.deltas(frame.deltas, self._limits.deltas_per_frame))
        elif kind == "snapshot" and self.ingest is not None:
            await self.ingest.piece(wire.snapshot(frame.snapshot, self._limits.deltas_per_frame))
        else:
            raise Refused(Code.BAD_FRAME, "frame: not one that a node sends now")

    def _heartbeat(self, heartbeat: node_link_pb2.Heartbeat) -> None:
        self._clock_offset_ms = heartbeat.clock_unix_ms - self._heard_ms
        # A time in the future would hide that the node is stale, so it counts as never told.
        if 0 < heartbeat.synced_unix_ms <= heartbeat.clock_unix_ms:
            self._synced_ms = max(0, heartbeat.synced_unix_ms - self._clock_offset_ms)
            if self.ingest is not None:
                self.ingest.synced(self._synced_ms)

    def _replies(self, message: node_link_pb2.Replies) -> None:
        if not 1 <= len(message.replies) <= MAX_REPLIES:
            raise Refused(Code.BAD_FRAME, "replies: count")
        bodies: list[bytes] = []
        finished: list[tuple[int, Waiting, FinishedAnswer]] = []
        try:
            for reply in message.replies:
                if reply.receipt:
                    bodies.append(reply.receipt)
                done = self._book.receive(reply)
                if done is None:
                    continue
                waiting, outcome = done
                if isinstance(outcome, Silence):
                    self._refused += 1
                    waiting.settle(outcome)
                else:
                    finished.append((len(bodies) - 1, waiting, outcome))
            if finished:
                self._accept(bodies, message.signature, finished)
        finally:
            for _, waiting, _ in finished:
                if not waiting.settled:
                    waiting.settle(Silence(waiting.order, Reason.BAD_ANSWER, "BROKEN_FRAME"))

    def _accept(
        self, bodies: list[bytes], signature: bytes, finished: list[tuple[int, Waiting, FinishedAnswer]]
    ) -> None:
        """Verify the finished answers of one frame; each that does not hold is a silence."""
        checker = self.offer.checker
        node_now_ms = self._heard_ms + self._clock_offset_ms
        try:
            receipts = checker.verify_frame(bodies, signature)
        except BadAnswer as bad:
            for _, waiting, _ in finished:
                self._bad(waiting, bad)
            return
        for place, waiting, answer in finished:
            try:
                accepted = checker.accept(answer, receipts[place], node_now_ms)
            except BadAnswer as bad:
                self._bad(waiting, bad)
            else:
                self._answered += 1
                waiting.settle(accepted)

    def _bad(self, waiting: Waiting, bad: BadAnswer) -> None:
        self._bad_answers += 1
        _log.warning("answer not accepted", node=self.node, rule=bad.rule)
        waiting.settle(Silence(waiting.order, Reason.BAD_ANSWER, bad.rule))

    def status(self) -> NodeStatus:
        """For the operator."""
        return NodeStatus(
            node=self.node,
            department=self.offer.peer.department,
            connected_ms=self._connected_ms,
            heard_ms=self._heard_ms,
            synced_ms=self._synced_ms,
            clock_offset_ms=self._clock_offset_ms,
            resources=tuple(sorted(self.offer.resources)),
            waiting=len(self._book),
            answered=self._answered,
            bad_answers=self._bad_answers,
            refused=self._refused,
            draining=self.draining,
        )
