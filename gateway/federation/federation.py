"""Federation: the nodes that are connected, and asking them.

Rules kept: an order is sent to the node it names and to no other; one call waits for the slowest of its own orders,
never for another node's; a node without a stream is a silence at once. A node has one current stream. A second stream
of the same boot (the same session, as after a certificate renewal) takes over new asks while the first finishes its
own; a stream of another boot replaces the first, and the replaced boot is remembered and never admitted again, so
that two copies of a node cannot push each other out for ever (ADR 0060).

It does not decide, record or retry: `gateway/exchange` does.
"""

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.federation.allowance import Allowance
from gateway.federation.asks import Gathering
from gateway.federation.greeting import Greeter
from gateway.federation.model import Answer, LinkLimits, NodeStatus, Order, Silence
from gateway.federation.outgoing import TicketIssuer
from gateway.federation.ports import Catalogue, ConsentFeed, DepartmentKeys, Index, Peers
from gateway.federation.session import NodeSession
from gateway.federation.stream import Stream, StreamEnded, carry
from gateway.federation.telling import tell_consents
from keys.signing import SigningKey
from oncegate.v1 import node_link_pb2
from policies.reasons import Reason

SWEEP_S = 0.25
_RETIRED_BOOTS = 16
_STREAMS_PER_NODE = 4
_OPENINGS = 20
_OPENINGS_PER_S = 1.0

_log = structlog.get_logger("oncegate.federation")


