"""Which entries of the stored log were pruned, as its own entries `log_pruned` say.

They are few, are never pruned themselves and never change, so they are read once and remembered.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from gateway.audit.errors import LedgerCorrupt
from gateway.audit.kinds import Kind
from gateway.audit.verify.failures import VerificationFailed
from gateway.audit.verify.pruned import Hold, Pruning, read_hold, read_pruning
from gateway.audit.views import EntryPage, LogEntry

_AT_ONCE: Final = 100


class _Entries(Protocol):
    def __call__(self, *, kind: str = "", cursor: str = "", limit: int = 50) -> EntryPage:
        """Entries of a kind, newest first."""


class Prunings:
    """Reads what the log says of its own pruning. From any thread.

    Args:
        entries: Reads entries of a kind, newest first, opened and checked.
    """

    def __init__(self, entries: _Entries) -> None:
        self._entries = entries
        self._known: Sequence[Pruning] = ()
        self._lock = threading.Lock()

    def all(self) -> Sequence[Pruning]:
        """Every pruning, oldest first.

        Raises:
            LedgerCorrupt: An entry does not fit its leaf hash, or names more than its rule allows.
        """
        with self._lock:
            last = self._known[-1].index if self._known else -1
            fresh = [_pruning(entry) for entry in self._since(Kind.LOG_PRUNED, last)]
            self._known = (*self._known, *reversed(fresh))
            return self._known

    def newest(self) -> Pruning | None:
        """The newest pruning; None when nothing was ever pruned."""
        found = self.all()
        return found[-1] if found else None

    def covering(self, index: int) -> Pruning | None:
        """The pruning that names an entry; None when none does."""
        # What is known is looked at first: it never changes, and a page of pruned entries asks again and again.
        for pruning in self._known:
            if pruning.covers(index):
                return pruning
        return next((pruning for pruning in self.all() if pruning.covers(index)), None)

    def holds(self) -> list[tuple[Hold, LogEntry]]:
        """The holds in force, oldest first, each with its entry."""
        released = {entry.account.get("hold") for entry in self._since(Kind.LOG_HOLD_REMOVED, -1)}
        added = [entry for entry in self._since(Kind.LOG_HOLD_ADDED, -1) if entry.leaf_index not in released]
        return [(_hold(entry), entry) for entry in reversed(added)]

    def _since(self, kind: Kind, after: int) -> Iterator[LogEntry]:
        cursor = ""
        while True:
            page = self._entries(kind=str(kind), cursor=cursor, limit=_AT_ONCE)
            for entry in page.entries:
                if entry.leaf_index <= after:
                    return
                yield entry
            cursor = page.next_cursor
            if not cursor:
                return


def uncovered(end: int, prunings: Iterable[Pruning]) -> list[tuple[int, int]]:
    """The stretches of [0, end) that no pruning names, in order."""
    stretches, start = [], 0
    for first, last in sorted(one for pruning in prunings for one in pruning.ranges):
        if start < min(first, end):
            stretches.append((start, min(first, end)))
        start = max(start, last)
    if start < end:
        stretches.append((start, end))
    return stretches


def _pruning(entry: LogEntry) -> Pruning:
    try:
        return read_pruning(entry.leaf_index, entry.account)
    except VerificationFailed as failure:
        raise LedgerCorrupt(failure.text_en, leaf_index=entry.leaf_index) from failure


def _hold(entry: LogEntry) -> Hold:
    try:
        return read_hold(entry.leaf_index, entry.account)
    except VerificationFailed as failure:
        raise LedgerCorrupt(failure.text_en, leaf_index=entry.leaf_index) from failure
