"""Runs a resource node: the one place where provider, link and renewal are put together.

In order: read the home and the configuration → open state and sources → compare sources with what is published → keep
the stream to the gateway → renew the certificate, and watch the access log, while all that goes on. SIGTERM and SIGINT
end it in order: no new asks, those under way answered, then everything closed.

Rules kept here: nothing is served unless the keys are certified for exactly this node; what a renewal or a new epoch of
the log brings is taken over without a restart; a node whose gateway contradicts its own log stops and does not start
again by itself.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import structlog

from keys.certificates.spiffe import SpiffeId
from keys.errors import KeysError
from keys.signing import fingerprint_of
from nodes.clock import Clock, SystemClock
from nodes.enrolment.errors import HomeInvalid
from nodes.enrolment.home import Home
from nodes.enrolment.member_keys import open_own
from nodes.enrolment.renewal import Renewal
from nodes.errors import NodeError
from nodes.interpreter import set_heap_aside, share_interpreter
from nodes.link.codec import ProtobufCodec
from nodes.link.identity import HomeIdentities
from nodes.link.link import NodeLink
from nodes.provider.config import load_node
from nodes.provider.node import ProviderNode
from nodes.watch import GrpcLog, LedgerBroken, LedgerWatch, NotCosigned
from nodes.watch.promises import PromisesDue
from nodes.watch.receipts import promises_since
from policies.plain import printable_json

SESSION_BYTES = 16
TRUST_POLL_S = 2.0
WATCH_EVERY_S = 60.0
SEEN_WITHIN_S = 3600.0
"""How old the last look may be for a node that demands witnesses; beyond it nothing is released."""
DOUBT_POLL_S = 1.0

log = structlog.get_logger("oncegate.node")


class Node:
    """A resource node made from its home; `run` serves until `stop`.

    Args:
        home: The enrolled home of a node, with node.toml.
        clock: The machine's clock.
        environment: Environment variables, for sources whose URL is kept there.
        watch_every_s: Seconds between two looks at the access log.

    Attributes:
        provider: Answers asks.
        link: Keeps the stream.
        ticket_key: DER of the key whose tickets are believed now.

    Raises:
        HomeInvalid: The home is not a node's, not enrolled, or damaged.
        BadInput: The keys are not certified for this node, or not now.
        BadConfig: The configuration has mistakes; all are listed.
        StateUnusable: The node's own database cannot be used.
        SourceFailed: A source's URL or driver is not usable.
        LedgerBroken: A conflict of the access log was found before and nobody has resolved it.
    """

    def __init__(
        self, home: Path, *, clock: Clock, environment: Mapping[str, str], watch_every_s: float = WATCH_EVERY_S
    ) -> None:
        self._home = Home(home)
        spiffe = node_id(self._home)
        certified = self._home.certified()
        open_own(self._home, certified, now_ms=clock.now_ms())
        settings, offer = load_node(home / "node.toml", spiffe.department, environment)
        self._home.tls()
        self._watch = LedgerWatch(self._home, clock)
        self._watch.ready()
        self._watch_every_s = watch_every_s
        self._state = settings.state
        self._promises = PromisesDue(self._home, settings.state)
        self._clock = clock
        self._demands = bool(self._home.trust().witnesses)
        self._seen_s: float | None = None
        """When the log was last seen as it has to be; None for never, or since it was not."""
        self._broken: LedgerBroken | None = None
        self.provider = ProviderNode(
            node=spiffe,
            department_key=fingerprint_of(certified.department_key),
            session_id=os.urandom(SESSION_BYTES),
            trust=self._home.trust(),
            settings=settings,
            offer=offer,
            codec=ProtobufCodec(),
            signing_key=self._home.signing_key(),
            clock=clock,
        )
        self.link = NodeLink(
            address=self._home.addresses().systems,
            node=str(spiffe),
            provider=self.provider,
            identities=HomeIdentities(self._home),
            clock=clock,
        )
        self._renewal = Renewal(self._home, clock, jitter=random.random)
        self._spiffe = spiffe
        self.ticket_key = self._home.trust().ticket_key

    def stop(self) -> None:
        """Makes `run` finish in order."""
        self.link.stop()

    async def run(self) -> None:
        """Serves until `stop`.

        Raises:
            LedgerBroken: The access log contradicts itself; the node stopped in order.
        """
        self.provider.start()
        self._judge_log()
        log.info("serving", node=str(self._spiffe), resources=[r.code for r in self.provider.resources])
        work = (self._renewal.run(), self._follow_trust(), self._watch_log())
        background = [asyncio.create_task(each) for each in work]
        try:
            await self.link.run()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self.provider.close()
            log.info("stopped")
        if self._broken is not None:
            raise self._broken

    async def _watch_log(self) -> None:
        """Looks at the access log now and then; a contradiction stops the node."""
        while True:
            more = False
            try:
                more = await self._look()
            except LedgerBroken as error:
                log.critical("ledger_broken", code=error.code, reason=error.detail)
                self._broken = error
                self.stop()
                return
            except NotCosigned as error:
                self._seen_s = None
                log.warning("ledger_not_cosigned", code=error.code, reason=error.detail)
            except (NodeError, KeysError) as error:
                # No answer is no contradiction: it is asked again.
                log.warning("ledger_not_seen", code=str(error.code))
            self._judge_log()
            if not more:
                await self._until_next_look()

    async def _look(self) -> bool:
        """One look; whether promises are left that can be checked right away."""
        due = await asyncio.to_thread(self._promises.due)
        since = partial(promises_since, self._state)
        async with GrpcLog(self._home) as source:
            report = await self._watch.look(source, [one.promised for one in due], since)
        self._seen_s = self._clock.monotonic_s()
        if report.followed is not None:
            self._take_trust()
        return await asyncio.to_thread(self._promises.settle, due, report.size)

    def _judge_log(self) -> None:
        """Where the department demands witnesses, nothing is released without a look at their log. Fails closed."""
        seen = self._seen_s is not None and self._clock.monotonic_s() - self._seen_s < SEEN_WITHIN_S
        self.provider.trust_log(seen=seen or not self._demands)

    async def _until_next_look(self) -> None:
        """Waits for the next look; a promise that is not the log's own brings it forward, for a new epoch shows so."""
        before, waited_s = self.provider.unknown_promises, 0.0
        while waited_s < self._watch_every_s:
            self._judge_log()
            pause_s = min(DOUBT_POLL_S, self._watch_every_s - waited_s)
            await asyncio.sleep(pause_s)
            waited_s += pause_s
            if self.provider.unknown_promises != before:
                return

    async def _follow_trust(self) -> None:
        """Hands what a renewal brought to the provider, whoever renewed."""
        stamp = self._home.stamp()
        while True:
            await asyncio.sleep(TRUST_POLL_S)
            try:
                now = self._home.stamp()
                if now != stamp:
                    self._take_trust()
                    stamp = now
            except (NodeError, KeysError) as error:
                # The trust in force stays; a home that is being mended is looked at again.
                log.warning("trust_not_read", code=str(error.code))

    def _take_trust(self) -> None:
        trust = self._home.trust()
        self._demands = bool(trust.witnesses)
        self.provider.renewed(trust, self._home.signing_key())
        self.ticket_key = trust.ticket_key


def node_id(home: Home) -> SpiffeId:
    """Who this node is.

    Args:
        home: The home.

    Returns:
        Its SPIFFE id.

    Raises:
        HomeInvalid: The home is missing, damaged, or a system's.
    """
    spiffe = home.spiffe()
    if spiffe.kind != "node":
        raise HomeInvalid("home.json", "this is a system; only a node serves")
    return spiffe


def configure_logs() -> None:
    """One JSON document per line on standard error; codes and counts only, never an identifier, a name or a value."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=printable_json),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def serve(home: Path) -> None:
    """Runs the node of a home until SIGTERM or SIGINT.

    Args:
        home: The enrolled home, with node.toml.

    Raises:
        NodeError: As `Node`.
    """
    share_interpreter()
    configure_logs()
    asyncio.run(_serve(home))


async def _serve(home: Path) -> None:
    node = Node(home, clock=SystemClock(), environment=os.environ)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, node.stop)
    set_heap_aside()
    await node.run()
