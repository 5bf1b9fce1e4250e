"""What a node checks about a consent before it reads a record: that its text is the one named, and what it covers.

Rules kept here: fails closed, each with its own reason. Whose consent it is, and whether that person gave it, is
checked with the record in hand (`consent_proofs`).
"""

from collections.abc import Callable

from keys.certificates.spiffe import SpiffeId
from keys.signing import digest
from nodes.provider.check_failed import CheckFailed
from nodes.provider.consents import ConsentBook
from nodes.provider.model import IncomingAsk, Request, Ticket
from policies.agreements import Agreement
from policies.consents import BadConsent, Consent, exceeds, parse_consent
from policies.reasons import Reason
from policies.vocabulary import Form, LegalBasis


def named_consent(ask: IncomingAsk, ticket: Ticket, request: Request, trust_domain: str) -> Consent | None:
    """The consent whose text consumer and gateway name, for this exchange and kind of subject.

    Returns:
        None with another basis.

    Raises:
        CheckFailed: CONSENT_MISSING or CONSENT_MISMATCH.
    """
    if request.basis is not LegalBasis.CONSENT:
        if request.consent or ticket.consent or ask.consent:
            raise CheckFailed(Reason.CONSENT_MISMATCH)
        return None
    if not request.consent:
        raise CheckFailed(Reason.CONSENT_MISSING)
    if ticket.consent != request.consent or digest(ask.consent) != request.consent:
        raise CheckFailed(Reason.CONSENT_MISMATCH)
    try:
        consent = parse_consent(ask.consent)
    except BadConsent:
        raise CheckFailed(Reason.CONSENT_MISMATCH) from None
    if (consent.domain, consent.scheme) != (trust_domain, request.subject_scheme):
        raise CheckFailed(Reason.CONSENT_MISMATCH)
    return consent


def check_consent(
    ticket: Ticket, request: Request, agreement: Agreement, consumer: SpiffeId, consent: Consent, now_ms: int
) -> None:
    """The consent covers every ordered item and stays inside our own copy of the agreement.

    Raises:
        CheckFailed: With the reason of the first thing that does not hold.
    """
    for item in ticket.items:
        reason = _reason(ticket, request, agreement, consumer, consent, now_ms, item.field, item.form)
        if reason is not None:
            raise CheckFailed(reason)
    if exceeds(consent, agreement):
        raise CheckFailed(Reason.CONSENT_NOT_COVERED)


def covered_forms(
    ticket: Ticket, request: Request, agreement: Agreement, consumer: SpiffeId, consent: Consent | None, now_ms: int
) -> Callable[[str, Form], bool]:
    """Tells whether a form of a field is covered; with another basis than consent every one is."""

    def covered(field: str, form: Form) -> bool:
        if consent is None:
            return True
        return _reason(ticket, request, agreement, consumer, consent, now_ms, field, form) is None

    return covered


def _reason(
    ticket: Ticket,
    request: Request,
    agreement: Agreement,
    consumer: SpiffeId,
    consent: Consent,
    now_ms: int,
    field: str,
    form: Form,
) -> Reason | None:
    return consent.permits(
        consumer=consumer.department,
        system=consumer.name,
        purpose=request.purpose,
        resource=ticket.resource,
        field=field,
        form=form,
        agreement_digest=agreement.digest,
        now_ms=now_ms,
    )


def check_standing(consent: Consent, book: ConsentBook) -> None:
    """Neither the gateway nor the department's own steward said that it ended or is paused.

    Raises:
        CheckFailed: CONSENT_REVOKED or CONSENT_PAUSED.
    """
    reason = book.reason(consent.digest)
    if reason is not None:
        raise CheckFailed(reason)
