"""An auditor's review of the log: search, export, statistics.

Rules kept here: each of them is on the log before anything is shown. A search for a person needs a reason, is an entry
of its own kind about that person, and the person sees it; the identifier goes no further than the token it is turned
into, and nobody becomes known by being searched for. Pseudonyms are not opened: nothing at the gateway leads from a
random id to an identifier. Who has to know whether a pseudonym is a certain person names that person.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.errors import NoSuchEntry
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.audit.review.facets import Facet
from gateway.audit.review.query import Hit, HitPage, Query
from gateway.audit.review.statistics import MOST_DAYS, Counts, Period
from gateway.audit.review.tallies import Dimension, civil_day
from gateway.errors import bad_request
from gateway.exchange.identify import IdentifySubject, canonical_identifier
from gateway.exchange.record import Record
from gateway.exchange.review_filters import Filters, checked, checked_times, checked_why, query_of
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from policies.identifiers import known_schemes

PAGE: Final = 50
MAX_PAGE: Final = 500
EXPORTED: Final = 100_000
MAX_EXPORTED: Final = 1_000_000
_EXPORT_PAGE: Final = 200
_PSEUDONYM: Final = re.compile(r"[0-9a-f]{32}")
_NOBODY: Final = b""
_OUTCOME: Final = re.compile(r"[a-z_]{1,32}")


@dataclass(frozen=True, slots=True)
class SearchedPerson:
    """Whom an auditor searches for, by an identifier or by the random id that entries show, and why."""

    scheme: str = ""
    identifier: str = field(default="", repr=False)
    pseudonym: str = ""
    why: str = ""


class ReviewLog:
    """Reviews the log for auditors.

    Args:
        people: Verifies tokens.
        subjects: From identifier to random id.
        record: Everything is recorded before it is shown.
        ledger: The log.
    """

    def __init__(self, people: People, subjects: IdentifySubject, record: Record, ledger: SqlLedger) -> None:
        self._people = people
        self._subjects = subjects
        self._record = record
        self._ledger = ledger

    async def search(
        self, bearer: str, filters: Filters, person: SearchedPerson | None, cursor: str, limit: int
    ) -> HitPage:
        """A page of what fulfils every condition, newest first.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST with field and rule; LEDGER_UNAVAILABLE.
        """
        auditor = self._auditor(bearer)
        if limit > MAX_PAGE:
            raise bad_request("page_size", f"must be at most {MAX_PAGE}")
        query = await self._recorded(auditor, "search", filters, person)
        return await self._page(query, cursor, limit or PAGE)

    async def export(
        self, bearer: str, filters: Filters, person: SearchedPerson | None, most: int
    ) -> AsyncIterator[tuple[Sequence[Hit], bool]]:
        """Everything that fulfils every condition, newest first, page by page.

        Returns:
            Hits, and whether there are more than were asked for; read from the log while they are consumed.

        Raises:
            Refused: As `search`, before the first page.
        """
        auditor = self._auditor(bearer)
        if most > MAX_EXPORTED:
            raise bad_request("most", f"must be at most {MAX_EXPORTED}")
        query = await self._recorded(auditor, "search export", filters, person)
        return self._pages(query, most or EXPORTED)

    async def statistics(
        self, bearer: str, dimension: str, period: str, times: tuple[int, int], department: str, outcome: str
    ) -> Counts:
        """Counts by a dimension.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST with field and rule; LEDGER_UNAVAILABLE.
        """
        auditor = self._auditor(bearer)
        if dimension not in set(Dimension):
            raise bad_request("dimension", f"must be one of {', '.join(Dimension)}")
        if period not in set(Period):
            raise bad_request("period", f"must be one of {', '.join(Period)}")
        if department:
            department = checked(Facet.DEPARTMENT, department)
        if outcome and not _OUTCOME.fullmatch(outcome):
            raise bad_request("outcome", "must be what becomes of a request or a field")
        from_ms, until_ms = checked_times(*times)
        days = (civil_day(from_ms), civil_day(until_ms - 1) + 1)
        if days[1] - days[0] > MOST_DAYS:
            raise bad_request(
                "until_unix_ms", f"最多{MOST_DAYS}天 / must be at most {MOST_DAYS} days after from_unix_ms"
            )
        what: dict[str, Json] = {"dimension": dimension, "period": period, "from_ms": from_ms, "until_ms": until_ms}
        what |= {"department_filter": department, "outcome_filter": outcome}
        await self._write(auditor, Kind.LOG_READ, {"what": "statistics", **what}, None)
        count = self._ledger.review.statistics.count
        return await asyncio.to_thread(
            lambda: count(Dimension(dimension), Period(period), days, department=department, outcome=outcome)
        )

    def _auditor(self, bearer: str) -> Person:
        person = self._people.authenticate(bearer)
        person.require(Role.AUDITOR)
        return person

    async def _recorded(self, auditor: Person, what: str, filters: Filters, person: SearchedPerson | None) -> Query:
        """Check the conditions and put the search on the log; what it comes to."""
        query = query_of(filters)
        said: dict[str, Json] = {
            "what": what,
            "conditions": {str(facet): value for facet, value in sorted(query.facets)},
        }
        if query.timed:
            said |= {"from_ms": query.from_ms, "until_ms": query.until_ms}
        if person is None:
            await self._write(auditor, Kind.LOG_READ, said, None)
            return query
        why = checked_why(person.why)
        person_id = await self._find(person)
        await self._write(auditor, Kind.PERSON_SEARCHED, {"by": "auditor", **said, "why": why}, person_id)
        # Nobody has an empty id: about someone of whom the gateway never heard there is nothing.
        return Query(query.facets, query.from_ms, query.until_ms, person_id if person_id is not None else _NOBODY)

    async def _find(self, person: SearchedPerson) -> bytes | None:
        if person.pseudonym:
            if person.scheme or person.identifier:
                raise bad_request("person", "is either an identifier with its scheme or a pseudonym")
            if not _PSEUDONYM.fullmatch(person.pseudonym):
                raise bad_request("person.pseudonym", "must be 32 hexadecimal digits, as entries show it")
            return bytes.fromhex(person.pseudonym)
        if person.scheme not in known_schemes():
            raise bad_request("person.scheme", "must be a known scheme")
        return await self._subjects.existing(person.scheme, canonical_identifier(person.scheme, person.identifier))

    async def _write(self, auditor: Person, kind: Kind, said: dict[str, Json], person_id: bytes | None) -> None:
        await self._subjects.acting(auditor)
        body = {"auditor": auditor.subject_key, **said}
        about = None if person_id is None else {"person": person_id.hex()}
        await self._record.write(EntryDraft(kind, body, about, about=person_id))

    async def _page(self, query: Query, cursor: str, limit: int) -> HitPage:
        try:
            return await asyncio.to_thread(self._ledger.review.search.page, query, cursor, limit)
        except NoSuchEntry:
            raise bad_request(
                "page_token", "须由同一查询给出 / must be one that the gateway gave for this search"
            ) from None

    async def _pages(self, query: Query, most: int) -> AsyncIterator[tuple[Sequence[Hit], bool]]:
        cursor, given = "", 0
        while True:
            page = await self._page(query, cursor, min(_EXPORT_PAGE, most - given))
            given += len(page.hits)
            cursor = page.next_cursor
            yield page.hits, bool(cursor) and given >= most
            if not cursor or given >= most:
                return
