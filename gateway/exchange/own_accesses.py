"""A person sees who asked about them: by time and department, with a proof of each row, and counted by month.

Rules kept here: what a law keeps from the person until a day is in no page, no proof and no count before that day, and
neither the length of a page nor whether there is a next one tells that something is left out; from that day on it is
shown, with the law. A row's proof opens the accountability part of the entry and leaves the person part closed, which
may hold words of others. Whoever acts for the person (a guardian) sees what the person sees; each such reading is on
the log first, about the person, who sees it (fails closed).
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Final

from gateway.audit.accesses import END_OF_TIME_MS, Wanted
from gateway.audit.entries import EntryDraft
from gateway.audit.errors import EntryPruned, NoSuchEntry
from gateway.audit.kinds import ACCESSES, Kind
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import Access, AccessPage, LogEntry, access_of
from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.acting import ActingFor, Actor, Actors
from gateway.exchange.pruned import pruned
from gateway.exchange.record import Record
from keys.log.checkpoints import parse_checkpoint
from keys.log.leaves import person_commitment
from keys.log.notes import split_note
from policies.civil_time import civil_date, day_begins_ms
from policies.resources import DEPARTMENT_PATTERN

COUNTED: Final = 2_000
"""Accesses that one count opens at most."""
_MONTHS: Final = 12
_AT_ONCE: Final = 500
_SLACK: Final = 8
"""Accesses read beyond a page: as many may be left out without another look, which would tell by its time."""
_PUBLISHED_TRIES: Final = 30
_PUBLISHED_S: Final = 0.1
_EPOCH: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class AccessProof:
    """What the log says of one access, with its audit path in a published tree.

    Attributes:
        entry: Without its person part: only the commitment to it, as `erased_digest`.
        path: Leaf's sibling first.
        tree_size: Size of the tree.
        checkpoint: The head of that tree.
    """

    entry: LogEntry
    path: Sequence[bytes]
    tree_size: int
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Used:
    """So often, in one civil month."""

    month_ms: int
    department: str
    purpose: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts, newest month first.

    Attributes:
        rows: In a month the most frequent first.
        counted_from_ms: Everything from then on was counted.
        held_from_ms: Since when the log says what it said.
    """

    rows: Sequence[Used]
    counted_from_ms: int
    held_from_ms: int


