"""Masks: hide the identifying part of a text, for Chinese and other names, numbers and addresses.

Rules kept here: fails closed. What a mask does not recognise is hidden whole; a masked
text never has more of the original than its mask's rule says. Stars stand for characters only where their number says
little (names); elsewhere their number is fixed, so that the length is not told.

What it does not do: a masked value is still personal data. It is less revealing, not anonymous.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from policies.folding import fold
from policies.surnames import surname_length
from policies.vocabulary import Mask

HIDDEN: Final = "****"
# One character of a place's name. Housing estates (小区), communities (社区), zones inside a town and markets (超市)
# end in the same characters as counties and cities, so a name never runs into one of those.
_PLACE: Final = r"(?:(?![小社园厂校院街库片景辖]区|[超夜菜集早]市)[^\W\d_a-zA-Z号弄栋室])"
# Inside a name, a street, village or town ends the recognised part; it may stand first (镇江) or last (新乡, 鼓楼).
_INNER: Final = rf"(?:(?![路街巷村镇乡道楼]){_PLACE})"
_NAME: Final = rf"{_PLACE}(?:{_INNER}{{0,7}}?{_PLACE})??"
# Province, prefecture, county: each as short as possible, so that nothing behind the county is taken for its name.
_ADMINISTRATIVE: Final = re.compile(
    rf"(?:{_PLACE}{{2,7}}?(?:省|自治区|特别行政区)|(?:北京|上海|天津|重庆)市?)?"
    rf"(?:{_NAME}(?:自治州|地区|盟|市))?"
    rf"(?:{_NAME}(?:区|县|旗(?!区)|市))?"
)
_LETTER_NAME_BREAK: Final = re.compile(r"[\s·•‧・.'’-]")


def mask_text(mask: Mask, text: str) -> str:
    """Hide the identifying part of a text.

    Args:
        mask: Which part identifies.
        text: The value, not blank; full-width characters are folded.

    Returns:
        The masked text.
    """
    # Variation selectors and format characters would count as characters of a name.
    return _MASKS[mask](fold(text))


def _name(text: str) -> str:
    """Keep the surname of a Chinese name (张*, 欧阳*, 李**), or the first letter of any other (J*** *****)."""
    joined = "".join(text.split())
    if joined and all(_is_han(c) for c in joined):
        kept = surname_length(joined)
        return joined[:kept] + "*" * (len(joined) - kept) if len(joined) > 1 else "*"
    if sum(c.isalnum() for c in text) <= 1:
        return "*"
    first = next(index for index, character in enumerate(text) if character.isalnum())
    # Accents that are separate characters are hidden with their letter's neighbours; breaks show how many parts.
    return "".join(
        character if index == first or _LETTER_NAME_BREAK.match(character) else "*"
        for index, character in enumerate(text)
    )


def _is_han(character: str) -> bool:
    return unicodedata.name(character, "").startswith(("CJK UNIFIED", "CJK COMPATIBILITY", "IDEOGRAPHIC NUMBER ZERO"))


def _identifier(text: str) -> str:
    """Keep the first three and last two of twelve or more, the first and last of six or more, else nothing.

    The birth date inside a resident identity number has too few possibilities to leave the sequence number in sight,
    so less is kept than the customary six and four.
    """
    joined = "".join(text.split())
    if len(joined) >= 12:  # noqa: PLR2004 - the rule in the docstring
        return f"{joined[:3]}{HIDDEN}{joined[-2:]}"
    if len(joined) >= 6:  # noqa: PLR2004 - the rule in the docstring
        return f"{joined[0]}{HIDDEN}{joined[-1]}"
    return HIDDEN


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isascii() and c.isdigit())


def _phone(text: str) -> str:
    """Keep three and four digits of a mainland mobile number, the last four of eight or more digits, else nothing."""
    digits = _digits(text)
    mobile = re.fullmatch(r"(?:0{0,2}86)?(1\d{10})", digits)
    if mobile:
        return f"{mobile[1][:3]}{HIDDEN}{mobile[1][-4:]}"
    return f"{HIDDEN}{digits[-4:]}" if len(digits) >= 8 else HIDDEN  # noqa: PLR2004 - the rule in the docstring


def _bank_account(text: str) -> str:
    """Keep the last four of twelve or more digits, else nothing."""
    digits = _digits(text)
    return f"{HIDDEN}{digits[-4:]}" if len(digits) >= 12 else HIDDEN  # noqa: PLR2004 - the rule in the docstring


def _address(text: str) -> str:
    """Keep province, prefecture and county of a Chinese address, else nothing."""
    joined = "".join(text.split())
    match = _ADMINISTRATIVE.match(joined)
    kept = match[0] if match else ""
    return f"{kept}{HIDDEN}"


def _text(text: str) -> str:
    """Keep the first character of four or more, else nothing."""
    return f"{text[0]}{HIDDEN}" if len(text) >= 4 else HIDDEN  # noqa: PLR2004 - the rule in the docstring


_MASKS: Final[dict[Mask, Callable[[str], str]]] = {
    Mask.IDENTIFIER: _identifier,
    Mask.NAME: _name,
    Mask.PHONE: _phone,
    Mask.ADDRESS: _address,
    Mask.BANK_ACCOUNT: _bank_account,
    Mask.TEXT: _text,
}
