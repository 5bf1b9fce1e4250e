"""Legal holds: nothing in a stretch of the log is pruned, from the entry that says so until one that takes it back.

Rules kept here: a hold is what the log says, in no table beside it; it names positions, so that anyone who verifies a
copy can see that it was kept. Both entries are kept always.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.audit.entries import EntryDraft, Json, Recorded
from gateway.audit.errors import NoSuchEntry
from gateway.audit.kinds import Kind
from gateway.audit.reader import Reader

Append = Callable[[EntryDraft], Recorded]


@dataclass(frozen=True, slots=True)
class HoldInForce:
    """A hold.

    Attributes:
        index: The entry that says so; the hold's name.
        time_ms: Since when, Unix ms.
        start: First position.
        end: First position that is not held any more; None for none.
        why: As the operator wrote it.
    """

    index: int
    time_ms: int
    start: int
    end: int | None
    why: str


class Holds:
    """Adds, removes and lists holds.

    Args:
        reader: Reads the log.
        append: Records an entry, durably.
    """

    def __init__(self, reader: Reader, append: Append) -> None:
        self._reader = reader
        self._append = append

    def list(self) -> Sequence[HoldInForce]:
        """The holds in force, oldest first."""
        return [
            HoldInForce(hold.index, entry.time_ms, hold.start, hold.end, str(entry.account.get("why", "")))
            for hold, entry in self._reader.prunings.holds()
        ]

    def add(self, start: int, end: int | None, why: str) -> int:
        """Hold a stretch of the log.

        Args:
            start: First position.
            end: First position that is not held any more; None for everything to come as well.
            why: By which order; names nobody. Checked by the caller.

        Returns:
            The hold's name: the entry that says so. It counts from this entry on.

        Raises:
            NoSuchEntry: The stretch is none.
        """
        if start < 0 or (end is not None and end <= start):
            raise NoSuchEntry("a hold covers at least one entry")
        said: dict[str, Json] = {"by": "operator", "from": start, "until": end, "why": why}
        return self._append(EntryDraft(Kind.LOG_HOLD_ADDED, said)).leaf_index

    def remove(self, hold: int, why: str) -> int:
        """Take a hold back.

        Args:
            hold: Its name.
            why: By which order; names nobody. Checked by the caller.

        Returns:
            The entry that says so.

        Raises:
            NoSuchEntry: There is no such hold in force.
        """
        if hold not in {one.index for one in self.list()}:
            raise NoSuchEntry("there is no such hold in force")
        return self._append(EntryDraft(Kind.LOG_HOLD_REMOVED, {"by": "operator", "hold": hold, "why": why})).leaf_index
