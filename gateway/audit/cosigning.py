"""The log's side of having its heads cosigned: what is asked for, what is published, and how fresh that is.

A log with witnesses publishes only heads that a quorum of them has cosigned, and `require` refuses once the last such
head is older than `stop_after_s`. Who asks the witnesses, and how, is for somebody else (`gateway.witnesses`), who is
told of each head and brings it back. Fails closed: what was never cosigned is not fresh.

At a start freshness comes from the newest stored head, if it has the quorum that is set: from when it was kept, by
the gateway's clock. So a gateway that starts while its witnesses are down goes on for as long as it would have gone on
without the restart, and not a second longer.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, select

from gateway.audit.checkpoints import Checkpoints
from gateway.audit.epochs import Lineage
from gateway.audit.errors import AuditError, LedgerCorrupt
from gateway.audit.ports import Clock
from gateway.audit.store import CHECKPOINTS, read_hashes
from gateway.audit.tree import root_at, row_hashes
from gateway.audit.writer import Writer
from keys.errors import BadCheckpoint
from keys.log.cosignatures import Quorum, open_cosigned
from keys.log.merkle import consistency_path
from keys.log.notes import NoteVerifier

_CLOCKS_DIFFER_MS: Final = 60_000
"""How far in the future a stored time may lie and still be believed; beyond it the clock was set."""


class NotCosigned(AuditError):
    """No head of the log was cosigned for too long, so nothing may be released. Fails closed; recovers by itself."""


@dataclass(frozen=True, slots=True)
class Witnessing:
    """What a log asks of its witnesses.

    Attributes:
        quorum: Whom, and how many of them it takes.
        stop_after_s: How old the newest cosigned head may become.
    """

    quorum: Quorum
    stop_after_s: float


class Cosigning:
    """A log's dealings with whoever asks its witnesses. Calls read on pooled connections and block but for `require`.

    Args:
        engine: The database.
        writer: Signs and publishes.
        checkpoints: Its heads.
        clock: Tells the time.
        asks: What is asked of the witnesses.
        lineage: Its epochs.
        public_key: Its verifier key in the newest of them.
    """

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        checkpoints: Checkpoints,
        clock: Clock,
        asks: Witnessing,
        lineage: Lineage,
        public_key: str,
    ) -> None:
        self._engine = engine
        self._writer = writer
        self._checkpoints = checkpoints
        self._clock = clock
        self.asks = asks
        self.lineage = lineage
        self.origin = lineage.origin
        self.statements = lineage.notes
        self.public_key = public_key
        self._until_s: float | None = None
        self._lock = threading.Lock()

    def listen(self, told: Callable[[str, int], None] | None) -> None:
        """Have every head that is to be cosigned told, in the writer's thread: signed note and size; None ends it."""
        self._checkpoints.ask = told

    def begin(self) -> None:
        """Believe what was published before, if the witnesses asked now have cosigned it.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The database cannot be read.
        """
        newest = self.newest()
        if newest is None:
            return
        _, kept_ms, note = newest
        if not self.accepts(note):
            return
        age_ms = self._clock.now_ms() - kept_ms
        if age_ms >= -_CLOCKS_DIFFER_MS:
            self._fresh(max(0, age_ms) / 1000)

    def accepts(self, note: str) -> bool:
        """Whether a head is this log's, in its newest epoch, and cosigned by enough of the witnesses asked now."""
        try:
            open_cosigned(note, NoteVerifier(self.public_key), self.origin, self.asks.quorum)
        except BadCheckpoint:
            return False
        return True

    async def keep(self, note: str) -> None:
        """Publish a head that enough witnesses have cosigned.

        Raises:
            BadCheckpoint: It is not this log's, or too few have.
            LedgerUnavailable: It is not known to be durable.
        """
        await asyncio.wrap_future(self._writer.keep_cosigned(note))
        self._fresh(0.0)

    def require(self) -> None:
        """Accept by returning while the newest cosigned head is fresh. Fails closed.

        Raises:
            NotCosigned: It is too old, or there is none.
        """
        until_s = self._until_s
        if until_s is None or self._clock.monotonic_s() >= until_s:
            raise NotCosigned("no head was cosigned for too long")

    def age_s(self) -> float | None:
        """How long ago a head was last cosigned by enough; None for never."""
        until_s = self._until_s
        return None if until_s is None else max(0.0, self._clock.monotonic_s() - until_s + self.asks.stop_after_s)

    def newest(self) -> tuple[int, int, str] | None:
        """Size, time kept (Unix ms) and note of the newest published head."""
        query = select(CHECKPOINTS.c.size, CHECKPOINTS.c.time_ms, CHECKPOINTS.c.note)
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(CHECKPOINTS.c.size.desc()).limit(1)).first()
        return None if found is None else (int(found[0]), int(found[1]), str(found[2]))

    def root(self, size: int) -> bytes | None:
        """The root of the first entries; None when there are not so many.

        Raises:
            LedgerCorrupt: A tree hash is missing.
        """
        with self._engine.connect() as connection:
            get = row_hashes(lambda index: read_hashes(connection, index))
            try:
                if size:
                    get(0, size - 1)
            except LookupError:
                return None
            try:
                return root_at(size, get)
            except LookupError as error:
                raise LedgerCorrupt("a tree hash is missing", size=size) from error

    def proof(self, old: int, new: int) -> list[bytes]:
        """The proof that the log of the one size begins with that of the other.

        Raises:
            LedgerCorrupt: A tree hash is missing.
            BadProof: The older is larger.
        """
        with self._engine.connect() as connection:
            try:
                return consistency_path(row_hashes(lambda index: read_hashes(connection, index)), old, new)
            except LookupError as error:
                raise LedgerCorrupt("a tree hash is missing", size=new) from error

    def sign_again(self) -> None:
        """Read what other processes wrote, and have a new head told."""
        self._writer.sign_again()

    def believe(self, kept_ms: int) -> None:
        """Another gateway on this database published a head that has the quorum."""
        self._fresh(max(0, self._clock.now_ms() - kept_ms) / 1000)

    def condemn(self, error: LedgerCorrupt) -> None:
        """Take no entries from now on: this log is not the one that the witnesses saw."""
        self._writer.condemn(error)

    def _fresh(self, age_s: float) -> None:
        until_s = self._clock.monotonic_s() - age_s + self.asks.stop_after_s
        with self._lock:
            self._until_s = until_s if self._until_s is None else max(self._until_s, until_s)
