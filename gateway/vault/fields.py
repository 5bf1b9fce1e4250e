"""The fields of a profile: how each is described in the catalogue, normalised and checked.

Rules kept: two spellings of one value become one text; a value that breaks its field's rule is refused (fails closed)
with the rule in both public languages and never with the value; an unknown field is refused. Pure.

What it does not do: it does not ask whether a number or address exists or belongs to the person.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from gateway.errors import Code, Refused, bad_request
from policies.resources import FieldDescription, ResourceDescription
from policies.vocabulary import Classification, DataType, Form, Mask, SharingType

PROFILE_RESOURCE: Final = "oncegate.profile"
"""Resource code under which profile fields are asked for."""
PROFILE_SCHEMES: Final = ("cn.resident-id",)
MAX_VALUE: Final = 512
"""Longest value as typed, characters (the wire contract's limit)."""

_MOBILE: Final = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})")
_LANDLINE: Final = re.compile(r"0[1-9][0-9]{1,2}[2-9][0-9]{6,7}")
_INTERNATIONAL: Final = re.compile(r"\+[1-9][0-9]{7,14}")
_EMAIL: Final = re.compile(r"([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64})@((?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63})")
_ACCOUNT: Final = re.compile(r"[0-9]{8,30}")
_CONTACT: Final = re.compile(r"(\D{1,60}?)[\s,;:、]*(\+?[0-9][0-9 ()-]{6,24})")
_MAX_EMAIL: Final = 254
_MAX_ADDRESS: Final = 200
_MIN_ADDRESS: Final = 5
_HALF_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}

_PHONE_RULE: Final = (
    "须为11位手机号、带区号的固定电话或以+开头的国际号码 / "
    "must be an 11-digit mobile number, a landline with its area code, or + and 8 to 15 digits"
)
_EMAIL_RULE: Final = "须为有效的电子邮箱地址 / must be an e-mail address"
_ADDRESS_RULE: Final = "须为5至200个字符的一行文字 / must be one line of 5 to 200 characters"
_CONTACT_RULE: Final = "须为姓名加电话号码 / must be a name followed by a telephone number"
_ACCOUNT_RULE: Final = "须为8至30位数字 / must be 8 to 30 digits"


def canonical(field: str, value: str, path: str = "value") -> str:
    """The text under which a value is kept.

    Args:
        field: Field code.
        value: As typed: full-width characters, spaces and hyphens are folded where they mean nothing.
        path: Name of the input, for the refusal.

    Returns:
        The canonical text.

    Raises:
        Refused: UNKNOWN_FIELD, or BAD_REQUEST with the broken rule; never with the value.
    """
    rule = _RULES.get(field)
    if rule is None:
        raise Refused(Code.UNKNOWN_FIELD, "profile field")
    if len(value) > MAX_VALUE:
        raise bad_request(path, f"最多{MAX_VALUE}个字符 / must be at most {MAX_VALUE} characters")
    # Characters that are not seen (zero-width, direction marks, controls) would make two equal-looking values differ.
    visible = "".join(
        c for c in value.translate(_HALF_WIDTH) if unicodedata.category(c) not in {"Cf", "Cc", "Cs", "Co"}
    )
    normalise, text = rule
    folded = normalise(" ".join(visible.split()))
    if folded is None:
        raise bad_request(path, text)
    return folded


def profile_resource(provider: str) -> ResourceDescription:
    """The catalogue entry of the profile.

    Args:
        provider: Department id that answers for the vault.

    Returns:
        The description, code `oncegate.profile`.
    """
    return ResourceDescription(
        code=PROFILE_RESOURCE,
        name_zh="个人档案",
        name_en="Personal profile",
        provider=provider,
        abstract_zh="本人一次填写、由各部门依权限复用的联系与账户信息，逐项加密保存。",
        abstract_en="Contact and account details, entered once and reused by departments; encrypted one by one.",
        classification=Classification.SENSITIVE,
        sharing_type=SharingType.CONDITIONAL,
        sharing_terms="仅限本人办理事项所需 / Only as needed for a matter of the person",
        update_cycle="P1D",
        subject_schemes=PROFILE_SCHEMES,
        unlisted=False,
        fields=(*DESCRIPTIONS.values(), *PSEUDONYMS.values()),
    )


def _phone(text: str) -> str | None:
    digits = re.sub(r"[\s()-]", "", text)
    mobile = _MOBILE.fullmatch(digits)
    if mobile:
        # One person's number is one text, whether typed with the country code or without.
        return mobile[1]
    return digits if _LANDLINE.fullmatch(digits) or _INTERNATIONAL.fullmatch(digits) else None


def _email(text: str) -> str | None:
    match = _EMAIL.fullmatch(text)
    if match is None or len(text) > _MAX_EMAIL or ".." in text or match[1][0] == "." or match[1][-1] == ".":
        return None
    # RFC 5321 section 2.4: the domain is case-insensitive, the local part is the receiver's business.
    return f"{match[1]}@{match[2].lower()}"


def _address(text: str) -> str | None:
    return text if _MIN_ADDRESS <= len(text) <= _MAX_ADDRESS else None


def _contact(text: str) -> str | None:
    match = _CONTACT.fullmatch(text)
    if match is None:
        return None
    name, phone = match[1].strip(" ,;:、+"), _phone(match[2])
    return f"{name} {phone}" if name and phone else None


def _account(text: str) -> str | None:
    digits = re.sub(r"[\s-]", "", text)
    return digits if _ACCOUNT.fullmatch(digits) else None


_RULES: Final[dict[str, tuple[Callable[[str], str | None], str]]] = {
    "bank_account": (_account, _ACCOUNT_RULE),
    "email": (_email, _EMAIL_RULE),
    "emergency_contact": (_contact, _CONTACT_RULE),
    "mailing_address": (_address, _ADDRESS_RULE),
    "phone": (_phone, _PHONE_RULE),
}


def _field(code: str, zh: str, en: str, mask: Mask, classification: Classification) -> FieldDescription:
    forms = frozenset({Form.EXISTS, Form.PREDICATE, Form.MASKED, Form.VALUE})
    return FieldDescription(code, zh, en, DataType.STRING, classification, forms, mask)


DESCRIPTIONS: Final = {
    described.code: described
    for described in (
        _field("bank_account", "银行账号", "Bank account", Mask.BANK_ACCOUNT, Classification.SENSITIVE),
        _field("email", "电子邮箱", "E-mail address", Mask.TEXT, Classification.CONFIDENTIAL),
        _field("emergency_contact", "紧急联系人", "Emergency contact", Mask.TEXT, Classification.CONFIDENTIAL),
        _field("mailing_address", "通讯地址", "Mailing address", Mask.ADDRESS, Classification.CONFIDENTIAL),
        _field("phone", "联系电话", "Telephone", Mask.PHONE, Classification.CONFIDENTIAL),
    )
}
"""Catalogue description of each field, by code."""

PSEUDONYM: Final = "pseudonym"
PREVIOUS_PSEUDONYM: Final = "pseudonym_previous"
PSEUDONYMS: Final = {
    code: FieldDescription(code, zh, en, DataType.STRING, Classification.CONFIDENTIAL, frozenset({Form.VALUE}))
    for code, zh, en in (
        (PSEUDONYM, "部门假名", "Pseudonym for the asking department"),
        (PREVIOUS_PSEUDONYM, "更换前的部门假名", "The pseudonym before the last change, while both can be had"),
    )
}
"""Fields that nobody enters: derived for the department that asks, from the person's data key."""
