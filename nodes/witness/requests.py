"""The body of add-checkpoint, taken apart: sizes, shapes and vocabularies first, nothing verified yet.

old 20852014
one consistency hash a line, base64

the checkpoint, a signed note
"""

import base64
import binascii
import re
from typing import Final, NamedTuple

from keys.errors import BadCheckpoint
from keys.log.merkle import EMPTY_ROOT, HASH_SIZE
from keys.log.notes import split_note

LARGEST_BODY: Final = 32 * 1024
"""Sixty-three hashes and a note of a few lines take five; a note may carry other witnesses' lines."""

MOST_HASHES: Final = 63
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)
_LARGEST: Final = (1 << 63) - 1
_ENCODED: Final = 44


class Malformed(Exception):
    """The body is not one of add-checkpoint. The text is fixed and names the rule."""


class Submitted(NamedTuple):
    """What a log submits.

    Attributes:
        old: Size of the head that the proof starts at.
        proof: The consistency proof.
        note: The signed checkpoint, as sent.
        text: Its text, which is what is signed.
        origin: Its first line.
    """

    old: int
    proof: tuple[bytes, ...]
    note: str
    text: str
    origin: str


def parse(body: bytes) -> Submitted:
    """Takes a body apart.

    Args:
        body: As sent; bounded by the door.

    Returns:
        Its parts, none of them verified.

    Raises:
        Malformed: It is not laid out as it must be.
    """
    try:
        head, blank, note = body.decode("utf-8").partition("\n\n")
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None
    first, *lines = head.split("\n")
    old = _OLD.fullmatch(first)
    if not blank or old is None or int(old[1]) > _LARGEST:
        raise Malformed("the body begins with `old`, a size and the proof, then an empty line")
    if len(lines) > MOST_HASHES:
        raise Malformed("a proof has at most 63 hashes")
    try:
        text, _ = split_note(note)
    except BadCheckpoint:
        raise Malformed("the checkpoint is not a signed note") from None
    return Submitted(int(old[1]), tuple(_hash(line) for line in lines), note, text, text.partition("\n")[0])


def claims_other_empty_root(text: str) -> bool:
    """Whether a checkpoint of size zero, well formed otherwise, has another root than the empty tree's."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[1] != "0":  # noqa: PLR2004 - three lines, and what follows the last newline
        return False
    try:
        return _hash(lines[2]) != EMPTY_ROOT
    except Malformed:
        return False


def _hash(line: str) -> bytes:
    try:
        raw = base64.b64decode(line.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Malformed("a hash is not base64") from None
    if len(line) != _ENCODED or len(raw) != HASH_SIZE or base64.b64encode(raw).decode() != line:
        raise Malformed("a hash is 32 bytes")
    return raw
