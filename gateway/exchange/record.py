"""What the ledger is told about an exchange, in its words: asked, released, refused, abandoned, replayed.

Rules kept here: field codes and forms, never values; the person appears only in the person part, as a random id.
If the ledger cannot write, the caller is refused with LEDGER_UNAVAILABLE and nothing is released.
"""

import asyncio
import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from gateway.audit.cosigning import NotCosigned
from gateway.audit.counters import Placed
from gateway.audit.entries import EntryDraft, Recorded
from gateway.audit.errors import AlreadyRecorded, LedgerUnavailable, RiderRefused
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.errors import Code, Refused
from gateway.exchange.decide import Plan, consents_of
from gateway.exchange.emergency import DeclareEmergency
from gateway.exchange.guesses import STRICTEST, GuessLimits, guesses_of
from gateway.exchange.identify import Caller, Subject
from gateway.exchange.limits import refused_by, uses_of
from gateway.exchange.model import ProviderAnswer
from gateway.exchange.recent_releases import RecentReleases
from gateway.exchange.recorded import decided_facts, decided_items
from gateway.exchange.riding import Ride
from keys.signing import digest
from policies.identifiers import normalise
from policies.predicates import Operator, Predicate
from policies.reasons import Reason

_RETRY_MS = 1000
_COSIGNED_RETRY_MS = 5000
_REASONS = frozenset(str(reason) for reason in Reason)
Result = TypeVar("Result")


def item_text(resource: str, field: str, form: str) -> dict[str, str]:
    """One item as the ledger writes it."""
    return {"resource": resource, "field": field, "form": form}


def receipts_of(answers: Sequence[ProviderAnswer]) -> list[dict[str, str]]:
    """What leaves, by digest: for each answer its resource, provider, ticket and the node's receipt over it."""
    return [
        {
            "resource": answer.resource,
            "department": answer.department,
            "ticket": answer.ticket_digest.hex(),
            "receipt": digest(answer.receipt.body).hex(),
        }
        for answer in answers
        if answer.receipt is not None
    ]


def _predicates(plan: Plan) -> dict[str, Sequence[Predicate]]:
    return {part.entry.resource.code: tuple(part.predicates.values()) for part in plan.permitted}


def _seconds(subject: Subject, plan: Plan) -> dict[tuple[str, str], str]:
    """With whom each `same_as` compares: a digest, so that no text of a count shows an identifier."""
    return {
        (part.entry.resource.code, field): hashlib.sha256(
            f"{subject.scheme}\0{normalise(subject.scheme, part.operands[field])}".encode()
        ).hexdigest()
        for part in plan.permitted
        for field, predicate in part.predicates.items()
        if predicate.operator is Operator.SAME_AS
    }


