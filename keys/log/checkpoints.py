"""Checkpoints (https://c2sp.org/tlog-checkpoint): a log's signed head.

A checkpoint is a signed note of three lines: origin, size, base64 root.
Further lines (extensions) are admitted when reading, as the format asks, and never written. Whether a checkpoint is
newer than, and consistent with, an earlier one is for `keys.log.merkle.verify_consistency`.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from keys.errors import BadCheckpoint
from keys.log.merkle import EMPTY_ROOT, HASH_SIZE
from keys.log.notes import NoteSigner, NoteVerifier

_LINES: Final = 3
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_LARGEST: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log.

    Attributes:
        origin: The log's unique name, without a scheme, such as "gov.example/oncegate".
        size: Number of entries.
        root: RFC 6962 root, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed.

        Raises:
            BadCheckpoint: A part is malformed.
        """
        if not self.origin or "\n" in self.origin or not 0 <= self.size <= _LARGEST or len(self.root) != HASH_SIZE:
            raise BadCheckpoint("the checkpoint is malformed")
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign_checkpoint(signer: NoteSigner, checkpoint: Checkpoint) -> str:
    """Signs a head. The caller has made the tree durable before.

    Args:
        signer: The log's key.
        checkpoint: The head.

    Returns:
        A signed note.

    Raises:
        BadCheckpoint: A part of the checkpoint is malformed.
    """
    return signer.sign(checkpoint.text())


def open_checkpoint(note: str, verifier: NoteVerifier, origin: str) -> Checkpoint:
    """Verifies a signed head. Fails closed.

    Args:
        note: The signed note.
        verifier: The log's key.
        origin: The log's name; another log's head under the same key is refused.

    Returns:
        The head.

    Raises:
        BadCheckpoint: Not signed by the log's key, malformed, or of another log.
    """
    checkpoint = parse_checkpoint(verifier.verify(note))
    if checkpoint.origin != origin:
        raise BadCheckpoint("the checkpoint is another log's")
    return checkpoint


def parse_checkpoint(text: str) -> Checkpoint:
    """Reads the text of a head whose signature has been verified.

    Args:
        text: Text of the note.

    Returns:
        The head.

    Raises:
        BadCheckpoint: It is malformed.
    """
    lines = text.split("\n")
    if len(lines) <= _LINES or lines[-1] != "" or any(not line for line in lines[:-1]):
        raise BadCheckpoint("the checkpoint is malformed")
    origin, size, encoded = lines[:_LINES]
    try:
        root = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise BadCheckpoint("the checkpoint's root is malformed") from None
    if not _SIZE.fullmatch(size) or int(size) > _LARGEST or len(root) != HASH_SIZE:
        raise BadCheckpoint("the checkpoint is malformed")
    if int(size) == 0 and root != EMPTY_ROOT:
        raise BadCheckpoint("an empty log has the empty root")
    return Checkpoint(origin, int(size), root)
