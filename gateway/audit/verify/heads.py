"""Signed heads against a growing tree: which ones hold, from which entry on they cannot, and what proves it to others.

Heads that the verifier holds weigh more than those found with the log: the same key that signed a rewriting signed the
latter. Evidence of a fork is complete by itself: two notes of the log's key, and the consistency proof by which the
later one continues another history than the earlier.

With a quorum of witnesses, heads that enough of them have cosigned weigh as much as those that the verifier holds, for
the log's key alone cannot have made them; and a newest head without the quorum is not accepted.
"""

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.audit.verify.failures import Fault, VerificationFailed
from keys.errors import BadCheckpoint
from keys.log.checkpoints import Checkpoint, open_checkpoint
from keys.log.cosignatures import Quorum
from keys.log.frontier import Frontier
from keys.log.merkle import consistency_path
from keys.log.notes import NoteVerifier


class Head(NamedTuple):
    """A signed head that was verified.

    Attributes:
        checkpoint: What it says.
        note: The signed note.
        held: Whether the verifier brought it along, rather than finding it with the log.
        restored: Whether it is the head from which an epoch went on; `note` then is the custodians' statement.
    """

    checkpoint: Checkpoint
    note: str
    held: bool
    restored: bool = False


def open_head(note: str, verifier: NoteVerifier, *, held: bool) -> Head:
    """Verify a signed head.

    Raises:
        VerificationFailed: It is not signed by the log's key.
    """
    try:
        # By convention (C2SP) a log's key is named like the log.
        return Head(open_checkpoint(note, verifier, verifier.name), note, held)
    except BadCheckpoint as error:
        fault = Fault.EARLIER_CHECKPOINT_BAD if held else Fault.CHECKPOINT_BAD
        raise VerificationFailed(fault, note=note) from error


