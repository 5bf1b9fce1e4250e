"""What a scheme is, how typed text is folded, and the error that says which rule an identifier breaks."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MAX_TYPED: Final = 64
"""Longest identifier as typed, characters (the wire contract's limit)."""


class BadIdentifier(ValueError):
    """An identifier breaks its scheme's rule.

    Args:
        scheme: The scheme, or an empty text when it is unknown.
        rule: The rule that is broken; never the identifier.
    """

    def __init__(self, scheme: str, rule: str) -> None:
        super().__init__(f"{scheme or 'identifier'}: {rule}")
        self.scheme = scheme
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Scheme:
    """One kind of identifier.

    `check` receives folded text, raises `BadIdentifier` and says nothing about who the subject is.
    `checksum` says whether a mistyped character is noticed.
    """

    code: str
    name_zh: str
    name_en: str
    checksum: bool
    check: Callable[[str], None]

    def normalise(self, text: str) -> str:
        """The canonical text: full-width characters folded, spaces removed, upper case.

        Args:
            text: As typed.

        Returns:
            The canonical identifier, ASCII.

        Raises:
            BadIdentifier: If it breaks a rule of this scheme.
        """
        if len(text) > MAX_TYPED:
            raise BadIdentifier(self.code, f"at most {MAX_TYPED} characters")
        folded = fold(text)
        if not folded:
            raise BadIdentifier(self.code, "must not be empty")
        if not folded.isascii():
            # Compatibility folding leaves, for example, Arabic-Indic digits, for which str.isdigit() is true.
            raise BadIdentifier(self.code, "only ASCII letters and digits, or their full-width forms")
        self.check(folded)
        return folded


def fold(text: str) -> str:
    """Full-width to half-width (Unicode NFKC), all white space and zero-width characters removed, upper case."""
    if text.isascii() and text.isalnum():
        # Almost every identifier of a register, and nothing to fold but the case.
        return text.upper()
    folded = unicodedata.normalize("NFKC", text)
    return "".join(c for c in folded if not c.isspace() and unicodedata.category(c) != "Cf").upper()
