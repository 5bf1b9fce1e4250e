"""What auditors do with alerts and with the lists: read, judge, put on, take off.

Rules kept here: each is on the log before anything is shown, and with what it changes in one commit. A judgement needs
a reason and is final; it changes no threshold. An identifier goes no further than the token it is turned into; whom a
list holds is told to nobody but by tokens.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.errors import LedgerUnavailable, RiderRefused
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.clock import Clock
from gateway.detection.alerts import State
from gateway.detection.lists import MOST, ListedPerson, ListName, Lists
from gateway.detection.stored_alerts import KeptAlert, StoredAlerts
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.identify import IdentifySubject, canonical_identifier
from gateway.exchange.record import Record
from gateway.exchange.review_filters import checked_times, checked_why
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from policies.civil_time import DAY_MS, civil_day
from policies.identifiers import known_schemes

PAGE: Final = 50
MAX_PAGE: Final = 200
LONGEST_DAYS: Final = 1_100
_ID_BYTES: Final = 16
_CURSOR: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_JUDGEMENTS: Final = frozenset(State) - {State.OPEN}


@dataclass(frozen=True, slots=True)
class AlertPage:
    """A page of alerts.

    Attributes:
        alerts: Newest day first, of a day the strongest first.
        behind: How many rank behind the daily number and are left out.
        alerts_per_day: The daily number.
        next_cursor: Empty on the last page.
        looked_below: Entries below this index were looked at.
    """

    alerts: Sequence[KeptAlert]
    behind: int
    alerts_per_day: int
    next_cursor: str
    looked_below: int


class AlertDesk:
    """Serves auditors.

    Args:
        people: Verifies tokens.
        subjects: From identifier to random id.
        record: Writes entries.
        ledger: The log, for what is committed with an entry.
        alerts: Keeps alerts.
        lists: Keeps the lists.
        clock: Now.
        alerts_per_day: How many of a day are listed first.
    """

    def __init__(
        self,
        people: People,
        subjects: IdentifySubject,
        record: Record,
        ledger: SqlLedger,
        alerts: StoredAlerts,
        lists: Lists,
        clock: Clock,
        alerts_per_day: int,
    ) -> None:
        self._people = people
        self._subjects = subjects
        self._record = record
        self._ledger = ledger
        self._alerts = alerts
        self._lists = lists
        self._clock = clock
        self._per_day = alerts_per_day

    async def list(
        self, bearer: str, states: Sequence[str], times: tuple[int, int], cursor: str, limit: int, *, all_: bool
    ) -> AlertPage:
        """A page of alerts.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST with field and rule; LEDGER_UNAVAILABLE.
        """
        auditor = self._auditor(bearer)
        if any(state not in set(State) for state in states) or len(states) > len(State):
            raise bad_request("states", f"must be of {', '.join(State)}")
        if limit > MAX_PAGE:
            raise bad_request("page_size", f"must be at most {MAX_PAGE}")
        if cursor and not _CURSOR.fullmatch(cursor):
            raise bad_request("page_token", "须由网关给出 / must be one that the gateway gave")
        from_ms, until_ms = checked_times(times[0], times[1] or self._clock.now_ms() + DAY_MS)
        what: dict[str, Json] = {"what": "alerts", "states": list(states), "from_ms": from_ms, "until_ms": until_ms}
        await self._write(auditor, Kind.LOG_READ, what)
        after, size = int(cursor or 0), limit or PAGE
        days = (civil_day(from_ms), civil_day(until_ms - 1) + 1)
        most = 0 if all_ else self._per_day
        chosen = [State(state) for state in states]
        found, behind = await asyncio.to_thread(
            lambda: self._alerts.page(states=chosen, days=days, most_a_day=most, after=after, limit=size + 1)
        )
        more = str(after + size) if len(found) > size else ""
        return AlertPage(found[:size], behind, self._per_day, more, await asyncio.to_thread(self._alerts.mark))

    async def show(self, bearer: str, alert_id: bytes) -> tuple[KeptAlert, int]:
        """One alert, and the entry that says that it was shown.

        Raises:
            Refused: The token is no auditor's; NOT_FOUND; LEDGER_UNAVAILABLE.
        """
        auditor = self._auditor(bearer)
        found = await self._require(alert_id)
        return found, await self._write(auditor, Kind.LOG_READ, {"what": "alert", "alert": alert_id.hex()})

    async def judge(self, bearer: str, alert_id: bytes, state: str, why: str) -> tuple[KeptAlert, int]:
        """Say how far one is with an alert; the alert as it stands then, and the entry that says so.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST; NOT_FOUND; ALREADY_JUDGED; LEDGER_UNAVAILABLE.
        """
        auditor = self._auditor(bearer)
        if state not in {str(one) for one in _JUDGEMENTS}:
            raise bad_request("state", f"must be one of {', '.join(sorted(map(str, _JUDGEMENTS)))}")
        text = checked_why(why)
        found = await self._require(alert_id)
        now = self._clock.now_ms()

        def place(connection: Connection, entry: int) -> None:
            if not self._alerts.judge(connection, alert_id, State(state), entry, now):
                raise RiderRefused("JUDGED")

        who = found.alert.who
        said: dict[str, Json] = {
            "auditor": auditor.subject_key,
            "alert": alert_id.hex(),
            "state": state,
            "why": text,
            "department": who.department,
            "system": who.system,
            **({"official": who.official} if who.official else {}),
        }
        draft = EntryDraft(kind=Kind.ALERT_JUDGED, accountability=said, placed=(place,))
        entry = await self._append(draft, Code.ALREADY_JUDGED)
        return await self._require(alert_id), entry

    async def listed(self, bearer: str, name: str) -> Sequence[ListedPerson]:
        """Who is on a list.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST; LEDGER_UNAVAILABLE.
        """
        auditor, chosen = self._auditor(bearer), _list_name(name)
        await self._write(auditor, Kind.LOG_READ, {"what": "list", "list": str(chosen)})
        return await asyncio.to_thread(self._lists.all, chosen)

    async def add(self, bearer: str, name: str, named: tuple[str, str], until_ms: int, why: str) -> ListedPerson:
        """Put somebody on a list.

        Args:
            bearer: The auditor's token.
            name: The list.
            named: Scheme and identifier.
            until_ms: Until when, Unix ms.
            why: The reason.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST; BAD_IDENTIFIER; LEDGER_UNAVAILABLE.
        """
        auditor, chosen = self._auditor(bearer), _list_name(name)
        text, now = checked_why(why), self._clock.now_ms()
        if not now < until_ms <= now + LONGEST_DAYS * DAY_MS:
            raise bad_request(
                "until_unix_ms", f"须在今后{LONGEST_DAYS}天内 / must be within the next {LONGEST_DAYS} days"
            )
        scheme, canonical = _canonical(*named)
        subject = await self._subjects.known(scheme, canonical)
        placed: list[int] = []

        def place(connection: Connection, entry: int) -> None:
            placed[:] = [entry]
            if not self._lists.add(connection, subject.person_id, chosen, until_ms, entry):
                raise RiderRefused("FULL")

        said: dict[str, Json] = {
            "auditor": auditor.subject_key,
            "what": "added",
            "list": str(chosen),
            "until_ms": until_ms,
            "why": text,
        }
        try:
            await self._ledger.append(EntryDraft(kind=Kind.LIST_CHANGED, accountability=said, placed=(place,)))
        except RiderRefused:
            raise bad_request("list", f"名单最多{MOST}人 / the lists hold at most {MOST} persons") from None
        except LedgerUnavailable as error:
            raise Refused(Code.LEDGER_UNAVAILABLE, type(error).__name__) from None
        return ListedPerson(self._lists.token(subject.person_id), chosen, now, until_ms, placed[0])

    async def remove(self, bearer: str, name: str, token: bytes, named: tuple[str, str], why: str) -> int:
        """Take somebody off a list; the entry that says so.

        Args:
            bearer: The auditor's token.
            name: The list.
            token: As the list shows it; or empty.
            named: Scheme and identifier; empty with a token.
            why: The reason.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST; NOT_FOUND; LEDGER_UNAVAILABLE.
        """
        auditor, chosen, text = self._auditor(bearer), _list_name(name), checked_why(why)
        if bool(token) == bool(named[1]):
            raise bad_request("token", "is either the token that the list shows or an identifier with its scheme")
        if token and len(token) != _ID_BYTES:
            raise bad_request("token", f"must be {_ID_BYTES} bytes")
        if not token:
            person = await self._subjects.existing(*_canonical(*named))
            if person is None:
                raise Refused(Code.NOT_FOUND, "nobody on the list")
            token = self._lists.token(person)

        def place(connection: Connection, entry: int) -> None:
            del entry
            if not self._lists.remove(connection, token, chosen):
                raise RiderRefused("NOBODY")

        said: dict[str, Json] = {
            "auditor": auditor.subject_key,
            "what": "removed",
            "list": str(chosen),
            "why": text,
        }
        draft = EntryDraft(kind=Kind.LIST_CHANGED, accountability=said, placed=(place,))
        return await self._append(draft, Code.NOT_FOUND)

    async def _append(self, draft: EntryDraft, refused: Code) -> int:
        try:
            recorded = await self._ledger.append(draft)
        except RiderRefused:
            raise Refused(refused) from None
        except LedgerUnavailable as error:
            raise Refused(Code.LEDGER_UNAVAILABLE, type(error).__name__) from None
        return recorded.leaf_index

    async def _require(self, alert_id: bytes) -> KeptAlert:
        if len(alert_id) != _ID_BYTES:
            raise bad_request("alert_id", f"must be {_ID_BYTES} bytes")
        found = await asyncio.to_thread(self._alerts.get, alert_id)
        if found is None:
            raise Refused(Code.NOT_FOUND, "no such alert")
        return found

    def _auditor(self, bearer: str) -> Person:
        person = self._people.authenticate(bearer)
        person.require(Role.AUDITOR)
        return person

    async def _write(self, auditor: Person, kind: Kind, said: dict[str, Json]) -> int:
        recorded = await self._record.write(EntryDraft(kind, {"auditor": auditor.subject_key, **said}))
        return recorded.leaf_index


def _list_name(name: str) -> ListName:
    if name not in set(ListName):
        raise bad_request("list", f"must be one of {', '.join(ListName)}")
    return ListName(name)


def _canonical(scheme: str, identifier: str) -> tuple[str, str]:
    if scheme not in known_schemes():
        raise bad_request("scheme", "must be a known scheme")
    return scheme, canonical_identifier(scheme, identifier)
