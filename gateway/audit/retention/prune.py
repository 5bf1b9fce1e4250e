"""Pruning: first an entry that says what goes and under which rule, durable and published; then it goes, for good.

What goes of an entry: both bodies, both salts, by what it was found (kind, department, person, request), and what was
derived from it for searching and counting. What stays: its place, its time, its hashes, the two commitments that its
leaf stands for, and the keyed hash of its unique name, so that no request id is ever used twice. Without the salts
nobody can test a guess against a commitment. Not one byte of the tree changes.

Rules kept here: nothing is destroyed before the entry that names it is published, so that whoever holds the newest head
can demand it. Each step is one transaction, in which an entry loses everything or nothing, and a question goes with its
outcome; killed at any point, the next run goes on. A hold that comes meanwhile stops what is left of it.
Not reached from here: copies, backups and the database server's own log of changes (docs/operations.md).
"""

import contextlib
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Boolean, Connection, Engine, bindparam, delete, literal_column, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.audit.bodies import Bodies, pruned_parts
from gateway.audit.entries import EntryDraft, Json, Recorded
from gateway.audit.errors import LedgerUnavailable, NoSuchEntry, RiderRefused
from gateway.audit.kinds import OUTCOMES, PRUNED, Kind
from gateway.audit.published import Published
from gateway.audit.reader import Reader
from gateway.audit.retention.plan import Plan, Tell
from gateway.audit.retention.rule import Rule
from gateway.audit.review.derived import FACETS, LABELS, MARKS, TALLIES, Indexer, counted, with_questions
from gateway.audit.review.tallies import civil_day, number_of
from gateway.audit.store import ENTRIES, table
from gateway.audit.tables import RARE_KIND, AuditAcknowledged
from gateway.audit.verify.pruned import Pruning
from keys.log.merkle import HASH_SIZE

BATCH: Final = 64
"""Entries of one transaction: the log's own writer waits for it on SQLite, so it is short."""
LOG_CHANGED: Final = "LOG_CHANGED"
"""Why an entry that prunes is not written: a hold or another pruning came since it was planned."""
PUBLISHED_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.05
_ACKNOWLEDGED: Final = table(AuditAcknowledged)
_INDEXED: Final = "indexed_below"
_FINISHED: Final = "pruned_under"
_NOT_INDEXED: Final = "the search tables are being made anew; try again when they are"
_AT_ONCE: Final = 500

_EMPTY: Final = (
    update(ENTRIES)
    .where(ENTRIES.c.leaf_index == bindparam("place"))
    .values(
        kind=PRUNED,
        department=None,
        request_index=None,
        person_token=None,
        accountability=bindparam("kept_account"),
        person=bindparam("kept_person"),
    )
)
_ONE: Final = (
    TALLIES.c.dimension == bindparam("by"),
    TALLIES.c.day == bindparam("on"),
    TALLIES.c.token == bindparam("of"),
)
_LESS: Final = update(TALLIES).where(*_ONE).values(entries=TALLIES.c.entries - bindparam("less"))
_NONE_LEFT: Final = delete(TALLIES).where(*_ONE, TALLIES.c.entries <= 0)

Append = Callable[[EntryDraft], Recorded]
Step = Callable[[str], None]
"""Told what comes next; a test stops the process there."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was destroyed.

    Attributes:
        under: The entry `log_pruned`.
        entries: How many entries lost their bodies in this run.
        held: How many are named but stay, because a hold came meanwhile.
        overwritten: Whether the database's files do not hold the destroyed bytes any more, as far as it can be told.
    """

    under: int
    entries: int
    held: int
    overwritten: bool