class OwnAccesses:
    """Shows a person who asked about them.

    Args:
        actors: Who calls, and for whom.
        record: A delegate's reading is recorded before anything is shown.
        ledger: The log.
        clock: Now.
    """

    def __init__(self, actors: Actors, record: Record, ledger: SqlLedger, clock: Clock) -> None:
        self._actors = actors
        self._record = record
        self._ledger = ledger
        self._clock = clock

    async def page(self, bearer: str, acting: ActingFor | None, wanted: Wanted, cursor: str, limit: int) -> AccessPage:
        """Who looked at the person's data, newest first.

        Raises:
            Refused: The token does not verify or is not a citizen's, or does not vouch for the person acted for;
                BAD_REQUEST with field and rule.
        """
        actor = await self._actors(bearer, acting)
        self._check(wanted)
        await self._recorded(actor, "accesses")
        now_ms = self._clock.now_ms()
        try:
            # One more than the page holds: a next page is announced only when there is something on it.
            found = await asyncio.to_thread(
                lambda: list(islice(self._visible(actor, wanted, now_ms, cursor, limit + 1 + _SLACK), limit + 1))
            )
        except ValueError:
            raise bad_request("page_token", "must be one that the gateway gave") from None
        more = str(found[limit - 1].leaf_index) if len(found) > limit else ""
        return AccessPage(found[:limit], more)

    async def proof(self, bearer: str, acting: ActingFor | None, index: int) -> AccessProof:
        """What the log says of one access, and the proof that it does.

        Raises:
            Refused: As `page`; NOT_FOUND when the entry is not one that the person sees, whatever else it is;
                ENTRY_PRUNED; LEDGER_UNAVAILABLE when it is not published yet.
        """
        actor = await self._actors(bearer, acting)
        await self._recorded(actor, "proof")
        try:
            entry = await asyncio.to_thread(self._ledger.entry, index)
        except EntryPruned as gone:
            raise pruned(gone) from None
        except NoSuchEntry:
            raise Refused(Code.NOT_FOUND, "no such entry") from None
        if not self._is_shown(actor, entry):
            raise Refused(Code.NOT_FOUND, "no such entry")
        closed = person_commitment(entry.person_salt, entry.person)
        shown = replace(entry, person=b"", person_salt=b"", erased_digest=closed)
        for _ in range(_PUBLISHED_TRIES):
            note, size = await asyncio.to_thread(self._published)
            if size > index:
                path = await asyncio.to_thread(lambda: self._ledger.inclusion(index, size).path)  # noqa: B023 - awaited here
                return AccessProof(shown, path, size, note)
            await asyncio.sleep(_PUBLISHED_S)
        raise Refused(Code.LEDGER_UNAVAILABLE, "no checkpoint covers the entry yet", retry_after_ms=1000)

    async def usage(self, bearer: str, acting: ActingFor | None, from_ms: int, until_ms: int) -> Usage:
        """How often who asked, by civil month, department, purpose and outcome.

        Raises:
            Refused: As `page`.
        """
        actor = await self._actors(bearer, acting)
        now_ms = self._clock.now_ms()
        wanted = Wanted(_month_ms(from_ms) if from_ms else _months_back(now_ms), until_ms or END_OF_TIME_MS)
        self._check(wanted)
        await self._recorded(actor, "usage")
        found = await asyncio.to_thread(
            lambda: list(islice(self._visible(actor, wanted, now_ms, "", _AT_ONCE), COUNTED + 1))
        )
        counted_from_ms = wanted.from_ms
        if len(found) > COUNTED:
            # The oldest of them is left out with everything of its moment, so that what is counted is whole.
            counted_from_ms = found[-1].time_ms + 1
            found = [access for access in found if access.time_ms >= counted_from_ms]
        counts = Counter((_month_ms(one.time_ms), one.department, one.purpose, one.outcome) for one in found)
        ordered = sorted(counts.items(), key=lambda one: (-one[0][0], -one[1], one[0]))
        return Usage([Used(*key, count) for key, count in ordered], counted_from_ms, await self._held_from_ms())

    def _visible(self, actor: Actor, wanted: Wanted, now_ms: int, cursor: str, at_once: int) -> Iterator[Access]:
        """The person's accesses, newest first, without what a law keeps from the person now."""
        while True:
            page = self._ledger.accesses(actor.subject.person_id, wanted, cursor=cursor, limit=min(at_once, _AT_ONCE))
            yield from (access for access in page.accesses if access.visible_from_ms <= now_ms)
            cursor = page.next_cursor
            if not cursor:
                return

    def _is_shown(self, actor: Actor, entry: LogEntry) -> bool:
        """Whether an entry is one that the person may see. Fails closed."""
        personal = entry.personal or {}
        about = entry.kind in ACCESSES and personal.get("person") == actor.subject.person_id.hex()
        return about and access_of(entry).visible_from_ms <= self._clock.now_ms()

    async def _recorded(self, actor: Actor, what: str) -> None:
        """A delegate's reading is an entry about the person; a person's own reading is none."""
        if not actor.relation:
            return
        person = {
            "person": actor.subject.person_id.hex(),
            "scheme": actor.subject.scheme,
            "delegate": actor.caller.person_id.hex(),
        }
        await self._record.write(
            EntryDraft(
                kind=str(Kind.ACCESSES_READ),
                accountability={"by": "delegate", "relation": actor.relation, "what": what},
                person=person,
                about=actor.subject.person_id,
            )
        )

    async def _held_from_ms(self) -> int:
        """Since when entries say what they said: after the newest one that was pruned, or from the first one on."""
        newest = await asyncio.to_thread(self._ledger.prunings.newest)
        if newest is not None:
            return newest.newest_ms + 1
        try:
            return (await asyncio.to_thread(self._ledger.entry, 0)).time_ms
        except NoSuchEntry:
            return 0

    def _published(self) -> tuple[str, int]:
        try:
            note = self._ledger.checkpoint()
        except NoSuchEntry:
            return "", 0
        return note, parse_checkpoint(split_note(note)[0]).size

    @staticmethod
    def _check(wanted: Wanted) -> None:
        if not 0 <= wanted.from_ms < wanted.until_ms <= END_OF_TIME_MS:
            raise bad_request("until_unix_ms", "须晚于起始时间 / must be after from_unix_ms, and neither is negative")
        if wanted.department and not DEPARTMENT_PATTERN.fullmatch(wanted.department):
            raise bad_request("department", "must be a department id")


def _month_ms(time_ms: int) -> int:
    """When the civil month of a moment begins, Unix ms."""
    return day_begins_ms(civil_date(time_ms).replace(day=1).toordinal() - _EPOCH)


def _months_back(now_ms: int) -> int:
    """When the civil month a year ago begins, Unix ms; the month of now is the thirteenth."""
    today = civil_date(now_ms)
    return day_begins_ms(today.replace(year=today.year - _MONTHS // 12, day=1).toordinal() - _EPOCH)
