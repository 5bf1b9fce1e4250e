"""Reading the log: proofs, pages of entries, a person's accesses, and what a crash left open.

Everything here only reads, on pooled connections, and may be called from any thread while the writer writes. Calls
block for as long as the database takes; from an event loop, use a thread. Every entry that is handed out was opened
and checked against its leaf hash: one that does not fit raises, it is never left out.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Boolean, ColumnElement, Connection, Engine, Row, and_, exists, literal_column, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.audit.bodies import Bodies
from gateway.audit.errors import EntryPruned, LedgerCorrupt, NoSuchEntry
from gateway.audit.kinds import OUTCOMES, PRUNED, Kind
from gateway.audit.prunings import Prunings
from gateway.audit.store import CHECKPOINTS, COUNTERS, ENTRIES, read_checkpoint, read_hashes, table
from gateway.audit.tables import RARE_KIND, AuditMark
from gateway.audit.tree import row_hashes
from gateway.audit.views import ConsistencyProof, EntryPage, InclusionProof, LogEntry
from keys.errors import BadProof
from keys.log.merkle import HASH_SIZE, HashSource, consistency_path, inclusion_path

LARGEST_PAGE: Final = 500
_MARKS: Final = table(AuditMark)
_SETTLED: Final = "settled_below"
_AT_ONCE: Final = 200
_LARGEST_SIZE: Final = 2**63 - 1
"""What a database can be asked for."""
_COMMON: Final = frozenset({Kind.ASKED, Kind.RELEASED})
_CURSOR: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_SHOWN: Final = tuple(
    ENTRIES.c[name]
    for name in ("leaf_index", "hashes", "time_ms", "kind", "department", "request_index", "accountability", "person")
)


class Reader:
    """Reads the log.

    Args:
        engine: The database.
        bodies: Opens parts.
        begins: Size of the head from which the log's newest epoch goes on; no checkpoint of an ended epoch is shown as
            the log's own. -1 in the first epoch.
    """

    def __init__(self, engine: Engine, bodies: Bodies, begins: int = -1) -> None:
        self._engine = engine
        self._bodies = bodies
        self._begins = begins
        self.prunings = Prunings(self.entries)

    def checkpoint(self) -> str:
        """The newest published checkpoint, a C2SP signed note.

        Raises:
            NoSuchEntry: None was published yet.
        """
        with self._engine.connect() as connection:
            found = read_checkpoint(connection, self._begins)
        if found is None:
            raise NoSuchEntry("no checkpoint was published yet")
        return found[1]

    def checkpoint_at(self, size: int) -> str | None:
        """The checkpoint of exactly that size, if one was published."""
        with self._engine.connect() as connection:
            query = select(CHECKPOINTS.c.note).where(CHECKPOINTS.c.size == size, CHECKPOINTS.c.size > self._begins)
            found = connection.execute(query).scalar()
        return None if found is None else str(found)

    def checkpoints(self, through: int) -> list[str]:
        """All checkpoints of the newest epoch that were published, of at most that size, smallest first."""
        wanted = (CHECKPOINTS.c.size <= through, CHECKPOINTS.c.size > self._begins)
        query = select(CHECKPOINTS.c.note).where(*wanted).order_by(CHECKPOINTS.c.size)
        with self._engine.connect() as connection:
            return [str(note) for note in connection.execute(query).scalars()]

    def inclusion(self, index: int, size: int | None) -> InclusionProof:
        """Proof that an entry is in the tree of that size.

        Args:
            index: The entry, from 0.
            size: Size of the tree, at most that of the log; None takes the newest checkpoint's.

        Raises:
            NoSuchEntry: The log has no such entry or was never that large.
        """
        with self._engine.connect() as connection:
            get, size = _hashes(connection), _size(connection, size, self._begins)
            try:
                if size:
                    get(0, size - 1)
                path = inclusion_path(get, index, size)
                leaf = get(0, index)
            except (LookupError, BadProof) as error:
                raise NoSuchEntry("the log has no such entry or tree") from error
        return InclusionProof(leaf, size, path, self.checkpoint_at(size) or "")

    def consistency(self, old: int, new: int | None) -> ConsistencyProof:
        """Proof that a tree begins with an older one.

        Args:
            old: The older size.
            new: The newer size, at most that of the log; None takes the newest checkpoint's.

        Raises:
            NoSuchEntry: The log was never that large, or `old` is larger than `new`.
        """
        with self._engine.connect() as connection:
            get, new = _hashes(connection), _size(connection, new, self._begins)
            try:
                if new:
                    get(0, new - 1)
                return ConsistencyProof(new, consistency_path(get, old, new))
            except (LookupError, BadProof) as error:
                raise NoSuchEntry("the log has no such tree") from error

    def size(self) -> int:
        """Number of durable entries; the newest checkpoint may be a second behind."""
        with self._engine.connect() as connection:
            return _end(connection)

    def counted(self, name: str) -> int:
        """A counter's number; 0 when nothing was counted under the name, or it was forgotten."""
        query = select(COUNTERS.c.value).where(COUNTERS.c.key == self._bodies.counter(name))
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar() or 0)

    def entry(self, index: int) -> LogEntry:
        """One entry.

        Raises:
            NoSuchEntry: The log has no such entry.
            EntryPruned: It was pruned after its retention.
            LedgerCorrupt: It does not fit its leaf hash.
        """
        with self._engine.connect() as connection:
            row = connection.execute(select(*_SHOWN).where(ENTRIES.c.leaf_index == index)).first()
        if row is None:
            raise NoSuchEntry("the log has no such entry")
        entry = self._open(row)
        if entry.pruned_under is not None:
            raise EntryPruned(index, entry.pruned_under)
        return entry

    def opened(self, indexes: Sequence[int]) -> dict[int, LogEntry]:
        """Some entries by their index; those that the log does not have, or not any more, are left out.

        Args:
            indexes: At most some hundreds.

        Raises:
            LedgerCorrupt: One does not fit its leaf hash.
        """
        if not indexes:
            return {}
        with self._engine.connect() as connection:
            rows = connection.execute(select(*_SHOWN).where(ENTRIES.c.leaf_index.in_(indexes))).all()
        return {int(row.leaf_index): self._open(row) for row in rows if row.kind != PRUNED}

    def entries(self, *, kind: str = "", department: str = "", cursor: str = "", limit: int = 50) -> EntryPage:
        """Entries, newest first, without a filter those that were pruned as well.

        Args:
            kind: Only this kind; empty for all.
            department: Only those of this asking department; empty for all.
            cursor: From the page before; empty for the first.
            limit: 1 to 500.

        Raises:
            NoSuchEntry: The cursor or the limit is none.
            LedgerCorrupt: An entry does not fit its leaf hash.
        """
        conditions: list[ColumnElement[bool]] = []
        if kind:
            conditions.append(ENTRIES.c.kind == kind)
            if kind not in _COMMON:
                # Said in the words of the index's own condition, so that the database sees that it can use it.
                conditions.append(literal_column(RARE_KIND.text, Boolean))
        if department:
            conditions.append(ENTRIES.c.department == department)
        return EntryPage(*self.page(conditions, cursor, limit))

    def indexes_about(self, person_id: bytes, kind: str, start: int, end: int | None = None) -> list[int]:
        """Indexes of the entries of one kind about one person, oldest first. Nothing is opened: a look-up only.

        Args:
            person_id: As given in `EntryDraft.about`.
            kind: One of the rare kinds.
            start: The first index that counts.
            end: The first that does not any more; None for all that are durable.
        """
        conditions = [
            ENTRIES.c.person_token == self._bodies.token(person_id),
            ENTRIES.c.kind == str(kind),
            literal_column(RARE_KIND.text, Boolean),
            ENTRIES.c.leaf_index >= start,
        ]
        if end is not None:
            conditions.append(ENTRIES.c.leaf_index < end)
        query = select(ENTRIES.c.leaf_index).where(*conditions).order_by(ENTRIES.c.leaf_index)
        with self._engine.connect() as connection:
            return [int(index) for index in connection.execute(query).scalars()]

    def dangling(self, before_ms: int) -> list[LogEntry]:
        """The `asked` entries from before that time that no outcome closes: a crash came in between.

        Remembers how far everything is settled, so that the next call looks at new entries only.

        Args:
            before_ms: Later ones may still be in work. Unix ms.
        """
        closing = ENTRIES.alias("closing")
        closed = exists().where(closing.c.request_index == ENTRIES.c.leaf_index, closing.c.kind.in_(sorted(OUTCOMES)))
        asked = and_(ENTRIES.c.kind == str(Kind.ASKED), ENTRIES.c.leaf_index >= self._settled())
        with self._engine.connect() as connection:
            # One snapshot: an entry that lands in between is neither dangling nor taken as settled.
            end = _end(connection)
            query = select(*_SHOWN).where(asked, ~closed, ENTRIES.c.leaf_index < end).order_by(ENTRIES.c.leaf_index)
            open_rows = connection.execute(query).all()
        self._settle(int(open_rows[0].leaf_index) if open_rows else end)
        return [self._open(row) for row in open_rows if row.time_ms < before_ms]

    def outcome_of(self, index: int) -> str:
        """The kind of the outcome that closes an `asked` entry, of another entry its own kind; empty while it is open.

        Args:
            index: The entry's index.

        Raises:
            NoSuchEntry: The log has no such entry.
        """
        closing = select(ENTRIES.c.kind).where(ENTRIES.c.request_index == index, ENTRIES.c.kind.in_(sorted(OUTCOMES)))
        with self._engine.connect() as connection:
            kind = connection.execute(select(ENTRIES.c.kind).where(ENTRIES.c.leaf_index == index)).scalar()
            if kind is None:
                raise NoSuchEntry("the log has no such entry")
            if kind != str(Kind.ASKED):
                return str(kind)
            return str(connection.execute(closing.limit(1)).scalar() or "")

    def closing(self, index: int) -> int | None:
        """Index of the outcome that closes an `asked` entry; None while it is open, or when there is no such entry.

        Args:
            index: The entry's index.
        """
        query = select(ENTRIES.c.leaf_index).where(
            ENTRIES.c.request_index == index, ENTRIES.c.kind.in_(sorted(OUTCOMES))
        )
        with self._engine.connect() as connection:
            found = connection.execute(query.limit(1)).scalar()
        return None if found is None else int(found)

    def walk(self, start: int, end: int) -> Iterator[list[LogEntry]]:
        """Entries in [start, end), oldest first, however many, in batches.

        Raises:
            LedgerCorrupt: One is missing or does not fit its leaf hash.
        """
        query = select(*_SHOWN).order_by(ENTRIES.c.leaf_index)
        while start < end:
            stop = min(start + _AT_ONCE, end)
            with self._engine.connect() as connection:
                rows = connection.execute(query.where(ENTRIES.c.leaf_index >= start, ENTRIES.c.leaf_index < stop)).all()
            for expected, row in zip(range(start, stop), rows, strict=False):
                if row.leaf_index != expected:
                    raise LedgerCorrupt("an entry is missing", leaf_index=expected)
            if len(rows) != stop - start:
                raise LedgerCorrupt("an entry is missing", leaf_index=start + len(rows))
            yield [self._open(row) for row in rows]
            start = stop

    def export_batches(self, first_index: int = 0) -> tuple[str, Iterator[list[LogEntry]]]:
        """The newest checkpoint and every entry that it covers, oldest first.

        Args:
            first_index: Leave out the entries before this one.

        Returns:
            The note; batches of entries, read while they are consumed.

        Raises:
            NoSuchEntry: No checkpoint was published yet.
        """
        with self._engine.connect() as connection:
            found = read_checkpoint(connection, self._begins)
        if found is None:
            raise NoSuchEntry("no checkpoint was published yet")
        return found[1], self.walk(first_index, found[0])

    def page(self, conditions: list[ColumnElement[bool]], cursor: str, limit: int) -> tuple[list[LogEntry], str]:
        """The entries for which conditions on the stored columns hold, newest first, and the next page's cursor.

        Raises:
            NoSuchEntry: The cursor or the limit is none.
            LedgerCorrupt: An entry does not fit its leaf hash.
        """
        if not 1 <= limit <= LARGEST_PAGE or (cursor and not _CURSOR.fullmatch(cursor)):
            raise NoSuchEntry("there is no such page")
        if cursor:
            conditions = [*conditions, ENTRIES.c.leaf_index < int(cursor)]
        query = select(*_SHOWN).where(*conditions).order_by(ENTRIES.c.leaf_index.desc()).limit(limit + 1)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        entries = [self._open(row) for row in rows[:limit]]
        return entries, str(entries[-1].leaf_index) if len(rows) > limit else ""

    def _open(self, row: "Row[Any]") -> LogEntry:
        leaf = bytes(row.hashes[:HASH_SIZE])
        person = None if row.person is None else bytes(row.person)
        account, personal = self._bodies.open(row.leaf_index, leaf, bytes(row.accountability), person)
        entry = LogEntry(
            leaf_index=int(row.leaf_index),
            leaf_hash=leaf,
            time_ms=int(row.time_ms),
            kind=str(row.kind),
            accountability=account.body,
            accountability_salt=account.salt,
            person=personal.body,
            person_salt=personal.salt,
            erased_digest=personal.erased_digest,
        )
        if account.erased_digest:
            return self._pruned(row, replace(entry, pruned_digest=account.erased_digest))
        # The columns in the clear serve look-ups only; what counts is what the leaf commits to.
        said = tuple(entry.account.get(name) for name in ("kind", "time_ms", "department", "request"))
        if said != (entry.kind, entry.time_ms, row.department, row.request_index):
            raise LedgerCorrupt("a stored column does not fit its entry", leaf_index=entry.leaf_index)
        return entry

    def _pruned(self, row: "Row[Any]", entry: LogEntry) -> LogEntry:
        """An entry without a body: in order only if an entry `log_pruned` covers it. Fails closed."""
        under = self.prunings.covering(entry.leaf_index)
        if under is None:
            raise LedgerCorrupt("a body is missing and no entry log_pruned covers it", leaf_index=entry.leaf_index)
        if (entry.kind, row.department, row.request_index, entry.person) != (PRUNED, None, None, b""):
            raise LedgerCorrupt("a stored column does not fit its entry", leaf_index=entry.leaf_index)
        return replace(entry, pruned_under=under.index)

    def _settled(self) -> int:
        with self._engine.connect() as connection:
            found = connection.execute(select(_MARKS.c.value).where(_MARKS.c.name == _SETTLED)).scalar()
        return int(found or 0)

    def _settle(self, below: int) -> None:
        insert = insert_postgresql if self._engine.dialect.name == "postgresql" else insert_sqlite
        statement = insert(_MARKS).values(name=_SETTLED, value=below)
        with self._engine.begin() as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[_MARKS.c.name],
                    set_={"value": statement.excluded.value},
                    where=_MARKS.c.value < statement.excluded.value,
                )
            )


def _end(connection: Connection) -> int:
    newest = connection.exec_driver_sql("SELECT max(leaf_index) FROM audit_entries").scalar()
    return 0 if newest is None else int(newest) + 1


def _size(connection: Connection, size: int | None, begins: int) -> int:
    if size is not None:
        if size > _LARGEST_SIZE:
            raise NoSuchEntry("the log has no such tree")
        return size
    found = read_checkpoint(connection, begins)
    return 0 if found is None else found[0]


def _hashes(connection: Connection) -> HashSource:
    return row_hashes(lambda index: read_hashes(connection, index))
