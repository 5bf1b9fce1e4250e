"""Numbers that advance with entries: committed with the entry that they count, or not at all.

Who may be let in only so often gives its draft counts. The writer runs them over the numbers as they stand, one entry
after the other, before the entries are written; what they changed goes into the same transaction. So a number counts
exactly the entries that exist, whoever is killed in between, and of many callers at once exactly as many get in as the
numbers allow.

It needs no lock of its own. Numbers change only together with the log's size, and an append goes through only at the
size that the writer believed in when it read them: another process that was first makes the writer read both again.

A count is opaque here: what a name means and when a number is too high is for whoever made it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from sqlalchemy import Connection

from gateway.audit.errors import AuditError, BadEntry, RiderRefused

LARGEST_COUNTER: Final = 2**63 - 1
_KEPT: Final = 65_536
"""Numbers that are remembered between commits; more are read again."""


class CounterRow(NamedTuple):
    """One row of `audit_counters`, in the order of its columns."""

    key: bytes
    value: int
    forget_ms: int


class Book(Protocol):
    """The numbers as they stand for one entry, after those written before it."""

    def value(self, name: str) -> int:
        """A number; 0 when nothing was counted under its name yet."""

    def put(self, name: str, value: int, forget_ms: int) -> None:
        """Change a number, should the entry be written.

        Args:
            name: One of the count's names.
            value: From 0 to `LARGEST_COUNTER`.
            forget_ms: From when on nobody asks for it, Unix ms. Clocks are set back, so give it days to spare.
        """


class Count(Protocol):
    """What has to be counted for an entry. It must be quick and do nothing but what is said here."""

    def names(self, time_ms: int) -> Sequence[str]:
        """The numbers that it looks at, for an entry of that time.

        A name may hold a person's random id: only keyed hashes of names are stored.
        """

    def take(self, book: Book, time_ms: int) -> None:
        """Count the entry.

        Args:
            book: The numbers.
            time_ms: The entry's time, Unix ms.

        Raises:
            RiderRefused: The entry must not be written.
        """


Rider = Callable[[Connection], None]
"""Runs inside the entry's transaction, before it is written; raises `RiderRefused` when the entry must not be. What it
wrote is undone then. It must not end the transaction."""

Placed = Callable[[Connection, int], None]
"""A rider that is also told the position that the entry gets; when the log has grown meanwhile, it runs again."""


class Counted(Protocol):
    """An entry that may have counts."""

    @property
    def time_ms(self) -> int:
        """The entry's time."""

    @property
    def counts(self) -> Sequence[Count]:
        """What it counts."""

    @property
    def counters(self) -> Sequence[str]:
        """The names that its counts look at."""


class Counters:
    """The numbers as the writer knows them. They are true as long as nobody else appended to the log.

    Args:
        key_of: Keyed hash of a name.
    """

    def __init__(self, key_of: Callable[[str], bytes]) -> None:
        self._key_of = key_of
        self._known: dict[bytes, int] = {}

    def forget(self) -> None:
        """Another process appended, or the storage failed: what was known may be over."""
        self._known.clear()

    def open(self, entries: Iterable[Counted], read: Callable[[Sequence[bytes]], Mapping[bytes, int]]) -> "Page":
        """Start a commit.

        Args:
            entries: What is to be written.
            read: Reads numbers from the database; names that it does not have are left out.
        """
        keys: dict[str, bytes] = {}
        for entry in entries:
            for name in entry.counters:
                if name not in keys:
                    keys[name] = self._key_of(name)
        if len(self._known) + len(keys) > _KEPT:
            self._known.clear()
        unknown = [key for key in keys.values() if key not in self._known]
        if unknown:
            found = read(unknown)
            for key in unknown:
                self._known[key] = found.get(key, 0)
        return Page({name: self._known[key] for name, key in keys.items()}, keys)

    def committed(self, changes: Iterable[CounterRow]) -> None:
        """What a commit changed is durable."""
        for change in changes:
            self._known[change.key] = change.value


class Page:
    """The numbers of one commit.

    Args:
        values: As they stand before it.
        keys: Keyed hash of each name.
    """

    def __init__(self, values: dict[str, int], keys: Mapping[str, bytes]) -> None:
        self._values = values
        self._keys = keys
        self._entry: dict[str, CounterRow] = {}
        self._changes: dict[str, CounterRow] = {}

    def value(self, name: str) -> int:
        """See `Book`."""
        changed = self._entry.get(name)
        return self._values[name] if changed is None else changed.value

    def put(self, name: str, value: int, forget_ms: int) -> None:
        """See `Book`."""
        if type(value) is not int or not 0 <= value <= LARGEST_COUNTER:
            raise BadEntry("a counter is out of range")
        self._entry[name] = CounterRow(self._keys[name], value, forget_ms)

    def take(self, entry: Counted, also: Callable[[], None] | None = None) -> AuditError | None:
        """Count one entry; a refusal leaves the numbers as they were.

        Args:
            entry: With its counts.
            also: Runs when all of them agree, and may refuse as well.

        Returns:
            Why the entry must not be written; None when it is counted.
        """
        self._entry = {}
        try:
            for count in entry.counts:
                count.take(self, entry.time_ms)
            if also is not None:
                also()
        except (RiderRefused, BadEntry) as refused:
            return refused
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            # A mistake in one count hurts the entry that brought it, and nobody else's.
            return BadEntry(f"a count failed: {type(error).__name__}")
        for name, change in self._entry.items():
            self._values[name] = change.value
            self._changes[name] = change
        return None

    def changes(self) -> list[CounterRow]:
        """What has to be written, ordered by key."""
        return sorted(self._changes.values())
