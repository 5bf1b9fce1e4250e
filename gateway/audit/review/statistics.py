"""Counting what the log holds, out of daily tallies: bounded work over any stretch of time.

Rules kept here: the figures are derived, and say how far they reach; who has to prove one counts the entries of an
export. What is not indexed yet is counted from the log itself, as far as that is little.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Engine, func, literal_column, select

from gateway.audit.bodies import Bodies
from gateway.audit.errors import NoSuchEntry
from gateway.audit.reader import Reader
from gateway.audit.review.derived import LABELS, TALLIES, counted, indexed_below, with_questions
from gateway.audit.review.search import UNINDEXED
from gateway.audit.review.tallies import Dimension, Label, civil_day, number_of, read_label

MOST_DAYS: Final = 1_100
"""Longest stretch: three years of daily tallies."""
MOST_ROWS: Final = 5_000
_LABELS_AT_ONCE: Final = 500
_TRIES: Final = 5
_MONDAY: Final = 3
"""1970-01-01, day 0, was a Thursday."""


class Period(StrEnum):
    """What is put together. Weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    ALL = "all"


# Numbers are written out, so that a server sees the same expression in both places where it stands.
_BEGINS: Final[Mapping[Period, ColumnElement[int]]] = {
    Period.DAY: TALLIES.c.day,
    Period.WEEK: literal_column(f"(day + {_MONDAY}) / 7 * 7 - {_MONDAY}", BigInteger),
    Period.ALL: literal_column("CAST(0 AS BIGINT)", BigInteger),
}


@dataclass(frozen=True, slots=True)
class Count:
    """So many requests, or fields of requests.

    Attributes:
        day: The first civil day of the period, days since 1970-01-01; of the whole stretch for `ALL`.
        department: Who asked.
        value: Of the dimension.
        outcome: What became of them.
        entries: How many.
    """

    day: int
    department: str
    value: str
    outcome: str
    entries: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts, oldest period first, in it the largest first.

    Attributes:
        rows: At most `MOST_ROWS`.
        more: Whether there would be more rows.
        counted_below: Entries below this index are counted; if it is less than the size of the log, the newest are not.
        log_size: Of the log when this was counted.
    """

    rows: Sequence[Count]
    more: bool
    counted_below: int
    log_size: int


class Statistics:
    """Counts. Blocking; from any thread.

    Args:
        engine: The database.
        reader: Opens what is not indexed yet.
        bodies: Opens labels.
    """

    def __init__(self, engine: Engine, reader: Reader, bodies: Bodies) -> None:
        self._engine = engine
        self._reader = reader
        self._bodies = bodies

    def count(
        self,
        dimension: Dimension,
        period: Period,
        days: tuple[int, int],
        *,
        department: str = "",
        outcome: str = "",
    ) -> Counts:
        """Count by a dimension.

        Args:
            dimension: By what.
            period: What is put together.
            days: First civil day, and the first that does not count any more.
            department: Only those of this asking department; empty for all.
            outcome: Only those of which this became; empty for all.

        Raises:
            NoSuchEntry: The stretch is empty or too long.
            LedgerCorrupt: An entry that is not indexed yet does not fit its leaf hash.
        """
        if not 0 < days[1] - days[0] <= MOST_DAYS:
            raise NoSuchEntry("the stretch is empty or too long")
        with self._engine.connect() as connection:
            for _ in range(_TRIES):
                mark = indexed_below(connection)
                found = self._tallied(connection, dimension, period, days)
                # A batch that came in between would be counted here and from the log once more.
                if indexed_below(connection) == mark:
                    break
        size = self._reader.size()
        below = size if size - mark <= UNINDEXED else mark
        sums: Counter[tuple[int, Label]] = Counter()
        for day, label, entries in (*found, *self._unindexed(dimension, days, mark, below)):
            if department in {"", label.department} and outcome in {"", label.outcome}:
                sums[_begin(period, day, days[0]), label] += entries
        ordered = sorted(sums.items(), key=lambda one: (one[0][0], -one[1], one[0][1]))
        rows = [Count(day, one.department, one.value, one.outcome, n) for (day, one), n in ordered[:MOST_ROWS]]
        return Counts(rows, len(ordered) > MOST_ROWS, below, size)

    def _tallied(
        self, connection: Connection, dimension: Dimension, period: Period, days: tuple[int, int]
    ) -> list[tuple[int, Label, int]]:
        begins = _BEGINS[period]
        query = select(begins, TALLIES.c.token, func.sum(TALLIES.c.entries)).where(
            TALLIES.c.dimension == number_of(dimension), TALLIES.c.day >= days[0], TALLIES.c.day < days[1]
        )
        # Put together where they lie: of a year only a week's worth of rows comes back.
        rows = connection.execute(query.group_by(begins, TALLIES.c.token)).all()
        labels = self._labels(connection, dimension, {int(row[1]) for row in rows})
        # A token without a label of its own says nothing, so it is left out: whoever doubts builds the tables anew.
        return [(int(day), labels[int(token)], int(n)) for day, token, n in rows if int(token) in labels]

    def _labels(self, connection: Connection, dimension: Dimension, tokens: Iterable[int]) -> Mapping[int, Label]:
        ordered, found = sorted(tokens), {}
        for start in range(0, len(ordered), _LABELS_AT_ONCE):
            some = ordered[start : start + _LABELS_AT_ONCE]
            for token, sealed in connection.execute(select(LABELS).where(LABELS.c.token.in_(some))):
                text = self._bodies.open_label(int(token), bytes(sealed))
                if text is not None and (label := read_label(text)).dimension is dimension:
                    found[int(token)] = label
        return found

    def _unindexed(
        self, dimension: Dimension, days: tuple[int, int], mark: int, below: int
    ) -> list[tuple[int, Label, int]]:
        found = []
        for batch in self._reader.walk(mark, below):
            for hit in with_questions(self._reader, [entry for entry in batch if entry.pruned_under is None]):
                day = civil_day(hit.entry.time_ms)
                if days[0] <= day < days[1]:
                    found += [(day, label, 1) for label in counted(hit) if label.dimension is dimension]
        return found


def _begin(period: Period, day: int, first: int) -> int:
    """The first day of a period, also out of the first day of that period."""
    if period is Period.WEEK:
        return day - (day + _MONDAY) % 7
    return day if period is Period.DAY else first
