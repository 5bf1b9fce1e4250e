"""The ledger that the gateway uses: append, publish, prove, read, erase, export.

`append` returns only when the entry is durable and carries the log's signed promise; if it raises, nothing may be
released on the entry's account. What is promised stays: a restart continues behind the last entry, and a stored log
that does not fit what was promised is refused (`recover.py`).
"""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine

from gateway.audit.accesses import EVERYTHING, Accesses, Wanted
from gateway.audit.bodies import Bodies, LedgerKeys
from gateway.audit.checkpoints import Checkpoints
from gateway.audit.cosigning import Cosigning, Witnessing
from gateway.audit.entries import EntryDraft, Recorded
from gateway.audit.epochs import Lineage
from gateway.audit.erase import erase_person_part
from gateway.audit.errors import LedgerUnavailable
from gateway.audit.export import write_export
from gateway.audit.fsck import Fsck
from gateway.audit.joins import Joins
from gateway.audit.ports import Clock, PromiseEncoder
from gateway.audit.prunings import Prunings
from gateway.audit.published import Published
from gateway.audit.reader import Reader
from gateway.audit.retention.holds import Holds
from gateway.audit.retention.plan import Planner, References
from gateway.audit.retention.prune import Prune, Step
from gateway.audit.review.review import Review
from gateway.audit.store import open_store
from gateway.audit.views import AccessPage, ConsistencyProof, EntryPage, InclusionProof, LogEntry
from gateway.audit.waiting import Waiting
from gateway.audit.writer import Writer


