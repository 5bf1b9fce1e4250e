"""Decides recorded requests again under a candidate bundle, and counts what would change.

Rules kept here: the log is read page by page, newest first, and only counts and a bounded list of entry numbers are
kept, so that a million entries take no more memory than a thousand; nothing of a person is looked at: the person part
of an entry is not read into anything here. What cannot be decided again (the request was refused before it was decided,
or its resource is not offered any more) is counted apart and never taken as unchanged.

What it does not do: it releases nothing, and says nothing about requests that nobody made.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final

from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import LogEntry
from gateway.catalog.catalog import Catalog
from gateway.exchange.consider import NO_CONSENT, Asking, Considered, consider
from gateway.exchange.hypothesis import Hypothesis, hypothesis_of, serves
from gateway.exchange.model import RequestItem
from gateway.exchange.past import Past
from gateway.exchange.recorded import NotRecorded, RecordedDecision, RecordedResource, read_decision
from gateway.sharing.agreements import Agreements
from policies.agreements import Agreement
from policies.engine import PolicyEngine
from policies.reasons import Reason
from policies.resources import ResourceDescription
from policies.vocabulary import Form

PAGE: Final = 200
MAX_ENTRIES_LISTED: Final = 1000
RELEASED: Final = "released"


class Cause(StrEnum):
    """Why an item comes out otherwise: by the candidate's rules, or by what else changed since, such as agreements."""

    RULES = "rules"
    SINCE = "since"


@dataclass(frozen=True, slots=True)
class Change:
    """What changes for one item: department, purpose, item, and the outcome before and after (a reason or released).

    It is because of the rules when the bundle in force would decide it otherwise than the candidate, out of the same.
    """

    department: str
    purpose: str
    item: str
    before: str
    after: str
    cause: Cause = Cause.RULES


@dataclass(slots=True)
class Simulation:
    """What was found.

    Args:
        bundle: Digest of the candidate.
        requests: Requests decided again.
        items: Their items.
        changed_requests: Requests in which the candidate's rules change an item.
        changed_since: Requests in which items change, but none because of the rules.
        not_decided: Requests without a recorded decision.
        not_offered: Resources in requests that are not offered any more.
        not_kept: Resources in requests whose agreement of the time is not kept as it was signed.
        changes: How often each change occurs.
        entries: Numbers of the entries that the rules change, newest first; the first thousand.
        pruned_under: The entry under which requests of this time were pruned, so that they are not decided again; None
            when none were.
    """

    bundle: str
    requests: int = 0
    items: int = 0
    changed_requests: int = 0
    changed_since: int = 0
    not_decided: int = 0
    not_offered: int = 0
    not_kept: int = 0
    changes: Counter[Change] = field(default_factory=Counter)
    entries: list[int] = field(default_factory=list)
    pruned_under: int | None = None


