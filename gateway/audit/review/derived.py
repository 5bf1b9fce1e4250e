"""The derived tables: how far they are, and what they hold about a batch of entries.

Rules kept here: a batch and the mark that says so are one transaction, and only whoever moves the mark from where the
batch begins writes it: several gateways on one database never index an entry twice. Nothing here is believed by those
who read it; the tables can be emptied at any time and are filled again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.audit.bodies import Bodies
from gateway.audit.reader import Reader
from gateway.audit.review.facets import Facet
from gateway.audit.review.query import Hit
from gateway.audit.review.tallies import Label, civil_day, labels_of, number_of
from gateway.audit.store import table
from gateway.audit.tables import AuditDay, AuditFacet, AuditLabel, AuditMark, AuditTally
from gateway.audit.views import LogEntry

FACETS: Final = table(AuditFacet)
DAYS: Final = table(AuditDay)
TALLIES: Final = table(AuditTally)
LABELS: Final = table(AuditLabel)
MARKS: Final = table(AuditMark)
BATCH: Final = 64
"""Entries of one transaction: the log's own writer waits for it on SQLite, so it is short."""

_MARK: Final = "indexed_below"
_EMPTYING: Final = -1
_ROWS: Final = 2_000
_DELETED: Final = 20_000
_REMEMBERED: Final = 8192
"""Tokens that are remembered, of each kind."""


class Indexer:
    """Fills the derived tables beside the log's writer. Blocking; for one thread at a time.

    Args:
        engine: The database.
        reader: Reads the log.
        bodies: Makes tokens.
    """

    def __init__(self, engine: Engine, reader: Reader, bodies: Bodies) -> None:
        self._engine = engine
        self._reader = reader
        self._bodies = bodies
        self.reached_ms = 0
        """Time of the newest entry that was indexed here; 0 before the first."""
        # Departments, purposes, fields and rules are few and come again and again.
        self._token_of: Callable[[Facet, str], int] = lru_cache(maxsize=_REMEMBERED)(
            lambda facet, value: bodies.facet(str(facet), value)
        )
        self._label_token: Callable[[Label], int] = lru_cache(maxsize=_REMEMBERED)(
            lambda label: bodies.facet("tally", label.text())
        )
        self._insert = insert_postgresql if engine.dialect.name == "postgresql" else insert_sqlite

    def turn(self, batch: int = BATCH) -> int:
        """Index the next entries.

        Args:
            batch: At most so many.

        Returns:
            How many are left to be indexed; 0 as well while somebody empties the tables.

        Raises:
            LedgerCorrupt: An entry does not fit its leaf hash; nothing of the batch is indexed.
            sqlalchemy.exc.SQLAlchemyError: The database cannot be written; nothing of the batch is indexed.
        """
        with self._engine.connect() as connection:
            start = _stored_mark(connection)
        end = self._reader.size()
        if start == _EMPTYING or start >= end:
            return 0
        stop = min(start + batch, end)
        there = [entry for some in self._reader.walk(start, stop) for entry in some if entry.pruned_under is None]
        hits = with_questions(self._reader, there)
        self._write(start, stop, hits)
        self.reached_ms = max((hit.entry.time_ms for hit in hits), default=self.reached_ms)
        return end - stop

    def empty(self) -> None:
        """Empty the derived tables, in short transactions. They are filled again by turns.

        Interrupted, it is to be repeated: until then nothing is indexed, and searches read the log itself.
        """
        with self._engine.begin() as connection:
            statement = self._insert(MARKS).values(name=_MARK, value=_EMPTYING)
            connection.execute(
                statement.on_conflict_do_update(index_elements=[MARKS.c.name], set_={"value": _EMPTYING})
            )
        for derived in (FACETS, TALLIES, LABELS, DAYS):
            key = tuple_(*derived.primary_key.columns)
            some = select(*derived.primary_key.columns).limit(_DELETED)
            while True:
                with self._engine.begin() as connection:
                    if connection.execute(delete(derived).where(key.in_(some))).rowcount < _DELETED:
                        break
        with self._engine.begin() as connection:
            connection.execute(update(MARKS).where(MARKS.c.name == _MARK).values(value=0))

    def _write(self, start: int, stop: int, hits: Sequence[Hit]) -> None:
        facets, tallies, labels = self._rows(hits)
        days: dict[int, tuple[int, int]] = {}
        for hit in hits:
            day, index = civil_day(hit.entry.time_ms), hit.entry.leaf_index
            days[day] = (days.get(day, (index, index))[0], index)
        with self._engine.begin() as connection:
            first = self._insert(MARKS).values(name=_MARK, value=0).on_conflict_do_nothing()
            connection.execute(first)
            moved = update(MARKS).where(MARKS.c.name == _MARK, MARKS.c.value == start).values(value=stop)
            if connection.execute(moved).rowcount != 1:
                # Another gateway was first; what it wrote is the same.
                return
            self._put(connection, facets, tallies, labels, days)

    def _put(
        self,
        connection: Connection,
        facets: Sequence[tuple[int, int]],
        tallies: Counter[tuple[int, int, int]],
        labels: dict[int, bytes],
        days: dict[int, tuple[int, int]],
    ) -> None:
        for some in _parts(sorted(facets)):
            rows = [{"token": token, "leaf_index": index} for token, index in some]
            connection.execute(self._insert(FACETS).on_conflict_do_nothing(), rows)
        if tallies:
            add = self._insert(TALLIES)
            total = TALLIES.c.entries + add.excluded.entries
            statement = add.on_conflict_do_update(
                index_elements=list(TALLIES.primary_key.columns), set_={"entries": total}
            )
            rows = [
                {"dimension": dimension, "day": day, "token": token, "entries": count}
                for (dimension, day, token), count in sorted(tallies.items())
            ]
            connection.execute(statement, rows)
            named = [{"token": token, "label": label} for token, label in sorted(labels.items())]
            connection.execute(self._insert(LABELS).on_conflict_do_nothing(), named)
        if not days:
            return
        put = self._insert(DAYS)
        later = {"last_index": put.excluded.last_index}
        statement = put.on_conflict_do_update(index_elements=[DAYS.c.day], set_=later)
        rows = [{"day": day, "first_index": first, "last_index": last} for day, (first, last) in sorted(days.items())]
        connection.execute(statement, rows)

    def _rows(
        self, hits: Sequence[Hit]
    ) -> tuple[list[tuple[int, int]], Counter[tuple[int, int, int]], dict[int, bytes]]:
        facets: list[tuple[int, int]] = []
        tallies: Counter[tuple[int, int, int]] = Counter()
        names: dict[int, Label] = {}
        for hit in hits:
            index, day = hit.entry.leaf_index, civil_day(hit.entry.time_ms)
            facets += [(self._token_of(facet, value), index) for facet, value in hit.facets]
            for label in counted(hit):
                token = self._label_token(label)
                tallies[number_of(label.dimension), day, token] += 1
                names[token] = label
        labels = {token: self._bodies.seal_label(token, label.text()) for token, label in names.items()}
        return facets, tallies, labels


