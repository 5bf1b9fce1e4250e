"""Whether entries that a gateway handed out are the log's: contents to leaf hash, leaf to root, root to signed head.

Depends on `keys` and the standard library, so that an auditor's program checks what the gateway says. Without the log's
key only the arithmetic is checked: then the head itself is the gateway's word, and the result says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.audit.errors import AuditError
from gateway.audit.verify.layout import Line
from gateway.audit.views import LogEntry
from keys.errors import KeysError
from keys.log.checkpoints import Checkpoint, parse_checkpoint
from keys.log.merkle import verify_inclusion
from keys.log.notes import NoteVerifier, split_note


class NotProven(AuditError):
    """An entry is not shown to be in the log.

    Args:
        rule: What does not hold.
        leaf_index: Which entry; None when it is the head.
    """

    def __init__(self, rule: str, leaf_index: int | None = None) -> None:
        super().__init__(rule if leaf_index is None else f"entry {leaf_index}: {rule}")
        self.leaf_index = leaf_index


@dataclass(frozen=True, slots=True)
class Shown:
    """In which head the entries were shown to be.

    Attributes:
        checkpoint: The head.
        signed: Whether its signature was verified under the log's key.
    """

    checkpoint: Checkpoint
    signed: bool


def check_proven(entries: Sequence[tuple[LogEntry, Sequence[bytes]]], note: str, key: str = "") -> Shown:
    """Check entries and their proofs.

    Args:
        entries: Each entry with its audit path in the head's tree.
        note: The signed head.
        key: The log's verifier key, from elsewhere; empty to check the arithmetic only.

    Returns:
        The head.

    Raises:
        NotProven: A proof does not hold. Fails closed.
    """
    try:
        if key:
            verifier = NoteVerifier(key)
            checkpoint = parse_checkpoint(verifier.verify(note))
            if checkpoint.origin != verifier.name:
                raise NotProven("the checkpoint is another log's")
        else:
            checkpoint = parse_checkpoint(split_note(note)[0])
    except KeysError as error:
        raise NotProven(f"the checkpoint does not hold: {error.code}") from None
    for entry, path in entries:
        line = Line(
            entry.leaf_index,
            entry.leaf_hash,
            entry.accountability,
            entry.accountability_salt,
            entry.person,
            entry.person_salt,
            entry.erased_digest,
            entry.pruned_digest,
        )
        try:
            computed = line.computed_leaf_hash()
            verify_inclusion(computed, entry.leaf_index, checkpoint.size, list(path), checkpoint.root)
        except (KeysError, ValueError):
            raise NotProven("content or proof does not fit the checkpoint", entry.leaf_index) from None
        if computed != entry.leaf_hash:
            raise NotProven("the content does not fit its leaf hash", entry.leaf_index)
    return Shown(checkpoint, bool(key))
