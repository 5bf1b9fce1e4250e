"""One request, in order. This module tells the story; each step lives in the module named after it.

identify the caller, verify its signature over the request → see that the log is cosigned → normalise and check the
subject identifier, derive its token → find the agreement and basis → decide every field → append `asked` → look up
pointers → issue tickets → fan out with a shared deadline → verify receipts → add the person's own profile fields,
sealed → append the outcome → answer.

Not done here: transport (gateway.rpc), what a node checks for itself (nodes.provider), and opening answers, which the
gateway cannot do.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog

from gateway.audit.entries import Recorded
from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.exchange.ask import Ask
from gateway.exchange.contribute import Contribute
from gateway.exchange.decide import Decide, Plan, refusal
from gateway.exchange.erasing import Erasing
from gateway.exchange.identify import Caller, Identify, IdentifySubject, Subject, claimed
from gateway.exchange.model import Call, Disclosed, ProviderAnswer
from gateway.exchange.record import Record, receipts_of
from gateway.exchange.repeat import KeptAnswers
from gateway.identity.peers import Peer
from gateway.settings import Limits
from gateway.vault.fields import PROFILE_RESOURCE

_log = structlog.get_logger("oncegate.exchange")
_RETRY_MS = 500


class Disclose:
    """Carries out fetches.

    Args:
        identify: Step one.
        subjects: Step two.
        decide: Steps three and four.
        record: The ledger's entries.
        ask: Look-up, tickets, fan-out, receipts.
        contribute: The person's own fields.
        kept: Answers kept for a repeat of the same request id.
        erasing: Which persons are being erased.
        limits: Deadlines and concurrency.
        clock: Monotonic time for the shared deadline.
    """

    def __init__(
        self,
        identify: Identify,
        subjects: IdentifySubject,
        decide: Decide,
        record: Record,
        ask: Ask,
        contribute: Contribute,
        kept: KeptAnswers[Disclosed],
        erasing: Erasing,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._identify = identify
        self._subjects = subjects
        self._decide = decide
        self._record = record
        self._ask = ask
        self._contribute = contribute
        self._kept = kept
        self._erasing = erasing
        self._limits = limits
        self._clock = clock
        self._running: Counter[str] = Counter()
        self._background: set[asyncio.Task[Any]] = set()

    async def __call__(self, call: Call) -> Disclosed:
        """Find, decide, collect, seal and record.

        Raises:
            Refused: With its reason, which is on the ledger before it is told. Only OVERLOADED is not: it depends on
                nothing that the call says, and writing it down would feed the flood that it stems.
        """
        peer = await self._admitted(call)
        with self._slot(str(peer.spiffe)):
            known: dict[str, Any] = {"department": peer.department, "system": str(peer.spiffe)}
            subject: Subject | None = None
            try:
                caller = self._identify.caller(call, peer)
                await self._identify.sealed(caller)
                known = Record.known(caller)
                # Before anything about the person is looked at: it is refused to everyone alike.
                self._record.require_cosigned()
                subject = await self._subjects(call, caller.request)
                plan = self._decide(caller, subject)
                caller = self._record.marked(caller, plan)
                known = Record.known(caller)
                refused = refusal(plan)
                if refused is not None:
                    known = Record.known(caller, plan)
                    raise refused
                first = self._kept.begin(str(peer.spiffe), caller.request.request_id, caller.request_digest)
                if first is not None:
                    return await self._again(caller, subject, plan, first)
            except Refused as error:
                await self._record.refused(known, subject, error)
                raise
            return await self._first(call, caller, subject, plan)

    async def own_question(
        self, call: Call, caller: Caller, subject: Subject, still_good: Callable[[], None]
    ) -> Disclosed:
        """Carry out a question that the gateway itself asks, in the name of the department that runs the vault.

        It came through no door, so there is no certificate of a connection: `still_good` says instead whether the
        asking keys still stand. Everything else is as with any fetch, on the ledger too.

        Raises:
            Refused: With its reason, which is on the ledger before it is told.
        """
        with self._slot(str(caller.peer.spiffe)):
            known = Record.known(caller)
            try:
                self._record.require_cosigned()
                plan = self._decide(caller, subject)
                refused = refusal(plan)
                if refused is not None:
                    known = Record.known(caller, plan)
                    raise refused
            except Refused as error:
                await self._record.refused(known, subject, error)
                raise
            return await self._carry_out(call, caller, subject, plan, still_good)

    async def _admitted(self, call: Call) -> Peer:
        """The calling system; a certificate that is not in good standing is refused on the record."""
        try:
            return self._identify.system(call.certificate)
        except Refused as error:
            await self._record.refused(claimed(call.certificate), None, error)
            raise

    async def _first(self, call: Call, caller: Caller, subject: Subject, plan: Plan) -> Disclosed:
        """The first call with this request id."""
        system, request_id = str(caller.peer.spiffe), caller.request.request_id
        try:
            still_good = partial(self._identify.still_good, caller.peer)
            disclosed = await self._carry_out(call, caller, subject, plan, still_good)
        except BaseException as error:
            cause = error if isinstance(error, Refused) else Refused(Code.INTERNAL, type(error).__name__)
            self._kept.fail(system, request_id, cause)
            raise
        self._kept.finish(system, request_id, disclosed, disclosed.size)
        return disclosed

    async def _carry_out(
        self, call: Call, caller: Caller, subject: Subject, plan: Plan, still_good: Callable[[], None]
    ) -> Disclosed:
        deadline_s = self._deadline_s(caller.request.deadline_ms)
        asked = await self._asked(caller, subject, plan)
        # The ledger records an entry once handed over, even when the caller is cancelled while waiting for it.
        ending = False
        try:
            own = tuple(part for part in plan.permitted if part.entry.resource.code == PROFILE_RESOURCE)
            others = tuple(part for part in plan.permitted if part.entry.resource.code != PROFILE_RESOURCE)
            gathered = await self._ask(call, caller, subject, others, asked.promise, deadline_s)
            items: list[dict[str, str]] = list(gathered.items)
            try:
                # Before the fields are read: an erasure may be on the ledger and not carried out.
                self._check_not_erased(subject, plan, asked.leaf_index)
                contributions = [await self._contribute(caller, subject, part) for part in own]
                answers = gathered.answers + tuple(c.answer for c in contributions)
                for part, contribution in zip(own, contributions, strict=True):
                    code = part.entry.resource.code
                    items += [
                        {"resource": code, "field": f, "form": form, "outcome": outcome}
                        for f, form, outcome in contribution.outcomes
                    ]
                still_good()
                self._check_before_release(plan, answers)
                # And again: from here to the outcome nothing is awaited, so that an erasure comes before or after both.
                self._check_not_erased(subject, plan, asked.leaf_index)
            except Refused as error:
                ending = True
                await self._record.refused_after_asked(caller, subject, asked, error, items)
                raise
            items += [
                {
                    "resource": w.resource,
                    "field": w.field,
                    "form": str(w.form),
                    "outcome": "withheld",
                    "reason": w.reason,
                }
                for w in plan.withheld
            ]
            ending = True
            outcome = await self._record.released(caller, subject, asked, items, receipts_of(answers))
            await self._check_not_between(caller, subject, plan, asked, outcome)
        except Refused:
            raise
        except BaseException as error:
            if not ending:
                self._abandon(caller, subject, asked, type(error).__name__)
            raise
        return Disclosed(
            request_id=caller.request.request_id,
            complete=_complete(plan, answers),
            answers=answers,
            withheld=plan.withheld,
            asked=asked.promise,
            outcome=outcome.promise,
            asked_index=asked.leaf_index,
            own=tuple(contribution.standing for contribution in contributions),
        )

    async def _asked(self, caller: Caller, subject: Subject, plan: Plan) -> Recorded:
        """Make the question durable, and with it the uses that it takes; until then nobody is asked.

        Raises:
            Refused: No use is left, the id was used before, or the ledger cannot write.
        """
        try:
            return await self._record.asked(caller, subject, plan)
        except Refused as error:
            await self._record.refused(Record.known(caller, plan), subject, error)
            raise

    def _check_before_release(self, plan: Plan, answers: tuple[ProviderAnswer, ...]) -> None:
        """The last look before anything leaves: agreements and witnesses again, and somebody must have answered."""
        self._decide.unchanged(plan)
        self._record.require_cosigned()
        if answers and all(answer.silence for answer in answers):
            listed = ";".join(f"{a.department}/{a.resource}={a.silence}" for a in answers)
            raise Refused(Code.ALL_PROVIDERS_SILENT, listed, retry_after_ms=_RETRY_MS, facts=(("providers", listed),))

    async def _again(
        self, caller: Caller, subject: Subject, plan: Plan, first: "asyncio.Future[Disclosed]"
    ) -> Disclosed:
        """The same request again: the first answer, after standing, agreements and own fields were checked again."""
        disclosed = await asyncio.shield(first)
        self._identify.still_good(caller.peer)
        self._decide.unchanged(plan)
        own = (part for part in plan.permitted if part.entry.resource.code == PROFILE_RESOURCE)
        for part, standing in zip(own, disclosed.own, strict=False):
            self._contribute.unchanged(caller, subject, part, standing)
        self._check_not_erased(subject, plan, disclosed.asked_index)
        replayed = await self._record.replayed(caller, subject, {"items": []})
        if _own(plan) and self._erasing.between(subject.person_id, disclosed.asked_index, replayed.leaf_index):
            raise _erased()
        return Disclosed(
            request_id=disclosed.request_id,
            complete=disclosed.complete,
            answers=disclosed.answers,
            withheld=disclosed.withheld,
            asked=disclosed.asked,
            outcome=disclosed.outcome,
            asked_index=disclosed.asked_index,
            replayed=True,
        )

    def _check_not_erased(self, subject: Subject, plan: Plan, asked_index: int) -> None:
        """What a person had entered must not leave once the person has it erased. Fails closed.

        Raises:
            Refused: ANSWER_EXPIRED.
        """
        if _own(plan) and self._erasing.touches(subject.person_id, asked_index):
            raise _erased()

    async def _check_not_between(
        self, caller: Caller, subject: Subject, plan: Plan, asked: Recorded, outcome: Recorded
    ) -> None:
        """The same for an erasure by another process, which shows only once the outcome has its place on the ledger.

        The ledger then says that fields were released which did not leave; the refusal stands behind it.

        Raises:
            Refused: ANSWER_EXPIRED.
        """
        if _own(plan) and self._erasing.between(subject.person_id, asked.leaf_index, outcome.leaf_index):
            error = _erased()
            await self._record.refused(Record.known(caller), subject, error)
            raise error

    def _abandon(self, caller: Caller, subject: Subject, asked: Recorded, reason: str) -> None:
        """Record in the background that an asked request broke off; `Mend` does it if this process ends first."""

        async def write() -> None:
            try:
                await self._record.abandoned(caller, subject, asked, reason)
            except Refused as error:
                _log.error("abandoned outcome not written", code=str(error.code), asked=asked.leaf_index)

        task = asyncio.get_running_loop().create_task(write())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _deadline_s(self, requested_ms: int) -> float:
        chosen = requested_ms or self._limits.deadline_default_ms
        return min(chosen, self._limits.deadline_max_ms) / 1000

    @contextmanager
    def _slot(self, system: str) -> Iterator[None]:
        """A place among the running fetches; full means refused at once, so that one system cannot starve others."""
        if (
            self._running.total() >= self._limits.concurrent_fetches
            or self._running[system] >= self._limits.concurrent_per_system
        ):
            raise Refused(Code.OVERLOADED, "fetches", retry_after_ms=_RETRY_MS)
        self._running[system] += 1
        try:
            yield
        finally:
            self._running[system] -= 1
            if not self._running[system]:
                del self._running[system]


def _own(plan: Plan) -> bool:
    """Whether the person's own profile is part of what is permitted."""
    return any(part.entry.resource.code == PROFILE_RESOURCE for part in plan.permitted)


def _erased() -> Refused:
    return Refused(Code.ANSWER_EXPIRED, "profile erased meanwhile")


def _complete(plan: Plan, answers: tuple[ProviderAnswer, ...]) -> bool:
    """False when a required item is missing because its provider was silent."""
    silent = {answer.resource for answer in answers if answer.silence}
    return not any(part.required and part.entry.resource.code in silent for part in plan.permitted)