class Federation:
    """The gateway's end of all node streams.

    Args:
        index: Where index changes go.
        catalogue: Where nodes publish their resources.
        peers: Admits nodes and checks them again.
        department_keys: Registered keys of departments.
        ticket_key: Signs tickets.
        clock: Wall and monotonic time.
        limits: Sizes, counts and times.
        random_bytes: Source of ticket ids.
        consents: Consents that ended, were paused or go on; None where there are none.
    """

    def __init__(
        self,
        *,
        index: Index,
        catalogue: Catalogue,
        peers: Peers,
        department_keys: DepartmentKeys,
        ticket_key: SigningKey,
        clock: Clock,
        limits: LinkLimits | None = None,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        consents: ConsentFeed | None = None,
    ) -> None:
        self._consents = consents
        self._limits = limits or LinkLimits()
        self._peers = peers
        self._clock = clock
        self._greeter = Greeter(
            index=index,
            catalogue=catalogue,
            peers=peers,
            department_keys=department_keys,
            issuer=TicketIssuer(ticket_key, clock, self._limits.ticket_life_ms, random_bytes),
            clock=clock,
            limits=self._limits,
            in_thread=self._in_thread,
        )
        self._current: dict[str, NodeSession] = {}
        self._sessions: set[NodeSession] = set()
        self._streams: dict[str, int] = {}
        self._openings: dict[str, Allowance] = {}
        self._retired: dict[str, deque[bytes]] = {}
        self._executor: ThreadPoolExecutor | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Begin to sweep. Streams are admitted from now on."""
        # One thread: the index has one writer at a time anyway, and each stream queues one frame at a time, so that
        # nodes take turns.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="federation")
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self, grace_s: float = 5.0) -> None:
        """Ask every node to go, let asks under way finish for at most `grace_s` seconds, then close every stream."""
        self._stopping = True
        for session in list(self._sessions):
            session.drain("GATEWAY_STOPPING")
        # The sweep closes a draining stream as soon as nothing waits on it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._all_left(self._sessions)
        for session in list(self._sessions):
            session.fail(None)
        await self._all_left(self._sessions)
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        if self._executor is not None:
            # What the index is doing ends first: after this nothing is written any more.
            await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)

    async def ask(self, orders: Sequence[Order], deadline_s: float) -> list[Answer | Silence]:
        """Ask all nodes at once and wait for each, at most until the deadline.

        Args:
            orders: What to ask; several may go to one node.
            deadline_s: Seconds from now.

        Returns:
            An outcome for each order, in the same order. Never raises for a node's fault.
        """
        if not orders:
            return []
        loop = asyncio.get_running_loop()
        gathering = Gathering(len(orders), loop.create_future())
        at_s = loop.time() + deadline_s
        for place, order in enumerate(orders):
            session = self._current.get(order.node)
            if session is None:
                gathering.settle(place, Silence(order, Reason.NOT_CONNECTED))
            else:
                session.submit(order, gathering, place, at_s)
        timer = loop.call_at(at_s, gathering.give_up)
        try:
            return await gathering.done
        finally:
            timer.cancel()
            # The caller itself may have been cancelled: then nobody waits for the rest.
            gathering.give_up()

    def status(self) -> list[NodeStatus]:
        """Every open stream, ordered by node; a node that is handing over has two."""
        return sorted((session.status() for session in self._sessions), key=lambda status: status.node)

    def connected(self, node: str) -> bool:
        """Whether asks to this node would be sent."""
        session = self._current.get(node)
        return session is not None and session.askable

    async def close_peer(self, node: str) -> None:
        """Close every stream of a node at once, as after its revocation; returns when none is left."""
        streams = [session for session in self._sessions if session.node == node]
        for session in streams:
            session.fail(Refused(Code.CERTIFICATE_REVOKED))
        await self._all_left(streams)

    @staticmethod
    async def _all_left(sessions: Iterable[NodeSession]) -> None:
        for session in list(sessions):
            await session.left.wait()

    async def serve(self, stream: Stream, certificate: bytes | None) -> None:
        """Serve one stream until it ends.

        Args:
            stream: Frames both ways.
            certificate: The peer's TLS certificate, PEM; None when it showed none.

        Raises:
            Refused: Why the stream was not accepted or had to end. Fails closed: no valid Hello, no session.
        """
        peer = self._peers.admit(certificate)
        if peer.kind != "node":
            raise Refused(Code.NOT_ALLOWED, "node link: not a node")
        if self._stopping or self._executor is None:
            raise Refused(Code.OVERLOADED, "node link: stopping", retry_after_ms=1000)
        node = str(peer.spiffe)
        if self._streams.get(node, 0) >= _STREAMS_PER_NODE or not self._may_open(node):
            raise Refused(Code.OVERLOADED, "node link: streams of one node", retry_after_ms=1000)
        self._streams[node] = self._streams.get(node, 0) + 1
        try:
            session = await self._greeter.greet(await self._first_frame(stream), peer)
            self._enter(session)
            telling = None
            if self._consents is not None:
                telling = asyncio.create_task(tell_consents(session, self._consents))
            try:
                await carry(session, stream)
            finally:
                if telling is not None:
                    telling.cancel()
                self._leave(session)
        finally:
            self._streams[node] -= 1
            if not self._streams[node]:
                del self._streams[node]

    def _may_open(self, node: str) -> bool:
        """Whether a node may open one more stream now; a greeting costs much more than a frame."""
        now_s = self._clock.monotonic_s()
        for other in [other for other, allowance in self._openings.items() if allowance.full(now_s)]:
            del self._openings[other]
        return self._openings.setdefault(node, Allowance(_OPENINGS, _OPENINGS_PER_S, now_s)).take(now_s)

    async def _first_frame(self, stream: Stream) -> node_link_pb2.NodeFrame | None:
        """The first frame, waited for only so long: a stream that says nothing must not be kept."""
        try:
            async with asyncio.timeout(self._limits.hello_s):
                return await stream.read()
        except TimeoutError:
            raise Refused(Code.BAD_FRAME, "hello: not in time") from None
        except StreamEnded:
            return None

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a blocking function in the federation's own thread."""
        if self._executor is None:
            raise Refused(Code.OVERLOADED, "node link: not started")
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    def _enter(self, session: NodeSession) -> None:
        """Make a session the node's current one.

        Raises:
            Refused: NODE_REFUSED, its boot was replaced by a newer one meanwhile. Fails closed.
        """
        node, session_id = session.node, session.offer.session_id
        if session_id in self._retired.get(node, ()):
            raise Refused(Code.NODE_REFUSED, "node link: replaced by a newer boot")
        before = self._current.get(node)
        if before is not None:
            if before.offer.session_id == session_id:
                before.drain("HANDED_OVER")
            else:
                self._retired.setdefault(node, deque(maxlen=_RETIRED_BOOTS)).append(before.offer.session_id)
                for other in [other for other in self._sessions if other.node == node]:
                    other.fail(Refused(Code.NODE_REFUSED, "node link: replaced by a newer boot"))
        self._current[node] = session
        self._sessions.add(session)
        _log.info("node connected", node=node)

    def _leave(self, session: NodeSession) -> None:
        session.fail(None)
        self._sessions.discard(session)
        session.left.set()
        _log.info("node stream ended", node=session.node)
        if self._current.get(session.node) is session:
            del self._current[session.node]

    async def _sweep(self) -> None:
        while True:
            began_s = self._clock.monotonic_s()
            await asyncio.sleep(SWEEP_S)
            late_s = self._clock.monotonic_s() - began_s - SWEEP_S
            for session in list(self._sessions):
                if late_s > SWEEP_S:
                    session.excuse(late_s)
                session.sweep()
                # One sweep over many nodes must not hold up the answers of any.
                await asyncio.sleep(0)
