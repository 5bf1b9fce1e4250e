"""The consent that a request names: whether it stands, is about the subject, and covers what is asked for.

Rules kept here: a consent counts only if its text is the one that was signed for, it is the asking department's, it is
about this very subject (compared with the commitment under its salt, not only with the row), and it stands at this
moment. Each failure has its own reason, all of them settled before anything is looked up. What a consent of another
department says is told to nobody, not even whose it is. Everything fails closed.

Uses are counted where the question is recorded, so that asking the same again costs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from gateway.audit.counters import Rider
from gateway.audit.errors import RiderRefused
from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.exchange.consider import Asking
from gateway.exchange.identify import Caller, Subject
from gateway.exchange.model import RequestItem
from gateway.sharing.consents import Consents, standing_reason
from gateway.vault.consent_proofs import ConsentProofs
from keys.consent_proof import ConsentProof
from keys.errors import BadSignature, KeysError
from keys.subjects import check_subject
from policies.agreements import Agreement
from policies.consents import Consent, exceeds
from policies.engine import Decision, ItemDecision
from policies.reasons import TEXT, Reason
from policies.vocabulary import Form, LegalBasis


def _no_use(_connection: Connection) -> None:
    """A consent that does not count has no uses. Fails closed."""
    raise RiderRefused(Reason.CONSENT_MISSING)


@dataclass(frozen=True, slots=True)
class NamedConsent:
    """What a request names as its consent.

    Attributes:
        consent: The artefact; None when there is none that may be spoken of.
        proof: The salt and the person's word; None when the consent does not count.
        fault: Why it does not count, whatever is asked for; None when it does.
        use: Counts one use, in the commit of the `asked` entry.
    """

    consent: Consent | None
    proof: ConsentProof | None
    fault: Reason | None
    use: Rider = _no_use

    def is_under(self, agreement: Agreement) -> bool:
        """Whether the person consented under this very revision of an agreement."""
        part = None if self.consent is None else self.consent.part(agreement.resource)
        return part is not None and part.agreement_digest == agreement.digest

    def covering(
        self, asking: Asking, agreement: Agreement | None, resource: str, items: Sequence[RequestItem]
    ) -> "Covering":
        """What it covers of a request's items of one resource; see `covering`."""
        counts = self.fault is None and self.proof is not None
        fault = None if counts else self.fault or Reason.CONSENT_MISSING
        return covering(self.consent, fault, asking, agreement, resource, items)


@dataclass(frozen=True, slots=True)
class Covering:
    """What a consent covers of a request's items of one resource.

    Attributes:
        reason: Why it does not cover all of them in some form that will do; None when it does.
        forms: By field and form, why this form is not covered; None when it is.
    """

    reason: Reason | None
    forms: Mapping[tuple[str, Form], Reason | None]

    def of(self, decision: Decision) -> Decision:
        """A decision in which nothing is allowed that the consent does not cover, in that very form."""
        return replace(decision, items=tuple(self._limited(item) for item in decision.items))

    def _limited(self, item: ItemDecision) -> ItemDecision:
        reason = self.forms.get((item.field, item.form), Reason.CONSENT_NOT_COVERED)
        return replace(item, allowed=False, reason=reason) if item.allowed and reason is not None else item


def covering(
    consent: Consent | None,
    fault: Reason | None,
    asking: Asking,
    agreement: Agreement | None,
    resource: str,
    items: Sequence[RequestItem],
) -> Covering:
    """What a consent covers of a request's items of one resource.

    Args:
        consent: The artefact; None when there is none.
        fault: Why it does not count, whatever is asked for; None when it does.
        asking: Who asks, and why.
        agreement: Under which agreement.
        resource: Resource code.
        items: The items, each in every form that will do.
    """
    forms: dict[tuple[str, Form], Reason | None] = {
        (item.field, form): _not_covered(consent, fault, asking, agreement, resource, item.field, form)
        for item in items
        for form in item.forms
    }
    missing = (
        forms[item.field, item.form]
        for item in items
        if all(forms[item.field, form] is not None for form in item.forms)
    )
    return Covering(next(missing, None), forms)


