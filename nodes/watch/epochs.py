"""Following a log into a new epoch: because its custodians say so, and in no other way.

The gateway shows the log under another name of it. In order: the statements of all its epochs must make a chain; from
the key that is pinned here one of them must lead on, and from each to the next; each that is followed must be signed by
enough of the custodians pinned here; the last head named of the ended epoch must be at least the one that was seen; the
new head must be signed by the newest epoch's key and continue the restored heads, and the head that was seen as far as
its entries were restored. Then the lost promises are written down, the statements are kept, and last of all the pinned
key changes: a crash in between repeats it all. Until a checkpoint of the new epoch is kept, the restored head stands
for one.

Which way it fails: closed. Whatever does not fit is a contradiction of the log (`LedgerBroken`), with the evidence kept
by the caller. A statement cannot prove that a head smaller than the last one belonged to the same log, when the entries
in between are lost; that head stays in the home as evidence.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from keys.errors import BadCheckpoint, BadEpoch, HeadHidden, TooFewCustodians
from keys.log.checkpoints import Checkpoint, open_checkpoint
from keys.log.custodians import Custodians, read_unsigned
from keys.log.epochs import Chain, EpochStatement, epoch_number, first_name
from keys.log.notes import NoteVerifier
from nodes.enrolment.errors import HomeInvalid, RequestRefused
from nodes.enrolment.home import Home, Trust
from nodes.enrolment.private_files import PUBLIC, make_folder, read_public, write_whole
from nodes.watch.broken import Broken, LedgerBroken
from nodes.watch.continuity import cannot_prove, continues
from nodes.watch.kept import KeptCheckpoint
from nodes.watch.lost import LostPromises, Promised
from nodes.watch.source import LogSource

FOLDER: Final = "ledger-epochs"
PromisesSince = Callable[[int], Sequence[Promised]]
"""The promises kept here about entries from an index on."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Followed:
    """A log that was followed into a new epoch.

    Attributes:
        trust: What is believed from now on; stored.
        lost: Promises of entries that are lost.
    """

    trust: Trust
    lost: int


def other_epoch(note: str, trust: Trust) -> bool:
    """Whether a checkpoint, not verified, is of the same log under another epoch's name."""
    origin = note.partition("\n")[0]
    return origin != trust.log_origin and first_name(origin) == first_name(trust.log_origin)


