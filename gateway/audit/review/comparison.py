"""Holds the derived tables against the log, all of them and every row: what is missing, added or changed is named.

A pass over the log and one over each table, in no common order: both sides are folded into fingerprints, of facets by
block of entries and of tallies by day, which are equal only if both sides hold the same rows (a product over all rows
of a random point plus the row, modulo a prime; two different sets agree with a chance of less than 2^-90, and nobody
can choose them to, for the point is drawn anew each time). Only where they differ is looked at row by row, in one
snapshot, so that a gateway that indexes, prunes or rebuilds meanwhile is not taken for a fault.

Rules kept here: nothing is written, nothing of an entry is shown. What is not indexed yet is not compared: a search
reads it from the log itself. Fails closed: what cannot be compared raises.
"""

import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, tuple_

from gateway.audit.bodies import Bodies
from gateway.audit.kinds import PRUNED, Kind
from gateway.audit.review.derived import DAYS, FACETS, LABELS, TALLIES, indexed_below
from gateway.audit.review.facets import Facet, facets_of
from gateway.audit.review.tallies import DAY_MS, Label, civil_day, labels_of, number_of, read_label
from gateway.audit.store import ENTRIES
from gateway.audit.verify.failures import Fault, VerificationFailed
from keys import canonical
from keys.log.merkle import HASH_SIZE

BLOCK: Final = 1_024
"""Entries of one fingerprint, and so of one look row by row."""
_PRIME: Final = (1 << 127) - 1
_ROWS: Final = 20_000
_QUESTIONS: Final = 8_192
_TOKENS: Final = 65_536
_INDEX_BITS: Final = 60

