"""Explains decisions: one that is only imagined, or one that the log recorded.

Rules kept here: an explanation of a recorded decision is made from what the entry says, not from how things are now;
deciding the same request again is a second explanation beside it, and the differences are named. Nothing here releases
anything, counts a use or reads a person.

What it does not do: it does not ask who wants to know; `PolicyReading` and the operator's commands do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from gateway.audit.errors import NoSuchEntry
from gateway.audit.kinds import OUTCOMES
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import LogEntry
from gateway.catalog.catalog import Catalog
from gateway.clock import Clock
from gateway.errors import Code, Refused, Violation
from gateway.exchange.choose import coverage
from gateway.exchange.consider import NO_CONSENT, Asking, ConsentSays, Considered, consider
from gateway.exchange.limits import uses_name
from gateway.exchange.model import RequestItem
from gateway.exchange.past import Past
from gateway.exchange.recorded import NotRecorded, RecordedDecision, RecordedItem, RecordedResource, read_decision
from gateway.sharing.agreements import Agreements
from policies.agreements import Agreement
from policies.civil_time import civil_day
from policies.engine import Decision, PolicyEngine, RuleText
from policies.engine.titles import unknown_rule
from policies.explain import (
    AgreementFacts,
    Difference,
    Explained,
    ExplainedItem,
    ExplainedResource,
    Uses,
    differences,
)
from policies.predicates import Need
from policies.reasons import Reason
from policies.resources import ResourceDescription
from policies.vocabulary import Form, LegalBasis

MAX_ITEMS = 64
_CONSENT_REASONS = frozenset(str(reason) for reason in Reason if str(reason).startswith("CONSENT_"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A question that nobody asked: as a system would ask it, without a person.

    `consents` is what the person's consent says, by resource; there is none for a resource that it does not name.
    `under` is the digest (hex) of the agreement that the consent is about, by resource.
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
    consents: Mapping[str, ConsentSays] = field(default_factory=dict)
    under: Mapping[str, str] = field(default_factory=dict)

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
        )


@dataclass(frozen=True, slots=True)
class ExplainedEntry:
    """A recorded decision: as it was, what became of it (a kind of entry; empty while open), and as it would be now."""

    index: int
    then: Explained
    outcome: str
    now: Explained
    differences: tuple[Difference, ...]


class Explain:
    """Explains.

    Args:
        catalog: What is offered now.
        agreements: What is agreed now.
        past: What was offered and agreed.
        policy: The engine with the bundle in force.
        titles: What the rules of a bundle said of themselves, by its digest; None when it is not kept.
        ledger: The log, and the counts that advance with it.
        clock: Now.
    """

    def __init__(
        self,
        catalog: Catalog,
        agreements: Agreements,
        past: Past,
        policy: Callable[[], PolicyEngine],
        titles: Callable[[str], Mapping[str, RuleText] | None],
        ledger: SqlLedger,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._agreements = agreements
        self._past = past
        self._policy = policy
        self._titles = titles
        self._ledger = ledger
        self._clock = clock

    def hypothetical(self, asked: Hypothesis) -> Explained:
        """Decide a question that nobody asked, and explain it.

        Args:
            asked: The question.

        Raises:
            Refused: BAD_REQUEST without items or with too many; UNKNOWN_RESOURCE with the path.
        """
        if not 1 <= len(asked.items) <= MAX_ITEMS:
            raise Refused(
                Code.BAD_REQUEST, "items", violations=(Violation("items", f"must be 1 to {MAX_ITEMS} items"),)
            )
        unknown = tuple(
            Violation(f"items[{position}].resource", "must be a resource of the catalogue")
            for position, item in enumerate(asked.items)
            if self._catalog.get(item.resource) is None
        )
        if unknown:
            raise Refused(Code.UNKNOWN_RESOURCE, "items", violations=unknown[:16])
        return self._decide(asked)

    def entry(self, index: int) -> ExplainedEntry:
        """Explain what the log recorded.

        Args:
            index: An entry that holds a decision, or the outcome of one.

        Raises:
            Refused: NOT_FOUND when the log has no such entry, or when it holds no decision.
        """
        found = self.deciding(index)
        try:
            recorded = read_decision(found)
        except NotRecorded:
            raise Refused(Code.NOT_FOUND, "the entry holds no decision") from None
        then = self._as_recorded(recorded)
        now = self._decide(hypothesis_of(recorded))
        return ExplainedEntry(
            found.leaf_index, then, self._ledger.outcome_of(found.leaf_index), now, differences(then, now)
        )

    def deciding(self, index: int) -> LogEntry:
        """The entry that holds the decision: the given one, or the `asked` one that it closes.

        Raises:
            Refused: NOT_FOUND.
        """
        try:
            entry = self._ledger.entry(index)
            closes = entry.account.get("request")
            if entry.kind in OUTCOMES and isinstance(closes, int):
                entry = self._ledger.entry(closes)
        except NoSuchEntry:
            raise Refused(Code.NOT_FOUND, "no such entry") from None
        return entry

    def _decide(self, asked: Hypothesis) -> Explained:
        """As it would be decided at this moment. A resource that is not offered any more is left out."""
        engine, now = self._policy(), self._clock.now_ms()
        asking = asked.asking(now)
        resources: list[ExplainedResource] = []
        for code in dict.fromkeys(item.resource for item in asked.items):
            entry = self._catalog.get(code)
            if entry is None:
                continue
            items = tuple(item for item in asked.items if item.resource == code)
            who = asking.who(code)
            serving = partial(serves, asked.under.get(code, ""), items, entry.resource)
            agreement = self._agreements.find(*who, serving, emergency=asking.emergency)
            nearest = None if agreement else self._agreements.nearest(*who, emergency=asking.emergency)
            consent = asked.consents.get(code, NO_CONSENT)
            suspended = partial(self._agreements.is_suspended, asked.consumer, code)
            part = consider(engine, asking, entry, items, agreement, nearest, consent, suspended)
            held = part.agreement
            resources.append(
                ExplainedResource(
                    code=code,
                    version=entry.version,
                    fingerprint=entry.resource.fingerprint,
                    agreement=None if held is None else AgreementFacts(held.id, held.revision, held.digest.hex()),
                    counts=part.in_force,
                    consent=_consent(asked.basis, part.consent),
                    items=explained_items(part, engine.titles),
                    uses=None if held is None else self._uses(held, now),
                    described=entry.resource,
                )
            )
        return Explained(
            at_ms=now,
            consumer=asked.consumer,
            system=asked.system,
            purpose=asked.purpose,
            purpose_words=self._purpose(asked.purpose),
            basis=str(asked.basis),
            scheme=asked.scheme,
            case_present=asked.case_present,
            official_present=asked.official_present,
            bundle=engine.digest,
            resources=tuple(resources),
            emergency=asked.emergency,
        )

    def _purpose(self, code: str) -> tuple[str, str] | None:
        found = self._policy().purposes.get(code)
        return None if found is None else (found.zh, found.en)

    def _uses(self, held: Agreement, at_ms: int) -> Uses:
        return Uses(self._ledger.counted(uses_name(held.id, civil_day(at_ms))), held.uses_per_day)

    def _as_recorded(self, said: RecordedDecision) -> Explained:
        titles = self._titles(said.bundle) or {}
        return Explained(
            at_ms=said.at_ms,
            consumer=said.consumer,
            system=said.system,
            purpose=said.purpose,
            purpose_words=self._purpose(said.purpose),
            basis=str(said.basis),
            scheme=said.scheme,
            case_present=said.case_present,
            official_present=said.official_present,
            bundle=said.bundle,
            resources=tuple(self._resource(one, said.at_ms, titles) for one in said.resources),
            further=said.references,
            emergency=said.emergency,
        )

    def _resource(self, said: RecordedResource, at_ms: int, titles: Mapping[str, RuleText]) -> ExplainedResource:
        entry = self._past.entry(said)
        uses = None
        if said.agreement is not None:
            held = self._past.agreement(said)
            uses = None if held is None else self._uses(held, at_ms)
            if uses is not None and not uses.taken:
                # There were some: the number of a day long ago is not kept.
                uses = None
        return ExplainedResource(
            code=said.code,
            version=said.version,
            fingerprint=said.fingerprint,
            agreement=None if said.agreement is None else AgreementFacts(*said.agreement),
            counts=said.counts,
            consent=said.consent,
            items=tuple(
                ExplainedItem(
                    field=item.field,
                    form=item.form,
                    needed=item.needed,
                    predicate=item.predicate,
                    necessity=item.necessity,
                    released=item.released,
                    reason=item.reason,
                    rules=tuple(titles.get(rule) or unknown_rule(rule) for rule in item.rules),
                )
                for item in said.items
            ),
            uses=uses,
            described=None if entry is None else entry.resource,
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
        consents={resource.code: _as_it_stood(resource) for resource in said.resources},
        under={
            resource.code: resource.agreement[2]
            for resource in said.resources
            if resource.agreement is not None and resource.consent is not None
        },
    )


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


def _consent(basis: LegalBasis, reason: Reason | None) -> str | None:
    if basis is not LegalBasis.CONSENT:
        return None
    return "" if reason is None else str(reason)


def _request_item(resource: str, item: RecordedItem) -> RequestItem:
    """What was asked for. A predicate that no agreement had is asked for without a name, which none has either."""
    need = Need(item.predicate) if item.needed is Form.PREDICATE else None
    return RequestItem(resource, item.field, item.needed, item.necessity, need, item.accepted)


def explained_items(part: Considered, titles: Mapping[str, RuleText]) -> tuple[ExplainedItem, ...]:
    """What was decided about one resource, with the rules' titles."""
    return tuple(
        ExplainedItem(
            field=item.field,
            form=one.form,
            needed=item.form,
            predicate=_predicate(part, item.field) if one.form is Form.PREDICATE else "",
            necessity=item.necessity,
            released=one.allowed,
            reason="" if one.reason is None else str(one.reason),
            rules=tuple(titles.get(rule) or unknown_rule(rule) for rule in one.rules),
        )
        for item, one in part.decided
    )


def _predicate(part: Considered, field: str) -> str:
    found = part.predicates.get(field)
    return "" if found is None else found.name


def only_resources(explained: Explained, codes: Sequence[str]) -> Explained:
    """The same with some of its resources only."""
    return replace(explained, resources=tuple(one for one in explained.resources if one.code in codes))