class EpochFollower:
    """Follows the log for one member.

    Args:
        home: The member's enrolled home.
        lost: Where lost promises are listed.
    """

    def __init__(self, home: Home, lost: LostPromises) -> None:
        self._home = home
        self._lost = lost
        self._folder = home.path / FOLDER

    async def follow(
        self,
        source: LogSource,
        note: str,
        seen: KeptCheckpoint | None,
        promises_since: PromisesSince,
        at_hand: Sequence[Promised] = (),
    ) -> Followed:
        """Follow the log into the epoch of a checkpoint.

        Args:
            source: Where the log is read.
            note: The checkpoint shown, of another epoch than the one pinned.
            seen: The newest checkpoint seen of the pinned epoch; None when none was.
            promises_since: The promises kept here.
            at_hand: Promises that are to be checked at this look.

        Returns:
            What is believed from now on.

        Raises:
            LedgerBroken: The statements do not explain it.
            HomeInvalid: The home is damaged.
            RequestRefused: The gateway refused.
            GatewayUnreachable: No answer.
        """
        trust = self._home.trust()
        notes = await _statements(source)
        chain, following = self._chain(notes, trust)
        self._signed(trust, notes[-len(following) :])
        shown = _shown(note, following[-1])
        if seen is not None:
            _owned_up(following[0], seen.checkpoint)
        await _continued(source, chain, following[0], seen, shown)
        kept = chain.kept(following[0].number - 1) or 0
        promises = [*await asyncio.to_thread(promises_since, kept), *at_hand]
        # All of them were made in an ended epoch: one of the new epoch does not verify before it is followed.
        entries = {(one.leaf_index, one.leaf_hash): one for one in reversed(promises) if one.leaf_index >= kept}
        gone = list(entries.values())
        self._lost.add(following[0].number, gone)
        make_folder(self._folder)
        for statement, signed in zip(following, notes[-len(following) :], strict=True):
            write_whole(self._folder / f"epoch-{statement.number}", signed.encode(), PUBLIC)
        newest = following[-1]
        # Read again: a renewal may have stored other trust meanwhile. Nothing is awaited in between.
        trust = replace(self._home.trust(), ledger_key=newest.key)
        self._home.write_trust(trust)
        log.warning(
            "ledger_epoch_followed", epoch=newest.number, entries_lost=following[0].lost, promises_lost=len(gone)
        )
        return Followed(trust, len(gone))

    def lost(self, promised: Promised) -> bool:
        """Whether a promise of an ended epoch is about an entry that is lost, by the statements that were followed.

        Raises:
            HomeInvalid: A statement that was kept is damaged.
        """
        if not promised.origin:
            return False
        restored = []
        number = epoch_number(promised.origin) + 1
        while (statement := self._kept(number)) is not None:
            restored.append(statement.restored_size)
            number += 1
        return bool(restored) and promised.leaf_index >= min(restored)

    def begins(self, trust: Trust) -> Checkpoint | None:
        """The restored head from which the epoch goes on that is believed; None when it was not followed here.

        Raises:
            HomeInvalid: The statement that was kept is damaged.
        """
        statement = self._kept(epoch_number(trust.log_origin))
        if statement is None:
            return None
        return Checkpoint(statement.origin, statement.restored_size, statement.restored_root)

    def _kept(self, number: int) -> EpochStatement | None:
        """The statement with which an epoch was followed; None when it was not followed here."""
        file = self._folder / f"epoch-{number}"
        if not file.exists():
            return None
        try:
            return read_unsigned(read_public(file).decode("utf-8", "replace"))[0]
        except BadEpoch as error:
            raise HomeInvalid(file.name, "is damaged") from error

    def _chain(self, notes: Sequence[str], trust: Trust) -> tuple[Chain, tuple[EpochStatement, ...]]:
        try:
            chain = Chain.of([read_unsigned(one)[0] for one in notes])
            following = chain.after(trust.ledger_key)
        except BadEpoch as error:
            raise LedgerBroken(Broken.EPOCH_UNEXPLAINED, str(error)) from error
        if not following:
            raise LedgerBroken(Broken.EPOCH_UNEXPLAINED, "an ended epoch is shown")
        known = chain.statements[: len(chain.statements) - len(following)]
        kept = self._kept(known[-1].number) if known else None
        if kept is not None and kept.digest != known[-1].digest:
            raise LedgerBroken(Broken.EPOCH_UNEXPLAINED, f"epoch {known[-1].number} began with another statement")
        return chain, following

    @staticmethod
    def _signed(trust: Trust, notes: Sequence[str]) -> None:
        try:
            custodians = Custodians(trust.custodians, trust.custodians_needed)
            for one in notes:
                custodians.open(one)
        except TooFewCustodians as error:
            raise LedgerBroken(Broken.EPOCH_UNSIGNED, str(error)) from error
        except BadEpoch as error:
            raise LedgerBroken(Broken.EPOCH_UNEXPLAINED, str(error)) from error


async def _statements(source: LogSource) -> tuple[str, ...]:
    try:
        notes = await source.epochs()
    except RequestRefused as refused:
        # A gateway that will not say why its log has another name is not waited for.
        if not cannot_prove(refused) and refused.status != "UNIMPLEMENTED":
            raise
        raise LedgerBroken(Broken.EPOCH_UNEXPLAINED, "the gateway has no statements") from refused
    if not notes:
        raise LedgerBroken(Broken.EPOCH_UNEXPLAINED, "the gateway has no statements")
    return notes


def _shown(note: str, newest: EpochStatement) -> KeptCheckpoint:
    try:
        return KeptCheckpoint(note, open_checkpoint(note, NoteVerifier(newest.key), newest.origin))
    except BadCheckpoint as error:
        raise LedgerBroken(Broken.LOG_UNSIGNED, "not by the newest epoch's key") from error


def _owned_up(statement: EpochStatement, seen: Checkpoint) -> None:
    last = statement.last_head
    try:
        statement.admits(seen)
    except HeadHidden as error:
        raise LedgerBroken(
            Broken.EPOCH_HIDES, f"{seen.size} entries were seen, {last.size} are named as the last"
        ) from error
    except BadEpoch as error:
        raise LedgerBroken(Broken.EPOCH_UNEXPLAINED, str(error)) from error


async def _continued(
    source: LogSource, chain: Chain, first: EpochStatement, seen: KeptCheckpoint | None, shown: KeptCheckpoint
) -> None:
    """Accepts by returning that the log shown continues every head that it has to."""
    heads = [Checkpoint(shown.checkpoint.origin, size, root) for size, root in chain.restored()]
    if seen is not None and seen.checkpoint.size <= (chain.kept(first.number - 1) or 0):
        heads.append(seen.checkpoint)
    for head in heads:
        await continues(source, head, shown.checkpoint)
