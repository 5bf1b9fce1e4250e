"""A request that nobody makes: one that is imagined, or a recorded one to be decided again.

Rules kept here: it holds everything that a decision looks at and no person. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.exchange.choose import coverage
from gateway.exchange.consider import NO_CONSENT, Asking, ConsentSays
from gateway.exchange.model import RequestItem
from gateway.exchange.recorded import RecordedDecision, RecordedItem, RecordedResource
from policies.agreements import Agreement
from policies.engine import Decision
from policies.predicates import Need
from policies.reasons import Reason
from policies.resources import ResourceDescription
from policies.vocabulary import Form, LegalBasis

MAX_ITEMS: Final = 64
_CONSENT_REASONS: Final = frozenset(str(reason) for reason in Reason if str(reason).startswith("CONSENT_"))
_FIXED: Final = frozenset(
    {Reason.CONSENT_MISSING, Reason.CONSENT_UNKNOWN, Reason.CONSENT_WRONG_PERSON, Reason.CONSENT_WRONG_CONSUMER}
)
"""What is wrong with a consent for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A question that nobody asked: as a system would ask it, without a person.

    `consents` is what the person's consent says, by resource; there is none for a resource that it does not name.
    `under` is the digest (hex) of the agreement that the consent is about, by resource. `consent` is the digest of a
    consent that was really given: then how it stands counts, and not what is imagined.
    """

    consumer: str
    system: str
    items: tuple[RequestItem, ...]
    purpose: str
    basis: LegalBasis
    scheme: str
    case_present: bool = False
    official_present: bool = False
    emergency: str = ""
    service: str = ""
    consents: Mapping[str, ConsentSays] = field(default_factory=dict)
    under: Mapping[str, str] = field(default_factory=dict)
    consent: bytes = b""

    def asking(self, now_ms: int) -> Asking:
        """The same at a moment, Unix ms."""
        return Asking(
            consumer=self.consumer,
            system=self.system,
            purpose=self.purpose,
            basis=self.basis,
            scheme=self.scheme,
            case_present=self.case_present,
            official_present=self.official_present,
            now_ms=now_ms,
            emergency=self.emergency,
            service=self.service,
        )


def hypothesis_of(said: RecordedDecision) -> Hypothesis:
    """The request of a recorded decision, to be decided again."""
    return Hypothesis(
        consumer=said.consumer,
        system=said.system,
        items=tuple(_request_item(resource.code, item) for resource in said.resources for item in resource.items),
        purpose=said.purpose,
        basis=said.basis,
        scheme=said.scheme,
        case_present=said.case_present,
        official_present=said.official_present,
        emergency=said.emergency,
        service=said.service,
        consents={resource.code: _as_it_stood(resource) for resource in said.resources},
        under={
            resource.code: resource.agreement[2]
            for resource in said.resources
            if resource.agreement is not None and resource.consent is not None
        },
    )


def hypothesis_today(said: RecordedDecision) -> Hypothesis:
    """The same, but under the consent as it stands when it is decided again.

    Whose consent it is cannot change and is not looked at again; neither is one that was none.

    Args:
        said: The recorded decision.
    """
    asked = hypothesis_of(said)
    reasons = {resource.consent for resource in said.resources}
    digest = said.references.get("consent", "")
    if not digest or said.basis is not LegalBasis.CONSENT or not _FIXED.isdisjoint(reasons):
        return asked
    return replace(asked, consent=bytes.fromhex(digest))


def _as_it_stood(said: RecordedResource) -> ConsentSays:
    """The consent as it stood when the request was decided; whether it stands now is not looked at."""
    if said.consent is None:
        return NO_CONSENT
    limits = {item.field: Reason(item.reason) for item in said.items if item.reason in _CONSENT_REASONS}

    def limited(decision: Decision) -> Decision:
        items = (
            replace(one, allowed=False, reason=limits[one.field]) if one.allowed and one.field in limits else one
            for one in decision.items
        )
        return replace(decision, items=tuple(items))

    return ConsentSays(Reason(said.consent) if said.consent else None, limited)


def serves(
    under: str, items: Sequence[RequestItem], resource: ResourceDescription, agreement: Agreement
) -> tuple[int, ...]:
    """How well an agreement serves a request: the one under which the person consented, then the best cover.

    Args:
        under: Digest (hex) of that one; empty when there is none.
        items: The requested items of one resource.
        resource: That resource.
        agreement: One that is in force for the request.
    """
    return int(agreement.digest.hex() == under), *coverage(items, resource, agreement)


def _request_item(resource: str, item: RecordedItem) -> RequestItem:
    """What was asked for. A predicate that no agreement had is asked for without a name, which none has either."""
    need = Need(item.predicate) if item.needed is Form.PREDICATE else None
    return RequestItem(resource, item.field, item.needed, item.necessity, need, item.accepted)
