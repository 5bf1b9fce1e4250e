"""Searching the log: the rarest condition leads, the others are looked up, the opened entry decides.

Rules kept here: newest first, by cursor, so that pages neither shift nor repeat while the log grows; what is not
indexed yet is read from the log itself; each page does a bounded amount of work whatever the log's size, and says how
far back it looked when that was not enough to fill it. An entry that was hidden from the derived tables is not found
here; it is in every export of the log.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, FromClause, exists, func, select

from gateway.audit.bodies import Bodies
from gateway.audit.errors import NoSuchEntry
from gateway.audit.kinds import PRUNED, Kind
from gateway.audit.reader import LARGEST_PAGE, Reader
from gateway.audit.review.derived import FACETS, bounds_of, indexed_below, with_questions
from gateway.audit.review.facets import Facet
from gateway.audit.review.query import Hit, HitPage, Query, holds
from gateway.audit.store import ENTRIES

CANDIDATES: Final = 250_000
"""Occurrences of the leading condition that one page looks through at most."""
UNINDEXED: Final = 2_000
"""Entries that are not indexed yet and that one page opens at most."""
_FIRST_WINDOW: Final = 2_000
_LARGEST_WINDOW: Final = 64_000
_OPENED_AT_ONCE: Final = 200
_OPENED_AT_LEAST: Final = 20
_RARE: Final = 5_000
_CURSOR: Final = re.compile(r"([0-9]{1,18})-([0-9a-f]{32})", re.ASCII)


class _Source(NamedTuple):
    """Where the entries for which a condition holds are listed."""

    rows: FromClause
    place: ColumnElement[int]
    conditions: tuple[ColumnElement[bool], ...]


class Search:
    """Searches the log. Blocking; from any thread.

    Args:
        engine: The database.
        reader: Opens and checks entries.
        bodies: Makes tokens.
    """

    def __init__(self, engine: Engine, reader: Reader, bodies: Bodies) -> None:
        self._engine = engine
        self._reader = reader
        self._bodies = bodies

    def page(self, query: Query, cursor: str = "", limit: int = 50) -> HitPage:
        """A page of hits, newest first.

        Args:
            query: What is looked for.
            cursor: From the page before of the same search; empty for the first.
            limit: 1 to 500.

        Raises:
            NoSuchEntry: The limit is none, or the cursor is not one of this search.
            LedgerCorrupt: An entry that was opened does not fit its leaf hash.
        """
        if not 1 <= limit <= LARGEST_PAGE:
            raise NoSuchEntry("there is no such page")
        before = self._position(query, cursor)
        with self._engine.connect() as connection:
            # The mark first: what is added to the log in between is then read from the log.
            mark = indexed_below(connection)
            end = int(connection.execute(select(func.coalesce(func.max(ENTRIES.c.leaf_index), -1))).scalar_one()) + 1
        before = end if before is None else min(before, end)
        found: list[Hit] = []
        wanted = limit + 1
        if before > mark:
            before = self._unindexed(query, mark, before, wanted, found)
        if before <= mark and len(found) < wanted:
            before = self._indexed(query, before, wanted, found)
        if len(found) > limit:
            last = found[limit - 1].entry.leaf_index
            return HitPage(found[:limit], self._cursor(query, last), last)
        return HitPage(found, self._cursor(query, before) if before else "", before)

    def _unindexed(self, query: Query, mark: int, before: int, wanted: int, found: list[Hit]) -> int:
        """Look through what is not indexed yet; where it stopped."""
        opened = 0
        while before > mark and len(found) < wanted and opened < UNINDEXED:
            rows = self._suggested(query, mark, before)
            self._take(query, rows, found)
            opened += len(rows)
            before = rows[-1] if len(rows) == _OPENED_AT_ONCE else mark
        return before

    def _suggested(self, query: Query, mark: int, before: int) -> list[int]:
        """The newest entries that are not indexed and that the columns in the clear do not rule out."""
        conditions: list[ColumnElement[bool]] = [
            ENTRIES.c.leaf_index >= mark,
            ENTRIES.c.leaf_index < before,
            *self._everything(query).conditions,
        ]
        if query.person is not None:
            conditions.append(ENTRIES.c.person_token == self._bodies.token(query.person))
        if query.timed:
            conditions += _in_time(query)
        newest = select(ENTRIES.c.leaf_index).where(*conditions).order_by(ENTRIES.c.leaf_index.desc())
        with self._engine.connect() as connection:
            return [int(index) for index in connection.execute(newest.limit(_OPENED_AT_ONCE)).scalars()]

    def _indexed(self, query: Query, before: int, wanted: int, found: list[Hit]) -> int:
        """Look through what is indexed; where it stopped, 0 when there is no more."""
        with self._engine.connect() as connection:
            low, high = 0, before
            if query.timed:
                low, high = bounds_of(connection, query.from_ms, query.until_ms)
            before = min(before, high)
            leading, others = self._ordered(connection, query, low, before)
        budget, size, at_least = CANDIDATES, _FIRST_WINDOW, 1
        while before > low and len(found) < wanted:
            if budget <= 0:
                return before
            with self._engine.connect() as connection:
                edge = _edge(connection, leading, low, before, size)
                # As few as the page still needs; where some of them did not hold, more at once, so that it is not done
                # one by one.
                most = min(_OPENED_AT_ONCE, max(at_least, wanted - len(found)))
                at_least = _OPENED_AT_LEAST
                rows = self._matching(connection, query, (leading, *others), (edge or low, before), most)
            self._take(query, rows, found)
            budget -= size + len(rows)
            size = min(4 * size, _LARGEST_WINDOW)
            if len(rows) == most:
                before = rows[-1]
            elif edge is None:
                return 0
            else:
                before = edge
        return before if before > low else 0

    def _take(self, query: Query, indexes: Sequence[int], found: list[Hit]) -> None:
        """Open, check and keep what holds."""
        opened = self._reader.opened(indexes)
        ordered = [opened[index] for index in sorted(opened, reverse=True)]
        found += [hit for hit in with_questions(self._reader, ordered) if holds(query, hit)]

    def _ordered(
        self, connection: Connection, query: Query, low: int, before: int
    ) -> tuple[_Source, Sequence[_Source]]:
        """The conditions, the rarest first."""
        sources = list(self._sources(query))
        if not sources:
            return self._everything(query), ()
        if len(sources) == 1:
            return sources[0], ()
        counts = [_count(connection, source, low, before) for source in sources]
        order = sorted(range(len(sources)), key=counts.__getitem__)
        return sources[order[0]], [sources[number] for number in order[1:]]

    def _sources(self, query: Query) -> Iterator[_Source]:
        if query.person is not None:
            about = ENTRIES.alias("about")
            token = about.c.person_token == self._bodies.token(query.person)
            yield _Source(about, about.c.leaf_index, (token, about.c.kind != str(Kind.ASKED)))
        for number, (facet, value) in enumerate(sorted(query.facets)):
            listed = FACETS.alias(f"facet_{number}")
            yield _Source(listed, listed.c.leaf_index, (listed.c.token == self._bodies.facet(str(facet), value),))

    @staticmethod
    def _everything(query: Query) -> _Source:
        conditions: list[ColumnElement[bool]] = [ENTRIES.c.kind.notin_((str(Kind.ASKED), PRUNED))]
        for facet, column in ((Facet.OUTCOME, ENTRIES.c.kind), (Facet.DEPARTMENT, ENTRIES.c.department)):
            conditions += [column == value for name, value in query.facets if name is facet]
        return _Source(ENTRIES, ENTRIES.c.leaf_index, tuple(conditions))

    @staticmethod
    def _matching(
        connection: Connection, query: Query, sources: Sequence[_Source], window: tuple[int, int], most: int
    ) -> list[int]:
        leading, *others = sources
        conditions = [*leading.conditions, leading.place >= window[0], leading.place < window[1]]
        for other in others:
            there = exists(select(1).select_from(other.rows).where(other.place == leading.place, *other.conditions))
            conditions.append(there.correlate(leading.rows))
        if query.timed:
            if leading.rows is ENTRIES:
                conditions += _in_time(query)
            else:
                timed = select(1).where(ENTRIES.c.leaf_index == leading.place, *_in_time(query))
                conditions.append(exists(timed).correlate(leading.rows))
        matching = select(leading.place).where(*conditions).order_by(leading.place.desc()).limit(most)
        return [int(index) for index in connection.execute(matching).scalars()]

    def _cursor(self, query: Query, before: int) -> str:
        return f"{before}-{self._bodies.cursor(str(before).encode() + b'-' + query.text())}"

    def _position(self, query: Query, cursor: str) -> int | None:
        if not cursor:
            return None
        match = _CURSOR.fullmatch(cursor)
        if match is None or self._cursor(query, int(match[1])) != cursor:
            raise NoSuchEntry("the cursor is not one of this search")
        return int(match[1])


def _in_time(query: Query) -> list[ColumnElement[bool]]:
    return [ENTRIES.c.time_ms >= query.from_ms, ENTRIES.c.time_ms < query.until_ms]


def _count(connection: Connection, source: _Source, low: int, before: int) -> int:
    """How often a condition holds, counted no further than it takes to call it common."""
    some: Any = select(source.place).where(*source.conditions, source.place >= low, source.place < before)
    return int(connection.execute(select(func.count()).select_from(some.limit(_RARE).subquery())).scalar_one())


def _edge(connection: Connection, source: _Source, low: int, before: int, size: int) -> int | None:
    """Where a window of so many occurrences ends; None when there are fewer."""
    listed = select(source.place).where(*source.conditions, source.place >= low, source.place < before)
    edge = connection.execute(listed.order_by(source.place.desc()).offset(size - 1).limit(1)).scalar()
    return None if edge is None else int(edge)
