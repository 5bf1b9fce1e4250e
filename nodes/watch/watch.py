"""One look at the log: the newest checkpoint must be signed, must continue the one seen before, and must keep promises.

In order: where the log is shown under another epoch's name, follow it there as its custodians say (`epochs.py`) →
verify the note → compare with the checkpoint kept (smaller: shrunk; equal size: equal root; larger: a proof of
consistency, RFC 6962 section 2.1.2) → for each promise that is not listed as lost, a proof of inclusion under the new
root → where the member demands witnesses, their cosignatures (`witnessed.py`) → keep the note.

Which way it fails: closed. A contradiction is written down as evidence, the kept checkpoint stays, and `LedgerBroken`
is raised now and at every later look until a person takes the evidence away. A gateway that does not answer proves
nothing and is no contradiction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keys.errors import BadProof, KeysError
from keys.log.checkpoints import open_checkpoint
from keys.log.cosignatures import claimed_times
from keys.log.epochs import epoch_number
from keys.log.merkle import verify_inclusion
from keys.log.notes import NoteVerifier
from nodes.clock import Clock
from nodes.enrolment.errors import HomeInvalid, RequestRefused
from nodes.enrolment.home import Home
from nodes.watch.broken import Broken, LedgerBroken
from nodes.watch.continuity import cannot_prove, continues
from nodes.watch.epochs import EpochFollower, Followed, PromisesSince, other_epoch
from nodes.watch.kept import CheckpointFiles, KeptCheckpoint
from nodes.watch.lost import LostPromises, Promised
from nodes.watch.source import LogSource
from nodes.watch.witnessed import require_cosigned

PUBLISHED_MS = 60_000
"""A promised entry is under a checkpoint within a second; one that is not after a minute was not kept."""

COSIGNED_MS = 360_000
"""The same between a promise and a later cosignature, whose clock may be five minutes off."""

STALLED_MS = 86_400_000
"""How long a log with witnesses may publish nothing while promises wait: they may be down; that contradicts nothing."""


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What one look found.

    Args:
        size: Entries in the log now.
        earlier_size: Entries when it was looked at before; None the first time.
        promises_kept: How many promises were found kept.
        promises_waiting: How many are too fresh to be under a checkpoint.
        followed: The number of the epoch into which the log was followed at this look; None when it was not.
        promises_lost: How many promises turned out lost with that.
    """

    size: int
    earlier_size: int | None
    promises_kept: int
    promises_waiting: int
    followed: int | None = None
    promises_lost: int = 0


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
        self._lost = LostPromises(home)
        self._follower = EpochFollower(home, self._lost)

    def ready(self) -> None:
        """Accepts by returning that no conflict is unresolved.

        Raises:
            LedgerBroken: CONFLICT_KEPT when there is one.
        """
        if self._files.conflicting:
            raise LedgerBroken(Broken.CONFLICT_KEPT, "see ledger-conflict.json in the home")

    async def look(
        self, log: LogSource, promises: Sequence[Promised] = (), promises_since: PromisesSince = lambda _: ()
    ) -> WatchReport:
        """Looks at the log once.

        Args:
            log: Where it is read.
            promises: Promises to check.
            promises_since: All promises kept about entries from an index on, to list what is lost with an epoch.

        Returns:
            What was found.

        Raises:
            LedgerBroken: The log contradicts itself, or a conflict is unresolved.
            NotCosigned: The member demands witnesses, and too few have cosigned lately; nothing is kept.
            HomeInvalid: The home, or the kept checkpoint, is damaged.
            RequestRefused: The gateway refused.
            GatewayUnreachable: No answer.
        """
        self.ready()
        trust = self._home.trust()
        verifier = _verifier(trust.ledger_key)
        seen = self._files.newest(verifier, trust.log_origin)
        note = await log.checkpoint()
        followed: Followed | None = None
        try:
            if other_epoch(note, trust):
                followed = await self._follower.follow(log, note, seen, promises_since, promises)
                trust = followed.trust
                verifier = _verifier(trust.ledger_key)
                seen = self._files.newest(verifier, trust.log_origin)
            report = await self._compare(log, _open(note, verifier, trust.log_origin), seen, promises)
        except LedgerBroken as broken:
            self._files.keep_conflict(
                broken.code, broken.detail, "" if seen is None else seen.note, note, self._clock.now_ms()
            )
            raise
        require_cosigned(note, trust, self._clock.now_ms())
        self._files.keep(note, trust.log_origin)
        if followed is None:
            return report
        return replace(report, followed=epoch_number(trust.log_origin), promises_lost=followed.lost)

    async def _compare(
        self, log: LogSource, shown: KeptCheckpoint, seen: KeptCheckpoint | None, promises: Sequence[Promised]
    ) -> WatchReport:
        new = shown.checkpoint
        before = self._follower.begins(self._home.trust()) if seen is None else seen.checkpoint
        if before is not None:
            await continues(log, before, new)
        kept = waiting = 0
        lost = {(one.promised.leaf_index, one.promised.leaf_hash) for one in self._lost.read()}
        found: set[tuple[int, bytes]] = set()
        for promise in promises:
            entry = (promise.leaf_index, promise.leaf_hash)
            if entry in lost or self._follower.lost(promise):
                continue
            if promise.leaf_index >= new.size:
                self._still_waits(promise, shown)
                waiting += 1
                continue
            if entry not in found:
                # Several releases may have come of one request, and so of one entry.
                await _included(log, promise, shown)
                found.add(entry)
            kept += 1
        return WatchReport(new.size, None if seen is None else seen.checkpoint.size, kept, waiting)

    def _still_waits(self, promise: Promised, shown: KeptCheckpoint) -> None:
        """Accepts by returning a promise whose entry no checkpoint can be asked to cover yet.

        A log with witnesses publishes nothing while they are down; then its newest checkpoint is older than the
        promise, as its cosignatures say. Should they be made up, the promise is held against the log a day later.
        """
        age_ms = self._clock.now_ms() - promise.seen_ms
        times = claimed_times(shown.note)
        late = age_ms > PUBLISHED_MS
        if times:
            late = min(times) * 1000 - promise.seen_ms > COSIGNED_MS or age_ms > STALLED_MS
        if late:
            size = shown.checkpoint.size
            raise LedgerBroken(Broken.PROMISE_BROKEN, f"entry {promise.leaf_index} of {size}")


async def _included(log: LogSource, promise: Promised, shown: KeptCheckpoint) -> None:
    """Accepts by returning that the promised entry is in the log shown."""
    place = f"entry {promise.leaf_index} of {shown.checkpoint.size}"
    try:
        path = await log.inclusion(promise.leaf_index, shown.checkpoint.size)
        verify_inclusion(promise.leaf_hash, promise.leaf_index, shown.checkpoint.size, path, shown.checkpoint.root)
    except BadProof as error:
        raise LedgerBroken(Broken.PROMISE_BROKEN, place) from error
    except RequestRefused as refused:
        if not cannot_prove(refused):
            raise
        raise LedgerBroken(Broken.PROMISE_BROKEN, f"{place}: no proof") from refused


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
