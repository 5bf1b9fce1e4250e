"""Who reads and reviews what was asked under declared emergencies: the provider's steward, auditors, the person.

Rules kept: the steward's department is the one that the issuer vouches for, and must be active; a steward reviews only
what that department provided, and sees that and what the department itself asked for; what is shown to a steward, with
the official's statement, is on the ledger first, about its person; a review is on the ledger in the transaction that
makes it count. One that finds an emergency not justified tells the department that received something to erase it, in
the same transaction. Auditors see everything but the statements, which they read in the log. The person sees reason,
fields, departments and the outcome of the review, from the moment on at which the law lets the person know; never the
statement, which may speak of others.

It does not declare an emergency (`gateway.exchange.emergency`), and a late review changes nothing here: further uses
are refused where they are asked for.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import LedgerUnavailable, NoSuchEntry, RiderRefused
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.clock import Clock
from gateway.emergencies.findings import Outcome
from gateway.emergencies.summary import Summary
from gateway.emergencies.uses import EmergencyUse, EmergencyUses, State, note_overdue, note_review
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.citizen import Citizens
from gateway.exchange.record import Record
from gateway.identity.departments import Departments
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from gateway.vault.notices import EMERGENCY, add_notices
from gateway.vault.texts import free_text
from policies.agreements.due import Calendar, due_ms
from policies.civil_time import DAY_MS
from policies.resources import DEPARTMENT_PATTERN

PAGE: Final = 20
MAX_PAGE: Final = 100
OWN: Final = 100
_AT_ONCE: Final = 100
_RETRY_MS: Final = 5_000
_log = structlog.get_logger("oncegate.exchange")
_CURSOR: Final = re.compile(r"([0-9]{1,16})-([0-9a-f]{32})", re.ASCII)


class Side(StrEnum):
    """Of a steward's department: what it provided, or what it asked for."""

    PROVIDED = "provided"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Terms:
    """What follows from a review, and when.

    Args:
        calendar: Which days are worked.
        follow_up_days: Working days until a follow-up has to have a finding.
        erase_days: Days for a department to erase what it received in an emergency that was not justified.
    """

    calendar: Calendar
    follow_up_days: int
    erase_days: int


@dataclass(frozen=True, slots=True)
class ShownUse:
    """A use as it is shown.

    Args:
        use: As it stands.
        late: Whether its review is late.
        items: Field codes and forms that were asked for.
        case: The asking department's case number; may be empty.
        official: Keyed hash of the official; empty for the person.
        statement: What the official stated; empty for all but the stewards, and once it was erased.
        review_text: The newest review's words; empty likewise.
    """

    use: EmergencyUse
    late: bool
    items: Sequence[tuple[str, str]]
    case: str
    official: str
    statement: str
    review_text: str = ""


@dataclass(frozen=True, slots=True)
class UsePage:
    """Uses, oldest first, and the token of the next page (empty at the end)."""

    uses: Sequence[ShownUse]
    next_cursor: str


