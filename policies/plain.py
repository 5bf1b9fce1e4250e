"""Texts that are shown as what they are: nothing in them drives a terminal, turns the writing, or hides.

Rules kept here: a text that was written for others is one that a reader sees whole; where something has to be said,
what shows as nothing says nothing. Pure, and by Unicode's character properties alone.

What it does not do: it does not tell look-alike letters apart; codes that decide have alphabets of their own.
"""

import json
import unicodedata
from typing import Any, Final

_FULL_WIDTH_SPACE: Final = "\u3000"
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"})
_DRIVING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_FILLERS: Final = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and signs that are printed as nothing."""


def is_plain(text: str) -> bool:
    """Whether a text shows as what it is: no control, format or private characters; Chinese spacing is fine.

    Args:
        text: Any text.
    """
    return all(character.isprintable() or character == _FULL_WIDTH_SPACE for character in text)


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: it is empty, or of spaces, fillers, marks without a letter, and what is not seen.

    Args:
        text: Any text.
    """
    return all(character in _FILLERS or unicodedata.category(character) in _UNSEEN for character in text)


def printable(text: str) -> str:
    """A text as a terminal may be given it: without what drives it or turns the writing; line ends and tabs stay.

    Rare characters of names stay too, in private use or newer than this program's tables: left out, the text would say
    something else.

    Args:
        text: Any text, also of others.
    """
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _DRIVING)


def printable_json(value: Any, **more: Any) -> str:
    """A JSON document as a terminal may be given it: readable Chinese, and what would drive it as an escape.

    Args:
        value: The document.
        more: Further arguments of `json.dumps`.

    Returns:
        The text; it reads back as the same document.
    """
    text = json.dumps(value, **{**more, "ensure_ascii": False})
    if text.isascii() and "\x7f" not in text:
        return text
    # Outside of its strings a JSON text has printable characters and line ends only, so escapes land inside strings.
    return "".join(c if c == "\n" or unicodedata.category(c) not in _DRIVING else json.dumps(c)[1:-1] for c in text)
