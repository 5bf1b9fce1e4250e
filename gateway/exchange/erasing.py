"""Which persons are being erased: so that nothing of theirs leaves between an erasure's entry and its carrying out.

The access log's order decides. A release whose entry stands before the erasure's is among those that the departments
are told to erase; one that stands behind it must not leave. A person is marked before the erasure's entry is handed to
the log, so that whoever looks for the mark and hands over an outcome in the same step of the event loop is before it or
refused. What another process does shows on the log alone, which is asked as well. Fails closed: an erasure that is on
the log and not carried out holds back the person's fields.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.vault.erasure import Erasures, Promised


class Erasing:
    """Erasures under way, of this process and on the log.

    Args:
        ledger: The order of things.
        erasures: What was carried out.
    """

    def __init__(self, ledger: SqlLedger, erasures: Erasures) -> None:
        self._ledger = ledger
        self._erasures = erasures
        self._marked: set[bytes] = set()
        self.settled_below = 0
        """Erasures on the log below this entry need no more looking at; only ever grows."""

    @contextmanager
    def mark(self, person_id: bytes) -> Iterator[None]:
        """Marks a person, from before the erasure's entry until it was carried out; one at a time for each person."""
        self._marked.add(person_id)
        try:
            yield
        finally:
            self._marked.discard(person_id)

    def marked(self, person_id: bytes) -> bool:
        """Whether this process is erasing the person."""
        return person_id in self._marked

    def under_way(self, person_id: bytes) -> bool:
        """Whether an erasure of the person is under way here, or stands on the log and is still to be carried out."""
        return self.marked(person_id) or any(
            self._is_open(person_id, entry)
            for entry in self._ledger.indexes_about(person_id, Kind.PROFILE_ERASED, self.settled_below)
        )

    def touches(self, person_id: bytes, asked: int) -> bool:
        """Whether an erasure of the person is under way, or has its entry behind an `asked` entry.

        To be looked at after `asked` and before the fields are read, and once more, without awaiting anything in
        between, before the outcome is handed to the log.
        """
        if self.under_way(person_id):
            return True
        return bool(self._ledger.indexes_about(person_id, Kind.PROFILE_ERASED, asked))

    def between(self, person_id: bytes, asked: int, outcome: int) -> bool:
        """Whether an erasure of the person has its entry between two others; `outcome` is durable, so this is final."""
        return bool(self._ledger.indexes_about(person_id, Kind.PROFILE_ERASED, asked, outcome))

    def _is_open(self, person_id: bytes, entry: int) -> bool:
        return self._erasures.is_open(person_id, Promised(entry, self._ledger.entry(entry).time_ms))
