"""Proof files (https://c2sp.org/tlog-proof): one file from which anyone sees offline that an entry is in the log.

Lines: `c2sp.org/tlog-proof@v1`, `extra` with base64 (may be absent), `index`, the audit path, an empty line, the
checkpoint as signed. `extra` proves nothing by itself; what a caller reads in it is bound to the log only when its leaf
hash is the one that the path leads from, which is what `verify_proof_file` takes it for.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.errors import BadProof
from keys.log.checkpoints import Checkpoint, open_checkpoint
from keys.log.merkle import HASH_SIZE, verify_inclusion
from keys.log.notes import LONGEST_NOTE, NoteVerifier

SUFFIX: Final = ".tlog-proof"
_HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_EXTRA: Final = "extra "
_LONGEST_PATH: Final = 63
_LONGEST: Final = 2 * LONGEST_NOTE


@dataclass(frozen=True, slots=True)
class ProofFile:
    """A proof file that was read, not yet verified.

    Attributes:
        index: Position of the entry, from 0.
        path: Audit path, leaf's sibling first.
        checkpoint: The signed head, exactly as published.
        extra: Whatever was put in by who made the file; not signed.
    """

    index: int
    path: Sequence[bytes]
    checkpoint: str
    extra: bytes = b""


def write_proof_file(proof: ProofFile) -> str:
    """The text of a proof file.

    Args:
        proof: What to write.

    Raises:
        BadProof: A part is malformed.
    """
    if proof.index < 0 or len(proof.path) > _LONGEST_PATH or any(len(one) != HASH_SIZE for one in proof.path):
        raise BadProof("the proof has the wrong shape")
    lines = [_HEADER]
    if proof.extra:
        lines.append(_EXTRA + _base64(proof.extra))
    lines += [f"index {proof.index}", *map(_base64, proof.path), "", proof.checkpoint]
    return "\n".join(lines)


def read_proof_file(text: str) -> ProofFile:
    """Reads the text of a proof file and refuses any other spelling. Fails closed.

    Args:
        text: Content of the file.

    Returns:
        The proof; nothing in it is verified yet.

    Raises:
        BadProof: It is no proof file.
    """
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if len(text) > _LONGEST or not blank or lines.pop(0) != _HEADER or not lines:
        raise BadProof("this is not a proof file")
    extra = b""
    if lines[0].startswith(_EXTRA):
        extra = _bytes(lines.pop(0).removeprefix(_EXTRA))
    index = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if index is None or len(lines) > _LONGEST_PATH:
        raise BadProof("this is not a proof file")
    path = [_bytes(line) for line in lines]
    if any(len(one) != HASH_SIZE for one in path):
        raise BadProof("a hash in the proof file has the wrong length")
    return ProofFile(int(index[1]), path, checkpoint, extra)


def verify_proof_file(proof: ProofFile, leaf: bytes, verifier: NoteVerifier, origin: str) -> Checkpoint:
    """Accepts by returning that the leaf stands in the log at the proof's index. Fails closed.

    Args:
        proof: As read.
        leaf: Leaf hash, computed by the verifier from what it believes the entry to be.
        verifier: The log's key.
        origin: The log's name.

    Returns:
        The signed head in whose tree the entry is.

    Raises:
        BadCheckpoint: The head is not signed by the log's key, malformed, or of another log.
        BadProof: The path does not lead from this leaf to the head's root.
    """
    head = open_checkpoint(proof.checkpoint, verifier, origin)
    verify_inclusion(leaf, proof.index, head.size, proof.path, head.root)
    return head


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise BadProof("a line of the proof file is malformed") from None
    if not raw or _base64(raw) != text:
        raise BadProof("a line of the proof file is malformed")
    return raw
