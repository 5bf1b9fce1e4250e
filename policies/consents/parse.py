"""Reads the exact bytes of a consent (format `oncegate.consent/1`, described in docs/consent.md).

Rules kept here: fails closed. Bytes that are not canonical JSON, an unknown or missing member, a wrong type and a value
outside its bounds are refused; an error names the member and the rule, never the value.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeVar

from policies.consent_words import (
    DAY_MS,
    MAX_DATA_LIFE_DAYS,
    MAX_REPEATS,
    MAX_VALUE,
    RELATION_PATTERN,
    Fetch,
    Frequency,
    Locale,
    Mode,
    Unit,
)
from policies.consents.artefact import (
    COMMITMENT_BYTES,
    DIGEST_BYTES,
    FORMAT,
    ID_BYTES,
    MAX_BYTES,
    Consent,
    ConsentPart,
    Delegate,
    canonical,
    to_text,
)
from policies.resources import DEPARTMENT_PATTERN, FIELD_PATTERN, RESOURCE_PATTERN
from policies.vocabulary import PURPOSE_PATTERN, Form

MAX_PARTS: Final = 16
MAX_ITEMS: Final = 64
MAX_SYSTEMS: Final = 64
MAX_VALIDITY_MS: Final = 3 * 366 * DAY_MS
MAX_TEXT: Final = 256
_AGREEMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,126}[a-z0-9])?")
_HEX: Final = re.compile(r"[0-9a-f]{32}")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9.-]{0,63}")
_SYSTEM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_MAX_MS: Final = 1 << 53
_MAX_REVISION: Final = 2**31 - 1
_MEMBERS: Final = frozenset(
    {
        "format",
        "id",
        "domain",
        "subject",
        "delegate",
        "consumer",
        "systems",
        "purpose",
        "mode",
        "fetch",
        "frequency",
        "data_range",
        "data_life_days",
        "valid",
        "notice",
        "parts",
        "supersedes",
        "created_ms",
    }
)

_Word = TypeVar("_Word", bound=StrEnum)


class BadConsent(ValueError):
    """A consent is refused.

    Args:
        member: The member, such as `parts[0].items`; empty when the whole is meant.
        rule: The rule that is broken; never the value that broke it.
    """

    def __init__(self, member: str, rule: str) -> None:
        super().__init__(f"{member}: {rule}" if member else rule)
        self.member = member
        self.rule = rule


def parse_consent(raw: bytes) -> Consent:
    """Read one consent.

    Args:
        raw: The exact bytes, canonical JSON of at most 16 KiB.

    Returns:
        The consent; its digest is over `raw`.

    Raises:
        BadConsent: With the member and rule of the first thing that is not right.
    """
    if len(raw) > MAX_BYTES:
        raise BadConsent("", f"must be at most {MAX_BYTES} bytes")
    try:
        value = json.loads(raw)
        same = isinstance(value, dict) and canonical(value) == raw
    except (ValueError, RecursionError, UnicodeEncodeError):
        raise BadConsent("", "must be canonical JSON") from None
    if not same:
        raise BadConsent("", "must be canonical JSON")
    return _consent(_Object(value, ""), raw)


@dataclass(frozen=True, slots=True)
class _Object:
    """Takes typed values out of one object and says where one is wrong."""

    value: Mapping[str, Any]
    prefix: str

    def wrong(self, member: str, rule: str) -> NoReturn:
        raise BadConsent(self.prefix + member, rule)

    def only(self, members: Collection[str]) -> None:
        if set(self.value) != set(members):
            self.wrong("", f"must have exactly the members {', '.join(sorted(members))}")

    def match(self, member: str, pattern: re.Pattern[str], longest: int = 256) -> str:
        value = self.value[member]
        if not isinstance(value, str) or len(value) > longest or not pattern.fullmatch(value):
            self.wrong(member, f"must match {pattern.pattern}")
        return value

    def number(self, member: str, least: int, most: int) -> int:
        value = self.value[member]
        if type(value) is not int or not least <= value <= most:
            self.wrong(member, f"must be a whole number from {least} to {most}")
        return value

    def word(self, member: str, words: type[_Word]) -> _Word:
        try:
            return words(self.value[member])
        except ValueError:
            self.wrong(member, f"must be one of {', '.join(words)}")

    def data(self, member: str, *sizes: int) -> bytes:
        text = self.value[member]
        try:
            raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except (AttributeError, UnicodeEncodeError, binascii.Error):
            raw = None
        if raw is None or to_text(raw) != text or len(raw) not in sizes:
            self.wrong(member, f"must be base64url of {' or '.join(map(str, sizes))} bytes")
        return raw

    def inner(self, member: str, members: Collection[str]) -> "_Object":
        value = self.value[member]
        if not isinstance(value, dict):
            self.wrong(member, "must be an object")
        found = _Object(value, f"{self.prefix}{member}.")
        found.only(members)
        return found

    def listed(self, member: str, most: int) -> list[Any]:
        value = self.value[member]
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            self.wrong(member, f"must list 1 to {most} entries")
        return value

    def words(self, member: str, pattern: re.Pattern[str], most: int) -> frozenset[str]:
        value = self.listed(member, most)
        if not all(isinstance(entry, str) and pattern.fullmatch(entry) for entry in value):
            self.wrong(member, f"must list texts that match {pattern.pattern}")
        if sorted(set(value)) != value:
            self.wrong(member, "must be sorted and must not repeat an entry")
        return frozenset(value)


def _consent(top: _Object, raw: bytes) -> Consent:
    top.only(_MEMBERS)
    if top.value["format"] != FORMAT:
        top.wrong("format", f"must be {FORMAT}")
    subject = top.inner("subject", {"scheme", "commitment"})
    purpose = top.inner("purpose", {"code", "text"})
    valid = top.inner("valid", {"from_ms", "until_ms"})
    span = top.inner("data_range", {"from_ms", "until_ms"})
    notice = top.inner("notice", {"sha256", "locale"})
    valid_from = valid.number("from_ms", 0, _MAX_MS)
    valid_until = valid.number("until_ms", valid_from + 1, valid_from + MAX_VALIDITY_MS)
    range_from = span.number("from_ms", 0, _MAX_MS)
    range_until = span.number("until_ms", 0, _MAX_MS)
    if range_until and range_until <= range_from:
        span.wrong("until_ms", "must be after from_ms")
    fetch = top.word("fetch", Fetch)
    return Consent(
        id=bytes.fromhex(top.match("id", _HEX, 2 * ID_BYTES)),
        domain=top.match("domain", _DOMAIN),
        scheme=subject.match("scheme", _SCHEME),
        commitment=subject.data("commitment", COMMITMENT_BYTES),
        delegate=_delegate(top),
        consumer=top.match("consumer", DEPARTMENT_PATTERN),
        systems=top.words("systems", _SYSTEM, MAX_SYSTEMS),
        purpose=_purpose(purpose),
        purpose_text=_text(purpose, "text"),
        mode=top.word("mode", Mode),
        fetch=fetch,
        frequency=_frequency(top, fetch),
        range_from_ms=range_from,
        range_until_ms=range_until,
        data_life_days=top.number("data_life_days", 0, MAX_DATA_LIFE_DAYS),
        valid_from_ms=valid_from,
        valid_until_ms=valid_until,
        notice=notice.data("sha256", DIGEST_BYTES),
        locale=notice.word("locale", Locale),
        parts=_parts(top),
        supersedes=top.data("supersedes", 0, DIGEST_BYTES),
        created_ms=top.number("created_ms", 0, _MAX_MS),
        digest=hashlib.sha256(raw).digest(),
        raw=raw,
    )


def _purpose(purpose: _Object) -> str:
    code = purpose.value["code"]
    if not isinstance(code, str) or not PURPOSE_PATTERN.fullmatch(code):
        purpose.wrong("code", "must be a purpose code")
    return code


def _text(found: _Object, member: str) -> str:
    value = found.value[member]
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT or not value.isprintable():
        found.wrong(member, f"must be a text of 1 to {MAX_TEXT} characters")
    return value


def _delegate(top: _Object) -> Delegate | None:
    if top.value["delegate"] is None:
        return None
    found = top.inner("delegate", {"relation", "commitment"})
    return Delegate(found.match("relation", RELATION_PATTERN), found.data("commitment", COMMITMENT_BYTES))


def _frequency(top: _Object, fetch: Fetch) -> Frequency | None:
    if fetch is Fetch.ONCE:
        if top.value["frequency"] is not None:
            top.wrong("frequency", "must be null for one fetch")
        return None
    # A consent to fetch again and again without a bound does not exist.
    found = top.inner("frequency", {"unit", "value", "repeats"})
    return Frequency(
        found.word("unit", Unit), found.number("value", 1, MAX_VALUE), found.number("repeats", 1, MAX_REPEATS)
    )


def _parts(top: _Object) -> tuple[ConsentPart, ...]:
    parts: list[ConsentPart] = []
    for number, value in enumerate(top.listed("parts", MAX_PARTS)):
        if not isinstance(value, dict):
            top.wrong(f"parts[{number}]", "must be an object")
        found = _Object(value, f"parts[{number}].")
        found.only({"provider", "resource", "agreement", "items"})
        agreement = found.inner("agreement", {"id", "revision", "sha256"})
        parts.append(
            ConsentPart(
                provider=found.match("provider", DEPARTMENT_PATTERN),
                resource=found.match("resource", RESOURCE_PATTERN),
                agreement_id=agreement.match("id", _AGREEMENT),
                agreement_revision=agreement.number("revision", 1, _MAX_REVISION),
                agreement_digest=agreement.data("sha256", DIGEST_BYTES),
                items=_items(found),
            )
        )
    if len({part.resource for part in parts}) != len(parts):
        top.wrong("parts", "must not repeat a resource")
    return tuple(parts)


def _items(part: _Object) -> Mapping[str, frozenset[Form]]:
    value = part.value["items"]
    if not isinstance(value, dict) or not 1 <= len(value) <= MAX_ITEMS:
        part.wrong("items", f"must name 1 to {MAX_ITEMS} fields")
    found = _Object(value, f"{part.prefix}items.")
    words = frozenset(Form)
    items: dict[str, frozenset[Form]] = {}
    for field in value:
        if not FIELD_PATTERN.fullmatch(field):
            part.wrong("items", "must name fields")
        forms = found.listed(field, len(words))
        if not all(isinstance(form, str) and form in words for form in forms) or sorted(set(forms)) != forms:
            part.wrong("items", f"must list sorted forms among {', '.join(sorted(words))}")
        items[field] = frozenset(Form(form) for form in forms)
    return MappingProxyType(items)
