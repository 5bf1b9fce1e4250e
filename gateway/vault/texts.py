"""Free texts that people and stewards write: reasons and notes. Pure.

Rules kept: one line, of a length that is told in both public languages; what is not seen (zero-width characters,
direction marks, controls) is taken out; a text that breaks a rule is refused (fails closed) and never repeated.
"""

import re
import unicodedata
from typing import Final

from gateway.errors import bad_request

MAX_TEXT: Final = 1000
"""Longest reason or note, characters."""
MAX_RECORD: Final = 128
"""Longest record reference, characters."""

_UNSEEN: Final = frozenset({"Cf", "Cc", "Cs", "Co"})
_RECORD: Final = re.compile(rf"[!-~]{{0,{MAX_RECORD}}}")


def visible(text: str) -> str:
    """A text without what is not seen, on one line with single spaces."""
    # White space goes first: a line break is a control character, but it separates words.
    return "".join(c for c in " ".join(text.split()) if unicodedata.category(c) not in _UNSEEN).strip()


def free_text(path: str, text: str) -> str:
    """A reason or note as it is kept.

    Args:
        path: Name of the input, for the refusal.
        text: As typed.

    Returns:
        One line of 1 to 1000 characters.

    Raises:
        Refused: BAD_REQUEST with the rule; never with the text.
    """
    kept = visible(text) if len(text) <= 2 * MAX_TEXT else ""
    if not 0 < len(kept) <= MAX_TEXT:
        raise bad_request(path, f"须为1至{MAX_TEXT}个字符 / must be 1 to {MAX_TEXT} characters")
    return kept


def record_reference(path: str, text: str) -> str:
    """A source's own name for a record, opaque to everyone else.

    Args:
        path: Name of the input, for the refusal.
        text: As given; may be empty.

    Returns:
        The same text.

    Raises:
        Refused: BAD_REQUEST with the rule; never with the text.
    """
    if _RECORD.fullmatch(text) is None:
        rule = f"最多{MAX_RECORD}个可见ASCII字符 / must be at most {MAX_RECORD} visible ASCII characters"
        raise bad_request(path, rule)
    return text
