"""Reading a test city's access log: what one stretch of a test added to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway.audit.views import LogEntry
from tests.support.city import City


@dataclass
class LogBook:
    """Entries that were added, oldest first."""

    entries: list[LogEntry] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        """Their kinds, in order."""
        return [entry.kind for entry in self.entries]

    def only(self, kind: str) -> LogEntry:
        """The one entry of a kind."""
        found = [entry for entry in self.entries if entry.kind == kind]
        assert len(found) == 1, f"{len(found)} entries of kind {kind} among {self.kinds}"
        return found[0]


@contextmanager
def logged(city: City) -> Iterator[LogBook]:
    """Collects what the block adds to the log; it is filled when the block ends."""
    book = LogBook()
    before = city.parts.ledger.size()
    try:
        yield book
    finally:
        book.entries += read(city, before)


def read(city: City, first: int = 0) -> list[LogEntry]:
    """Every entry from an index on, oldest first."""
    ledger = city.parts.ledger
    return [ledger.entry(index) for index in range(first, ledger.size())]
