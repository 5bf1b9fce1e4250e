"""One resource node: wires sources, state, checks and releases, and answers the stream client.

The way of an ask: it is collected with what came in at the same moment → checked on the event loop (`checks`) →
handed to its source's lane (`lanes`) → prepared in a thread with one look-up and one read for the group (`release`) →
written, used ticket and proof with the node's own signed receipt in one commit for the group (`state`) → answered. The
link signs the receipts of each frame once more, for the gateway.

Rules kept here: nothing is answered before its proof is durable; whatever goes wrong inside is a refusal and never a
release; nobody is answered after the deadline. It opens no socket but those of its sources and knows nothing of the
wire.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from keys.batch import BatchItem, scope, sign_batch
from keys.certificates.spiffe import SpiffeId
from keys.signing import RECEIPTS, SigningKey
from nodes.clock import Clock
from nodes.enrolment.home import Trust
from nodes.errors import NodeError
from nodes.provider.agreements import AgreementBook
from nodes.provider.bell import ring
from nodes.provider.checks import CheckedTicket, Identity, TicketChecks
from nodes.provider.config import NodeSettings, Offer
from nodes.provider.connectors import OpenSource, open_source
from nodes.provider.consent_proofs import ConsentProofs
from nodes.provider.consents import ConsentBook
from nodes.provider.lanes import PATIENCE_S, Lane
from nodes.provider.model import (
    Codec,
    ConsentChange,
    DeltaRejection,
    IncomingAsk,
    OutboxPosition,
    PointerDelta,
    Refusal,
    Reply,
)
from nodes.provider.release import Prepared, Releaser
from nodes.provider.state import ConsentState, Guesses, Outbox, Records, Releases, ScanReport, Scans, State, open_state
from nodes.provider.sync import Comparison
from nodes.provider.timetable import Timetable
from nodes.provider.used import AgreementUses, UsedTickets
from policies.reasons import Reason
from policies.resources import ResourceDescription

_CHECKED_TOGETHER: Final = 16
"""Asks checked before the event loop gets its turn again; one costs about 0.3 ms."""

_log = structlog.get_logger("oncegate.node")


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """An ask and where its reply goes."""

    ask: IncomingAsk
    reply: "asyncio.Future[Reply]"


@dataclass(frozen=True, slots=True, eq=False)
class _CheckedJob:
    """A job whose ticket passed every check."""

    checked: CheckedTicket
    reply: "asyncio.Future[Reply]"


class ProviderNode:
    """Implements `nodes.provider.model.Provider`. Make it, `start` it inside a running event loop, `close` it.

    Args:
        node: The node's SPIFFE id.
        department_key: Fingerprint of its department's own key.
        session_id: New each boot, 16 random bytes; the link announces the same.
        trust: What the node believes of the gateway.
        settings: From `node.toml`.
        offer: From the resource file.
        codec: `nodes.link.codec`.
        signing_key: Signs the node's own receipts.
        clock: The machine's clock.

    Raises:
        StateUnusable: The node's own database cannot be used.
        SourceFailed: A source's URL or driver is not usable.
    """

    def __init__(
        self,
        *,
        node: SpiffeId,
        department_key: str,
        session_id: bytes,
        trust: Trust,
        settings: NodeSettings,
        offer: Offer,
        codec: Codec,
        signing_key: SigningKey,
        clock: Clock,
    ) -> None:
        self._session_id = session_id
        self._settings = settings
        self._offer = offer
        self._clock = clock
        self._signing_key = signing_key
        self._receipt_scope = scope(str(node), session_id)
        self._inbox: deque[_Job] = deque()
        self._watched: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._sources = _open_sources(offer)
        self._state: State = open_state(settings.state)
        self._records, self._outbox, self._scans = Records(self._state), Outbox(self._state), Scans(self._state)
        self._releases = Releases(self._state)
        self._guesses = Guesses(self._state, settings.guesses)
        self.agreements = AgreementBook(settings.agreements, node.department, department_key, clock)
        self._proofs = ConsentProofs(settings.consents.issuers, settings.consents.proof)
        self._consents = ConsentBook(
            ConsentState(self._state), settings.consents.withdrawn, clock, self._releases.consent_uses_since
        )
        self._checks = TicketChecks(
            who=Identity(str(node), session_id),
            trust=trust,
            codec=codec,
            agreements=self.agreements,
            resources=offer.resources,
            rules=settings.rules,
            limits=settings.limits,
            used=UsedTickets(self._releases.used()),
            uses=AgreementUses(self._releases.uses),
            consents=self._consents,
            purposes=settings.purposes,
        )
        self._releasers = self._make_releasers(codec)
        self._comparisons = self._make_comparisons()
        self._lanes = {name: Lane(name, source.source.pool, self._carry_out) for name, source in self._sources.items()}
        self._desk = ThreadPoolExecutor(1, thread_name_prefix="node-desk")
        by_source: dict[str, list[Comparison]] = {}
        for code, comparison in self._comparisons.items():
            by_source.setdefault(offer.resources[code].source, []).append(comparison)
        self._timetable = Timetable(by_source, settings.sync_every_s, self._outbox_grew)

    def start(self) -> None:
        """Begins to compare sources with what is published. Call it on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._records.withdraw_other_resources(list(self._offer.resources))
        self._timetable.start()

    async def close(self) -> None:
        """Ends running work, refuses what waits, closes sources and state."""
        while self._inbox:
            _answer(self._inbox.popleft().reply, Refusal(Reason.NODE_BUSY))
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._timetable.stop()
        for lane in self._lanes.values():
            lane.close()
        self._desk.shutdown()
        self._state.close()
        for source in self._sources.values():
            source.close()

    def compare(self) -> bool:
        """Compares every resource once, in this thread.

        Returns:
            Whether every comparison counts.

        Raises:
            StateUnusable: The node's own database cannot write.
        """
        results = [comparison.run(changed=self._outbox_grew) for comparison in self._comparisons.values()]
        return all(results)

    def renewed(self, trust: Trust, signing_key: SigningKey) -> None:
        """Takes over what a renewal brought; call it on the event loop.

        Args:
            trust: What the node believes of the gateway from now on.
            signing_key: Signs receipts from now on.

        Raises:
            BadSignature: A key in the trust is not one; everything stays as it was.
        """
        self._checks.trust(trust)
        self._signing_key = signing_key

    @property
    def unknown_promises(self) -> int:
        """How many asks came with a promise that is not the log's own as it is believed to be."""
        return self._checks.unknown_promises

    def trust_log(self, *, seen: bool) -> None:
        """Release, or not, for want of a cosigned checkpoint where the node demands one."""
        self._checks.log_unseen = not seen

    @property
    def session_id(self) -> bytes:
        """See `Provider`."""
        return self._session_id

    @property
    def resources(self) -> Sequence[ResourceDescription]:
        """See `Provider`."""
        return [resource.description for resource in self._offer.resources.values()]

    @property
    def synced_ms(self) -> int:
        """See `Provider`."""
        reports = self.reports()
        return min((reports[code].synced_ms if code in reports else 0 for code in self._offer.resources), default=0)

    def reports(self) -> dict[str, ScanReport]:
        """How the last comparison of each resource went."""
        return self._scans.reports()

    async def answer(self, ask: IncomingAsk) -> Reply:
        """See `Provider`."""
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Reply] = loop.create_future()
        if not self._inbox:
            loop.call_soon(self._check_waiting)
        self._inbox.append(_Job(ask, reply))
        left_s = ask.deadline_ms / 1000 - (self._clock.monotonic_s() - ask.received_s)
        timer = loop.call_later(max(0.0, left_s), _answer, reply, Refusal(Reason.DEADLINE))
        try:
            return await reply
        finally:
            timer.cancel()

    def _check_waiting(self) -> None:
        """Checks what has come in, in small portions, and hands it to the lanes."""
        accepted: dict[str, list[_CheckedJob]] = {}
        for _ in range(min(_CHECKED_TOGETHER, len(self._inbox))):
            job = self._inbox.popleft()
            if job.reply.done():
                continue
            outcome = self._check(job.ask)
            if isinstance(outcome, Refusal):
                _answer(job.reply, outcome)
            else:
                accepted.setdefault(outcome.resource.code, []).append(_CheckedJob(outcome, job.reply))
        for code, jobs in accepted.items():
            source = self._offer.resources[code].source
            _refuse(self._lanes[source].add(code, jobs))
            self._watch(source)
        if self._inbox:
            asyncio.get_running_loop().call_soon(self._check_waiting)

    def _watch(self, source: str) -> None:
        """Looks after a lane for as long as something waits in it; once at a time."""
        lane = self._lanes[source]
        if lane.waiting and source not in self._watched:
            self._watched.add(source)
            asyncio.get_running_loop().call_later(PATIENCE_S, self._nudge, source, lane.taken)

    def _nudge(self, source: str, taken: int) -> None:
        self._watched.discard(source)
        if self._lanes[source].nudge(taken):
            self._watch(source)

    def _check(self, ask: IncomingAsk) -> CheckedTicket | Refusal:
        try:
            return self._checks.check(ask, self._clock.now_ms())
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not become a release, nor stop the others
            _log.error("checks_failed", kind=type(error).__name__)
            return Refusal(Reason.NODE_BUSY)

    def _carry_out(self, resource: str, jobs: Sequence[_CheckedJob]) -> None:
        """Prepares a group's answers and writes their proofs; runs in a lane's thread."""
        wanted = [job for job in jobs if not job.reply.done()]
        if not wanted:
            return
        try:
            prepared = self._releasers[resource].prepare([job.checked for job in wanted])
            durable = self._releases.keep([one.kept for one in prepared], self._clock.now_ms())
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not become a release, nor stop the lane
            _log.error("release_failed", kind=type(error).__name__)
            self._on_loop(partial(_refuse, wanted))
            return
        durable.add_done_callback(lambda done: self._on_loop(partial(_deliver, wanted, prepared, done)))

    def _on_loop(self, call: "partial[None]") -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def consents(self, changes: Sequence[ConsentChange]) -> None:
        """See `Provider`."""
        self._consents.take(changes)

    async def outbox(self) -> OutboxPosition:
        """See `Provider`."""
        return await asyncio.get_running_loop().run_in_executor(self._desk, self._outbox.position)

    async def pending(self, after: int, limit: int) -> Sequence[PointerDelta]:
        """See `Provider`."""
        return await asyncio.get_running_loop().run_in_executor(self._desk, self._outbox.pending, after, limit)

    async def wait_for_deltas(self, after: int, timeout_s: float) -> None:
        """See `Provider`."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    self._changed.clear()
                    if (await self.outbox()).last_sequence > after:
                        return
                    await self._changed.wait()
        except TimeoutError:
            return

    async def acknowledge(self, through: int, rejections: Sequence[DeltaRejection]) -> None:
        """See `Provider`.

        Raises:
            StateUnusable: The node's own database cannot write; the changes will be sent again.
        """
        acknowledge = partial(self._outbox.acknowledge, through, rejections)
        await asyncio.get_running_loop().run_in_executor(self._desk, acknowledge)

    async def snapshot(self, resource: str) -> tuple[int, Iterator[Sequence[PointerDelta]]]:
        """See `Provider`."""
        offered = self._offer.resources[resource]
        snapshot = partial(
            self._outbox.snapshot, resource, offered.subject_scheme, listed=not offered.description.unlisted
        )
        return await asyncio.get_running_loop().run_in_executor(self._desk, snapshot)

    def _sign(self, receipts: Sequence[bytes]) -> list[BatchItem]:
        return sign_batch(self._signing_key, RECEIPTS, self._receipt_scope, receipts)

    def _outbox_grew(self) -> None:
        self._on_loop(partial(self._changed.set))

    def _make_releasers(self, codec: Codec) -> dict[str, Releaser]:
        return {
            code: Releaser(
                resource=resource,
                connector=self._sources[resource.source].connectors[code],
                records=self._records,
                withheld=self._settings.rules.records.get(code, frozenset()),
                guesses=self._guesses,
                codec=codec,
                sign=self._sign,
                now_ms=self._clock.now_ms,
                proofs=self._proofs,
            )
            for code, resource in self._offer.resources.items()
        }

    def _make_comparisons(self) -> dict[str, Comparison]:
        return {
            code: Comparison(
                resource=resource,
                connector=self._sources[resource.source].connectors[code],
                records=self._records,
                scans=self._scans,
                withheld=self._settings.rules.records.get(code, frozenset()),
                clock=self._clock,
            )
            for code, resource in self._offer.resources.items()
        }


def _open_sources(offer: Offer) -> dict[str, OpenSource]:
    resources = list(offer.resources.values())
    return {name: open_source(source, resources) for name, source in offer.sources.items()}


def _answer(reply: "asyncio.Future[Reply]", value: Reply) -> None:
    """Answers once: after a deadline or a cancellation, later answers count for nothing."""
    if not reply.done():
        reply.set_result(value)


def _refuse(jobs: Sequence[_CheckedJob]) -> None:
    for job in jobs:
        _answer(job.reply, Refusal(Reason.NODE_BUSY))


def _deliver(jobs: Sequence[_CheckedJob], prepared: Sequence[Prepared], durable: "Future[None]") -> None:
    """Answers a group whose proofs are written, or refuses it when they could not be (fails closed)."""
    problem = durable.exception()
    if problem is not None:
        code = problem.code if isinstance(problem, NodeError) else type(problem).__name__
        _log.error("release_not_kept", code=code)
        _refuse(jobs)
        return
    for job, one in zip(jobs, prepared, strict=True):
        ring(one.kept)
        _answer(job.reply, one.released)
