"""The link of a node: keeps one stream to the gateway, opens the next when one ends, and changes over on renewal.

Rules kept: a renewed certificate opens a second stream first; only when that is welcomed does the old one stop
publishing and take no new asks, and it ends when the asks it has are answered, so that renewal loses none. A failed
try is repeated after a jittered, growing pause, for ever: an operator may mend at any time what was refused. The
session is the provider's, new each boot, and stays the same over reconnections and renewals.
"""

import asyncio
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import grpc
import structlog

from nodes.clock import Clock
from nodes.enrolment.refusals import refusal
from nodes.link.backoff import Backoff
from nodes.link.identity import Identities, LinkIdentity
from nodes.link.stream import LinkClosed, LinkStream, Wire
from nodes.link.transport import GrpcConnection
from nodes.provider.model import Provider

_log = structlog.get_logger("oncegate.link")


class Connection(Wire, Protocol):
    """A wire that can be closed."""

    async def close(self) -> None:
        """End the stream and its connection."""


Connect = Callable[[str, LinkIdentity], Connection]


@dataclass(frozen=True, slots=True)
class LinkTimes:
    """Times of the link, seconds.

    Attributes:
        greet_s: How long connecting and greeting may take.
        poll_s: How often a renewed identity is looked for.
        grace_s: How long asks under way may finish when the node stops.
        steady_s: A stream that lived this long counts as a success, and the pauses start small again.
    """

    greet_s: float = 10.0
    poll_s: float = 2.0
    grace_s: float = 5.0
    steady_s: float = 5.0


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How the link stands.

    Attributes:
        connected: Whether the gateway has welcomed a stream that is open.
        since_ms: When that changed last, Unix ms.
        failure: Why the last try or stream ended, a stable code or a fixed text; empty when none did.
        clock_offset_ms: The gateway's clock minus this node's, as measured.
    """

    connected: bool
    since_ms: int
    failure: str
    clock_offset_ms: int


@dataclass(slots=True, eq=False)
class _Open:
    """A greeted stream and its connection."""

    connection: Connection
    stream: LinkStream
    stamp: object
    task: "asyncio.Task[None] | None" = None


class NodeLink:
    """Keeps a node connected.

    Args:
        address: The gateway's systems door, host:port.
        node: SPIFFE id of this node.
        provider: Answers asks and holds the outbox.
        identities: Where the current identity comes from.
        clock: Wall and monotonic time.
        connect: Opens a connection.
        times: Times of the link.
        uniform: Numbers between 0 and 1, for the pauses.
        random_bytes: Source of snapshot ids.
    """

    def __init__(
        self,
        *,
        address: str,
        node: str,
        provider: Provider,
        identities: Identities,
        clock: Clock,
        connect: Connect = GrpcConnection,
        times: LinkTimes | None = None,
        uniform: Callable[[], float] = random.random,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._address = address
        self._node = node
        self._provider = provider
        self._identities = identities
        self._clock = clock
        self._connect = connect
        self._times = times or LinkTimes()
        self._backoff = Backoff(uniform)
        self._random_bytes = random_bytes
        self._stop = asyncio.Event()
        self._current: _Open | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._connected = False
        self._since_ms = clock.now_ms()
        self._failure = ""

    def status(self) -> LinkStatus:
        """How the link stands."""
        offset = self._current.stream.clock_offset_ms if self._current is not None else 0
        return LinkStatus(self._connected, self._since_ms, self._failure, offset)

    def stop(self) -> None:
        """Make `run` finish: no new asks, those under way answered within the grace, then closed."""
        self._stop.set()

    async def run(self) -> None:
        """Keep a stream open until `stop`; cancel it to end at once."""
        try:
            while not self._stop.is_set():
                opened = await self._try_open(None)
                if opened is None:
                    await self._pause(self._backoff.next_s())
                    continue
                self._set_connected(connected=True)
                began_s = self._clock.monotonic_s()
                await self._keep(opened)
                self._set_connected(connected=False)
                if self._clock.monotonic_s() - began_s >= self._times.steady_s:
                    self._backoff.reset()
                if not self._stop.is_set():
                    await self._pause(self._backoff.next_s())
        finally:
            self._set_connected(connected=False)
            for task in self._retiring:
                task.cancel()
            await asyncio.gather(*self._retiring, return_exceptions=True)

    async def _try_open(self, than: object) -> _Open | None:
        """Open and greet a stream under the identity on disk; None when that failed or its stamp is still `than`."""
        connection: Connection | None = None
        try:
            stamp = await asyncio.to_thread(self._identities.stamp)
            if stamp == than:
                return None
            identity = await asyncio.to_thread(self._identities.load)
            connection = self._connect(self._address, identity)
            stream = LinkStream(
                connection,
                node=self._node,
                provider=self._provider,
                identity=identity,
                clock=self._clock,
                random_bytes=self._random_bytes,
            )
            async with asyncio.timeout(self._times.greet_s):
                await stream.greet()
        except BaseException as error:
            if connection is not None:
                await connection.close()
            if not isinstance(error, Exception):
                raise
            self._failed("no stream to the gateway", error)
            return None
        return _Open(connection, stream, stamp)

    async def _keep(self, opened: _Open) -> None:
        """Carry a stream, and its successors after renewals, until one ends or the node stops."""
        stop = asyncio.create_task(self._stop.wait())
        current = self._begin(opened)
        try:
            while current.task is not None:
                await asyncio.wait(
                    {current.task, stop}, timeout=self._times.poll_s, return_when=asyncio.FIRST_COMPLETED
                )
                if current.task.done():
                    return
                if self._stop.is_set():
                    current.stream.drain("NODE_STOPPING")
                    await asyncio.wait(self._retiring, timeout=self._times.grace_s)
                    return
                following = await self._try_open(current.stamp)
                if following is not None:
                    await current.stream.stop_changes()
                    current.stream.drain("RENEWED")
                    current = self._begin(following)
        finally:
            stop.cancel()
            if current.task is not None:
                current.task.cancel()
                await asyncio.gather(current.task, return_exceptions=True)
            self._current = None

    def _begin(self, opened: _Open) -> _Open:
        """Start to carry a greeted stream; its task outlives its time as the current one."""
        opened.task = asyncio.create_task(self._carry(opened))
        self._retiring.add(opened.task)
        opened.task.add_done_callback(self._retiring.discard)
        self._current = opened
        _log.info("connected to the gateway")
        return opened

    async def _carry(self, opened: _Open) -> None:
        try:
            await opened.stream.carry()
        except Exception as error:  # noqa: BLE001 - every end of a stream is followed by another try
            self._failed("the stream ended", error)
        finally:
            await opened.connection.close()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    def _set_connected(self, *, connected: bool) -> None:
        if connected != self._connected:
            self._connected = connected
            self._since_ms = self._clock.now_ms()

    def _failed(self, event: str, error: Exception) -> None:
        self._failure = failure_code(error)
        _log.warning(event, reason=self._failure)


def failure_code(error: Exception) -> str:
    """What to tell the operator of this node: the gateway's reason code, a fixed rule, or the kind of error."""
    if isinstance(error, grpc.aio.AioRpcError):
        said = refusal(error)
        return f"{said.code}" if not said.detail else f"{said.code} {said.detail}"
    if isinstance(error, LinkClosed):
        return str(error)
    return type(error).__name__