class SqlLedger:
    """The access log in a database.

    Args:
        engine: The database; its commits must be durable (checked at start).
        keys: The log's secrets.
        origin: The log's name in its first epoch: first line of its checkpoints, scope of its promises, and in every
            epoch what its sealed parts are bound to.
        clock: Tells the time.
        promise_encoder: Writes a promise's body from leaf index, leaf hash and request digest.
        anchor: File outside the database that keeps the newest checkpoint, so that a database put back from a backup
            is noticed; None for none.
        lineage: The log's epochs, when it is not in its first; `keys.note` is the newest one's.
        held: Why nothing may be written, for a log that was restored; empty for no reason.
        witnessing: What is asked of witnesses before a head is published; None when the log has none.
    """

    def __init__(
        self,
        engine: Engine,
        keys: LedgerKeys,
        origin: str,
        clock: Clock,
        promise_encoder: PromiseEncoder,
        anchor: Path | None = None,
        *,
        lineage: Lineage | None = None,
        held: str = "",
        witnessing: Witnessing | None = None,
    ) -> None:
        bodies = Bodies(keys, origin)
        lineage = lineage or Lineage(origin)
        checkpoints = Checkpoints(keys.note, lineage, anchor, witnessing.quorum if witnessing else None)
        self._held = held
        self._engine = engine
        self._clock = clock
        self._writer = Writer(
            lambda: open_store(engine),
            bodies,
            keys.promise,
            lineage.origin,
            clock,
            promise_encoder,
            checkpoints,
        )
        self._reader = Reader(engine, bodies, lineage.begins)
        self._accesses = Accesses(self._reader, bodies)
        self._bodies = bodies
        self._anchor = anchor
        self.published = Published(engine, bodies, lineage.begins)
        """Heads and tiles, for everyone."""
        self.review = Review(engine, self._reader, bodies)
        """Search and statistics, and the tables derived for them."""
        self.joins = Joins(engine, bodies, self._reader)
        """Which entries belong together."""
        self.lineage = lineage
        """The log's epochs, with the statements that began them."""
        self.origin = lineage.origin
        self.public_key = keys.note.vkey
        """Verifier key of the checkpoints (C2SP signed note), to hand to auditors and nodes."""
        self.cosigning: Cosigning | None = None
        """What has to do with witnesses; None when the log has none."""
        if witnessing is not None:
            self.cosigning = Cosigning(engine, self._writer, checkpoints, clock, witnessing, lineage, self.public_key)

    def start(self) -> None:
        """Check the stored log and open it for writing.

        Raises:
            LedgerCorrupt: The stored log is not the one that was promised. Fails closed.
            LedgerUnavailable: The storage cannot be read, or the log was restored and must not go on as it is.
        """
        self._start()
        if self.cosigning is not None:
            self.cosigning.begin()

    def require_cosigned(self) -> None:
        """Accept by returning while a head was cosigned lately enough, or the log has no witnesses. Fails closed.

        Raises:
            NotCosigned: None was.
        """
        if self.cosigning is not None:
            self.cosigning.require()

    def stop(self) -> None:
        """Write what waits, publish the last checkpoint and close. Appends from now on are refused."""
        self._writer.stop()

    async def append(self, draft: EntryDraft) -> Recorded:
        """Record an entry. Many callers at once share one commit and one signature.

        A caller that is cancelled has its entry recorded all the same.

        Raises:
            BadEntry: The draft cannot be recorded.
            AlreadyRecorded: The draft's unique name is taken; nothing was written.
            RiderRefused: A count or a rider of the draft does not allow it; nothing was written.
            LedgerUnavailable: The entry is not known to be durable: release nothing. Fails closed.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Recorded] = loop.create_future()
        self._writer.submit(Waiting(draft, self._clock.now_ms(), loop, future))
        return await future

    def append_blocking(self, draft: EntryDraft) -> Recorded:
        """Record an entry from a thread without an event loop; opens the log for writing if that was not done yet.

        Raises:
            BadEntry: The draft cannot be recorded.
            AlreadyRecorded: The draft's unique name is taken; nothing was written.
            RiderRefused: A count or a rider of the draft does not allow it; nothing was written.
            LedgerCorrupt: The stored log is not the one that was promised.
            LedgerUnavailable: The entry is not known to be durable: release nothing. Fails closed.
        """
        self._start()
        waiting = Waiting(draft, self._clock.now_ms(), done=threading.Event())
        self._writer.submit(waiting)
        if waiting.done is not None:
            waiting.done.wait()
        if isinstance(waiting.result, Recorded):
            return waiting.result
        raise waiting.result or LedgerUnavailable("the log gave no answer")

    def token(self, about: bytes) -> bytes:
        """The keyed token, 16 bytes, under which entries about somebody are found.

        Args:
            about: As given in `EntryDraft.about`.
        """
        return self._bodies.token(about)

    def _start(self) -> None:
        if self._held:
            raise LedgerUnavailable(self._held)
        self._writer.start()

    def counted(self, name: str) -> int:
        """A counter's number as it is durable; 0 when nothing was counted under the name, or it was forgotten."""
        return self._reader.counted(name)

    def size(self) -> int:
        """Number of durable entries."""
        return self._reader.size()

    def checkpoint(self) -> str:
        """The newest checkpoint, at most a second behind the newest entry. See `Reader.checkpoint`."""
        return self._reader.checkpoint()

    def inclusion(self, index: int, size: int | None = None) -> InclusionProof:
        """Proof that an entry is in the log. See `Reader.inclusion`."""
        return self._reader.inclusion(index, size)

    def consistency(self, old: int, new: int | None = None) -> ConsistencyProof:
        """Proof that the log only grew. See `Reader.consistency`."""
        return self._reader.consistency(old, new)

    def entry(self, index: int) -> LogEntry:
        """One entry. See `Reader.entry`."""
        return self._reader.entry(index)

    def entries(self, *, kind: str = "", department: str = "", cursor: str = "", limit: int = 50) -> EntryPage:
        """Entries, newest first. See `Reader.entries`."""
        return self._reader.entries(kind=kind, department=department, cursor=cursor, limit=limit)

    def accesses(
        self, person_id: bytes, wanted: Wanted = EVERYTHING, *, cursor: str = "", limit: int = 50
    ) -> AccessPage:
        """Who asked for one person's data, newest first. See `accesses.py`."""
        return self._accesses.page(person_id, wanted, cursor=cursor, limit=limit)

    def indexes_about(self, person_id: bytes, kind: str, start: int, end: int | None = None) -> list[int]:
        """Indexes of the entries of one rare kind about one person. See `Reader.indexes_about`."""
        return self._reader.indexes_about(person_id, kind, start, end)

    def walk(self, start: int, end: int) -> Iterator[list[LogEntry]]:
        """Entries in [start, end), oldest first, in batches. See `Reader.walk`."""
        return self._reader.walk(start, end)

    def dangling(self, before_ms: int) -> list[LogEntry]:
        """The `asked` entries that a crash left without an outcome. See `Reader.dangling`."""
        return self._reader.dangling(before_ms)

    def outcome_of(self, index: int) -> str:
        """The kind of the outcome that closes an `asked` entry; empty while it is open. See `Reader.outcome_of`."""
        return self._reader.outcome_of(index)

    def closing(self, index: int) -> int | None:
        """Index of the outcome that closes an `asked` entry; None while it is open. See `Reader.closing`."""
        return self._reader.closing(index)

    def export_batches(self, first_index: int = 0) -> tuple[str, Iterator[list[LogEntry]]]:
        """The newest checkpoint and, in batches, every entry that it covers. See `Reader.export_batches`."""
        return self._reader.export_batches(first_index)

    def erase_person_part(self, index: int, reason: str) -> Recorded:
        """Erase an entry's person part for good; its place in the log stays verifiable. See `erase.py`."""
        return erase_person_part(self._engine, self._reader, self.append_blocking, index, reason)

    def planner(self, references: References) -> Planner:
        """Finds what may be pruned. See `retention/plan.py`."""
        return Planner(self._engine, self._reader, references)

    def prune(self, step: Step = lambda _what: None) -> Prune:
        """Destroys what entries said whose retention has ended. See `retention/prune.py`."""
        return Prune(
            self._engine, self._reader, self._bodies, self.published, self.review.indexer, self.append_blocking, step
        )

    def holds(self) -> Holds:
        """Legal holds. See `retention/holds.py`."""
        return Holds(self._reader, self.append_blocking)

    @property
    def prunings(self) -> Prunings:
        """What the log says of its own pruning."""
        return self._reader.prunings

    def fsck(self) -> Fsck:
        """A check of everything that is stored. See `fsck.py`."""
        return Fsck(self._engine, self._bodies, self.public_key, self._anchor, self.lineage)

    def export(self, directory: Path) -> int:
        """Write a copy of the published log that can be verified offline. See `export.py`."""
        return write_export(self._reader, directory)
