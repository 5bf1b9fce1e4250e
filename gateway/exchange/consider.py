"""Decides one resource of a request: the one place where the engine's question is put together.

A fetch, an explanation and a simulation all decide here, so that what is explained is what would happen. Pure but for
the engine's memory.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypedDict

from gateway.catalog.catalog import CatalogEntry
from gateway.exchange.choose import candidates, chosen
from gateway.exchange.model import RequestItem
from policies.agreements import Agreement
from policies.engine import AccessQuestion, Decision, ItemDecision, PolicyEngine
from policies.predicates import Predicate
from policies.reasons import Reason
from policies.vocabulary import LegalBasis


class Occasion(TypedDict):
    """What a request says of its occasion: reason of the declared emergency, code of the service item; may be empty."""

    emergency: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks, why and with what beside it, as far as policy is concerned: everything but the person.

    `consumer` is a department id, `system` the system's name. `now_ms` is the moment to decide for, Unix ms;
    `emergency` the reason of the declared emergency, empty when none is declared; `service` the code of the service
    item for which it is asked, empty when none is named.
    """

    consumer: str
    system: str
    purpose: str
    basis: LegalBasis
    scheme: str
    case_present: bool
    official_present: bool
    now_ms: int
    emergency: str = ""
    service: str = ""

    @property
    def occasion(self) -> "Occasion":
        """What further agreements are found by: what was declared, and for which service."""
        return {"emergency": self.emergency, "service": self.service}

    def who(self, resource: str) -> tuple[str, str, str, str, LegalBasis, int]:
        """What agreements are found by, for one resource."""
        return self.consumer, self.system, resource, self.purpose, self.basis, self.now_ms


def _unlimited(decision: Decision) -> Decision:
    return decision


@dataclass(frozen=True, slots=True)
class ConsentSays:
    """What the person's consent says about one resource.

    Attributes:
        reason: Why it does not cover the resource's items; None when it does. Without one, that there is none.
        limited: A decision in which nothing is allowed that the consent does not cover.
    """

    reason: Reason | None = Reason.CONSENT_MISSING
    limited: Callable[[Decision], Decision] = _unlimited


NO_CONSENT: Final = ConsentSays()


@dataclass(frozen=True, slots=True)
class Considered:
    """What was decided about one resource, and out of what: kept so that it can be explained and decided again.

    Attributes:
        entry: The resource as it was offered.
        agreement: The one that was looked at; None when there is none.
        in_force: Whether it is one in force for the request, or only the nearest, which tells what does not hold.
        decided: Each requested item with the decision about the form chosen for it, and the reason that is told.
        consent: Why the consent does not cover the items; None when it does.
        predicates: By field, the agreement's predicate that the need is met by.
        bundle_digest: Digest of the bundle that decided.
    """

    entry: CatalogEntry
    agreement: Agreement | None
    in_force: bool
    decided: tuple[tuple[RequestItem, ItemDecision], ...]
    predicates: Mapping[str, Predicate]
    consent: Reason | None


def consider(
    engine: PolicyEngine,
    asking: Asking,
    entry: CatalogEntry,
    items: Sequence[RequestItem],
    agreement: Agreement | None,
    nearest: Agreement | None,
    consent: ConsentSays = NO_CONSENT,
    suspended: Callable[[], bool] = lambda: False,
) -> Considered:
    """Decide the items of one resource.

    Args:
        engine: The bundle in force, or a candidate.
        asking: Who asks and why.
        entry: The resource.
        items: Its requested items.
        agreement: The one in force for the request, or None.
        nearest: Where none is in force, one that lets the engine tell which condition does not hold.
        consent: What the person's consent says of them.
        suspended: Whether there is an agreement that is suspended, which is then the reason instead of none.

    Returns:
        The decision, and what it came from.
    """
    looked_at = agreement or nearest
    wanted = candidates(items, entry.resource, looked_at)
    question = AccessQuestion(
        consumer=asking.consumer,
        system=asking.system,
        resource=entry.resource,
        items=wanted.items,
        predicates=tuple((field, predicate.name) for field, predicate in wanted.predicates.items()),
        purpose=asking.purpose,
        basis=asking.basis,
        case_present=asking.case_present,
        agreement=looked_at,
        subject_scheme=asking.scheme,
        now_ms=asking.now_ms,
        official=asking.official_present,
        consent_present=consent.reason is None,
        emergency=asking.emergency,
        service=asking.service,
    )
    decision = consent.limited(engine.decide(question))
    decided = tuple((item, _told(one, consent.reason, suspended)) for item, one in chosen(items, decision))
    return Considered(entry, looked_at, agreement is not None, decided, wanted.predicates, consent.reason)


def _told(one: ItemDecision, consent: Reason | None, suspended: Callable[[], bool]) -> ItemDecision:
    """A decision with the reason that is told: a general one gives way to the one that is known more exactly."""
    if one.allowed:
        return one
    reason = one.reason or Reason.POLICY_ERROR
    if reason is Reason.CONSENT_MISSING and consent is not None:
        reason = consent
    if reason is Reason.NO_AGREEMENT and suspended():
        reason = Reason.AGREEMENT_SUSPENDED
    return one if reason is one.reason else replace(one, reason=reason)