@dataclass(slots=True)
class Heads:
    """The heads that a log has to fit, and how far it has shown to.

    Args:
        final: The head that covers exactly the entries.
        others: Further ones.
        quorum: The witnesses whose cosignatures count; None for none.

    Raises:
        VerificationFailed: A head holds a signature of one of the witnesses that does not verify.
    """

    final: Head
    others: Sequence[Head]
    quorum: Quorum | None = None
    _by_size: dict[int, list[Head]] = field(init=False)
    _signed: int = 0
    _firm: int = 0
    _cosigned: int = -1
    _failed: Head | None = None

    def __post_init__(self) -> None:
        """Sort them by size; what weighs more is compared first, for it says more when it fails."""
        self._by_size = {}
        for head in sorted([*self.others, self.final], key=lambda one: not self._is_firm(one)):
            self._by_size.setdefault(head.checkpoint.size, []).append(head)

    def __len__(self) -> int:
        return len(self._by_size)

    @property
    def earlier_size(self) -> int | None:
        """Size of the largest head that the verifier holds; None when it holds none."""
        held = (head for head in self.others if head.held and not head.restored)
        return max((head.checkpoint.size for head in held), default=None)

    def check(self, frontier: Frontier) -> None:
        """Compare the tree as it has grown so far with the heads of its size.

        Raises:
            VerificationFailed: One does not fit; the entries named are those since the last one that did.
        """
        heads = self._by_size.get(frontier.size, ())
        root = frontier.root() if heads else b""
        for head in heads:
            firm = self._is_firm(head)
            if head.checkpoint.root == root:
                self._signed = frontier.size
                self._firm = frontier.size if firm else self._firm
                self._cosigned = frontier.size if self._is_cosigned(head) else self._cosigned
                continue
            self._failed = head
            # Against a firm head, the other heads prove nothing: the log's key alone signed them.
            raise VerificationFailed(
                Fault.LOG_FORKED if firm and (head.held or head is not self.final) else Fault.ENTRIES_REWRITTEN,
                self._firm if firm else self._signed,
                frontier.size - 1,
                size=frontier.size,
                signed_root=head.checkpoint.root.hex(),
                computed_root=root.hex(),
                signed_note=head.note,
            )

    def check_length(self, size: int) -> None:
        """Compare the number of entries found with what was signed.

        Raises:
            VerificationFailed: The log is shorter than a head that the verifier holds, or than its own head.
        """
        final = self.final.checkpoint.size
        longest = max(
            (head for head in self.others if self._is_firm(head)),
            key=lambda head: head.checkpoint.size,
            default=self.final,
        )
        if longest.checkpoint.size > final:
            raise VerificationFailed(
                Fault.LOG_SHRANK,
                final,
                checkpoint_size=final,
                earlier_size=longest.checkpoint.size,
                signed_note=longest.note,
                later_note=self.final.note,
            )
        if size < final:
            raise VerificationFailed(Fault.ENTRY_MISSING, size, checkpoint_size=final)

    def check_cosigned(self) -> None:
        """Demand the quorum of the newest head, after everything fits it. Fails closed.

        Raises:
            VerificationFailed: Too few witnesses have cosigned it; the entries named are those that no head with
                the quorum, or held by the verifier, covers.
        """
        final = self.final.checkpoint
        if self.quorum is None or self._cosigned == final.size:
            return
        raise VerificationFailed(
            Fault.NOT_COSIGNED,
            self._firm,
            max(self._firm, final.size - 1),
            size=final.size,
            cosigned=len(self.quorum.count(self.final.note)),
            needed=self.quorum.needed,
            signed_note=self.final.note,
        )

    def _is_firm(self, head: Head) -> bool:
        """Whether the log's key alone cannot have made it up since."""
        return head.held or self._is_cosigned(head)

    def _is_cosigned(self, head: Head) -> bool:
        # A restored head stands in the note of another one.
        return self.quorum is not None and not head.restored and is_cosigned(head.note, self.quorum)

    def with_proof(self, failure: VerificationFailed, leaves: Callable[[], Iterable[bytes]]) -> VerificationFailed:
        """The same failure with the proof of the fork, if the log's newest head really stands for other entries.

        Args:
            failure: As raised by `check`.
            leaves: Reads the leaf hashes again, from the first on.
        """
        if failure.fault is not Fault.LOG_FORKED:
            return failure
        final = self.final.checkpoint
        old = int(failure.evidence["size"])
        path = _consistency(leaves(), old, final)
        if path is None:
            # Nobody signed what is here: it does not even lead to the log's own newest head.
            held = self._failed is None or self._failed.held
            return (
                failure
                if held
                else VerificationFailed(Fault.ENTRIES_REWRITTEN, failure.first, failure.last, **failure.evidence)
            )
        evidence = {
            **failure.evidence,
            "later_note": self.final.note,
            "consistency_proof": " ".join(base64.b64encode(one).decode() for one in path),
        }
        return VerificationFailed(failure.fault, failure.first, failure.last, **evidence)


def is_cosigned(note: str, quorum: Quorum) -> bool:
    """Whether enough witnesses have cosigned a head.

    Raises:
        VerificationFailed: The note holds a signature of one of them that does not verify.
    """
    try:
        return len(quorum.count(note)) >= quorum.needed
    except BadCheckpoint as error:
        raise VerificationFailed(Fault.COSIGNATURE_BAD, note=note) from error


def first_difference(now: Iterable[bytes], before: Iterable[bytes]) -> int | None:
    """The first place at which two sequences of leaf hashes differ; None when one is the beginning of the other."""
    for place, (one, other) in enumerate(zip(now, before, strict=False)):
        if one != other:
            return place
    return None


def _consistency(leaves: Iterable[bytes], old: int, final: Checkpoint) -> list[bytes] | None:
    """The proof from an older size to the final head, in one pass; None when the log is not whole."""
    wanted: dict[tuple[int, int], bytes] = {}

    def note_wanted(level: int, index: int) -> bytes:
        wanted[level, index] = b""
        return bytes(32)

    consistency_path(note_wanted, old, final.size)
    frontier = Frontier()
    try:
        for leaf in leaves:
            for finished in frontier.append(leaf):
                if (finished.level, finished.position) in wanted:
                    wanted[finished.level, finished.position] = finished.hash
    except VerificationFailed:
        return None
    if frontier.size != final.size or frontier.root() != final.root:
        return None
    return consistency_path(lambda level, index: wanted[level, index], old, final.size)
