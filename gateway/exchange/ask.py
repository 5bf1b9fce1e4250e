"""Looks up pointers, orders the nodes, and gathers what came back.

Which providers are asked and listed follows from the request alone: where the index has no unique pointer the node
is asked all the same, under a random handle, so that neither time nor shape tells whether there is a record
(docs/adr/0004). Lookups whose result is ambiguous are ordered like those without a pointer.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.exchange.decide import Permitted
from gateway.exchange.identify import Caller, Subject
from gateway.exchange.model import Call, ProviderAnswer
from gateway.federation.federation import Federation
from gateway.federation.model import Answer, Order, Silence
from gateway.index.model import Found, Lookup
from gateway.index.pointer_index import PointerIndex
from keys.batch import BatchItem
from keys.consent_proof import seal_proof
from policies.resources import update_cycle_ms

_HANDLE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Gathered:
    """Answers of the nodes in the order of the plan, and what became of each item, for the ledger."""

    answers: tuple[ProviderAnswer, ...]
    items: tuple[dict[str, str], ...]


class Ask:
    """Asks nodes.

    Args:
        index: Who holds a record.
        federation: The streams to the nodes.
        clock: Freshness.
    """

    def __init__(self, index: PointerIndex, federation: Federation, clock: Clock) -> None:
        self._index = index
        self._federation = federation
        self._clock = clock

    async def __call__(
        self,
        call: Call,
        caller: Caller,
        subject: Subject,
        parts: Sequence[Permitted],
        promise: BatchItem,
        deadline_s: float,
    ) -> Gathered:
        """Order every part's node and wait until all answered or the deadline passed."""
        listed = [part.entry.resource.code for part in parts if not part.entry.resource.unlisted]
        found = self._index.find_all(listed, subject.tokens) if listed else {}
        orders = [self._order(call, caller, subject, part, promise, found) for part in parts]
        results = await self._federation.ask(orders, deadline_s) if orders else []
        answers: list[ProviderAnswer] = []
        items: list[dict[str, str]] = []
        for part, result in zip(parts, results, strict=True):
            answers.append(self._answer(part, result))
            items.extend(_items(part, result))
        return Gathered(tuple(answers), tuple(items))

    @staticmethod
    def _order(
        call: Call,
        caller: Caller,
        subject: Subject,
        part: Permitted,
        promise: BatchItem,
        found: Mapping[str, Lookup],
    ) -> Order:
        resource = part.entry.resource
        pointer = found.get(resource.code)
        consent, digest, proof = _consent(call, subject, part)
        return Order(
            node=part.entry.node,
            resource=resource.code,
            handle=pointer.handle if isinstance(pointer, Found) else secrets.token_bytes(_HANDLE_BYTES),
            items=part.items,
            predicates={name: predicate.name for name, predicate in part.predicates.items()},
            operands=part.operands,
            purpose=caller.request.purpose,
            basis=caller.request.legal_basis,
            agreement_id=part.agreement.id,
            agreement_revision=part.agreement.revision,
            agreement_digest=part.agreement.digest,
            request=call.body,
            request_signature=call.signature,
            requester_keys=call.keys,
            subject_nonce=call.subject_nonce,
            subject_identifier=subject.canonical if resource.unlisted else "",
            promise=promise,
            request_digest=caller.request_digest,
            consent=consent,
            consent_digest=digest,
            consent_proof=proof,
            emergency=caller.request.emergency_reason,
        )

    def _answer(self, part: Permitted, result: Answer | Silence) -> ProviderAnswer:
        resource = part.entry.resource
        synced_ms = self._index.synced(part.entry.node)
        age_ms = self._clock.now_ms() - synced_ms
        stale = synced_ms == 0 or age_ms > update_cycle_ms(resource.update_cycle)
        if isinstance(result, Silence):
            return ProviderAnswer(resource.provider, resource.code, str(result.reason), synced_ms, stale)
        return ProviderAnswer(
            department=resource.provider,
            resource=resource.code,
            silence="",
            synced_ms=synced_ms,
            stale=stale,
            sealed=result.sealed,
            ticket_digest=result.ticket_digest,
            receipt=result.receipt,
            session_id=result.session_id,
            node_keys=result.node_keys,
        )


def _consent(call: Call, subject: Subject, part: Permitted) -> tuple[bytes, bytes, bytes]:
    """The consent's text and digest, and its proof sealed for a node whose record is about the subject."""
    named = part.consent
    if named is None or named.consent is None or named.proof is None:
        return b"", b"", b""
    sealed = seal_proof(
        named.proof,
        nonce=call.subject_nonce,
        scheme=subject.scheme,
        canonical_identifier=subject.canonical,
        consent_digest=named.consent.digest,
    )
    return named.consent.raw, named.consent.digest, sealed


def _items(part: Permitted, result: Answer | Silence) -> list[dict[str, str]]:
    """What became of each item, as the ledger writes it."""
    code = part.entry.resource.code
    if isinstance(result, Silence):
        reason = str(result.reason)
        detail = {"detail": result.detail} if result.detail else {}
        return [
            {"resource": code, "field": field, "form": str(form), "outcome": "silent", "reason": reason, **detail}
            for field, form in part.items
        ]
    return [
        {"resource": code, "field": field, "form": str(form), "outcome": outcome}
        for field, form, outcome in result.outcomes
    ]