Said = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared.

    Attributes:
        entries: Entries below this index are in the derived tables, and were compared.
        rows: How many rows the tables have of them.
    """

    entries: int
    rows: int


class Comparison:
    """Compares while somebody goes through the log: `begin`, `take` each entry in order, `finish`.

    Args:
        engine: The database.
        bodies: Makes tokens, opens labels and questions.
    """

    def __init__(self, engine: Engine, bodies: Bodies) -> None:
        self._engine = engine
        self._bodies = bodies
        self._point = secrets.randbelow(_PRIME)
        self._mark = self._rows = self._taken = 0
        self._facets: list[int] = []
        self._tallied: dict[int, int] = {}
        self._counted: dict[int, int] = {}
        self._days: dict[int, tuple[int, int]] = {}
        self._needed: dict[int, tuple[int, int]] = {}
        self._possible: dict[int, tuple[int, int]] = {}
        self._pruned = False
        self._surplus_labels = 0
        self._questions: OrderedDict[int, Said] = OrderedDict()
        self._facet_token: Callable[[Facet, str], int] = lru_cache(maxsize=_TOKENS)(
            lambda facet, value: bodies.facet(str(facet), value)
        )
        self._label_token: Callable[[Label], int] = lru_cache(maxsize=_TOKENS)(
            lambda label: bodies.facet("tally", label.text())
        )

    def begin(self) -> None:
        """Read how far the tables are, and in the same snapshot those that grow by adding up.

        Raises:
            VerificationFailed: A label is missing or another's.
        """
        with _snapshot(self._engine) as connection:
            self._mark = indexed_below(connection)
            if not self._mark:
                # Nothing is indexed, or somebody is emptying the tables.
                return
            tokens: dict[int, set[int]] = {}
            query = select(TALLIES).execution_options(yield_per=_ROWS)
            for dimension, day, token, entries in connection.execute(query):
                factor = pow(self._point + _row(token, dimension), entries, _PRIME)
                self._tallied[day] = self._tallied.get(day, 1) * factor % _PRIME
                tokens.setdefault(dimension, set()).add(token)
                self._rows += 1
            self._days = {day: (first, last) for day, first, last in connection.execute(select(DAYS))}
            self._rows += len(self._days)
            self._read_labels(connection, tokens)

    def take(self, index: int, time_ms: int, said: Said | None) -> None:
        """The next entry of the log.

        Args:
            index: Its position.
            time_ms: Its time.
            said: Its accountability part; None when it was pruned.
        """
        if index >= self._mark:
            return
        self._taken = index + 1
        if index % BLOCK == 0:
            self._facets.append(1)
        day = civil_day(time_ms)
        self._possible[day] = (self._possible.get(day, (index,))[0], index)
        if said is None:
            self._pruned = True
            return
        self._needed[day] = (self._needed.get(day, (index,))[0], index)
        facets, labels = self._derived(index, said, self._questions.get)
        print_ = self._facets[-1]
        for token in facets:
            print_ = print_ * (self._point + _row(token, index)) % _PRIME
        self._facets[-1] = print_
        for (dimension, token), count in labels.items():
            factor = pow(self._point + _row(token, dimension), count, _PRIME)
            self._counted[day] = self._counted.get(day, 1) * factor % _PRIME

    def finish(self) -> Compared:
        """Compare, when the whole log was taken.

        Raises:
            VerificationFailed: A row is missing, surplus or changed; it names the first entry concerned.
        """
        if self._taken < self._mark:
            raise _wrong("audit_marks", self._taken, surplus=self._mark - self._taken)
        self._check_days()
        stored = self._stored_facets()
        for block, (one, other) in enumerate(zip(self._facets, stored, strict=True)):
            if one != other:
                self._look_at_block(block)
        for day in sorted(self._tallied.keys() | self._counted.keys()):
            if self._tallied.get(day, 1) != self._counted.get(day, 1):
                self._look_at_day(day)
        if self._surplus_labels and not self._pruned:
            # Pruning takes labels away last, so a log that is being pruned has some for a while.
            raise _wrong("audit_labels", surplus=self._surplus_labels)
        return Compared(self._mark, self._rows)

    def _derived(
        self, index: int, said: Said, known: Callable[[int], Said | None]
    ) -> tuple[set[int], Counter[tuple[int, int]]]:
        """Tokens of what an entry is found by, and (dimension, token) of what it counts as."""
        if said.get("kind") == Kind.ASKED:
            self._questions[index] = said
            if len(self._questions) > _QUESTIONS:
                self._questions.popitem(last=False)
            return set(), Counter()
        asked = None
        if isinstance(request := said.get("request"), int):
            asked = known(request) or self._question(request)
        found = facets_of(said, asked)
        labels = ((number_of(one.dimension), self._label_token(one)) for one in labels_of(said, found))
        return {self._facet_token(facet, value) for facet, value in found}, Counter(labels)

    def _question(self, index: int) -> Said | None:
        with self._engine.connect() as connection:
            for found, _, said in self._entries(connection, index, index + 1):
                if found == index:
                    return said
        return None

    def _entries(self, connection: Connection, start: int, end: int) -> Iterator[tuple[int, int, Said | None]]:
        columns = (ENTRIES.c.leaf_index, ENTRIES.c.hashes, ENTRIES.c.time_ms, ENTRIES.c.kind)
        query = select(*columns, ENTRIES.c.accountability, ENTRIES.c.person).where(
            ENTRIES.c.leaf_index >= start, ENTRIES.c.leaf_index < end
        )
        for row in connection.execute(query.order_by(ENTRIES.c.leaf_index)):
            if row.kind == PRUNED:
                yield int(row.leaf_index), int(row.time_ms), None
                continue
            person = None if row.person is None else bytes(row.person)
            leaf = bytes(row.hashes[:HASH_SIZE])
            account, _ = self._bodies.open(int(row.leaf_index), leaf, bytes(row.accountability), person)
            yield int(row.leaf_index), int(row.time_ms), canonical.read(account.body)

    def _read_labels(self, connection: Connection, tokens: Mapping[int, set[int]]) -> None:
        named: dict[int, int] = {}
        for token, sealed in connection.execute(select(LABELS).execution_options(yield_per=_ROWS)):
            text = self._bodies.open_label(token, bytes(sealed))
            if text is None or self._bodies.facet("tally", text) != token:
                raise _wrong("audit_labels", changed=1)
            named[token] = number_of(read_label(text).dimension)
            self._rows += 1
        used = {token: dimension for dimension, some in tokens.items() for token in some}
        missing = sum(named.get(token) != dimension for token, dimension in used.items())
        if missing:
            raise _wrong("audit_labels", missing=missing)
        self._surplus_labels = len(named.keys() - used.keys())

    def _stored_facets(self) -> list[int]:
        """The fingerprints of what is stored, by block."""
        prints, last, point = [1] * len(self._facets), None, self._point
        while True:
            query = select(FACETS.c.token, FACETS.c.leaf_index)
            if last is not None:
                query = query.where(tuple_(FACETS.c.token, FACETS.c.leaf_index) > tuple_(*last))
            # A connection for a moment, as everywhere in this check.
            with self._engine.connect() as connection:
                rows = connection.execute(query.order_by(FACETS.c.token, FACETS.c.leaf_index).limit(_ROWS)).all()
                end = self._size(connection) if rows and max(row[1] for row in rows) >= self._mark else self._mark
            for token, index in rows:
                if index < self._mark:
                    block = index // BLOCK
                    prints[block] = prints[block] * (point + _row(token, index)) % _PRIME
                    self._rows += 1
                elif index >= end:
                    raise _wrong("audit_facets", index, surplus=1)
            if len(rows) < _ROWS:
                return prints
            last = tuple(rows[-1])

    @staticmethod
    def _size(connection: Connection) -> int:
        newest = connection.execute(
            select(ENTRIES.c.leaf_index).order_by(ENTRIES.c.leaf_index.desc()).limit(1)
        ).scalar()
        return 0 if newest is None else int(newest) + 1

    def _check_days(self) -> None:
        """A day's bounds hold all its entries and, what is pruned aside, no others' place."""
        for day in sorted(self._days.keys() | self._needed.keys()):
            needed, stored = self._needed.get(day), self._days.get(day)
            if needed is not None and (stored is None or stored[0] > needed[0] or stored[1] < needed[1]):
                raise _wrong("audit_days", *needed, missing=1, day=_date(day))
            possible = self._possible.get(day)
            if stored is not None and (possible is None or stored[0] < possible[0] or stored[1] > possible[1]):
                raise _wrong("audit_days", *(possible or ()), surplus=1, day=_date(day))

    def _look_at_block(self, block: int) -> None:
        """Row by row, in one snapshot."""
        start, end = block * BLOCK, min((block + 1) * BLOCK, self._mark)
        with _snapshot(self._engine) as connection:
            end = min(end, indexed_below(connection))
            expected = {
                (index, token)
                for index, _, said in self._entries(connection, start, end)
                if said is not None
                for token in self._derived(index, said, lambda _: None)[0]
            }
            query = select(FACETS.c.leaf_index, FACETS.c.token).where(
                FACETS.c.leaf_index >= start, FACETS.c.leaf_index < end
            )
            stored = {(int(index), int(token)) for index, token in connection.execute(query)}
        if expected != stored:
            first = min(expected ^ stored)[0]
            missing, surplus = (_of(first, one) for one in (expected - stored, stored - expected))
            raise _wrong("audit_facets", first, missing=missing, surplus=surplus)

    def _look_at_day(self, day: int) -> None:
        """The same for what was counted of a day."""
        first, last = self._possible.get(day, (0, -1))
        expected = Counter[tuple[int, int]]()
        with _snapshot(self._engine) as connection:
            mark = indexed_below(connection)
            newest = connection.execute(select(DAYS.c.last_index).where(DAYS.c.day == day)).scalar()
            for index, time_ms, said in self._entries(connection, first, min(mark, max(last, newest or 0) + 1)):
                if said is not None and civil_day(time_ms) == day:
                    expected += self._derived(index, said, lambda _: None)[1]
            rows = connection.execute(select(TALLIES).where(TALLIES.c.day == day))
            stored = {(int(dimension), int(token)): int(entries) for dimension, _, token, entries in rows}
        if mark and expected != stored:
            rows_of = expected.keys() | stored.keys()
            wrong = [row for row in rows_of if expected.get(row, 0) != stored.get(row, 0)]
            missing = sum(row not in stored for row in wrong)
            surplus = sum(row not in expected for row in wrong)
            where = (first, last) if first <= last else ()
            changed = len(wrong) - missing - surplus
            raise _wrong("audit_tallies", *where, missing=missing, surplus=surplus, changed=changed, day=_date(day))


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection whose every read sees the same state (SQLite: any transaction does)."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


def _row(token: int, place: int) -> int:
    """A row as one number: distinct rows are distinct modulo the prime."""
    return (token << _INDEX_BITS) + place


def _of(index: int, rows: Iterable[tuple[int, int]]) -> int:
    return sum(one == index for one, _ in rows)


def _date(day: int) -> str:
    """A civil day as people write it; what is stored may be no day at all."""
    try:
        return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return str(day)


def _wrong(table: str, first: int | None = None, last: int | None = None, **found: str | int) -> VerificationFailed:
    told = {name: value for name, value in found.items() if value}
    return VerificationFailed(Fault.SEARCH_TABLE_WRONG, first, last, table=table, **told)