class EmergencyDesk:
    """Reads and reviews.

    Args:
        people: Verifies tokens.
        departments: Who is in the exchange.
        citizens: The person behind a citizen's token.
        uses: The register.
        record: Every reading is on the ledger.
        ledger: Holds statements, and the entries of reviews.
        clock: Now.
        terms: What follows from reviews.
        acting: Has whoever acts sealed to the auditors' key, before an entry names them.
    """

    def __init__(
        self,
        people: People,
        departments: Departments,
        citizens: Citizens,
        uses: EmergencyUses,
        record: Record,
        ledger: SqlLedger,
        clock: Clock,
        terms: Terms,
        acting: Callable[[Person], Awaitable[None]],
    ) -> None:
        self._people = people
        self._departments = departments
        self._citizens = citizens
        self._uses = uses
        self._record = record
        self._ledger = ledger
        self._clock = clock
        self._terms = terms
        self._acting = acting

    async def uses(
        self, bearer: str, state: State, consumer: str, cursor: str, limit: int, side: Side = Side.PROVIDED
    ) -> UsePage:
        """What a steward's department has to review, or asked for itself; for an auditor all of it.

        Raises:
            Refused: The token is neither a steward's nor an auditor's; a filter or the page token breaks a rule; the
                ledger cannot write.
        """
        person = self._people.authenticate(bearer)
        auditor = Role.AUDITOR in person.roles
        provider = "" if auditor else self._department(person)
        if limit > MAX_PAGE:
            raise bad_request("page_size", f"must be at most {MAX_PAGE}")
        if consumer and not DEPARTMENT_PATTERN.fullmatch(consumer):
            raise bad_request("consumer", "must be a department id")
        if side is Side.ASKED:
            if auditor or consumer not in {"", provider}:
                raise bad_request("side", "asked is for a steward, about the steward's own department")
            provider, consumer = "", provider
        size, after = limit or PAGE, _position(cursor)
        await self._acting(person)
        if auditor:
            what = {"what": "emergencies", "state": str(state), "department_filter": consumer}
            await self._record.write(EntryDraft("log_read", {"auditor": person.subject_key, **what}))
        found = await asyncio.to_thread(
            lambda: self._uses.list(state, provider=provider, consumer=consumer, after=after, limit=size)
        )
        if not auditor:
            await asyncio.gather(*(self._read(person, use) for use in found))
            if side is Side.PROVIDED:
                await asyncio.to_thread(self._uses.mark_read, [use.use_id for use in found])
        shown = await asyncio.to_thread(lambda: [self._shown(use, statement=not auditor) for use in found])
        more = f"{found[-1].use.asked_ms}-{found[-1].use_id.hex()}" if len(found) == size else ""
        return UsePage(shown, more)

    async def review(self, bearer: str, use_id: bytes, outcome: Outcome, text: str) -> ShownUse:
        """Review a use.

        Args:
            bearer: The steward's token.
            use_id: Which.
            outcome: What the review found.
            text: The steward's words.

        Raises:
            Refused: The token is no steward's; NOT_FOUND, also for another department's; BAD_REQUEST without words or
                with a second follow-up; ALREADY_REVIEWED; REQUEST_UNSETTLED while it is not known whether anything
                was released; LEDGER_UNAVAILABLE. Then nothing is reviewed.
        """
        person = self._people.authenticate(bearer)
        department = self._department(person)
        await self._acting(person)
        words = free_text("text", text)
        use = await asyncio.to_thread(self._uses.require, use_id, department)
        if outcome is Outcome.FOLLOW_UP and use.outcome is Outcome.FOLLOW_UP:
            raise bad_request("outcome", "跟进后须作出结论 / a follow-up ends with justified or not_justified")
        now_ms = self._clock.now_ms()
        found: dict[str, Any] = {"outcome": str(outcome)}
        follow_up_due_ms = due_ms(now_ms, self._terms.follow_up_days, self._terms.calendar)
        if outcome is Outcome.FOLLOW_UP:
            found["due_ms"] = follow_up_due_ms
        received: Sequence[int] = ()
        if outcome is Outcome.NOT_JUSTIFIED:
            received = await asyncio.to_thread(self._received, use)
            found["to_erase"] = list(received)
        erase_ms = now_ms + self._terms.erase_days * DAY_MS

        def place(connection: Connection, entry: int) -> None:
            if not note_review(connection, use_id, outcome, now_ms, entry, follow_up_due_ms=follow_up_due_ms):
                raise RiderRefused(str(Code.ALREADY_REVIEWED))
            recipients = {use.use.consumer: received} if received else {}
            add_notices(connection, use_id, recipients, created_ms=now_ms, due_ms=erase_ms, kind=EMERGENCY)

        draft = EntryDraft(
            kind=Kind.EMERGENCY_REVIEWED,
            accountability={**self._about(person, use), **found},
            person={"person": use.use.person_id.hex(), "text": words},
            about=use.use.person_id,
            placed=(place,),
        )
        try:
            await self._ledger.append(draft)
        except RiderRefused:
            raise Refused(Code.ALREADY_REVIEWED) from None
        except LedgerUnavailable as error:
            raise Refused(Code.LEDGER_UNAVAILABLE, type(error).__name__) from None
        reviewed = await asyncio.to_thread(self._uses.require, use_id, department)
        return await asyncio.to_thread(lambda: self._shown(reviewed, statement=True))

    async def summary(self, bearer: str, from_ms: int, until_ms: int) -> Sequence[Summary]:
        """For an auditor, counts of what was declared in a time; `MOST` and one more when there are more.

        Raises:
            Refused: The token is no auditor's; the times are no stretch; the ledger cannot write.
        """
        person = self._people.authenticate(bearer)
        person.require(Role.AUDITOR)
        until_ms = until_ms or self._clock.now_ms() + 1
        if not 0 <= from_ms < until_ms < 1 << 62:
            raise bad_request("until_unix_ms", "must be after from_unix_ms, and neither is negative")
        what: dict[str, Any] = {"what": "emergency summary", "from_ms": from_ms, "until_ms": until_ms}
        await self._record.write(EntryDraft("log_read", {"auditor": person.subject_key, **what}))
        return await asyncio.to_thread(self._uses.summary, from_ms, until_ms)

    def status(self) -> dict[str, int]:
        """What the status file says of them."""
        unsettled, late = self._uses.unsettled()
        return {"open_emergencies": unsettled, "overdue_emergencies": late}

    async def mine(self, bearer: str) -> Sequence[ShownUse]:
        """What was asked about the caller, newest first, as far as the law lets the caller know.

        Raises:
            Refused: The token does not verify or is not a citizen's.
        """
        subject = await self._citizens(bearer)
        found = await asyncio.to_thread(self._uses.of_person, subject.person_id, OWN)
        shown = await asyncio.to_thread(lambda: [self._shown(use, statement=False) for use in found])
        return [ShownUse(one.use, one.late, one.items, one.case, "", "") for one in shown]

    async def note_overdue(self) -> int:
        """Put every review that became late on the ledger, each once, also with several gateways on one database.

        Returns:
            How many were put there.
        """
        noted = 0
        for use in await asyncio.to_thread(self._uses.late_and_not_noted, _AT_ONCE):

            def place(connection: Connection, entry: int, use_id: bytes = use.use_id) -> None:
                if not note_overdue(connection, use_id, entry):
                    raise RiderRefused("NOTED")

            draft = EntryDraft(
                kind=Kind.EMERGENCY_OVERDUE,
                accountability={**_facts(use), "department": use.use.consumer, "due_ms": use.use.due_ms},
                placed=(place,),
            )
            try:
                await self._ledger.append(draft)
            except RiderRefused:
                continue
            _log.warning(
                "emergency review late",
                use=use.use_id.hex(),
                provider=use.use.provider,
                consumer=use.use.consumer,
                agreement=use.use.agreement_id,
            )
            noted += 1
        return noted

    def _received(self, use: EmergencyUse) -> Sequence[int]:
        """Indexes of the releases of a use's resource in its request; none when nothing was released.

        Raises:
            Refused: REQUEST_UNSETTLED, since a release could still be recorded, of which nobody would be told.
        """
        closing = self._ledger.closing(use.entry)
        if closing is None:
            if use.entry < self._ledger.size():
                raise Refused(Code.REQUEST_UNSETTLED, f"entry {use.entry}", retry_after_ms=_RETRY_MS)
            # A log that was put back from a backup ends before it: nobody can say what was released.
            return ()
        outcome = self._ledger.entry(closing)
        released = outcome.kind == str(Kind.RELEASED) and any(
            item.get("resource") == use.use.resource and item.get("outcome") == "released"
            for item in outcome.account.get("items", ())
        )
        return (outcome.leaf_index,) if released else ()

    def _department(self, person: Person) -> str:
        person.require(Role.STEWARD)
        if not person.department:
            raise Refused(Code.NOT_ALLOWED, "the issuer vouches for no department")
        # Raises when it is unknown or revoked.
        self._departments.fingerprint(person.department)
        return person.department

    async def _read(self, person: Person, use: EmergencyUse) -> None:
        await self._record.write(
            EntryDraft(
                kind=Kind.EMERGENCY_READ,
                accountability=self._about(person, use),
                person={"person": use.use.person_id.hex()},
                about=use.use.person_id,
            )
        )

    @staticmethod
    def _about(person: Person, use: EmergencyUse) -> dict[str, Any]:
        return {"by": "steward", "department": person.department, "official": person.subject_key, **_facts(use)}

    def _shown(self, use: EmergencyUse, *, statement: bool) -> ShownUse:
        account: Mapping[str, Any] = {}
        personal: Mapping[str, Any] = {}
        reviewed: Mapping[str, Any] = {}
        try:
            entry = self._ledger.entry(use.entry)
            account, personal = entry.account, entry.personal or {}
            if use.review_entry >= 0 and statement:
                reviewed = self._ledger.entry(use.review_entry).personal or {}
        except NoSuchEntry:
            # A log that was put back from a backup may end before it; what the register holds is shown all the same.
            pass
        return ShownUse(
            use,
            use.late(self._clock.now_ms()),
            [
                (str(item.get("field", "")), str(item.get("form", "")))
                for item in account.get("items", ())
                if item.get("resource") == use.use.resource and item.get("outcome") != "withheld"
            ],
            str(account.get("case", "")),
            str(account.get("official", "")),
            str(personal.get("statement", "")) if statement else "",
            str(reviewed.get("text", "")),
        )


def _facts(use: EmergencyUse) -> dict[str, Any]:
    """What an entry about a use says, with what keeps it out of the person's list for as long as the law asks."""
    said = use.use
    mark: dict[str, Any] = {"reason": said.reason}
    if said.law:
        mark |= {"law": said.law, "visible_from_ms": said.person_from_ms}
    return {
        "use": use.use_id.hex(),
        "entry": use.entry,
        "provider": said.provider,
        "consumer": said.consumer,
        "agreement": said.agreement_id,
        "items": [],
        "emergency": mark,
    }


def _position(cursor: str) -> tuple[int, bytes] | None:
    if not cursor:
        return None
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise bad_request("page_token", "must be one that the gateway gave")
    return int(match[1]), bytes.fromhex(match[2])
