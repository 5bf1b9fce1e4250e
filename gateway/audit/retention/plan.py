"""What may be pruned now. Only reads.

Rules kept here: from the beginning of the log up to the first entry whose time is not over. On the way an entry stays,
body and all, as long as something younger rests on it: it is kept always or longer by its kind, held, a request that is
open or whose outcome is younger, hidden from its person until a later day, or referred to from the gateway's own tables
(`References`). A request and its outcome stay or go together. Each entry is opened and checked: what counts is the time
that it says itself, not the column by which it is found. Now is the log's own time: a clock that was put forward
prunes nothing early, because the log's newest entry does not say so.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine, select

from gateway.audit.errors import NoSuchEntry
from gateway.audit.kinds import OUTCOMES, Kind
from gateway.audit.prunings import uncovered
from gateway.audit.reader import Reader
from gateway.audit.retention.rule import Kept, Rule
from gateway.audit.store import ENTRIES
from gateway.audit.verify.pruned import MOST_RANGES, Hold
from gateway.audit.views import LogEntry
from keys.log.checkpoints import parse_checkpoint
from keys.log.notes import split_note


@dataclass(frozen=True, slots=True)
class Rests:
    """What in the gateway's own tables rests on entries.

    Attributes:
        entries: Position of an entry that something unfinished refers to, and what.
        consents: Digests (hex) of the consents that may still be used or withdrawn: whoever received something under
            them has to be found in the log.
    """

    entries: Mapping[int, Kept] = field(default_factory=dict)
    consents: AbstractSet[str] = frozenset()


References = Callable[[int], Rests]
"""Given now, Unix ms."""
Tell = Callable[[int, int], None]
_REQUEST: Final = frozenset({Kind.ASKED, *OUTCOMES})


@dataclass(frozen=True, slots=True)
class Plan:
    """What may be pruned.

    Attributes:
        ranges: First position, and the first that does not go any more; in order.
        entries: How many.
        newest_ms: Time of the newest of them, Unix ms; 0 when nothing goes.
        kept: How many entries whose time is over stay, by why.
        stopped_at: The first entry whose time is not over; None when the time of all published ones is.
        size: Size of the log when this was looked up.
        now_ms: The time by which it was judged what is over.
    """

    ranges: Sequence[tuple[int, int]]
    entries: int
    newest_ms: int
    kept: Mapping[Kept, int]
    stopped_at: int | None
    size: int
    now_ms: int


@dataclass(slots=True)
class _Found:
    ranges: list[tuple[int, int]] = field(default_factory=list)
    entries: int = 0
    newest_ms: int = 0
    kept: Counter[Kept] = field(default_factory=Counter)
    requests: dict[int, Kept] = field(default_factory=dict)

    def take(self, entry: LogEntry) -> bool:
        """Let it go; False when no more ranges can be named."""
        if self.ranges and self.ranges[-1][1] == entry.leaf_index:
            self.ranges[-1] = (self.ranges[-1][0], entry.leaf_index + 1)
        elif len(self.ranges) == MOST_RANGES:
            return False
        else:
            self.ranges.append((entry.leaf_index, entry.leaf_index + 1))
        self.entries += 1
        self.newest_ms = max(self.newest_ms, entry.time_ms)
        return True


class Planner:
    """Finds what may be pruned.

    Args:
        engine: The database.
        reader: Opens and checks entries.
        references: What in the gateway's own tables rests on which entries.
    """

    def __init__(self, engine: Engine, reader: Reader, references: References) -> None:
        self._engine = engine
        self._reader = reader
        self._references = references

    def plan(self, rule: Rule, now_ms: int, tell: Tell = lambda _done, _of: None) -> Plan:
        """Look up what may go.

        Args:
            rule: How long entries are kept.
            now_ms: Now by the clock, Unix ms.
            tell: Told how many entries of how many were looked at.

        Raises:
            LedgerCorrupt: An entry does not fit its leaf hash, or a body is missing that nothing covers.
        """
        size = self._reader.size()
        end = self._published()
        now_ms = min(now_ms, self._newest_ms(size))
        holds = [hold for hold, _ in self._reader.prunings.holds()]
        references = self._references(now_ms)
        found = _Found()

        def reason(entry: LogEntry) -> Kept | None:
            return _reason(entry, rule, now_ms, holds, references)

        stopped_at = None
        for start, stop in uncovered(end, self._reader.prunings.all()):
            for batch in self._reader.walk(start, stop):
                stopped_at = self._sort(batch, rule, now_ms, reason, found)
                tell(batch[-1].leaf_index + 1, end)
                if stopped_at is not None:
                    break
            if stopped_at is not None:
                break
        return Plan(found.ranges, found.entries, found.newest_ms, dict(found.kept), stopped_at, size, now_ms)

    def _sort(
        self, batch: Sequence[LogEntry], rule: Rule, now_ms: int, reason: Callable[[LogEntry], Kept | None],
        found: _Found,
    ) -> int | None:  # fmt: skip
        """Let go or keep; where it stopped, None when it did not."""
        outcomes = self._outcomes([entry.leaf_index for entry in batch if entry.kind == Kind.ASKED])
        for entry in batch:
            if not rule.is_over(entry.time_ms, now_ms):
                return entry.leaf_index
            why = reason(entry)
            if entry.kind == Kind.ASKED:
                why = why or _together(outcomes.get(entry.leaf_index), rule, now_ms, reason)
                if why is not None:
                    found.requests[entry.leaf_index] = why
            elif entry.kind in OUTCOMES:
                # As its question, which was looked at before: they stay or go together.
                why = why or found.requests.get(_request(entry))
            if why is not None:
                found.kept[why] += 1
            elif not found.take(entry):
                return entry.leaf_index
        return None

    def _outcomes(self, asked: Sequence[int]) -> Mapping[int, LogEntry]:
        """The outcome of each question that has one."""
        if not asked:
            return {}
        query = select(ENTRIES.c.request_index, ENTRIES.c.leaf_index).where(
            ENTRIES.c.request_index.in_(asked), ENTRIES.c.kind.in_(sorted(OUTCOMES))
        )
        with self._engine.connect() as connection:
            closing = {int(request): int(index) for request, index in connection.execute(query).all()}
        opened = self._reader.opened(sorted(closing.values()))
        return {request: opened[index] for request, index in closing.items() if index in opened}

    def _published(self) -> int:
        try:
            return parse_checkpoint(split_note(self._reader.checkpoint())[0]).size
        except NoSuchEntry:
            return 0

    def _newest_ms(self, size: int) -> int:
        return self._reader.entry(size - 1).time_ms if size else 0


def _reason(entry: LogEntry, rule: Rule, now_ms: int, holds: Sequence[Hold], references: Rests) -> Kept | None:
    """Why an entry stays by itself; None when it does not."""
    index = entry.leaf_index
    if any(hold.overlaps((index, index + 1)) is not None for hold in holds):
        return Kept.HOLD
    by_kind = rule.kept(entry.kind, entry.time_ms, now_ms)
    if by_kind is not None:
        return by_kind
    emergency = entry.account.get("emergency")
    until = emergency.get("visible_from_ms", 0) if isinstance(emergency, dict) else 0
    if isinstance(until, int) and until > now_ms:
        return Kept.HIDDEN_FROM_PERSON
    if entry.account.get("consent") in references.consents:
        return Kept.CONSENT_IN_FORCE
    return references.entries.get(index)


def _together(
    outcome: LogEntry | None, rule: Rule, now_ms: int, reason: Callable[[LogEntry], Kept | None]
) -> Kept | None:
    """Why a question stays because of its outcome."""
    if outcome is None:
        return Kept.OPEN_REQUEST
    if not rule.is_over(outcome.time_ms, now_ms):
        return Kept.YOUNGER_OUTCOME
    return reason(outcome)


def _request(outcome: LogEntry) -> int:
    found = outcome.account.get("request")
    return found if isinstance(found, int) else -1