class Record:
    """Writes the entries of exchanges.

    Args:
        ledger: Where to.
        guesses: How many predicates may be asked about one field of one person.
        emergencies: What is committed with a request under a declared emergency; without it there is none.
    """

    def __init__(
        self, ledger: SqlLedger, guesses: GuessLimits = STRICTEST, emergencies: DeclareEmergency | None = None
    ) -> None:
        self._ledger = ledger
        self._guesses = guesses
        self._emergencies = emergencies
        self.recent = RecentReleases()
        """What was released lately, for the acknowledgements that come soon after."""

    async def write(self, draft: EntryDraft) -> Recorded:
        """Append and return once durable.

        Raises:
            RiderRefused: What a rider of the draft refused for a reason of its own.
            Refused: LEDGER_UNAVAILABLE; when the draft's unique key was used REQUEST_REPLAYED, or for the same request
                ANSWER_EXPIRED, REQUEST_BROKEN_OFF or REQUEST_UNSETTLED by what became of it; when something that is
                counted with it does not allow it, that one's reason.
        """
        try:
            return await self._ledger.append(draft)
        except AlreadyRecorded as error:
            raise await self._used(error) from None
        except RiderRefused as error:
            if error.reason not in _REASONS:
                # A rider of the caller's own, who knows what its word means.
                raise
            raise refused_by(error) from None
        except LedgerUnavailable as error:
            raise Refused(Code.LEDGER_UNAVAILABLE, type(error).__name__, retry_after_ms=_RETRY_MS) from None

    def require_cosigned(self) -> None:
        """Accept by returning while the log's witnesses keep up with it. Fails closed.

        Raises:
            Refused: LOG_NOT_COSIGNED; nothing may be released then.
        """
        try:
            self._ledger.require_cosigned()
        except NotCosigned as error:
            raise Refused(Code.LOG_NOT_COSIGNED, str(error), retry_after_ms=_COSIGNED_RETRY_MS) from None

    async def together(self, draft: EntryDraft, act: Callable[[Connection], Result]) -> Result:
        """Append an entry and do what it says in the same commit: both are durable when it returns, or neither is.

        Args:
            draft: The entry.
            act: What is done; it raises when it is not allowed, and is short.

        Raises:
            Refused: LEDGER_UNAVAILABLE, or what the act raised.
            NotPossible: What the act raised.
        """
        ride = Ride(act)
        try:
            await self._ledger.append(dataclasses.replace(draft, riders=(ride,)))
        except RiderRefused:
            raise ride.fault from None
        except LedgerUnavailable as error:
            raise Refused(Code.LEDGER_UNAVAILABLE, type(error).__name__, retry_after_ms=_RETRY_MS) from None
        return ride.result

    async def _used(self, used: AlreadyRecorded) -> Refused:
        """What to tell a caller whose request id is in the log already."""
        where = f"entry {used.leaf_index}"
        if not used.same:
            return Refused(Code.REQUEST_REPLAYED, where)
        try:
            outcome = await asyncio.to_thread(self._ledger.outcome_of, used.leaf_index)
        except Exception as error:  # noqa: BLE001 - drivers raise what they like; whatever it was, the fate is not known
            return Refused(Code.REQUEST_UNSETTLED, type(error).__name__, retry_after_ms=_RETRY_MS)
        if not outcome:
            return Refused(Code.REQUEST_UNSETTLED, where, retry_after_ms=_RETRY_MS)
        broken_off = outcome in {str(Kind.REFUSED), str(Kind.ABANDONED)}
        return Refused(Code.REQUEST_BROKEN_OFF if broken_off else Code.ANSWER_EXPIRED, where)

    @staticmethod
    def _who(caller: Caller) -> dict[str, Any]:
        request = caller.request
        who: dict[str, Any] = {
            "department": caller.peer.department,
            "system": str(caller.peer.spiffe),
            "purpose": request.purpose,
            "legal_basis": str(request.legal_basis),
            "case": request.case_reference,
            "request_id": request.request_id,
            "request_digest": caller.request_digest.hex(),
        }
        if request.explicit_request:
            who["explicit_request"] = request.explicit_request.hex()
        if request.service is not None:
            service = request.service
            who["service"] = {"code": service.code, "version": service.version, "digest": service.digest.hex()}
        if request.consent:
            who["consent"] = request.consent.hex()
        if caller.official:
            who["official"] = caller.official
        if request.emergency is not None:
            who["emergency"] = {"reason": request.emergency.reason}
            if caller.mark is not None and caller.mark.law:
                who["emergency"] |= {"law": caller.mark.law, "visible_from_ms": caller.mark.visible_from_ms}
        return who

    async def asked(self, caller: Caller, subject: Subject, plan: Plan) -> Recorded:
        """The entry that must be durable before any node is asked, and with it the uses that it takes.

        Raises:
            Refused: As `write`; nothing is counted then.
        """
        agreements = [
            {"id": p.agreement.id, "revision": p.agreement.revision, "digest": p.agreement.digest.hex()}
            for p in plan.permitted
        ]
        body: Mapping[str, Any] = {**self.known(caller, plan), "agreements": agreements}
        person = {"person": subject.person_id.hex(), "scheme": subject.scheme}
        if caller.request.emergency is not None:
            # It may speak of people, so it goes with the part that can be erased.
            person["statement"] = caller.request.emergency.statement
        draft = EntryDraft(
            kind="asked",
            accountability=body,
            person=person,
            about=subject.person_id,
            request_digest=caller.request_digest,
            unique=(f"{caller.peer.spiffe}\0{caller.request.request_id}", caller.request_digest),
            counts=(
                *uses_of([part.agreement for part in plan.permitted], subject.person_id),
                *guesses_of(
                    caller.peer.department, subject.person_id, _predicates(plan), self._guesses, _seconds(subject, plan)
                ),
            ),
            riders=tuple(consent.use for consent in consents_of(plan)),
            placed=self._notices(caller, subject, plan),
        )
        recorded = await self.write(draft)
        DeclareEmergency.ring(caller, plan, recorded.leaf_index)
        return recorded

    def marked(self, caller: Caller, plan: Plan) -> Caller:
        """The caller with what every further entry says about the declared emergency, if there is one."""
        return caller if self._emergencies is None else self._emergencies.marked(caller, plan)

    def _notices(self, caller: Caller, subject: Subject, plan: Plan) -> tuple[Placed, ...]:
        """What has to be committed with the entry of a request under a declared emergency."""
        if caller.request.emergency is None:
            return ()
        if self._emergencies is None:
            raise Refused(Code.NOT_ALLOWED, "no emergencies here")
        return self._emergencies.notices(caller, subject, plan)

    async def released(
        self,
        caller: Caller,
        subject: Subject,
        asked: Recorded,
        items: Sequence[Mapping[str, str]],
        receipts: Sequence[Mapping[str, str]],
    ) -> Recorded:
        """The outcome that must be durable before one byte of the answer leaves.

        Args:
            caller: Who gets it.
            subject: Whom it is about.
            asked: The entry that it closes.
            items: What became of each item.
            receipts: Digests of what leaves: `receipts_of` the answers.

        Raises:
            Refused: As `write`.
        """
        body = {**self._who(caller), "items": list(items), "receipts": list(receipts)}
        recorded = await self._outcome("released", subject, asked, body)
        self.recent.add(recorded.leaf_index, str(body["system"]), caller.request_digest, receipts)
        return recorded

    async def refused_after_asked(
        self, caller: Caller, subject: Subject, asked: Recorded, refusal: Refused, items: Sequence[Mapping[str, str]]
    ) -> Recorded:
        """The outcome of a request that was asked and then refused."""
        body = {**self._who(caller), "items": list(items), "reason": refusal.reason}
        return await self._outcome("refused", subject, asked, body)

    async def abandoned(self, caller: Caller, subject: Subject, asked: Recorded, reason: str) -> Recorded:
        """The outcome of a request whose carrying out broke off; nothing was released."""
        return await self._outcome("abandoned", subject, asked, {**self._who(caller), "items": [], "reason": reason})

    async def replayed(self, caller: Caller, subject: Subject, first: Mapping[str, Any]) -> Recorded:
        """The kept answer was given again."""
        draft = EntryDraft(
            kind="replayed",
            accountability={**self._who(caller), **first},
            person={"person": subject.person_id.hex(), "scheme": subject.scheme},
            about=subject.person_id,
            request_digest=caller.request_digest,
        )
        return await self.write(draft)

    async def refused(self, known: Mapping[str, Any], subject: Subject | None, refusal: Refused) -> Recorded:
        """A request that was refused before anyone was asked, with whatever was established about it."""
        body = {**known, "reason": refusal.reason, "code": str(refusal.code), "facts": dict(refusal.facts)}
        draft = EntryDraft(
            kind="refused",
            accountability=body,
            person=None if subject is None else {"person": subject.person_id.hex(), "scheme": subject.scheme},
            about=None if subject is None else subject.person_id,
        )
        return await self.write(draft)

    @classmethod
    def known(cls, caller: Caller, plan: Plan | None = None) -> dict[str, Any]:
        """What an entry may say about a verified caller and its items, and about the decision once there is one."""
        if plan is None:
            items = [item_text(i.resource, i.field, str(i.form)) for i in caller.request.items]
            return {**cls._who(caller), "items": items}
        return {
            **cls._who(caller),
            "items": decided_items(plan),
            "decided": decided_facts(plan),
            "rules": list(plan.rules),
            "bundle": plan.bundle_digest,
        }

    async def _outcome(self, kind: str, subject: Subject, asked: Recorded, body: Mapping[str, Any]) -> Recorded:
        draft = EntryDraft(
            kind=kind,
            accountability={**body, "request": asked.leaf_index},
            person={"person": subject.person_id.hex(), "scheme": subject.scheme},
            about=subject.person_id,
            request_digest=bytes.fromhex(str(body["request_digest"])),
        )
        return await self.write(draft)
