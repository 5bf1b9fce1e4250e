"""When two texts are the same text: full-width characters, invisible characters and ways of writing are folded away.

Rules kept here: folding only ever joins spellings of one text; letters keep their case and traditional characters
stay apart from simplified ones, because folding those would join different names. What a mask names (a telephone
number, a name) also says which marks inside a text mean nothing.

What it does not do: it does not change what is released; it serves masks, constants and comparisons.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from policies.vocabulary import Mask

_GROUPING: Final = re.compile(r"[\s\-‐-―−()]")
# The dots with which names of minorities and foreigners are written: U+00B7 is the standard's (GB 18030, names of
# natural persons in the household register), the others are what keyboards and older systems give.
_NAME_DOTS: Final = re.compile(r"\s*[·•‧∙⋅・･․.．]\s*")
_MOBILE_PREFIX: Final = re.compile(r"(?:\+|00)?86(1[0-9]{10})")
_MOST_MARKS: Final = 30
_HAN_GAP: Final = re.compile(r"(?<=[^\x00-\u02ff])\s+(?=[^\x00-\u02ff])")


def fold(text: str) -> str:
    """A text without what is not seen: full width, white space at the ends and in runs, invisible characters.

    Args:
        text: Any text.

    Returns:
        NFKC (Unicode Standard Annex 15) without format characters and variation selectors, white space as single
        spaces.
    """
    # First what is not seen, or it would keep apart what is composed, and the result would not fold to itself.
    visible = "".join(c for c in text if not _is_unseen(c))
    return " ".join(unicodedata.normalize("NFKC", _stream_safe(visible)).split())


def comparable(mask: Mask | None, text: str) -> str:
    """The text by which two values of a field are compared for equality.

    Args:
        mask: What kind of text the field holds, if the catalogue says so.
        text: A value, not blank.

    Returns:
        `fold`, and beyond it: telephone numbers, identifiers and accounts without grouping (mobile numbers without the
        country code, letters of identifiers upper case); names with one kind of dot and no spaces between Chinese
        characters; addresses without spaces between Chinese characters.
    """
    folded = fold(text)
    fold_kind = None if mask is None else _BY_KIND.get(mask)
    return folded if fold_kind is None else fold_kind(folded)


def _stream_safe(text: str) -> str:
    """The text with at most thirty marks in a row (Unicode Standard Annex 15, section 13), each run broken by U+034F.

    Normalising sorts the marks of a run in time that grows with the square of their number.
    """
    if len(text) <= _MOST_MARKS or text.isascii():
        return text
    parts: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > _MOST_MARKS:
            parts.append("\u034f")
            marks = 1
        parts.append(character)
    return "".join(parts)


def _is_unseen(character: str) -> bool:
    return (
        unicodedata.category(character) == "Cf"
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def _phone(text: str) -> str:
    plain = _GROUPING.sub("", text)
    mobile = _MOBILE_PREFIX.fullmatch(plain)
    return mobile[1] if mobile else plain


def _name(text: str) -> str:
    return _HAN_GAP.sub("", _NAME_DOTS.sub("·", text))


_BY_KIND: Final[dict[Mask, Callable[[str], str]]] = {
    Mask.PHONE: _phone,
    Mask.IDENTIFIER: lambda text: _GROUPING.sub("", text).upper(),
    Mask.BANK_ACCOUNT: lambda text: _GROUPING.sub("", text),
    Mask.NAME: _name,
    Mask.ADDRESS: lambda text: _HAN_GAP.sub("", text),
}
