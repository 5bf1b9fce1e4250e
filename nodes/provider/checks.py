"""Every check that a node makes before it reads a record: nothing is taken on the gateway's word.

The order, each with its own reason (docs/node.md, section 5): ticket's signature → its form → node and session →
expiry → resource, fields and forms as offered → request's digest, contents and age → our own copy of the agreement →
the asking system's keys under the fingerprint in that copy → the consumer's signature → what the agreement permits now
→ predicates and their operands → the ledger's promise → the subject's commitment → the department's own rules → used
before → uses of the day.

Which way it fails: every check fails closed, with a `Refusal` that names the reason. What a ticket costs (a use, its
single use) is taken last, when everything else holds.

It does not read a record. Whether the record is about the committed subject is checked in `release`.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from keys.batch import BatchItem, ItemVerifier, scope, verify_batch
from keys.certificates.spiffe import SpiffeId
from keys.errors import BadCertificate, BadKeyCertificate, BadSignature
from keys.key_certificates import open_certified, recipient_key, verify_key
from keys.operands import check_operand as check_commitment
from keys.sealing import RecipientKey
from keys.signing import PROMISE, REQUEST, TICKETS, VerifyKey, digest
from keys.subjects import check_subject
from nodes.enrolment.home import Trust
from nodes.provider.agreements import AgreementBook
from nodes.provider.config import DepartmentRules, Limits, ProvidedResource
from nodes.provider.model import Codec, IncomingAsk, Refusal, Request, RequestedItem, Ticket, TicketFrame
from nodes.provider.used import DailyUses, UsedTickets
from policies.agreements import Agreement
from policies.predicates import BadPredicate, Operator, Predicate, check_operand
from policies.reasons import Reason
from policies.vocabulary import Form, SharingType

_FRAMES: Final = 64
"""Verified frames that are remembered, so that a frame costs one signature however its asks are handed over."""
_NONCE_BYTES: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class CheckedTicket:
    """A ticket that passed every check.

    Args:
        ask: As it came in.
        ticket: Parsed.
        proof: The ticket with its audit path, verifiable alone.
        ticket_digest: SHA-256 of the ticket.
        request: The consumer's request, parsed.
        resource: What is asked for.
        agreement: Our own copy.
        consumer: The asking system.
        recipient: The key to seal to.
        asking: By field, what is asked of those ordered in the form predicate.
    """

    ask: IncomingAsk
    ticket: Ticket
    proof: BatchItem
    ticket_digest: bytes
    request: Request
    resource: ProvidedResource
    agreement: Agreement
    consumer: SpiffeId
    recipient: RecipientKey
    asking: Mapping[str, "Asking"]


@dataclass(frozen=True, slots=True)
class Asking:
    """One predicate of our own copy of the agreement, and the operand that the consumer signed for, if it needs one.

    Args:
        predicate: What is asked.
        operand: What an equality compares with; never kept or part of the `repr`.
    """

    predicate: Predicate
    operand: str = field(default="", repr=False)


class _Refused(Exception):
    """Ends the checks of one ticket."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the node is.

    Args:
        node: Its SPIFFE id.
        session_id: Its session, new each boot.
    """

    node: str
    session_id: bytes


class TicketChecks:
    """The checks of one node. Used from the event loop's thread only.

    Args:
        who: The node.
        trust: What it believes of the gateway: keys, trust domain, log origin.
        codec: Parses signed bodies.
        agreements: The department's own copies.
        resources: What it offers, by code.
        rules: The department's own rules.
        limits: Bounds.
        used: Used tickets.
        uses: Uses of the day.
    """

    def __init__(
        self,
        *,
        who: Identity,
        trust: Trust,
        codec: Codec,
        agreements: AgreementBook,
        resources: Mapping[str, ProvidedResource],
        rules: DepartmentRules,
        limits: Limits,
        used: UsedTickets,
        uses: DailyUses,
    ) -> None:
        self._who = who
        self._codec = codec
        self._agreements = agreements
        self._resources = resources
        self._rules = rules
        self._limits = limits
        self._used = used
        self._uses = uses
        self._ticket_scope = scope(who.node, who.session_id)
        self._frames: OrderedDict[int, tuple[TicketFrame, list[BatchItem]]] = OrderedDict()
        self.trust(trust)

    def trust(self, trust: Trust) -> None:
        """Replaces what the node believes of the gateway, after a renewal.

        Args:
            trust: From the node's home.

        Raises:
            BadSignature: A key in it is not one.
        """
        # Both keys are read before anything is replaced, so that a damaged trust leaves the old one whole.
        ticket_key, promise_key = VerifyKey.from_der(trust.ticket_key), VerifyKey.from_der(trust.promise_key)
        self._trust_domain = trust.trust_domain
        self._ticket_key = ticket_key
        self._promises = ItemVerifier(promise_key)
        self._promise_scope = scope(trust.log_origin)
        self._frames.clear()

    def check(self, ask: IncomingAsk, now_ms: int) -> CheckedTicket | Refusal:
        """Checks one ticket and takes it.

        Args:
            ask: As it came in.
            now_ms: Now by the node's own clock, Unix ms.

        Returns:
            The checked ticket, which may be carried out once; or why it is not carried out.
        """
        try:
            return self._check(ask, now_ms)
        except _Refused as refused:
            return Refusal(refused.reason)

    def _check(self, ask: IncomingAsk, now_ms: int) -> CheckedTicket:
        proof = self._proof(ask)
        ticket = self._ticket(ask, now_ms)
        resource = self._resource(ticket)
        request = self._request(ask, ticket, now_ms)
        agreement = self._agreement(ticket)
        consumer, recipient = self._requester(ask, request, agreement, now_ms)
        self._permitted(ticket, request, agreement, consumer, now_ms)
        asking = self._asking(ask, ticket, request, agreement, resource)
        self._promise(ask, ticket)
        self._subject(ask, request, resource)
        if consumer.department in self._rules.departments:
            raise _Refused(Reason.DEPARTMENT_RULE)
        forget_ms = ticket.expires_ms + 2 * self._limits.clock_offset_ms
        if not self._used.take(ticket.ticket_id, forget_ms, now_ms):
            raise _Refused(Reason.TICKET_REPLAYED)
        if not self._uses.take(agreement.id, agreement.uses_per_day, now_ms):
            raise _Refused(Reason.USES_EXHAUSTED)
        return CheckedTicket(
            ask, ticket, proof, digest(ask.ticket), request, resource, agreement, consumer, recipient, asking
        )

    def _proof(self, ask: IncomingAsk) -> BatchItem:
        """The gateway signed this very ticket, for this node and session."""
        known = self._frames.get(id(ask.frame))
        if known is None:
            frame = ask.frame
            try:
                items = verify_batch(self._ticket_key, TICKETS, self._ticket_scope, frame.bodies, frame.signature)
            except BadSignature:
                raise _Refused(Reason.TICKET_BAD_SIGNATURE) from None
            # The frame is kept beside its items, so that its id cannot become another frame's.
            known = self._frames[id(frame)] = (frame, items)
            if len(self._frames) > _FRAMES:
                self._frames.popitem(last=False)
        items = known[1]
        if not 0 <= ask.position < len(items):
            raise _Refused(Reason.BAD_TICKET)
        return items[ask.position]

    def _ticket(self, ask: IncomingAsk, now_ms: int) -> Ticket:
        """It is well formed, for this node and session, and valid now."""
        try:
            ticket = self._codec.parse_ticket(ask.ticket)
        except ValueError:
            raise _Refused(Reason.BAD_TICKET) from None
        if not ticket.items or len({item.field for item in ticket.items}) != len(ticket.items):
            raise _Refused(Reason.BAD_TICKET)
        if ticket.node != self._who.node:
            raise _Refused(Reason.WRONG_NODE)
        if ticket.session_id != self._who.session_id:
            raise _Refused(Reason.WRONG_SESSION)
        # The offset is the gateway's word, so it counts only up to a bound.
        most = self._limits.clock_offset_ms
        gateway_now_ms = now_ms + max(-most, min(most, ask.clock_offset_ms))
        if not 0 <= ticket.expires_ms - gateway_now_ms <= self._limits.ticket_life_ms:
            raise _Refused(Reason.TICKET_EXPIRED)
        return ticket

    def _resource(self, ticket: Ticket) -> ProvidedResource:
        """The node offers this resource, with these fields in these forms."""
        resource = self._resources.get(ticket.resource)
        if resource is None:
            raise _Refused(Reason.RESOURCE_UNKNOWN)
        if resource.description.sharing_type is SharingType.NOT_SHARED:
            raise _Refused(Reason.NOT_SHARED)
        for item in ticket.items:
            described = resource.description.field(item.field)
            if described is None:
                raise _Refused(Reason.UNKNOWN_TERM)
            if item.form not in described.forms:
                raise _Refused(Reason.FORM_NOT_ALLOWED)
        return resource

    def _request(self, ask: IncomingAsk, ticket: Ticket, now_ms: int) -> Request:
        """The ticket orders nothing beyond the signed request, which is recent and for this gateway."""
        if digest(ask.request) != ticket.request_digest:
            raise _Refused(Reason.REQUEST_MISMATCH)
        try:
            request = self._codec.parse_request(ask.request)
        except ValueError:
            raise _Refused(Reason.REQUEST_MISMATCH) from None
        if (request.trust_domain, request.purpose, request.basis) != (self._trust_domain, ticket.purpose, ticket.basis):
            raise _Refused(Reason.REQUEST_MISMATCH)
        signed_for = _signed_for(request, ticket.resource)
        for item in ticket.items:
            asked = signed_for.get(item.field)
            if asked is None or item.form not in {asked.form, *asked.accepted}:
                raise _Refused(Reason.REQUEST_MISMATCH)
        if abs(now_ms - request.created_ms) > self._limits.request_age_ms:
            raise _Refused(Reason.REQUEST_EXPIRED)
        return request

    def _agreement(self, ticket: Ticket) -> Agreement:
        """Our steward accepted this very agreement, to the byte."""
        agreement = self._agreements.get(ticket.agreement_id)
        if agreement is None:
            raise _Refused(Reason.AGREEMENT_UNKNOWN)
        if self._agreements.stopped(agreement.id):
            raise _Refused(Reason.AGREEMENT_SUSPENDED)
        named = (ticket.agreement_revision, ticket.agreement_digest, ticket.resource)
        if (agreement.revision, agreement.digest, agreement.resource) != named:
            raise _Refused(Reason.AGREEMENT_MISMATCH)
        return agreement

    def _requester(
        self, ask: IncomingAsk, request: Request, agreement: Agreement, now_ms: int
    ) -> tuple[SpiffeId, RecipientKey]:
        """The consumer department's own key certifies the key to seal to and the key that signed the request."""
        try:
            certificate = open_certified(ask.requester_keys, accepted_fingerprint=agreement.consumer_key, now_ms=now_ms)
            system = SpiffeId.parse(certificate.holder)
        except (BadKeyCertificate, BadCertificate):
            raise _Refused(Reason.RECIPIENT_NOT_CERTIFIED) from None
        recipient = recipient_key(certificate)
        if (
            certificate.holder != request.system
            or system.kind != "system"
            or system.trust_domain != self._trust_domain
            or recipient.key_id != request.sealing_key_id
        ):
            raise _Refused(Reason.RECIPIENT_NOT_CERTIFIED)
        try:
            verify_key(certificate).verify(REQUEST, ask.request, ask.request_signature)
        except BadSignature:
            raise _Refused(Reason.REQUEST_BAD_SIGNATURE) from None
        return system, recipient

    def _permitted(
        self, ticket: Ticket, request: Request, agreement: Agreement, consumer: SpiffeId, now_ms: int
    ) -> None:
        """Our own copy permits every ordered item, to this system, for this purpose, now."""
        for item in ticket.items:
            reason = agreement.permits(
                system_name=consumer.name,
                consumer=consumer.department,
                purpose=request.purpose,
                basis=request.basis,
                field=item.field,
                form=item.form,
                case_present=bool(request.case_reference.strip()),
                now_ms=now_ms,
                predicate=item.predicate,
            )
            if reason is not None:
                raise _Refused(reason)

    def _asking(
        self, ask: IncomingAsk, ticket: Ticket, request: Request, agreement: Agreement, resource: ProvidedResource
    ) -> Mapping[str, Asking]:
        """What is asked is in our own copy, is what the consumer signed, fits the field, and has its operand."""
        signed_for = _signed_for(request, ticket.resource)
        found: dict[str, Asking] = {}
        for item in ticket.items:
            if item.form is not Form.PREDICATE:
                if item.predicate:
                    raise _Refused(Reason.BAD_TICKET)
                continue
            predicate, asked = agreement.predicates[item.predicate], signed_for[item.field]
            if asked.need is None or not asked.need.matches(predicate):
                raise _Refused(Reason.REQUEST_MISMATCH)
            described = resource.description.field(item.field)
            if described is None or not predicate.fits(described.data_type):
                raise _Refused(Reason.FORM_NOT_ALLOWED)
            found[item.field] = Asking(predicate, self._operand(ask, ticket.resource, predicate, asked))
        return found

    @staticmethod
    def _operand(ask: IncomingAsk, resource: str, predicate: Predicate, asked: RequestedItem) -> str:
        """The operand of an equality is the one that the consumer committed to."""
        if predicate.operator is not Operator.EQUALS:
            return ""
        try:
            operand = check_operand(ask.operands.get(predicate.field, ""))
            check_commitment(ask.subject_nonce, resource, predicate.field, operand, asked.operand_commitment)
        except (BadPredicate, BadSignature):
            raise _Refused(Reason.BAD_OPERAND) from None
        return operand

    def _promise(self, ask: IncomingAsk, ticket: Ticket) -> None:
        """The ledger promised that the `asked` entry of this very request is durable."""
        try:
            self._promises.verify(PROMISE, self._promise_scope, ask.promise)
            promise = self._codec.parse_promise(ask.promise.body)
        except (BadSignature, ValueError):
            raise _Refused(Reason.PROMISE_MISSING) from None
        if promise.request_digest != ticket.request_digest:
            raise _Refused(Reason.PROMISE_MISSING)

    def _subject(self, ask: IncomingAsk, request: Request, resource: ProvidedResource) -> None:
        """The kind of subject is the resource's; an identifier in the ask is the one committed to."""
        if request.subject_scheme != resource.subject_scheme:
            raise _Refused(Reason.SCHEME_NOT_ACCEPTED)
        if len(ask.subject_nonce) != _NONCE_BYTES:
            raise _Refused(Reason.SUBJECT_MISMATCH)
        if not resource.description.unlisted:
            return
        try:
            check_subject(ask.subject_nonce, request.subject_scheme, ask.subject_identifier, request.subject_commitment)
        except BadSignature:
            raise _Refused(Reason.SUBJECT_MISMATCH) from None


def _signed_for(request: Request, resource: str) -> dict[str, RequestedItem]:
    """The requested items of a resource by field; one that is asked for twice is left out, since it is not clear."""
    found: dict[str, RequestedItem] = {}
    twice: set[str] = set()
    for item in request.items:
        if item.resource == resource:
            if item.field in found:
                twice.add(item.field)
            found[item.field] = item
    return {field: item for field, item in found.items() if field not in twice}