class Simulate:
    """Replays the log.

    Args:
        ledger: The log.
        catalog: What is offered now.
        agreements: What is agreed now.
        past: What was offered and agreed then.
        in_force: The engine with the bundle in force, which tells what is not because of the candidate.
        page: Entries read at once, 1 to 500.
        most_listed: Most numbers of entries kept in what is found.
    """

    def __init__(
        self,
        ledger: SqlLedger,
        catalog: Catalog,
        agreements: Agreements,
        past: Past,
        in_force: PolicyEngine,
        *,
        page: int = PAGE,
        most_listed: int = MAX_ENTRIES_LISTED,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._agreements = agreements
        self._past = past
        self._in_force = in_force
        self._page = page
        self._most_listed = most_listed

    def __call__(
        self,
        candidate: PolicyEngine,
        *,
        since_ms: int,
        as_of_then: bool = False,
        changed: Callable[[int], None] = lambda _index: None,
        progress: Callable[[int], None] = lambda _requests: None,
    ) -> Simulation:
        """Decide everything again.

        Args:
            candidate: The engine with the candidate bundle.
            since_ms: Only requests from then on, Unix ms.
            as_of_then: Decide by the agreements and descriptions of the time, where they are kept; else by today's.
            changed: Told each entry that the rules change.
            progress: Told now and then how many requests were decided again.

        Returns:
            What was found.
        """
        found = Simulation(candidate.digest)
        pruning = self._ledger.prunings.newest()
        if pruning is not None and pruning.newest_ms >= since_ms:
            found.pruned_under = pruning.index
        for entry in self._entries(since_ms):
            try:
                said = read_decision(entry)
            except NotRecorded:
                found.not_decided += 1
                continue
            found.requests += 1
            causes = self._again(candidate, said, found, as_of_then=as_of_then)
            if Cause.RULES in causes:
                found.changed_requests += 1
                changed(entry.leaf_index)
                if len(found.entries) < self._most_listed:
                    found.entries.append(entry.leaf_index)
            elif causes:
                found.changed_since += 1
            if found.requests % self._page == 0:
                progress(found.requests)
        return found

    def _again(
        self, candidate: PolicyEngine, said: RecordedDecision, found: Simulation, *, as_of_then: bool
    ) -> set[Cause]:
        causes: set[Cause] = set()
        asked = hypothesis_of(said)
        # As of the moment of the request, so that what ran out since is no change.
        asking = asked.asking(said.at_ms)
        for resource in said.resources:
            entry = (self._past.entry(resource) if as_of_then else None) or self._catalog.get(resource.code)
            if entry is None:
                found.not_offered += 1
                continue
            if as_of_then and resource.agreement is not None and self._past.agreement(resource) is None:
                found.not_kept += 1
                continue
            items = tuple(item for item in asked.items if item.resource == resource.code)
            agreement, nearest = self._agreement(asked, asking, resource, entry.resource, items, as_of_then=as_of_then)
            consent = asked.consents.get(resource.code, NO_CONSENT)
            suspended = self._suspended(asking.consumer, resource, as_of_then=as_of_then)
            decide = partial(
                consider,
                asking=asking,
                entry=entry,
                items=items,
                agreement=agreement,
                nearest=nearest,
                consent=consent,
                suspended=suspended,
            )
            part = decide(candidate)
            found.items += len(part.decided)
            was = [(RELEASED if item.released else item.reason, item.form) for item in resource.items]
            becomes = _outcomes(part)
            if was == becomes:
                continue
            in_force = _outcomes(decide(self._in_force))
            for item, before, after, now in zip(resource.items, was, becomes, in_force, strict=True):
                if before == after:
                    continue
                cause = Cause.SINCE if now == after else Cause.RULES
                causes.add(cause)
                name = f"{resource.code}.{item.field}={item.form}"
                outcome = after[0] if after[1] is before[1] else f"{after[0]} ({after[1]})"
                found.changes[Change(said.consumer, said.purpose, name, before[0], outcome, cause)] += 1
        return causes

    def _agreement(
        self,
        asked: Hypothesis,
        asking: Asking,
        recorded: RecordedResource,
        described: ResourceDescription,
        items: Sequence[RequestItem],
        *,
        as_of_then: bool,
    ) -> tuple[Agreement | None, Agreement | None]:
        """The agreement in force and the nearest one, of now or of then."""
        if as_of_then:
            held = self._past.agreement(recorded)
            return (held, None) if recorded.counts else (None, held)
        who = asking.who(recorded.code)
        under = asked.under.get(recorded.code, "")
        agreement = self._agreements.find(*who, partial(serves, under, items, described), **asking.occasion)
        return agreement, None if agreement else self._agreements.nearest(*who, **asking.occasion)

    def _suspended(self, consumer: str, recorded: RecordedResource, *, as_of_then: bool) -> Callable[[], bool]:
        if as_of_then:
            return lambda: any(item.reason == Reason.AGREEMENT_SUSPENDED for item in recorded.items)
        return partial(self._agreements.is_suspended, consumer, recorded.code)

    def _entries(self, since_ms: int) -> Iterator[LogEntry]:
        """Entries that may hold a decision, from two runs through the log, each newest first."""
        for kind in (Kind.ASKED, Kind.REFUSED):
            cursor = ""
            while True:
                page = self._ledger.entries(kind=kind, cursor=cursor, limit=self._page)
                for entry in page.entries:
                    if entry.time_ms < since_ms:
                        break
                    # A request that was asked and then refused holds its decision in its `asked` entry.
                    if kind is Kind.ASKED or "request" not in entry.account:
                        yield entry
                else:
                    if page.next_cursor:
                        cursor = page.next_cursor
                        continue
                break


def _outcomes(part: Considered) -> list[tuple[str, Form]]:
    """Outcome and form of each item, in the order of the request."""
    return [(RELEASED if one.allowed else str(one.reason), one.form) for _, one in part.decided]
