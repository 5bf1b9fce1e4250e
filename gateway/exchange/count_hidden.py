"""What laws keep from persons until a day, counted for auditors: how many, until when, and whether an end was missed.

Rules kept here: counting is on the log before anything is shown; counts name nobody. An end is missed when the
register's day has come and the log's own entry still keeps the request from its person, or when the register's day is
later than the entry's: then somebody changed one of the two.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlalchemy import Engine

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import NoSuchEntry
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import access_of
from gateway.clock import Clock
from gateway.emergencies.hidden import MOST_USES, HiddenUse, hidden_uses
from gateway.exchange.record import Record
from gateway.exchange.review_filters import checked_times
from gateway.identity.issuers import Role
from gateway.identity.people import People
from policies.civil_time import civil_date, day_begins_ms

MOST_ROWS: Final = 1_000
_LISTED: Final = 20
_EPOCH: Final = date(1970, 1, 1).toordinal()


@dataclass(slots=True)
class Hidden:
    """Requests of one department in one civil month that the same law keeps, or kept, from their persons.

    Attributes:
        month_ms: When the month begins, Unix ms.
        department: Who asked.
        law: The law.
        hidden: How many are still kept from their persons.
        ended: Of how many the day has come.
        overdue: Of how many an end was missed.
        ends_ms: Ends of those that are still hidden.
        overdue_entries: Some of those whose end was missed.
    """

    month_ms: int
    department: str
    law: str
    hidden: int = 0
    ended: int = 0
    overdue: int = 0
    ends_ms: list[int] = field(default_factory=list)
    overdue_entries: list[int] = field(default_factory=list)


class CountHidden:
    """Counts.

    Args:
        people: Verifies tokens.
        record: The counting is recorded first.
        ledger: What entries say themselves.
        engine: The register of emergencies.
        clock: Now.
    """

    def __init__(self, people: People, record: Record, ledger: SqlLedger, engine: Engine, clock: Clock) -> None:
        self._people = people
        self._record = record
        self._ledger = ledger
        self._engine = engine
        self._clock = clock

    async def __call__(self, bearer: str, from_ms: int, until_ms: int) -> tuple[Sequence[Hidden], bool]:
        """Count.

        Returns:
            Rows, newest month first, and whether there would be more.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST; LEDGER_UNAVAILABLE.
        """
        person = self._people.authenticate(bearer)
        person.require(Role.AUDITOR)
        from_ms, until_ms = checked_times(from_ms, until_ms)
        said = {"auditor": person.subject_key, "what": "hidden", "from_ms": str(from_ms), "until_ms": str(until_ms)}
        await self._record.write(EntryDraft(kind=str(Kind.LOG_READ), accountability=said))
        return await asyncio.to_thread(self._count, from_ms, until_ms)

    def _count(self, from_ms: int, until_ms: int) -> tuple[Sequence[Hidden], bool]:
        now_ms = self._clock.now_ms()
        with self._engine.connect() as connection:
            uses = hidden_uses(connection, from_ms, until_ms)
        rows: dict[tuple[int, str, str], Hidden] = {}
        for use in uses[:MOST_USES]:
            key = (_month_ms(use.asked_ms), use.consumer, use.law)
            row = rows.setdefault(key, Hidden(*key))
            if use.until_ms > now_ms:
                row.hidden += 1
                row.ends_ms.append(use.until_ms)
            else:
                row.ended += 1
            if self._missed(use, now_ms):
                row.overdue += 1
                row.overdue_entries += [use.entry][: _LISTED - len(row.overdue_entries)]
        order: Callable[[Hidden], tuple[int, str, str]] = lambda row: (-row.month_ms, row.department, row.law)  # noqa: E731 - named for its type
        ordered = sorted(rows.values(), key=order)
        return ordered[:MOST_ROWS], len(ordered) > MOST_ROWS or len(uses) > MOST_USES

    def _missed(self, use: HiddenUse, now_ms: int) -> bool:
        try:
            entry = self._ledger.entry(use.entry)
        except NoSuchEntry:
            # Pruned, which only happens after its end; or a log that was put back from a backup ends before it.
            return False
        until_ms = access_of(entry).visible_from_ms
        return until_ms > now_ms >= use.until_ms or until_ms < use.until_ms


def _month_ms(time_ms: int) -> int:
    return day_begins_ms(civil_date(time_ms).replace(day=1).toordinal() - _EPOCH)
