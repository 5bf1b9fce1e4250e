"""Heads of a log that has ended epochs behind it: under whose key each one is, and which entries are gone.

A log that lost its end goes on under a new name and key, and a statement by its custodians says so (`keys.log.epochs`).
Without that statement a head of an ended epoch proves nothing about the newer one. With it, the head holds as far as
the entries were restored; what lies behind is named as lost. A statement that names an older last head than one that
the verifier holds hides something, and is no explanation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.heads import Head, Heads, open_head
from keys.errors import BadCheckpoint, BadEpoch, HeadHidden, TooFewCustodians
from keys.log.checkpoints import Checkpoint, open_checkpoint
from keys.log.cosignatures import Quorum
from keys.log.custodians import Custodians
from keys.log.epochs import Chain, first_name
from keys.log.notes import NoteVerifier


@dataclass(frozen=True, slots=True)
class Lost:
    """Entries that were signed in an ended epoch and are not in the log any more.

    Attributes:
        epoch: Number of the epoch that began with the statement.
        origin: Name of the epoch that ended.
        first: Where the first of them stood.
        last_size: Size of the last known head of the ended epoch.
        entries: How many they are.
        time_ms: When the statement was drawn up, Unix ms.
        reason: Why, in the custodians' words.
    """

    epoch: int
    origin: str
    first: int
    last_size: int
    entries: int
    time_ms: int
    reason: str


class Epochs:
    """The epochs of a log as a verifier knows them.

    Args:
        key: Verifier key of the newest epoch.
        chain: The statements, which the caller believes; none when none is needed.

    Attributes:
        verifier: Of the newest epoch.
        behind: Sizes of heads that the verifier brought along and whose last entries are named as lost.

    Raises:
        VerificationFailed: The statements do not lead to the newest epoch's key.
        BadCheckpoint: `key` is no verifier key.
    """

    def __init__(self, key: str, chain: Chain | None = None) -> None:
        self.verifier = NoteVerifier(key)
        self._chain = chain or Chain()
        self.behind: list[int] = []
        if self._chain.statements and self._chain.statements[-1].key != key:
            raise VerificationFailed(Fault.EPOCH_BAD, rule="the statements do not lead to the key that was given")

    def open(self, note: str, *, held: bool) -> Head | None:
        """Verify a signed head of any of the epochs.

        Args:
            note: The signed note.
            held: Whether the verifier brought it along.

        Returns:
            The head; None when its entries are among those that a statement names as lost.

        Raises:
            VerificationFailed: It is not signed by this log's key, or of an ended epoch that no statement explains or
                that its statement hides.
        """
        origin = note.partition("\n")[0]
        if origin == self.verifier.name:
            return open_head(note, self.verifier, held=held)
        ended = next((one for one in self._chain.statements if one.previous_origin == origin), None)
        if ended is None:
            if not self._chain.statements and first_name(origin) == first_name(self.verifier.name):
                raise VerificationFailed(Fault.EPOCH_UNEXPLAINED, note=note)
            return open_head(note, self.verifier, held=held)
        try:
            head = open_checkpoint(note, NoteVerifier(ended.previous_key), origin)
            ended.admits(head)
        except HeadHidden as error:
            raise VerificationFailed(
                Fault.EPOCH_HIDES, named_size=ended.last_head.size, signed_note=note, named_note=ended.last
            ) from error
        except BadCheckpoint as error:
            fault = Fault.EARLIER_CHECKPOINT_BAD if held else Fault.CHECKPOINT_BAD
            raise VerificationFailed(fault, note=note) from error
        if head.size <= (self._chain.kept(ended.number - 1) or 0):
            return Head(head, note, held)
        if held:
            self.behind.append(head.size)
        return None

    def restored(self) -> list[Head]:
        """The heads from which the epochs went on; the log has to fit them like heads that the verifier holds."""
        by_size = {one.restored_size: one for one in self._chain.statements}
        return [
            Head(Checkpoint(by_size[size].origin, size, root), by_size[size].text(), held=True, restored=True)
            for size, root in self._chain.restored()
        ]

    def heads(self, final: str, others: Iterable[str], held: Iterable[str], quorum: Quorum | None) -> Heads:
        """The heads that a log has to fit.

        Args:
            final: The signed head that covers exactly the entries.
            others: Signed heads found with the log.
            held: Signed heads that the verifier brought along.
            quorum: The witnesses who must have cosigned the newest head; None for none.

        Raises:
            VerificationFailed: See `open`.
        """
        newest = open_head(final, self.verifier, held=False)
        found = [self.open(note, held=False) for note in others] + [self.open(note, held=True) for note in held]
        return Heads(newest, [*self.restored(), *(head for head in found if head is not None)], quorum)

    def lost(self) -> list[Lost]:
        """What the statements name as lost, oldest first."""
        return [
            Lost(
                epoch=one.number,
                origin=one.previous_origin,
                first=one.restored_size,
                last_size=one.last_head.size,
                entries=one.lost,
                time_ms=one.time_ms,
                reason=one.reason,
            )
            for one in self._chain.statements
        ]


def believed(key: str, notes: Sequence[str], custodians: Sequence[str], needed: int) -> Epochs:
    """The epochs of a log by statements that enough custodians signed. Fails closed.

    Args:
        key: Verifier key of the newest epoch.
        notes: The statements, in any order; none when none is needed.
        custodians: Verifier keys of the custodians, from elsewhere than the log.
        needed: How many of them must have signed.

    Raises:
        VerificationFailed: A statement is not signed by enough custodians, one is missing, or they lead elsewhere.
        BadCheckpoint: `key` is no verifier key.
        BadEpoch: The custodians' keys make no set.
    """
    pinned = Custodians(custodians, needed)
    try:
        statements = sorted((pinned.open(note).statement for note in notes), key=lambda one: one.number)
        return Epochs(key, Chain.of(statements))
    except TooFewCustodians as error:
        raise VerificationFailed(Fault.EPOCH_UNSIGNED, rule=str(error)) from error
    except BadEpoch as error:
        raise VerificationFailed(Fault.EPOCH_BAD, rule=str(error)) from error
