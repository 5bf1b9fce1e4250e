"""`cn.uscc`: the unified social credit code of organisations (GB 32100-2015), check character modulo 31."""

import re
from typing import Final

from policies.identifiers.scheme import BadIdentifier, Scheme

CODE: Final = "cn.uscc"

# GB 32100-2015 section 5.5: the alphabet leaves out I, O, S, V and Z; weight of position i is 3^(i-1) mod 31.
_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUE: Final = {character: value for value, character in enumerate(_ALPHABET)}
_WEIGHTS: Final = tuple(pow(3, position, 31) for position in range(17))
_SHAPE: Final = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{9,10}")


def check_character(first17: str) -> str:
    """The check character of seventeen characters (GB 32100-2015 section 5.5)."""
    total = sum(weight * _VALUE[character] for weight, character in zip(_WEIGHTS, first17, strict=True))
    return _ALPHABET[(31 - total % 31) % 31]


def uscc(first17: str) -> str:
    """Complete seventeen characters to a code, for tests and the demonstration.

    Args:
        first17: Registration authority and kind (2), region (6 digits), organisation code (9).

    Returns:
        All 18 characters.

    Raises:
        BadIdentifier: If these are not seventeen characters of that shape.
    """
    if len(first17) != len(_WEIGHTS) or not _SHAPE.fullmatch(first17):
        raise BadIdentifier(CODE, "needs 17 characters before the check character")
    return first17 + check_character(first17)


def check(folded: str) -> None:
    """Check shape and check character; fails closed.

    Args:
        folded: Folded text.

    Raises:
        BadIdentifier: With the rule that is broken.
    """
    if len(folded) != len(_WEIGHTS) + 1 or not _SHAPE.fullmatch(folded):
        raise BadIdentifier(CODE, "must be 18 characters of 0-9 and A-Z without I, O, S, V, Z, with 6 region digits")
    if folded[17] != check_character(folded[:17]):
        raise BadIdentifier(CODE, "the check character does not fit")


SCHEME: Final = Scheme(CODE, "统一社会信用代码", "unified social credit code", checksum=True, check=check)
