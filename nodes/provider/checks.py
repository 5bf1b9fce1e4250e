"""Every check that a node makes before it reads a record: nothing is taken on the gateway's word.

The order, each with its own reason (docs/node.md, section 5): ticket's signature → its form → node and session →
expiry → resource, fields and forms as offered → request's digest, contents and age → our own copy of the agreement →
the asking system's keys under the fingerprint in that copy → the consumer's signature → what the agreement permits now
→ the floors for sensitive fields → what the consent covers, if that is the basis → that no less revealing form would
do → predicates and their operands → the ledger's promise → the subject's commitment → the department's own rules →
used before → uses of the day and rate of the agreement → uses of the consent.

Which way it fails: every check fails closed, with a `Refusal` that names the reason. What a ticket costs (a use, its
single use) is taken last, when everything else holds.

It does not read a record. Whether the record is about the committed subject, and whether that subject consented, is
checked in `release`.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keys.batch import BatchItem, ItemVerifier, scope, verify_batch
from keys.certificates.spiffe import SpiffeId
from keys.errors import BadCertificate, BadKeyCertificate, BadSignature
from keys.key_certificates import open_certified, recipient_key, verify_key
from keys.sealing import RecipientKey
from keys.signing import PROMISE, REQUEST, TICKETS, VerifyKey, digest
from keys.subjects import check_subject
from nodes.enrolment.home import Trust
from nodes.provider.agreements import AgreementBook
from nodes.provider.check_failed import CheckFailed
from nodes.provider.config import DepartmentRules, Limits, ProvidedResource
from nodes.provider.consent_checks import check_consent, check_standing, covered_forms, named_consent
from nodes.provider.consents import ConsentBook
from nodes.provider.form_checks import check_floors, check_forms
from nodes.provider.model import Codec, IncomingAsk, Refusal, Request, Ticket, TicketFrame
from nodes.provider.predicate_checks import Asking, check_predicates, signed_for
from nodes.provider.used import AgreementUses, Use, UsedTickets
from policies.agreements import Agreement
from policies.consents import Consent
from policies.plain import is_blank
from policies.purposes import PURPOSES, Purposes
from policies.reasons import Reason
from policies.vocabulary import SharingType

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
        use: The use of the agreement that it took.
        asking: By field, what is asked of those ordered in the form predicate.
        consent: What the person consented to, if its text is genuine; None with another basis.
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
    use: Use
    asking: Mapping[str, Asking]
    consent: Consent | None = None


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
        uses: What was used of each agreement.
        consents: How consents stand.
        purposes: The registered purposes.
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
        uses: AgreementUses,
        consents: ConsentBook,
        purposes: Purposes = PURPOSES,
    ) -> None:
        self._who = who
        self._codec = codec
        self._agreements = agreements
        self._resources = resources
        self._rules = rules
        self._limits = limits
        self._used = used
        self._uses = uses
        self._consents = consents
        self._purposes = purposes
        self._ticket_scope = scope(who.node, who.session_id)
        self._frames: OrderedDict[int, tuple[TicketFrame, list[BatchItem]]] = OrderedDict()
        self.unknown_promises = 0
        self.log_unseen = False
        """How many promises were not the log's own as it is believed to be: it may be in another epoch by now."""
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
        except CheckFailed as refused:
            return Refusal(refused.reason)

    def _check(self, ask: IncomingAsk, now_ms: int) -> CheckedTicket:
        proof = self._proof(ask)
        ticket = self._ticket(ask, now_ms)
        resource = self._resource(ticket)
        request = self._request(ask, ticket, now_ms)
        agreement = self._agreement(ticket)
        consumer, recipient = self._requester(ask, request, agreement, now_ms)
        consent = named_consent(ask, ticket, request, self._trust_domain)
        self._permitted(ticket, request, agreement, consumer, now_ms, consented=consent is not None)
        check_floors(ticket, agreement, resource)
        if consent is not None:
            check_consent(ticket, request, agreement, consumer, consent, now_ms)
            check_standing(consent, self._consents)
        covered = covered_forms(ticket, request, agreement, consumer, consent, now_ms)
        check_forms(ticket, request, agreement, resource, covered)
        asking = check_predicates(ask, ticket, request, agreement, resource)
        self._promise(ask, ticket)
        self._subject(ask, request, resource)
        if consumer.department in self._rules.departments:
            raise CheckFailed(Reason.DEPARTMENT_RULE)
        forget_ms = ticket.expires_ms + 2 * self._limits.clock_offset_ms
        if not self._used.take(ticket.ticket_id, forget_ms, now_ms):
            raise CheckFailed(Reason.TICKET_REPLAYED)
        use = self._uses.take(agreement, now_ms)
        if isinstance(use, Reason):
            raise CheckFailed(use)
        if consent is not None and not self._consents.use(consent, ticket.request_digest, ticket.resource, now_ms):
            raise CheckFailed(Reason.CONSENT_EXHAUSTED)
        return CheckedTicket(
            ask,
            ticket,
            proof,
            digest(ask.ticket),
            request,
            resource,
            agreement,
            consumer,
            recipient,
            use,
            asking,
            consent,
        )

    def _proof(self, ask: IncomingAsk) -> BatchItem:
        """The gateway signed this very ticket, for this node and session."""
        known = self._frames.get(id(ask.frame))
        if known is None:
            frame = ask.frame
            try:
                items = verify_batch(self._ticket_key, TICKETS, self._ticket_scope, frame.bodies, frame.signature)
            except BadSignature:
                raise CheckFailed(Reason.TICKET_BAD_SIGNATURE) from None
            # The frame is kept beside its items, so that its id cannot become another frame's.
            known = self._frames[id(frame)] = (frame, items)
            if len(self._frames) > _FRAMES:
                self._frames.popitem(last=False)
        items = known[1]
        if not 0 <= ask.position < len(items):
            raise CheckFailed(Reason.BAD_TICKET)
        return items[ask.position]

    def _ticket(self, ask: IncomingAsk, now_ms: int) -> Ticket:
        """It is well formed, for this node and session, and valid now."""
        try:
            ticket = self._codec.parse_ticket(ask.ticket)
        except ValueError:
            raise CheckFailed(Reason.BAD_TICKET) from None
        if not ticket.items or len({item.field for item in ticket.items}) != len(ticket.items):
            raise CheckFailed(Reason.BAD_TICKET)
        if ticket.node != self._who.node:
            raise CheckFailed(Reason.WRONG_NODE)
        if ticket.session_id != self._who.session_id:
            raise CheckFailed(Reason.WRONG_SESSION)
        # The offset is the gateway's word, so it counts only up to a bound.
        most = self._limits.clock_offset_ms
        gateway_now_ms = now_ms + max(-most, min(most, ask.clock_offset_ms))
        if not 0 <= ticket.expires_ms - gateway_now_ms <= self._limits.ticket_life_ms:
            raise CheckFailed(Reason.TICKET_EXPIRED)
        return ticket

    def _resource(self, ticket: Ticket) -> ProvidedResource:
        """The node offers this resource, with these fields in these forms."""
        resource = self._resources.get(ticket.resource)
        if resource is None:
            raise CheckFailed(Reason.RESOURCE_UNKNOWN)
        if resource.description.sharing_type is SharingType.NOT_SHARED:
            raise CheckFailed(Reason.NOT_SHARED)
        for item in ticket.items:
            described = resource.description.field(item.field)
            if described is None:
                raise CheckFailed(Reason.UNKNOWN_TERM)
            if item.form not in described.forms:
                raise CheckFailed(Reason.FORM_NOT_ALLOWED)
        return resource

    def _request(self, ask: IncomingAsk, ticket: Ticket, now_ms: int) -> Request:
        """The ticket orders nothing beyond the signed request, which is recent and for this gateway."""
        if digest(ask.request) != ticket.request_digest:
            raise CheckFailed(Reason.REQUEST_MISMATCH)
        try:
            request = self._codec.parse_request(ask.request)
        except ValueError:
            raise CheckFailed(Reason.REQUEST_MISMATCH) from None
        if (request.trust_domain, request.purpose, request.basis) != (self._trust_domain, ticket.purpose, ticket.basis):
            raise CheckFailed(Reason.REQUEST_MISMATCH)
        if ticket.emergency != request.emergency:
            # A gateway that adds or strips the mark would hide an emergency from the log, or invent one.
            raise CheckFailed(Reason.REQUEST_MISMATCH)
        signed = signed_for(request, ticket.resource)
        for item in ticket.items:
            asked = signed.get(item.field)
            if asked is None or item.form not in {asked.form, *asked.accepted}:
                raise CheckFailed(Reason.REQUEST_MISMATCH)
        if abs(now_ms - request.created_ms) > self._limits.request_age_ms:
            raise CheckFailed(Reason.REQUEST_EXPIRED)
        return request

    def _agreement(self, ticket: Ticket) -> Agreement:
        """Our steward accepted this very agreement, to the byte."""
        agreement = self._agreements.get(ticket.agreement_id)
        if agreement is None:
            raise CheckFailed(Reason.AGREEMENT_UNKNOWN)
        if self._agreements.stopped(agreement.id):
            raise CheckFailed(Reason.AGREEMENT_SUSPENDED)
        named = (ticket.agreement_revision, ticket.agreement_digest, ticket.resource)
        if (agreement.revision, agreement.digest, agreement.resource) != named:
            raise CheckFailed(Reason.AGREEMENT_MISMATCH)
        return agreement

    def _requester(
        self, ask: IncomingAsk, request: Request, agreement: Agreement, now_ms: int
    ) -> tuple[SpiffeId, RecipientKey]:
        """The consumer department's own key certifies the key to seal to and the key that signed the request."""
        try:
            certificate = open_certified(ask.requester_keys, accepted_fingerprint=agreement.consumer_key, now_ms=now_ms)
            system = SpiffeId.parse(certificate.holder)
        except (BadKeyCertificate, BadCertificate):
            raise CheckFailed(Reason.RECIPIENT_NOT_CERTIFIED) from None
        recipient = recipient_key(certificate)
        if (
            certificate.holder != request.system
            or system.kind != "system"
            or system.trust_domain != self._trust_domain
            or recipient.key_id != request.sealing_key_id
        ):
            raise CheckFailed(Reason.RECIPIENT_NOT_CERTIFIED)
        try:
            verify_key(certificate).verify(REQUEST, ask.request, ask.request_signature)
        except BadSignature:
            raise CheckFailed(Reason.REQUEST_BAD_SIGNATURE) from None
        return system, recipient

    def _permitted(
        self,
        ticket: Ticket,
        request: Request,
        agreement: Agreement,
        consumer: SpiffeId,
        now_ms: int,
        *,
        consented: bool,
    ) -> None:
        """Our own vocabulary knows the purpose with this basis, and our own copy permits every ordered item, now."""
        fault = self._purposes.fault(request.purpose, request.basis, now_ms)
        if fault is not None:
            raise CheckFailed(fault)
        for item in ticket.items:
            reason = agreement.permits(
                system_name=consumer.name,
                consumer=consumer.department,
                purpose=request.purpose,
                basis=request.basis,
                field=item.field,
                form=item.form,
                case_present=not is_blank(request.case_reference),
                now_ms=now_ms,
                predicate=item.predicate,
                consent_present=consented,
                emergency=request.emergency,
                service=request.service,
            )
            if reason is not None:
                raise CheckFailed(reason)

    def _promise(self, ask: IncomingAsk, ticket: Ticket) -> None:
        """The ledger promised that the `asked` entry of this very request is durable, and is seen to be kept."""
        if self.log_unseen:
            raise CheckFailed(Reason.LOG_NOT_SEEN)
        try:
            self._promises.verify(PROMISE, self._promise_scope, ask.promise)
            promise = self._codec.parse_promise(ask.promise.body)
        except (BadSignature, ValueError):
            self.unknown_promises += 1
            raise CheckFailed(Reason.PROMISE_MISSING) from None
        if promise.request_digest != ticket.request_digest:
            raise CheckFailed(Reason.PROMISE_MISSING)

    def _subject(self, ask: IncomingAsk, request: Request, resource: ProvidedResource) -> None:
        """The kind of subject is the resource's; an identifier in the ask is the one committed to."""
        if request.subject_scheme != resource.subject_scheme:
            raise CheckFailed(Reason.SCHEME_NOT_ACCEPTED)
        if len(ask.subject_nonce) != _NONCE_BYTES:
            raise CheckFailed(Reason.SUBJECT_MISMATCH)
        if not resource.description.unlisted:
            return
        try:
            check_subject(ask.subject_nonce, request.subject_scheme, ask.subject_identifier, request.subject_commitment)
        except BadSignature:
            raise CheckFailed(Reason.SUBJECT_MISMATCH) from None
