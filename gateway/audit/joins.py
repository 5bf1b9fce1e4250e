"""Which entries belong together: a request by its name, its outcome, and what acknowledges that outcome.

The table of acknowledgements is a look-up, written in the transaction of the entry that says so. What counts is what
the entries say: whoever joins them opens them (`gateway.audit.joining`), so a row that is missing or made up
shows as an acknowledgement that is missing or does not fit, and never as one that holds.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.audit.bodies import Bodies
from gateway.audit.counters import Placed
from gateway.audit.errors import NoSuchEntry, RiderRefused
from gateway.audit.kinds import Kind
from gateway.audit.reader import Reader
from gateway.audit.store import ENTRIES, table
from gateway.audit.tables import AuditAcknowledged
from gateway.audit.views import LogEntry

NOTHING_NEW: Final = "NOTHING_NEW"
"""Why an entry that acknowledges nothing new is not written."""
_ACKNOWLEDGED: Final = table(AuditAcknowledged)
_SAID_BYTES: Final = 16
MOST_SAID: Final = 16
"""Different statements about one release that are written down: more tell an auditor nothing and cost the log room."""


@dataclass(frozen=True, slots=True)
class Releases:
    """Some releases, newest first.

    Attributes:
        entries: The outcomes.
        next_index: Look below this index for more; None when there are none.
    """

    entries: tuple[LogEntry, ...]
    next_index: int | None


class Joins:
    """Finds entries that belong together. Only reads, but for what rides on an entry; from any thread.

    Args:
        engine: The database.
        bodies: Keys the names.
        reader: Opens entries.
    """

    def __init__(self, engine: Engine, bodies: Bodies, reader: Reader) -> None:
        self._engine = engine
        self._bodies = bodies
        self._reader = reader

    def named(self, name: str) -> int | None:
        """Index of the entry that was written under a unique name; None when there is none.

        Args:
            name: As in `EntryDraft.unique`.
        """
        key, _ = self._bodies.unique(name, b"")
        with self._engine.connect() as connection:
            found = connection.execute(select(ENTRIES.c.leaf_index).where(ENTRIES.c.unique_key == key)).scalar()
        return None if found is None else int(found)

    def acknowledging(self, releases: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Indexes of the entries that acknowledge each release, oldest first; releases without one are left out.

        Args:
            releases: Indexes of outcomes, at most some hundreds.
        """
        query = (
            select(_ACKNOWLEDGED.c.release_index, _ACKNOWLEDGED.c.leaf_index)
            .where(_ACKNOWLEDGED.c.release_index.in_(sorted(set(releases))))
            .order_by(_ACKNOWLEDGED.c.leaf_index)
        )
        found: dict[int, tuple[int, ...]] = {}
        with self._engine.connect() as connection:
            for release, index in connection.execute(query).all():
                found[int(release)] = (*found.get(int(release), ()), int(index))
        return found

    def known(self, said: Sequence[tuple[int, bytes]]) -> set[tuple[int, bytes]]:
        """Those of some statements that were made before; of a release with `MOST_SAID` of them, any.

        Args:
            said: Index of the release, and SHA-256 of what is said of it.
        """
        with self._engine.connect() as connection:
            held = _held(connection, said)
        count = Counter(release for release, _ in held)
        return {one for one in said if (one[0], one[1][:_SAID_BYTES]) in held or count[one[0]] >= MOST_SAID}

    @staticmethod
    def ride(said: Sequence[tuple[int, bytes]]) -> Placed:
        """What rides on the entry that makes some statements, so that each is found from its release.

        Args:
            said: Index of the release, and SHA-256 of what is said of it.

        Returns:
            The rider. It refuses the entry with `NOTHING_NEW` when all of it was said before: of two that arrive at
            once, one entry is written.
        """

        def write(connection: Connection, index: int) -> None:
            held = _held(connection, said)
            rows = [
                {"release_index": release, "said": digest[:_SAID_BYTES], "leaf_index": index}
                for release, digest in said
                if (release, digest[:_SAID_BYTES]) not in held
            ]
            if not rows:
                raise RiderRefused(NOTHING_NEW)
            insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
            # Many rows under one statement that stays compiled; whoever else appends waits for this.
            connection.execute(insert(_ACKNOWLEDGED).on_conflict_do_nothing(), rows)

        return write

    def entries(self, indexes: Sequence[int]) -> dict[int, LogEntry]:
        """Entries by index; those that the log does not have are left out.

        Raises:
            LedgerCorrupt: One does not fit its leaf hash.
        """
        return self._reader.opened(sorted(set(indexes)))

    def releases(self, *, since_ms: int, until_ms: int, below: int | None, department: str, limit: int) -> Releases:
        """Releases in a time, newest first. Times follow the log's order as far as the gateway's clock did.

        Args:
            since_ms: At or after, Unix ms.
            until_ms: Before, Unix ms.
            below: Only entries with a smaller index; None for the newest.
            department: Only those to this department; empty for all.
            limit: At most this many.

        Raises:
            LedgerCorrupt: An entry does not fit its leaf hash.
        """
        end = self.first_at(until_ms)
        start = self.first_at(since_ms)
        conditions = [
            ENTRIES.c.kind == str(Kind.RELEASED),
            ENTRIES.c.leaf_index >= start,
            ENTRIES.c.leaf_index < (end if below is None else min(end, below)),
        ]
        if department:
            conditions.append(ENTRIES.c.department == department)
        query = select(ENTRIES.c.leaf_index).where(*conditions).order_by(ENTRIES.c.leaf_index.desc()).limit(limit + 1)
        with self._engine.connect() as connection:
            indexes = [int(index) for index in connection.execute(query).scalars()]
        opened = self.entries(indexes[:limit])
        more = indexes[limit - 1] if len(indexes) > limit else None
        return Releases(tuple(opened[index] for index in indexes[:limit] if index in opened), more)

    def first_at(self, time_ms: int) -> int:
        """Index of the first entry at or after a time, by halving: there is an index by position, none by time."""
        low, high = 0, self._reader.size()
        with self._engine.connect() as connection:
            while low < high:
                middle = (low + high) // 2
                at = connection.execute(select(ENTRIES.c.time_ms).where(ENTRIES.c.leaf_index == middle)).scalar()
                if at is None:
                    raise NoSuchEntry("an entry is missing")
                low, high = (low, middle) if int(at) >= time_ms else (middle + 1, high)
        return low


def _held(connection: Connection, said: Sequence[tuple[int, bytes]]) -> set[tuple[int, bytes]]:
    """What is said already of the same releases, as it is stored."""
    query = select(_ACKNOWLEDGED.c.release_index, _ACKNOWLEDGED.c.said).where(
        _ACKNOWLEDGED.c.release_index.in_(sorted({release for release, _ in said}))
    )
    return {(int(release), bytes(digest)) for release, digest in connection.execute(query).all()}
