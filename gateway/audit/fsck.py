"""Checking the stored log as a whole, every entry and every head, beside a running gateway or alone (`fsck`).

A start checks the end and the newest heads only (`recover.py`), so that it stays fast. This reads everything: each
entry opens and fits its leaf hash, each tree hash is the one that follows, each published head is signed and fits, so
do the head kept outside the database and those that the caller has kept; the columns in the clear say what the entries
say; a person part that is gone was erased by a later entry, and a whole body that is gone was pruned under one; and the
tables derived for searching hold what the log says, every row of it and no other.

It writes nothing. Results are those of `verify`: the first bad entry, with the evidence.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select

from gateway.audit.bodies import Bodies, Opened
from gateway.audit.epochs import Lineage
from gateway.audit.errors import LedgerCorrupt, NoSuchEntry
from gateway.audit.kinds import ACCESSES, PRUNED, Kind
from gateway.audit.review.comparison import Comparison
from gateway.audit.store import CHECKPOINTS, Row, StoredLog, stored_log
from gateway.audit.tree import extend
from gateway.audit.verify.epochs import Epochs
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.heads import Head, Heads
from gateway.audit.verify.pruned import Pruned
from keys import canonical
from keys.log.frontier import Frontier
from keys.log.merkle import HASH_SIZE

_ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What was checked.

    Attributes:
        origin: The log's name.
        size: Number of entries, those behind the newest head included.
        root: RFC 6962 root over them, hex.
        head_size: Size of the newest published head.
        heads: Number of sizes at which a signed head was compared.
        erased: Number of entries whose person part was erased.
        pruned: Number of entries that were pruned, each named by an entry `log_pruned`.
        searchable: Number of entries that the tables for searching hold, all as the log says.
        search_rows: Number of rows of those tables that were compared.
    """

    origin: str
    size: int
    root: str
    head_size: int
    heads: int
    erased: int
    pruned: int
    searchable: int
    search_rows: int