class Prune:
    """Prunes a log. Blocking; for one process at a time, beside a running gateway or alone.

    Args:
        engine: The database.
        reader: Reads the log.
        bodies: Opens parts.
        published: Tells roots.
        indexer: Fills the derived tables.
        append: Records an entry, durably.
        step: Told what comes next.
    """

    def __init__(
        self,
        engine: Engine,
        reader: Reader,
        bodies: Bodies,
        published: Published,
        indexer: Indexer,
        append: Append,
        step: Step = lambda _what: None,
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._bodies = bodies
        self._published = published
        self._indexer = indexer
        self._append = append
        self._step = step

    def unfinished(self) -> Pruning | None:
        """The newest pruning, when it is not known to be carried out."""
        newest = self._reader.prunings.newest()
        if newest is None:
            return None
        with self._engine.connect() as connection:
            mark = connection.execute(select(MARKS.c.value).where(MARKS.c.name == _FINISHED)).scalar()
        return None if mark == newest.index else newest

    def record(self, plan: Plan, rule: Rule) -> Pruning:
        """Write the entry that names what goes. Nothing is destroyed yet.

        Args:
            plan: What goes; something has to.
            rule: By which rule.

        Raises:
            RiderRefused: LOG_CHANGED: look up anew what may go.
            LedgerUnavailable: It could not be recorded.
        """
        below = plan.ranges[-1][1]
        said: dict[str, Json] = {
            "by": "operator",
            "below": below,
            "root": self._published.root(below).hex(),
            "ranges": [list(one) for one in plan.ranges],
            "entries": plan.entries,
            "newest_ms": plan.newest_ms,
            "months": rule.months,
            "kinds": dict(rule.kinds),
            "law": rule.law,
        }

        def unchanged(connection: Connection, _index: int) -> None:
            kinds = (str(Kind.LOG_HOLD_ADDED), str(Kind.LOG_PRUNED))
            since = select(ENTRIES.c.leaf_index).where(
                ENTRIES.c.kind.in_(kinds), literal_column(RARE_KIND.text, Boolean), ENTRIES.c.leaf_index >= plan.size
            )
            if connection.execute(since.limit(1)).first() is not None:
                raise RiderRefused(LOG_CHANGED)

        self._step("record")
        index = self._append(EntryDraft(Kind.LOG_PRUNED, said, placed=(unchanged,))).leaf_index
        return next(one for one in self._reader.prunings.all() if one.index == index)

    def carry_out(self, pruning: Pruning, tell: Tell = lambda _done, _of: None) -> Done:
        """Destroy what a recorded pruning names. Repeating it after a crash completes it.

        Raises:
            LedgerUnavailable: The entry is not published, or the database cannot be written; try again.
            LedgerCorrupt: An entry does not fit its leaf hash; it is not destroyed, for it is evidence.
        """
        self._await_published(pruning.index)
        self._index_through(pruning.below)
        destroyed = held = seen = 0
        total = sum(end - start for start, end in pruning.ranges)
        for start, end in pruning.ranges:
            for indexes in self._left(start, end):
                held_here = self._held(indexes)
                destroyed += self._destroy(pruning, [index for index in indexes if index not in held_here])
                held += len(held_here)
                seen += len(indexes)
                tell(seen, total)
        self._step("labels")
        self._drop_labels()
        if not held:
            self._step("mark")
            self._mark(pruning.index)
        self._step("overwrite")
        return Done(pruning.index, destroyed, held, self._overwrite())

    def _await_published(self, index: int) -> None:
        self._step("publish")
        until = time.monotonic() + PUBLISHED_WITHIN_S
        while True:
            with contextlib.suppress(NoSuchEntry):
                if self._published.head()[0] > index:
                    return
            if time.monotonic() > until:
                raise LedgerUnavailable("the entry that prunes is not published; nothing was destroyed")
            time.sleep(_POLL_S)

    def _index_through(self, below: int) -> None:
        """What was derived can be taken back exactly only where everything is derived."""
        while self._indexed() < below and self._indexer.turn():
            pass
        if self._indexed() < below:
            raise LedgerUnavailable(_NOT_INDEXED)

    def _indexed(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(select(MARKS.c.value).where(MARKS.c.name == _INDEXED)).scalar() or 0)

    def _left(self, start: int, end: int) -> Iterable[Sequence[int]]:
        """What is not destroyed yet, some at a time."""
        while start < end:
            query = select(ENTRIES.c.leaf_index).where(
                ENTRIES.c.leaf_index >= start, ENTRIES.c.leaf_index < end, ENTRIES.c.kind != PRUNED
            )
            with self._engine.connect() as connection:
                some = [int(i) for i in connection.execute(query.order_by(ENTRIES.c.leaf_index).limit(BATCH)).scalars()]
            if not some:
                return
            yield some
            start = some[-1] + 1

    def _held(self, indexes: Sequence[int]) -> set[int]:
        """What a hold covers now: those that came after the pruning was recorded stop it as well."""
        holds = [hold for hold, _ in self._reader.prunings.holds()]
        return {index for index in indexes if any(hold.overlaps((index, index + 1)) is not None for hold in holds)}

    def _destroy(self, pruning: Pruning, indexes: Sequence[int]) -> int:
        """Destroy some entries, each with its outcome, and what was derived from them; returns how many."""
        outcomes = [index for index in self._outcomes(indexes) if pruning.covers(index)]
        outcomes = sorted(set(outcomes) - self._held(outcomes))
        opened = self._reader.opened(sorted({*indexes, *outcomes}))
        if not opened:
            return 0
        hits = with_questions(self._reader, [opened[index] for index in sorted(opened)])
        self._step("batch")
        try:
            with self._engine.begin() as connection:
                if connection.dialect.name == "sqlite":
                    # SQLite leaves deleted content in free pages unless told to overwrite it.
                    connection.exec_driver_sql("PRAGMA secure_delete=ON")
                _lock(connection, above=max(opened))
                emptied = self._empty(connection, sorted(opened))
                gone = [hit for hit in hits if hit.entry.leaf_index in emptied]
                self._underive(connection, gone)
                self._step("commit")
        except LedgerUnavailable:
            raise
        except Exception as error:
            raise LedgerUnavailable("the entries could not be pruned; try again") from error
        return len(gone)

    def _outcomes(self, indexes: Sequence[int]) -> list[int]:
        query = select(ENTRIES.c.leaf_index).where(
            ENTRIES.c.request_index.in_(indexes), ENTRIES.c.kind.in_(sorted(OUTCOMES))
        )
        with self._engine.connect() as connection:
            return [int(index) for index in connection.execute(query).scalars()]

    def _empty(self, connection: Connection, indexes: Sequence[int]) -> set[int]:
        """Take all from rows but their hashes, their time and the hash of their name; which ones had it still."""
        shown = (ENTRIES.c.leaf_index, ENTRIES.c.hashes, ENTRIES.c.accountability, ENTRIES.c.person)
        left = select(*shown).where(ENTRIES.c.leaf_index.in_(indexes), ENTRIES.c.kind != PRUNED)
        emptied: list[dict[str, Any]] = []
        for row in connection.execute(left).all():
            person = None if row.person is None else bytes(row.person)
            leaf = bytes(row.hashes[:HASH_SIZE])
            opened = self._bodies.open(int(row.leaf_index), leaf, bytes(row.accountability), person)
            accountability, personal = pruned_parts(*opened)
            emptied.append({"place": int(row.leaf_index), "kept_account": accountability, "kept_person": personal})
        if emptied:
            connection.execute(_EMPTY, emptied)
        return {int(one["place"]) for one in emptied}

    def _underive(self, connection: Connection, hits: Sequence[Any]) -> None:
        """Take back what the indexer derived from entries, exactly."""
        facets, tallies = [], Counter[tuple[int, int, int]]()
        for hit in hits:
            index, day = hit.entry.leaf_index, civil_day(hit.entry.time_ms)
            facets += [(self._bodies.facet(str(facet), value), index) for facet, value in hit.facets]
            for label in counted(hit):
                tallies[number_of(label.dimension), day, self._bodies.facet("tally", label.text())] += 1
        key = tuple_(FACETS.c.token, FACETS.c.leaf_index)
        for some in _parts(sorted(set(facets))):
            connection.execute(delete(FACETS).where(key.in_(some)))
        if tallies:
            less = [
                {"by": dimension, "on": day, "of": token, "less": count}
                for (dimension, day, token), count in sorted(tallies.items())
            ]
            connection.execute(_LESS, less)
            connection.execute(_NONE_LEFT, [{key: one[key] for key in ("by", "on", "of")} for one in less])
        for some in _parts([hit.entry.leaf_index for hit in hits]):
            connection.execute(delete(_ACKNOWLEDGED).where(_ACKNOWLEDGED.c.release_index.in_(some)))

    def _drop_labels(self) -> None:
        """Labels of which no tally is left."""
        with self._engine.connect() as connection:
            there = set(connection.execute(select(TALLIES.c.token).distinct()).scalars())
            labels = set(connection.execute(select(LABELS.c.token)).scalars())
        unused = ~select(TALLIES.c.token).where(TALLIES.c.token == LABELS.c.token).exists()
        for some in _parts(sorted(labels - there)):
            with self._engine.begin() as connection:
                _lock(connection)
                connection.execute(delete(LABELS).where(LABELS.c.token.in_(some), unused))

    def _mark(self, index: int) -> None:
        insert = insert_postgresql if self._engine.dialect.name == "postgresql" else insert_sqlite
        statement = insert(MARKS).values(name=_FINISHED, value=index)
        with self._engine.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=[MARKS.c.name], set_={"value": index}))

    def _overwrite(self) -> bool:
        """See to it that the database's files do not keep earlier pages; False when somebody still reads them."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # The pool's liveness check may have left a transaction open.
            connection.connection.rollback()
            if connection.dialect.name != "sqlite":
                # Old row versions go with VACUUM; FULL writes the files anew, and shuts everyone out for that long.
                for one in ("audit_entries", "audit_facets", "audit_tallies", "audit_labels"):
                    connection.exec_driver_sql(f"VACUUM {one}")
                return False
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection), "this is SQLite"
            busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy


def _lock(connection: Connection, above: int = -1) -> None:
    """Take the lock that whoever indexes needs as well: it cannot index what goes meanwhile.

    Raises:
        LedgerUnavailable: An entry is not indexed yet, so what was derived from it could come afterwards.
    """
    connection.execute(update(MARKS).where(MARKS.c.name == _INDEXED).values(value=MARKS.c.value))
    if above >= (connection.execute(select(MARKS.c.value).where(MARKS.c.name == _INDEXED)).scalar() or 0):
        raise LedgerUnavailable(_NOT_INDEXED)


def _parts(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