def indexed_below(connection: Connection) -> int:
    """Entries below this index are in the derived tables; the others have to be read from the log."""
    return max(0, _stored_mark(connection))


def bounds_of(connection: Connection, from_ms: int, until_ms: int) -> tuple[int, int]:
    """Between which indexes, the second one excluded, all indexed entries of a time lie.

    The clock may have been set back meanwhile: order in the log is the index. So the bounds are those of whole days,
    and the time of each entry is looked at as well.
    """
    query = select(func.min(DAYS.c.first_index), func.max(DAYS.c.last_index)).where(
        DAYS.c.day >= civil_day(from_ms), DAYS.c.day <= civil_day(until_ms - 1)
    )
    first, last = connection.execute(query).one()
    return (0, 0) if first is None else (int(first), int(last) + 1)


def with_questions(reader: Reader, entries: Iterable[LogEntry]) -> list[Hit]:
    """Entries together with the questions that they close.

    Raises:
        LedgerCorrupt: One does not fit its leaf hash.
    """
    entries = list(entries)
    closes = {entry.leaf_index: entry.account.get("request") for entry in entries}
    known = {entry.leaf_index: entry for entry in entries}
    missing = sorted({index for index in closes.values() if isinstance(index, int)} - known.keys())
    for some in _parts(missing, 500):
        known |= reader.opened(some)
    return [
        Hit(entry, known.get(index) if isinstance(index := closes[entry.leaf_index], int) else None)
        for entry in entries
    ]


def counted(hit: Hit) -> list[Label]:
    """As what an entry is counted."""
    return list(labels_of(hit.entry.account, hit.facets))


def _stored_mark(connection: Connection) -> int:
    found = connection.execute(select(MARKS.c.value).where(MARKS.c.name == _MARK)).scalar()
    return int(found or 0)


def _parts(rows: Sequence[Any], most: int = _ROWS) -> Iterable[Sequence[Any]]:
    return (rows[start : start + most] for start in range(0, len(rows), most))
