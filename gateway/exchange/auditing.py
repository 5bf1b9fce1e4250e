"""What an auditor does with the log through the gateway. Reading the log is itself on the log."""

from collections.abc import Iterator

from gateway.audit.entries import EntryDraft
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import EntryPage, LogEntry
from gateway.errors import bad_request
from gateway.exchange.record import Record
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from policies.resources import DEPARTMENT_PATTERN


class ReadLog:
    """Reads the log for auditors.

    Args:
        people: Verifies tokens.
        record: The reading is recorded before anything is shown.
        ledger: The log.
    """

    def __init__(self, people: People, record: Record, ledger: SqlLedger) -> None:
        self._people = people
        self._record = record
        self._ledger = ledger

    def _auditor(self, bearer: str) -> Person:
        person = self._people.authenticate(bearer)
        person.require(Role.AUDITOR)
        return person

    async def _recorded(self, person: Person, what: dict[str, str]) -> None:
        body = {"auditor": person.subject_key, **what}
        await self._record.write(EntryDraft(kind="log_read", accountability=body, person=None))

    async def entries(self, bearer: str, *, kind: str, department: str, cursor: str, limit: int) -> EntryPage:
        """A page of entries, newest first.

        Raises:
            Refused: The token is no auditor's; a filter or the cursor is malformed.
        """
        person = self._auditor(bearer)
        if kind and kind not in set(Kind):
            raise bad_request("kind", "must be a kind of entry; docs/audit.md lists them")
        if department and not DEPARTMENT_PATTERN.fullmatch(department):
            raise bad_request("department", "must be a department id")
        await self._recorded(person, {"what": "entries", "kind_filter": kind, "department_filter": department})
        try:
            return self._ledger.entries(kind=kind, department=department, cursor=cursor, limit=limit)
        except ValueError:
            raise bad_request("page_token", "must be one that the gateway gave") from None

    async def export(self, bearer: str, first_index: int) -> tuple[str, Iterator[list[LogEntry]]]:
        """A checkpoint and every entry that it covers from an index on, in batches.

        Raises:
            Refused: The token is no auditor's.
        """
        person = self._auditor(bearer)
        await self._recorded(person, {"what": "export", "first_index": str(first_index)})
        return self._ledger.export_batches(first_index)