class Fsck:
    """Checks a stored log.

    Args:
        engine: The database.
        bodies: Opens parts.
        key: The log's verifier key.
        anchor: The head that is kept outside the database; None or no such file: none.
        lineage: The log's epochs.
    """

    def __init__(self, engine: Engine, bodies: Bodies, key: str, anchor: Path | None, lineage: Lineage) -> None:
        self._engine = engine
        self._bodies = bodies
        # Its own statements explain its own heads; whether custodians signed them is for those who hold their keys.
        self._epochs = Epochs(key, lineage.chain)
        self._anchor = anchor
        self._unexplained: set[int] = set()
        self._erased = 0
        self._pruned = Pruned()
        self._comparison = Comparison(engine, bodies)

    def run(self, earlier: Sequence[str] = (), tell: Callable[[int, int], None] | None = None) -> FsckReport:
        """Check everything. Accepts by returning; fails closed.

        Args:
            earlier: Checkpoints that the caller has kept from before.
            tell: Told how many entries of how many are checked.

        Returns:
            What was checked.

        Raises:
            VerificationFailed: Something is wrong; it names the first bad entry and carries the evidence.
            NoSuchEntry: No checkpoint was published yet.
            sqlalchemy.exc.SQLAlchemyError: The database cannot be read.
        """
        # Heads first: what is published while this runs covers entries that are read afterwards.
        heads = self._heads(earlier)
        frontier = Frontier()
        derived = self._begun()
        try:
            self._walk(heads, frontier, tell)
            heads.check_length(frontier.size)
        except VerificationFailed as failure:
            raise heads.with_proof(failure, lambda: self._leaves(heads.final.checkpoint.size)) from None
        if self._unexplained:
            raise VerificationFailed(Fault.ERASURE_UNEXPLAINED, min(self._unexplained), entries=len(self._unexplained))
        self._pruned.check()
        if self._pruned.prunings:
            self._pruned.check_roots(self._leaves(frontier.size))
        # What the log says comes before what was derived from it.
        if derived is not None:
            raise derived
        compared = self._comparison.finish()
        final = heads.final.checkpoint
        return FsckReport(
            final.origin, frontier.size, frontier.root().hex(), final.size, len(heads), self._erased,
            self._pruned.entries, compared.entries, compared.rows,
        )  # fmt: skip

    def _begun(self) -> VerificationFailed | None:
        """Begin the comparison of what was derived; what is wrong already is told when the log itself is sound."""
        try:
            self._comparison.begin()
        except VerificationFailed as failure:
            return failure
        return None

    def _heads(self, earlier: Sequence[str]) -> Heads:
        with self._engine.connect() as connection:
            notes = connection.execute(select(CHECKPOINTS.c.note).order_by(CHECKPOINTS.c.size)).scalars().all()
        if not notes:
            raise NoSuchEntry("no checkpoint was published yet")
        held = list(earlier)
        if self._anchor is not None and self._anchor.exists():
            held.append(self._anchor.read_text(encoding="utf-8", errors="replace"))
        final = self._epochs.open(str(notes[-1]), held=False)
        if final is None or final.checkpoint.origin != self._epochs.verifier.name:
            raise NoSuchEntry("no checkpoint of the newest epoch was published yet")
        others: list[Head | None] = [self._epochs.open(str(note), held=False) for note in notes[:-1]]
        others += [self._epochs.open(note, held=True) for note in held]
        return Heads(final, [*self._epochs.restored(), *(head for head in others if head is not None)])

    def _walk(self, heads: Heads, frontier: Frontier, tell: Callable[[int, int], None] | None) -> None:
        heads.check(frontier)
        while True:
            with self._reading() as log:
                size = log.size()
                rows = log.rows(frontier.size, min(frontier.size + _ROWS_AT_ONCE, size))
            if frontier.size >= size:
                return
            if not rows:
                raise VerificationFailed(Fault.ENTRY_MISSING, frontier.size)
            for row in rows:
                self._check(row, frontier)
                heads.check(frontier)
            if tell is not None:
                tell(frontier.size, size)

    def _check(self, row: Row, frontier: Frontier) -> None:
        place = frontier.size
        if row.leaf_index != place:
            raise VerificationFailed(Fault.ENTRY_MISSING, place, found_index=row.leaf_index)
        leaf = bytes(row.hashes[:HASH_SIZE])
        try:
            person = None if row.person is None else bytes(row.person)
            account, personal = self._bodies.open(place, leaf, bytes(row.accountability), person)
            said = {} if account.erased_digest else canonical.read(account.body)
        except (LedgerCorrupt, canonical.NotCanonical) as error:
            raise VerificationFailed(Fault.ENTRY_UNREADABLE, place, rule=str(error)) from error
        if account.erased_digest:
            self._check_pruned(row, personal)
            self._check_hashes(row, frontier)
            self._comparison.take(place, row.time_ms, None)
            return
        columns = (row.kind, row.time_ms, row.department, row.request_index)
        if columns != (said.get("kind"), said.get("time_ms"), said.get("department"), said.get("request")):
            raise VerificationFailed(Fault.COLUMN_CONTRADICTS, place)
        self._check_token(row, personal)
        self._check_hashes(row, frontier)
        self._comparison.take(place, row.time_ms, said)
        self._pruned.read(place, str(said["kind"]), said)
        if personal.erased_digest:
            self._erased += 1
            self._unexplained.add(place)
        if said["kind"] == Kind.PERSON_PART_ERASED and isinstance(erased := said.get("erased"), int):
            self._unexplained.discard(erased)

    @staticmethod
    def _check_hashes(row: Row, frontier: Frontier) -> None:
        if extend(frontier, bytes(row.hashes[:HASH_SIZE])) != bytes(row.hashes):
            raise VerificationFailed(Fault.TREE_HASH_WRONG, row.leaf_index)

    def _check_pruned(self, row: Row, personal: Opened) -> None:
        """Of a pruned entry nothing is left by which it could be found."""
        left = (row.department, row.request_index, row.person_token)
        if row.kind != PRUNED or left != (None, None, None) or personal.salt:
            raise VerificationFailed(Fault.COLUMN_CONTRADICTS, row.leaf_index)
        self._pruned.body_missing(row.leaf_index)

    def _check_token(self, row: Row, personal: Opened) -> None:
        """An access whose token is another's, or gone, would be missing in its person's own list."""
        if row.kind not in ACCESSES or not personal.body:
            return
        person = canonical.read(personal.body).get("person")
        if not isinstance(person, str):
            return
        token = None if row.person_token is None else bytes(row.person_token)
        if token != self._bodies.token(bytes.fromhex(person)):
            raise VerificationFailed(Fault.COLUMN_CONTRADICTS, row.leaf_index)

    def _leaves(self, end: int) -> Iterator[bytes]:
        for start in range(0, end, _ROWS_AT_ONCE):
            with self._reading() as log:
                rows = log.rows(start, min(start + _ROWS_AT_ONCE, end))
            yield from (bytes(row.hashes[:HASH_SIZE]) for row in rows)

    @contextmanager
    def _reading(self) -> Iterator[StoredLog]:
        """A connection for a moment: a reader that stays would keep the database from cleaning up behind the writer."""
        with self._engine.connect() as connection:
            yield stored_log(connection)
