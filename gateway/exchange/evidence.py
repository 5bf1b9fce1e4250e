"""What an auditor asks about releases: the evidence of one, and those that do not join.

Rules kept: only auditors; each reading is on the log before anything is shown. The gateway hands out entries and
proofs, which the auditor's own program checks and joins again; its listing is a convenience, since whoever does not
believe the gateway joins an exported copy.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import EntryPruned, NoSuchEntry
from gateway.audit.joining import Gap, Statements, gaps
from gateway.audit.kinds import OUTCOMES, Kind
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import LogEntry
from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.pruned import pruned
from gateway.exchange.record import Record
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from keys.log.checkpoints import parse_checkpoint
from keys.log.notes import split_note
from policies.resources import DEPARTMENT_PATTERN

EXAMINED: Final = 500
"""Releases that one page looks at, at most."""
SETTLED_MS: Final = 60_000
"""Releases younger than this are not missed yet: systems acknowledge with some delay."""
_LONGEST_NAME: Final = 512
_PUBLISHED_TRIES: Final = 30
_PUBLISHED_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry with its audit path in the tree of the evidence."""

    entry: LogEntry
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class RequestEvidence:
    """Every entry of one request, by index, proven in one published tree."""

    entries: tuple[Proven, ...]
    tree_size: int
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Unjoined:
    """A release that does not join."""

    release: LogEntry
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class UnjoinedPage:
    """Releases that do not join, newest first; `next_cursor` is empty on the last page, `examined` counts all."""

    releases: tuple[Unjoined, ...]
    next_cursor: str
    examined: int


