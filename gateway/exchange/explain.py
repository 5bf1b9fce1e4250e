"""Explains decisions: one that is only imagined, or one that the log recorded.

Rules kept here: an explanation of a recorded decision is made from what its entry and the one that closes it say, not
from how things are now; deciding the same request again is a second explanation beside it, and the differences are
named. What would be refused for another reason than its items is said too. Nothing here releases anything, counts a use
or reads a person.

What it does not do: it does not ask who wants to know; `PolicyReading` and the operator's commands do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from gateway.audit.errors import EntryPruned, NoSuchEntry
from gateway.audit.kinds import OUTCOMES, Kind
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import LogEntry
from gateway.catalog.catalog import Catalog
from gateway.clock import Clock
from gateway.errors import Code, Refused, Violation
from gateway.exchange.became import ending, ending_of, with_outcome
from gateway.exchange.consented import covering
from gateway.exchange.consider import NO_CONSENT, Asking, ConsentSays, Considered, consider
from gateway.exchange.hypothesis import MAX_ITEMS, Hypothesis, hypothesis_today, serves
from gateway.exchange.limits import rate_name, subjects_name, told_until_ms, uses_name
from gateway.exchange.model import RequestItem
from gateway.exchange.past import Past
from gateway.exchange.pruned import pruned
from gateway.exchange.recorded import NotRecorded, RecordedDecision, RecordedResource, read_decision
from gateway.sharing.agreements import Agreements
from gateway.sharing.consents import Consents, standing_reason
from policies.agreements import Agreement
from policies.civil_time import civil_day
from policies.engine import PolicyEngine, RuleText
from policies.engine.titles import unknown_rule
from policies.explain import (
    AgreementFacts,
    Damaged,
    Difference,
    Explained,
    ExplainedItem,
    ExplainedResource,
    Uses,
    differences,
    refuses,
)
from policies.limits import arrive
from policies.reasons import Reason
from policies.vocabulary import Form, LegalBasis


@dataclass(frozen=True, slots=True)
class ExplainedEntry:
    """A recorded decision: as it was, what became of it (a kind of entry; empty while open), and as it would be now.

    `now` is None for a request that was refused before it was decided.
    """

    index: int
    then: Explained
    outcome: str
    now: Explained | None
    differences: tuple[Difference, ...]


class Explain:
    """Explains.

    Args:
        catalog: What is offered now.
        agreements: What is agreed now.
        past: What was offered and agreed.
        policy: The engine with the bundle in force.
        titles: What the rules of a bundle said of themselves, by its digest; None when it is not kept.
        consents: How consents stand.
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
        consents: Consents,
        ledger: SqlLedger,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._agreements = agreements
        self._past = past
        self._policy = policy
        self._titles = titles
        self._consents = consents
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
            Refused: NOT_FOUND when the log has no such entry, or when it is about no request.
        """
        found = self.deciding(index)
        try:
            recorded = read_decision(found)
        except NotRecorded:
            if found.kind != Kind.REFUSED:
                raise Refused(Code.NOT_FOUND, "the entry holds no decision") from None
            return ExplainedEntry(found.leaf_index, undecided(found), found.kind, None, ())
        closed_by = self._ledger.closing(found.leaf_index)
        closing = None if closed_by is None else self._ledger.entry(closed_by)
        last = closing or found
        then = with_outcome(self._as_recorded(recorded), found, closing)
        now = self._decide(hypothesis_today(recorded))
        outcome = "" if last.kind == Kind.ASKED else last.kind
        return ExplainedEntry(found.leaf_index, then, outcome, now, differences(then, now))

    def deciding(self, index: int) -> LogEntry:
        """The entry that holds the decision: the given one, or the `asked` one that it closes.

        Raises:
            Refused: NOT_FOUND, or ENTRY_PRUNED with the entry under which it was.
        """
        try:
            entry = self._ledger.entry(index)
            closes = entry.account.get("request")
            if entry.kind in OUTCOMES and isinstance(closes, int):
                entry = self._ledger.entry(closes)
        except EntryPruned as gone:
            raise pruned(gone) from None
        except NoSuchEntry:
            raise Refused(Code.NOT_FOUND, "no such entry") from None
        return entry

    def _decide(self, asked: Hypothesis) -> Explained:
        """As it would be decided at this moment. A resource that is not offered any more is left out."""
        engine, now = self._policy(), self._clock.now_ms()
        asking = asked.asking(now)
        resources: list[ExplainedResource] = []
        drawn_on: list[Agreement] = []
        for code in dict.fromkeys(item.resource for item in asked.items):
            entry = self._catalog.get(code)
            if entry is None:
                continue
            items = tuple(item for item in asked.items if item.resource == code)
            who = asking.who(code)
            serving = partial(serves, asked.under.get(code, ""), items, entry.resource)
            agreement = self._agreements.find(*who, serving, **asking.occasion)
            nearest = None if agreement else self._agreements.nearest(*who, **asking.occasion)
            consent = self._consent(asked, asking, agreement, code, items)
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
                    consent=_consent_said(asked.basis, part.consent),
                    items=explained_items(part, engine.titles),
                    uses=None if held is None else self._uses(held, now),
                    subjects=None if held is None else self._subjects(held, now),
                    rate_per_minute=0 if held is None else held.rate_per_minute,
                    damaged=tuple(
                        Damaged(one.agreement_id, one.revision, one.rule)
                        for one in self._agreements.damaged(asked.consumer, code)
                    ),
                    described=entry.resource,
                )
            )
            if held is not None and any(one.allowed for _, one in part.decided):
                drawn_on.append(held)
        refused = refuses(resources)
        limit = "" if refused else self._limit(drawn_on, now)
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
            further=self._consent_facts(asked.consent),
            emergency=asked.emergency,
            service=asked.service,
            refuses=refused,
            ending=ending(limit) if limit else None,
        )

    def _purpose(self, code: str) -> tuple[str, str] | None:
        found = self._policy().purposes.get(code)
        return None if found is None else (found.zh, found.en)

    def _uses(self, held: Agreement, at_ms: int) -> Uses:
        return Uses(self._ledger.counted(uses_name(held.id, civil_day(at_ms))), held.uses_per_day)

    def _subjects(self, held: Agreement, at_ms: int) -> Uses:
        return Uses(self._ledger.counted(subjects_name(held.id, civil_day(at_ms))), held.subjects_per_day)

    def _limit(self, drawn_on: Sequence[Agreement], now_ms: int) -> str:
        """What is used up for a request of now; empty when nothing is. Whether its subject is new is not known."""
        for held in drawn_on:
            if self._uses(held, now_ms).taken >= held.uses_per_day:
                return Reason.USES_EXHAUSTED
            next_us = self._ledger.counted(rate_name(held.id))
            if not arrive(next_us, now_ms, held.rate_per_minute).conforms:
                return Reason.RATE_EXCEEDED
        return ""

    def _consent(
        self, asked: Hypothesis, asking: Asking, agreement: Agreement | None, code: str, items: Sequence[RequestItem]
    ) -> ConsentSays:
        """What the consent says of one resource: the one that was given as it stands now, or what is imagined."""
        if not asked.consent:
            return asked.consents.get(code, NO_CONSENT)
        held = self._consents.find(asked.consent)
        fault = Reason.CONSENT_UNKNOWN if held is None else standing_reason(held, asking.now_ms)
        found = covering(None if held is None else held.consent, fault, asking, agreement, code, items)
        return ConsentSays(found.reason, found.of)

    def _consent_facts(self, digest: bytes) -> dict[str, str]:
        held = self._consents.find(digest) if digest else None
        return {} if held is None else {"consent": digest.hex(), "consent_uses": str(held.uses)}

    def _as_recorded(self, said: RecordedDecision) -> Explained:
        titles = self._titles(said.bundle) or {}
        resources = tuple(self._resource(one, said.at_ms, titles) for one in said.resources)
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
            resources=resources,
            further=said.references,
            emergency=said.emergency,
            service=said.service,
            refuses=refuses(resources),
        )

    def _resource(self, said: RecordedResource, at_ms: int, titles: Mapping[str, RuleText]) -> ExplainedResource:
        entry = self._past.entry(said)
        held = self._past.agreement(said)
        uses, subjects, rate = None, None, 0
        if held is not None:
            rate = held.rate_per_minute
            if self._clock.now_ms() < told_until_ms(at_ms):
                uses, subjects = self._uses(held, at_ms), self._subjects(held, at_ms)
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
            subjects=subjects,
            rate_per_minute=rate,
            described=None if entry is None else entry.resource,
        )


def _consent_said(basis: LegalBasis, reason: Reason | None) -> str | None:
    if basis is not LegalBasis.CONSENT:
        return None
    return "" if reason is None else str(reason)


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


def undecided(entry: LogEntry) -> Explained:
    """A request that was refused before it was decided, as far as its entry knows it.

    Args:
        entry: Of the kind `refused`, without a decision.
    """
    said = entry.account
    what = str(said.get("what", ""))
    return Explained(
        at_ms=int(said["time_ms"]),
        consumer=str(said.get("department", "")),
        system=str(said.get("system", "")).rpartition("/")[2],
        # What the request said of itself was not looked at yet and may be anything.
        purpose="",
        purpose_words=None,
        basis="",
        scheme="",
        case_present=False,
        official_present=False,
        bundle="",
        resources=(),
        further={"call": what} if what else {},
        ending=ending_of(entry),
    )


def only_resources(explained: Explained, codes: Sequence[str]) -> Explained:
    """The same with some of its resources only."""
    return replace(explained, resources=tuple(one for one in explained.resources if one.code in codes))
