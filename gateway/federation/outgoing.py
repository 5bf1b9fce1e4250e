"""What the gateway sends on one stream: what waits is coalesced, and one signature covers the tickets of a frame.

Rules kept: a ticket is made when its frame is, so that its time and session are those of the release; an ask that
nobody waits for any more is not sent; a frame holds at most 256 asks and three quarters of a mebibyte. While one
frame is being written the next collects, so a loaded stream pays for fewer writes and signatures, not more.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from math import ceil

from gateway.clock import Clock
from gateway.federation import wire
from gateway.federation.asks import Waiting
from gateway.federation.model import HANDLE_BYTES
from keys.batch import sign_batch
from keys.signing import TICKETS, SigningKey, digest
from oncegate.v1 import node_link_pb2

MAX_ASKS = 256
FRAME_BYTES = 768 * 1024
_TICKET_SLACK_MS = 2000
"""A ticket outlives its ask's deadline by this, because node and gateway measure each other's clocks only roughly."""
_MOST_CANCELS = 1024


class TicketIssuer:
    """Makes and signs tickets.

    Args:
        key: The gateway's ticket-signing key.
        clock: Tells when a ticket is issued.
        ticket_life_ms: Longest life of a ticket.
        random_bytes: Source of ticket ids.
    """

    def __init__(
        self, key: SigningKey, clock: Clock, ticket_life_ms: int, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._key = key
        self._clock = clock
        self._ticket_life_ms = ticket_life_ms
        self._random_bytes = random_bytes

    def frame(self, batch: list[Waiting], session_id: bytes, scope: bytes, now_s: float) -> node_link_pb2.GatewayFrame:
        """One frame of asks.

        Args:
            batch: The asks to send, at least one; their ticket digests are set.
            session_id: The node's session, named in each ticket.
            scope: What the signature is bound to: node and session.
            now_s: Event loop time.

        Returns:
            The frame.
        """
        frame = node_link_pb2.GatewayFrame()
        asks = frame.asks
        issued_ms = self._clock.now_ms()
        ids = self._random_bytes(HANDLE_BYTES * len(batch))
        tickets = []
        for place, waiting in enumerate(batch):
            left_ms = max(1, ceil((waiting.deadline_s - now_s) * 1000))
            ticket = wire.ticket_body(
                waiting.order,
                ticket_id=ids[place * HANDLE_BYTES : (place + 1) * HANDLE_BYTES],
                session_id=session_id,
                issued_ms=issued_ms,
                expires_ms=issued_ms + min(self._ticket_life_ms, left_ms + _TICKET_SLACK_MS),
            )
            waiting.ticket_digest = digest(ticket)
            tickets.append(ticket)
            wire.add_ask(asks, waiting.ask_id, ticket, waiting.order, left_ms, waiting.credit)
        asks.signature = sign_batch(self._key, TICKETS, scope, tickets)[0].signature
        return frame


class Outgoing:
    """The queue of one stream: small frames first, then asks.

    Args:
        issuer: Makes tickets.
        session_id: The node's session.
        scope: What tickets are bound to.
        clock: For heartbeats.
    """

    def __init__(self, issuer: TicketIssuer, session_id: bytes, scope: bytes, clock: Clock) -> None:
        self._issuer = issuer
        self._session_id = session_id
        self._scope = scope
        self._clock = clock
        self._control: deque[node_link_pb2.GatewayFrame] = deque()
        self._cancels: deque[int] = deque()
        self._grants: deque[Waiting] = deque()
        self._asks: deque[Waiting] = deque()
        self._heartbeat_due = False
        self.wake = asyncio.Event()

    def ask(self, waiting: Waiting) -> None:
        """Queue an ask."""
        self._asks.append(waiting)
        self.wake.set()

    def send(self, frame: node_link_pb2.GatewayFrame) -> None:
        """Queue a small frame ahead of the asks."""
        self._control.append(frame)
        self.wake.set()

    def grant(self, waiting: Waiting) -> None:
        """Queue an ask's promised credit; it counts from the moment its frame is made."""
        self._grants.append(waiting)
        self.wake.set()

    def cancel(self, ask_id: int) -> None:
        """Queue a cancel. A node that reads nothing piles up no more than a bounded number: it has the deadlines."""
        if len(self._cancels) < _MOST_CANCELS:
            self._cancels.append(ask_id)
            self.wake.set()

    def heartbeat(self) -> None:
        """Send a sign of life soon; several become one."""
        self._heartbeat_due = True
        self.wake.set()

    def next_frame(self, now_s: float) -> node_link_pb2.GatewayFrame | None:
        """The next frame to write, or None when nothing waits.

        Args:
            now_s: Event loop time.
        """
        if self._control:
            return self._control.popleft()
        while self._grants:
            waiting = self._grants.popleft()
            if not waiting.settled:
                more, waiting.promised = waiting.promised, 0
                waiting.credit += more
                return node_link_pb2.GatewayFrame(credit=node_link_pb2.Credit(ask_id=waiting.ask_id, bytes=more))
        if self._heartbeat_due:
            self._heartbeat_due = False
            return node_link_pb2.GatewayFrame(heartbeat=node_link_pb2.Heartbeat(clock_unix_ms=self._clock.now_ms()))
        batch = self._next_batch()
        if batch:
            return self._issuer.frame(batch, self._session_id, self._scope, now_s)
        if self._cancels:
            return node_link_pb2.GatewayFrame(cancel=node_link_pb2.Cancel(ask_id=self._cancels.popleft()))
        return None

    def _next_batch(self) -> list[Waiting]:
        batch: list[Waiting] = []
        size = 0
        while self._asks and len(batch) < MAX_ASKS:
            waiting = self._asks[0]
            if not waiting.settled:
                size += wire.order_size(waiting.order)
                if batch and size > FRAME_BYTES:
                    break
                batch.append(waiting)
            self._asks.popleft()
        return batch
