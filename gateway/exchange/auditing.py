"""What an auditor does with the log through the gateway. Reading the log is itself on the log."""

from collections.abc import Iterator

from gateway.audit.entries import Entry, EntryDraft, Page
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.errors import bad_request
from gateway.exchange.cursor import page_cursor
from gateway.exchange.record import Record
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from keys.log.checkpoints import parse_checkpoint
from keys.log.notes import split_note


def checkpoint_size(note: str) -> int:
    """The tree size in one of the log's own checkpoints; its signature is for others to verify."""
    return parse_checkpoint(split_note(note)[0]).size


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

    async def entries(self, bearer: str, *, kind: str, department: str, cursor: str, limit: int) -> Page:
        """A page of entries, newest first.

        Raises:
            Refused: The token is no auditor's; a filter or the cursor is malformed.
        """
        person = self._auditor(bearer)
        if kind and kind not in set(Kind):
            raise bad_request("kind", "must be a kind of entry; docs/audit.md lists them")
        before = page_cursor(cursor)
        await self._recorded(person, {"what": "entries", "kind_filter": kind, "department_filter": department})
        return self._ledger.entries(
            kinds=(kind,) if kind else (), department=department or None, cursor=before, limit=limit
        )

    async def export(self, bearer: str, first_index: int) -> tuple[str, Iterator[Entry]]:
        """A checkpoint and every entry that it covers from an index on, oldest first.

        Raises:
            Refused: The token is no auditor's; the index lies behind the checkpoint.
        """
        person = self._auditor(bearer)
        await self._recorded(person, {"what": "export", "first_index": str(first_index)})
        checkpoint = self._ledger.checkpoint()
        size = checkpoint_size(checkpoint)
        if first_index > size:
            raise bad_request("first_index", "must be at most the size of the newest checkpoint")
        return checkpoint, self._ledger.walk(first_index, size)
