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
# Province-level names, simplified and traditional: a closed list, so that no other words before 省 are taken for one.
_PROVINCE: Final = (
    r"(?:河北|山西|[辽遼][宁寧]|吉林|黑[龙龍]江|江[苏蘇]|浙江|安徽|福建|江西|山[东東]|河南|湖北|湖南|[广廣][东東]|海南|四川"
    r"|[贵貴]州|[云雲]南|[陕陝]西|甘[肃肅]|青海|[台臺][湾灣])省"
    r"|(?:[内內]蒙古|[广廣]西[壮壯]族|西藏|[宁寧]夏回族|新疆[维維]吾[尔爾])自治[区區]|(?:香港|澳[门門])特[别別]行政[区區]"
)
_MUNICIPALITY: Final = r"(?:北京|上海|天津|重[庆慶])市"
# As people write them, at the beginning only; each of these needs what follows to be a city, banner or district.
_SHORT: Final = r"(?:北京|上海|天津|重[庆慶]|香港|澳[门門]|[内內]蒙古|[广廣]西|西藏|[宁寧]夏|新疆)"
# One character of a place's name. Housing estates (小区), communities (社区), zones inside a town and markets (超市)
# end in the same characters as counties and cities, so a name never runs into one of those.
_PLACE: Final = (
    r"(?:(?![小社园園厂廠校院街库庫片景辖轄][区區]|[超夜菜集早]市|市[场場集民政府])[^\W\d_a-zA-Z号號弄栋棟室])"
)
# Inside a name, a street, village or town ends the recognised part; it may stand first (镇江) or last (新乡, 鼓楼).
_INNER: Final = rf"(?:(?![路街巷村镇鎮乡鄉道楼樓]){_PLACE})"
_NAME: Final = rf"{_PLACE}(?:{_INNER}{{0,7}}?{_PLACE})??"
# Province, prefecture, county: each as short as possible, so that nothing behind the county is taken for its name.
_ADMINISTRATIVE: Final = re.compile(
    rf"(?:{_PROVINCE}|{_MUNICIPALITY}|{_SHORT})?"
    rf"(?:{_NAME}(?:自治州|地[区區]|盟|市(?![场場集民政府])))?"
    rf"(?:{_NAME}(?:[区區]|[县縣]|旗(?![区區])|市(?![场場集民政府])))?"
)
_ENDS: Final = "省市区區县縣旗州盟"
_FULL: Final = re.compile(rf"{_PROVINCE}|{_MUNICIPALITY}")
# What may stand in a telephone number, and the extension behind it, which is no part of the number.
_TELEPHONE: Final = re.compile(r"\+?[0-9 ()\-‐-―−]+")
_EXTENSION: Final = re.compile(r"\s*(?:转|轉|分机|分機|内线|內線|ext\.?|x|#)\s*[0-9]{1,6}", re.IGNORECASE)
_DASHED_EXTENSION: Final = re.compile(r"(\(?0[0-9]{2,3}\)?[ -]?[0-9]{7,8})-[0-9]{1,6}")
_MOBILE: Final = re.compile(r"(?:0{0,2}86)?(1[3-9][0-9]{9})")
_ACCOUNT: Final = re.compile(r"[0-9A-Za-z \-‐-―−]+")
_NUMBER: Final = re.compile(r"[0-9A-Za-z \-‐-―−()/.:]+")
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
    first = next((index for index, character in enumerate(text) if not _LETTER_NAME_BREAK.match(character)), None)
    # What stands first must be a letter: behind a character that could not be written ("?", "□"), or a description of
    # one (⿰), the next one would be a given name's.
    if first is None or not text[first].isalpha() or sum(c.isalpha() for c in text) <= 1:
        return "*"
    # Accents that are separate characters are hidden with their letter's neighbours; breaks show how many parts.
    return "".join(
        character if index == first or _LETTER_NAME_BREAK.match(character) else "*"
        for index, character in enumerate(text)
    )


def _is_han(character: str) -> bool:
    # Rare characters: those of planes 2 and 3, also where this Python's Unicode does not know them yet, and those that
    # older registers keep in the private use area.
    if "\U00020000" <= character <= "\U0003ffff" or unicodedata.category(character) == "Co":
        return True
    return unicodedata.name(character, "").startswith(("CJK UNIFIED", "CJK COMPATIBILITY", "IDEOGRAPHIC NUMBER ZERO"))


def _identifier(text: str) -> str:
    """Keep the first three and last two of twelve or more, the first and last of six or more, else nothing.

    The birth date inside a resident identity number has too few possibilities to leave the sequence number in sight,
    so less is kept than the customary six and four. Marks between the characters do not count and are not shown.
    """
    if not _NUMBER.fullmatch(text):
        return HIDDEN
    joined = "".join(c for c in text if c.isalnum())
    if len(joined) >= 12:  # noqa: PLR2004 - the rule in the docstring
        return f"{joined[:3]}{HIDDEN}{joined[-2:]}"
    if len(joined) >= 6:  # noqa: PLR2004 - the rule in the docstring
        return f"{joined[0]}{HIDDEN}{joined[-1]}"
    return HIDDEN


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isascii() and c.isdigit())


def _phone(text: str) -> str:
    """Keep three and four digits of a mainland mobile number, the last four of eight or more digits, else nothing."""
    number = _EXTENSION.sub("", text, count=1) if _EXTENSION.search(text) else text
    dashed = _DASHED_EXTENSION.fullmatch(number)
    number = dashed[1] if dashed else number
    if not _TELEPHONE.fullmatch(number):
        return HIDDEN
    digits = _digits(number)
    foreign = number.startswith("+") and not digits.startswith("86")
    mobile = None if foreign else _MOBILE.fullmatch(digits)
    if mobile:
        return f"{mobile[1][:3]}{HIDDEN}{mobile[1][-4:]}"
    return f"{HIDDEN}{digits[-4:]}" if len(digits) >= 8 else HIDDEN  # noqa: PLR2004 - the rule in the docstring


def _bank_account(text: str) -> str:
    """Keep the last four of twelve or more digits, else nothing."""
    if not _ACCOUNT.fullmatch(text):
        return HIDDEN
    digits = _digits(text)
    return f"{HIDDEN}{digits[-4:]}" if len(digits) >= 12 else HIDDEN  # noqa: PLR2004 - the rule in the docstring


def _address(text: str) -> str:
    """Keep province, prefecture and county of a Chinese address, else nothing."""
    joined = "".join(text.split())
    match = _ADMINISTRATIVE.match(joined)
    kept = match[0] if match else ""
    # A province behind something else: what stands before it is no part of an address.
    later = _FULL.search(joined, 1)
    if later is not None and not (_FULL.match(joined) and later.start() >= len(kept)):
        return HIDDEN
    return f"{kept}{HIDDEN}" if not kept or kept[-1] in _ENDS else HIDDEN


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