class Evidence:
    """Reads the log for auditors who prove a release.

    Args:
        people: Verifies tokens.
        record: The reading is recorded before anything is shown.
        ledger: The log.
        clock: Now.
    """

    def __init__(self, people: People, record: Record, ledger: SqlLedger, clock: Clock) -> None:
        self._people = people
        self._record = record
        self._ledger = ledger
        self._clock = clock

    async def of(self, bearer: str, *, index: int, system: str, request_id: str) -> RequestEvidence:
        """Every entry of one request.

        Args:
            bearer: The auditor's token.
            index: Of the question or its outcome; not looked at with a request id.
            system: SPIFFE id of the asking system, with a request id.
            request_id: As that system chose it; empty to go by the index.

        Raises:
            Refused: The token is no auditor's; NOT_FOUND when there is no such request; ENTRY_PRUNED when its
                retention has ended; BAD_REQUEST.
        """
        person = self._auditor(bearer)
        if len(system) > _LONGEST_NAME or len(request_id) > _LONGEST_NAME:
            raise bad_request("request_id", f"must be at most {_LONGEST_NAME} characters")
        if bool(system) != bool(request_id):
            raise bad_request("system", "must be given together with a request id, and only then")
        # Which request was looked for stands in the entry only by index: a name that nobody used is the auditor's text.
        found = await asyncio.to_thread(self._ledger.joins.named, f"{system}\0{request_id}") if request_id else index
        await self._recorded(person, "evidence", entry="" if found is None else str(found))
        if found is None:
            raise Refused(Code.NOT_FOUND, "no such request")
        try:
            entries = await asyncio.to_thread(self._entries, found)
        except EntryPruned as gone:
            raise pruned(gone) from None
        except NoSuchEntry:
            raise Refused(Code.NOT_FOUND, "no such entry") from None
        return await self._proven(entries)

    async def unjoined(
        self, bearer: str, *, since_ms: int, until_ms: int, department: str, cursor: str, limit: int
    ) -> UnjoinedPage:
        """Releases in a time that do not join, newest first.

        Args:
            bearer: The auditor's token.
            since_ms: Released at or after, Unix ms; 0 from the beginning.
            until_ms: Released before, Unix ms; 0 a minute ago.
            department: Only those to this department; empty for all.
            cursor: From the page before; empty for the first.
            limit: At most this many on the page.

        Raises:
            Refused: The token is no auditor's; the times or the cursor make no sense.
        """
        person = self._auditor(bearer)
        until = until_ms or self._clock.now_ms() - SETTLED_MS
        if since_ms < 0 or until_ms < 0 or since_ms > until:
            raise bad_request("since_unix_ms", "must be from 0 and not after the end")
        if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):  # noqa: PLR2004 - digits of a 63-bit number
            raise bad_request("page_token", "must be one that the gateway gave")
        if department and not DEPARTMENT_PATTERN.fullmatch(department):
            raise bad_request("department", "must be a department id")
        await self._recorded(
            person, "unjoined", since_ms=str(since_ms), until_ms=str(until), department_filter=department
        )
        below = int(cursor) if cursor else None
        return await asyncio.to_thread(self._page, since_ms, until, department, below, limit)

    def _page(self, since_ms: int, until_ms: int, department: str, below: int | None, limit: int) -> UnjoinedPage:
        joins = self._ledger.joins
        found = joins.releases(since_ms=since_ms, until_ms=until_ms, below=below, department=department, limit=EXAMINED)
        asked = joins.entries([_request(entry) for entry in found.entries])
        said_in = joins.acknowledging([entry.leaf_index for entry in found.entries])
        acknowledging = joins.entries([index for indexes in said_in.values() for index in indexes])
        statements, unjoined = Statements(), []
        for looked, release in enumerate(found.entries, 1):
            said = [acknowledging[i] for i in said_in.get(release.leaf_index, ()) if i in acknowledging]
            problems = gaps(asked.get(_request(release)), release, said, statements)
            if problems:
                unjoined.append(Unjoined(release, tuple(problems)))
            if len(unjoined) == limit:
                more = looked < len(found.entries) or found.next_index is not None
                return UnjoinedPage(tuple(unjoined), str(release.leaf_index) if more else "", looked)
        cursor = "" if found.next_index is None else str(found.next_index)
        return UnjoinedPage(tuple(unjoined), cursor, len(found.entries))

    def _entries(self, index: int) -> list[LogEntry]:
        """The question, its outcome and what acknowledges that, by the index of one of the first two."""
        first = self._ledger.entry(index)
        if first.kind != Kind.ASKED and first.kind not in OUTCOMES:
            raise NoSuchEntry("the entry is neither a question nor an outcome")
        if first.kind == Kind.ASKED:
            closing = self._ledger.closing(index)
            asked, outcome = index, closing
        else:
            asked, outcome = _request(first), index
        indexes = {number for number in (asked, outcome) if number is not None and number >= 0}
        if outcome is not None:
            indexes |= set(self._ledger.joins.acknowledging([outcome]).get(outcome, ()))
        return sorted(self._ledger.joins.entries(sorted(indexes)).values(), key=lambda entry: entry.leaf_index)

    async def _proven(self, entries: Sequence[LogEntry]) -> RequestEvidence:
        """Entries with proofs in a published tree; waits for the publication that covers them, at most some seconds.

        Raises:
            Refused: LEDGER_UNAVAILABLE when it does not come.
        """
        newest = max(entry.leaf_index for entry in entries)
        for _ in range(_PUBLISHED_TRIES):
            note, size = await asyncio.to_thread(self._published)
            if size > newest:
                proven = [Proven(entry, self._ledger.inclusion(entry.leaf_index, size).path) for entry in entries]
                return RequestEvidence(tuple(proven), size, note)
            await asyncio.sleep(_PUBLISHED_S)
        raise Refused(Code.LEDGER_UNAVAILABLE, "no checkpoint covers the entries yet", retry_after_ms=1000)

    def _published(self) -> tuple[str, int]:
        try:
            note = self._ledger.checkpoint()
        except NoSuchEntry:
            return "", 0
        text, _ = split_note(note)
        return note, parse_checkpoint(text).size

    def _auditor(self, bearer: str) -> Person:
        person = self._people.authenticate(bearer)
        person.require(Role.AUDITOR)
        return person

    async def _recorded(self, person: Person, what: str, **further: str) -> None:
        body = {"auditor": person.subject_key, "what": what, **further}
        await self._record.write(EntryDraft(kind=str(Kind.LOG_READ), accountability=body))


def _request(outcome: LogEntry) -> int:
    """Index of the question that an outcome closes; -1 when it names none."""
    found = outcome.account.get("request")
    return found if isinstance(found, int) else -1
