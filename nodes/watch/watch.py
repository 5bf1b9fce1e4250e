"""One look at the log: the newest checkpoint must be signed, must continue the one seen before, and must keep promises.

In order: verify the note → compare with the checkpoint kept (smaller: shrunk; equal size: equal root; larger: a proof
of consistency, RFC 6962 section 2.1.2) → for each promise, a proof of inclusion under the new root → keep the note.

Which way it fails: closed. A contradiction is written down as evidence, the kept checkpoint stays, and `LedgerBroken`
is raised now and at every later look until a person takes the evidence away. A gateway that does not answer proves
nothing and is no contradiction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keys.errors import BadProof, KeysError
from keys.log.checkpoints import open_checkpoint
from keys.log.merkle import verify_consistency, verify_inclusion
from keys.log.notes import NoteVerifier
from nodes.clock import Clock
from nodes.enrolment.errors import HomeInvalid, RequestRefused
from nodes.enrolment.home import Home
from nodes.watch.broken import Broken, LedgerBroken
from nodes.watch.kept import CheckpointFiles, KeptCheckpoint
from nodes.watch.source import LogSource

PUBLISHED_MS = 60_000
"""A promised entry is under a checkpoint within a second; one that is not after a minute was not kept."""


@dataclass(frozen=True, slots=True)
class Promised:
    """A promise that the ledger signed.

    Args:
        leaf_index: Position of the entry.
        leaf_hash: Its leaf hash.
        seen_ms: When the promise was received.
    """

    leaf_index: int
    leaf_hash: bytes
    seen_ms: int


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What one look found.

    Args:
        size: Entries in the log now.
        earlier_size: Entries when it was looked at before; None the first time.
        promises_kept: How many promises were found kept.
        promises_waiting: How many are too fresh to be under a checkpoint.
    """

    size: int
    earlier_size: int | None
    promises_kept: int
    promises_waiting: int


class LedgerWatch:
    """Watches the log for one member.

    Args:
        home: The member's enrolled home; checkpoint and evidence are kept there.
        clock: Tells the time.
    """

    def __init__(self, home: Home, clock: Clock) -> None:
        self._home = home
        self._clock = clock
        self._files = CheckpointFiles(home)

    def ready(self) -> None:
        """Accepts by returning that no conflict is unresolved.

        Raises:
            LedgerBroken: CONFLICT_KEPT when there is one.
        """
        if self._files.conflicting:
            raise LedgerBroken(Broken.CONFLICT_KEPT, "see ledger-conflict.json in the home")

    async def look(self, log: LogSource, promises: Sequence[Promised] = ()) -> WatchReport:
        """Looks at the log once.

        Args:
            log: Where it is read.
            promises: Promises to check.

        Returns:
            What was found.

        Raises:
            LedgerBroken: The log contradicts itself, or a conflict is unresolved.
            HomeInvalid: The home, or the kept checkpoint, is damaged.
            RequestRefused: The gateway refused.
            GatewayUnreachable: No answer.
        """
        self.ready()
        trust = self._home.trust()
        verifier = _verifier(trust.ledger_key)
        seen = self._files.newest(verifier, trust.log_origin)
        note = await log.checkpoint()
        try:
            report = await self._compare(log, _open(note, verifier, trust.log_origin), seen, promises)
        except LedgerBroken as broken:
            self._files.keep_conflict(
                broken.code, broken.detail, "" if seen is None else seen.note, note, self._clock.now_ms()
            )
            raise
        self._files.keep(note)
        return report

    async def _compare(
        self, log: LogSource, shown: KeptCheckpoint, seen: KeptCheckpoint | None, promises: Sequence[Promised]
    ) -> WatchReport:
        new = shown.checkpoint
        if seen is not None:
            await _continues(log, seen, shown)
        kept = waiting = 0
        for promise in promises:
            if promise.leaf_index >= new.size:
                if self._clock.now_ms() - promise.seen_ms > PUBLISHED_MS:
                    raise LedgerBroken(Broken.PROMISE_BROKEN, f"entry {promise.leaf_index} of {new.size}")
                waiting += 1
                continue
            await _included(log, promise, shown)
            kept += 1
        return WatchReport(new.size, None if seen is None else seen.checkpoint.size, kept, waiting)


async def _continues(log: LogSource, seen: KeptCheckpoint, shown: KeptCheckpoint) -> None:
    """Accepts by returning that the log shown continues the log seen."""
    old, new = seen.checkpoint, shown.checkpoint
    sizes = f"from {old.size} to {new.size} entries"
    if new.size < old.size:
        raise LedgerBroken(Broken.LOG_SHRUNK, sizes)
    path: tuple[bytes, ...] = ()
    if 0 < old.size < new.size:
        try:
            path = await log.consistency(old.size, new.size)
        except RequestRefused as refused:
            if not _cannot_prove(refused):
                raise
            raise LedgerBroken(Broken.LOG_REWRITTEN, f"{sizes}: no proof") from refused
    try:
        verify_consistency(old.size, old.root, new.size, new.root, path)
    except BadProof as error:
        raise LedgerBroken(Broken.LOG_REWRITTEN, sizes) from error


async def _included(log: LogSource, promise: Promised, shown: KeptCheckpoint) -> None:
    """Accepts by returning that the promised entry is in the log shown."""
    place = f"entry {promise.leaf_index} of {shown.checkpoint.size}"
    try:
        path = await log.inclusion(promise.leaf_index, shown.checkpoint.size)
        verify_inclusion(promise.leaf_hash, promise.leaf_index, shown.checkpoint.size, path, shown.checkpoint.root)
    except BadProof as error:
        raise LedgerBroken(Broken.PROMISE_BROKEN, place) from error
    except RequestRefused as refused:
        if not _cannot_prove(refused):
            raise
        raise LedgerBroken(Broken.PROMISE_BROKEN, f"{place}: no proof") from refused


def _cannot_prove(refused: RequestRefused) -> bool:
    """Whether a refusal says that there is no such proof, rather than that the gateway cannot serve now."""
    return refused.status in {"INVALID_ARGUMENT", "NOT_FOUND"}


def _open(note: str, verifier: NoteVerifier, origin: str) -> KeptCheckpoint:
    try:
        return KeptCheckpoint(note, open_checkpoint(note, verifier, origin))
    except KeysError as error:
        raise LedgerBroken(Broken.LOG_UNSIGNED) from error


def _verifier(vkey: str) -> NoteVerifier:
    try:
        return NoteVerifier(vkey)
    except KeysError as error:
        raise HomeInvalid("trust.json", "ledger_key is not a verifier key") from error