def _not_covered(
    consent: Consent | None,
    fault: Reason | None,
    asking: Asking,
    agreement: Agreement | None,
    resource: str,
    field: str,
    form: Form,
) -> Reason | None:
    """Why one form of a field may not be released under a consent; None when it may."""
    if fault is not None or consent is None:
        return fault or Reason.CONSENT_MISSING
    part = consent.part(resource)
    under = b"" if part is None else part.agreement_digest
    found = consent.permits(
        consumer=asking.consumer,
        system=asking.system,
        purpose=asking.purpose,
        resource=resource,
        field=field,
        form=form,
        # Where no agreement applies, that is the reason; of the consent only what it says itself is told.
        agreement_digest=under if agreement is None else agreement.digest,
        now_ms=asking.now_ms,
    )
    if found is None and agreement is not None and exceeds(consent, agreement):
        return Reason.CONSENT_NOT_COVERED
    return found


class FindConsent:
    """Finds and checks consents for releases.

    Args:
        consents: Texts and how they stand.
        proofs: What ties them to people.
        clock: Now.
    """

    def __init__(self, consents: Consents, proofs: ConsentProofs, clock: Clock) -> None:
        self._consents = consents
        self._proofs = proofs
        self._clock = clock

    def __call__(self, caller: Caller, subject: Subject) -> NamedConsent | None:
        """The consent that a request names; None when its basis is another, or it names none."""
        request = caller.request
        if request.legal_basis is not LegalBasis.CONSENT or not request.consent:
            return None
        held = self._consents.find(request.consent)
        if held is None:
            return NamedConsent(None, None, Reason.CONSENT_UNKNOWN)
        consent = held.consent
        if consent.consumer != caller.peer.department or caller.peer.name not in consent.systems:
            return NamedConsent(None, None, Reason.CONSENT_WRONG_CONSUMER)
        if held.person_id != subject.person_id or consent.scheme != subject.scheme:
            return NamedConsent(None, None, Reason.CONSENT_WRONG_PERSON)
        fault = standing_reason(held, self._clock.now_ms())
        if fault is not None:
            return NamedConsent(consent, None, fault)
        try:
            proof = self._proofs.open(subject.person_id, consent.id)
        except KeysError:
            # Tampered with, or the key is missing: what cannot be shown to be this person's is nobody's.
            return NamedConsent(consent, None, Reason.CONSENT_WRONG_PERSON)
        if proof is None:
            # The person was erased, and with the person what tied the consent to them.
            return NamedConsent(consent, None, Reason.CONSENT_REVOKED)
        try:
            check_subject(proof.salt, subject.scheme, subject.canonical, consent.commitment)
        except BadSignature:
            return NamedConsent(consent, None, Reason.CONSENT_WRONG_PERSON)
        return NamedConsent(consent, proof, None, partial(self._use, consent=consent))

    def unchanged(self, named: NamedConsent) -> None:
        """Check, right before something leaves, that the consent still stands.

        Raises:
            Refused: WITHHELD with the reason. Fails closed.
        """
        held = None if named.consent is None else self._consents.find(named.consent.digest)
        fault = Reason.CONSENT_UNKNOWN if held is None else standing_reason(held, self._clock.now_ms())
        if fault is not None:
            raise refused_for(fault)

    def _use(self, connection: Connection, consent: Consent) -> None:
        """Count one use, in the transaction that writes the `asked` entry: exact, and it stands at that moment.

        Raises:
            RiderRefused: None is left, or the consent does not stand any more; the entry is not written then.
        """
        now_ms = self._clock.now_ms()
        fault = self._consents.count_use(connection, consent, now_ms)
        if fault is Reason.CONSENT_EXHAUSTED and consent.frequency is not None:
            next_ms = consent.stretch_began_ms(now_ms) + consent.frequency.stretch_ms
            raise RiderRefused(fault, max(1, next_ms - now_ms))
        if fault is not None:
            raise RiderRefused(fault)


def refused_for(reason: Reason) -> Refused:
    """The refusal for a consent that does not count."""
    text = TEXT[reason]
    return Refused(Code.WITHHELD, "consent", reason=str(reason), texts=(text.zh, text.en))
