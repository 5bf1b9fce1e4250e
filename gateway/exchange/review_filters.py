"""The conditions of an auditor's search, as they are typed: checked, folded, and made a query.

Rules kept here: a value has the shape of what it stands for, so that no wildcard, no control character and no text of
any length gets further; full-width characters are folded first; what looks like a resident identity number is refused,
since a condition is recorded and must name nobody. Errors name field and rule, never the value.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.audit.kinds import Kind
from gateway.audit.review.facets import LONGEST_VALUE, NONE, Facet, Pair, folded, system_name
from gateway.audit.review.query import END_OF_TIME_MS, Query
from gateway.errors import bad_request
from gateway.vault.texts import free_text
from policies.folding import fold
from policies.identifiers import BadIdentifier, normalise
from policies.resources import DEPARTMENT_PATTERN, RESOURCE_PATTERN
from policies.vocabulary import PURPOSE_PATTERN, LegalBasis

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_VISIBLE: Final = re.compile(r"[!-~]{1,128}")
_RULES: Final[Mapping[Facet, tuple[re.Pattern[str], str]]] = {
    Facet.DEPARTMENT: (DEPARTMENT_PATTERN, "must be a department id"),
    Facet.SYSTEM: (
        re.compile(r"(spiffe://[a-z0-9.-]{1,128}/department/)?[a-z][a-z0-9-]{0,62}/(system/)?[A-Za-z0-9._-]{1,63}"),
        "must be a SPIFFE id or department/name",
    ),
    Facet.OFFICIAL: (_HASH, "must be 64 hexadecimal digits, as entries show it"),
    Facet.AUDITOR: (_HASH, "must be 64 hexadecimal digits, as entries show it"),
    Facet.PURPOSE: (PURPOSE_PATTERN, "must be a purpose code"),
    Facet.RESOURCE: (RESOURCE_PATTERN, "must be a resource code"),
    Facet.FIELD: (
        re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+\.[a-z][a-z0-9_]{0,63}"),
        "must be a field with its resource, such as civil.resident.name",
    ),
    Facet.OUTCOME: (re.compile(r"[a-z_]{1,32}"), "must be a kind of entry, and not asked; docs/audit.md lists them"),
    Facet.REASON: (re.compile(r"[A-Z][A-Z0-9_]{0,63}"), "must be a reason code"),
    Facet.RULE: (_VISIBLE, "must be the id of a rule"),
    Facet.AGREEMENT: (_CODE, "must be an agreement id"),
    Facet.SERVICE: (_CODE, "must be the code of a service item"),
    Facet.EMERGENCY: (re.compile(r"[a-z][a-z0-9_]{0,63}"), "must be the code of a reason"),
    Facet.LEGAL_BASIS: (re.compile("|".join(LegalBasis)), "must be mandate, explicit_request or consent"),
    Facet.CASE: (re.compile(r"[^\x00-\x1f\x7f]{1,128}"), "must be at most 128 characters"),
}
# Wherever it begins, also in the middle of other digits.
_NUMBER: Final = re.compile(r"(?=([0-9]{17}[0-9X]))")
_LOOK_LIKE_X: Final = frozenset("XxХхΧχ×")
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters that nobody sees."""
_KINDS: Final = frozenset(str(kind) for kind in Kind) - {str(Kind.ASKED)}
_INPUT_NAMES: Final = {Facet.CASE: "case_reference"}


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions as typed.

    Attributes:
        values: By facet; empty ones hold for everything.
        from_ms: Unix ms; 0 from the beginning.
        until_ms: Unix ms; 0 up to now.
        without_case: Only requests that named no case.
        without_official: Only requests that named no official.
        any_emergency: Only requests under a declared emergency.
    """

    values: Mapping[Facet, str] = field(default_factory=dict)
    from_ms: int = 0
    until_ms: int = 0
    without_case: bool = False
    without_official: bool = False
    any_emergency: bool = False


def query_of(filters: Filters, person: bytes | None = None) -> Query:
    """The query that conditions amount to.

    Args:
        filters: The conditions.
        person: Random id of the person it is about, if it is about one.

    Raises:
        Refused: BAD_REQUEST with field and rule.
    """
    values = {facet: checked(facet, value) for facet, value in filters.values.items() if value}
    from_ms, until_ms = checked_times(filters.from_ms, filters.until_ms or END_OF_TIME_MS)
    pairs: set[Pair] = set(values.items())
    for facet, without in ((Facet.CASE, filters.without_case), (Facet.OFFICIAL, filters.without_official)):
        if without:
            if facet in values:
                name = _INPUT_NAMES.get(facet, str(facet))
                raise bad_request(f"without_{facet}", f"contradicts {name}")
            pairs.add((facet, NONE))
    if filters.any_emergency:
        pairs.add((Facet.EMERGENCY, NONE))
    if values.get(Facet.OUTCOME) == str(Kind.RELEASED) and Facet.FIELD in values:
        # A request may be released without this field: then the field was not.
        pairs.add((Facet.GIVEN, values[Facet.FIELD]))
    return Query(frozenset(pairs), from_ms, until_ms, person)


def checked(facet: Facet, value: str) -> str:
    """A value as it is compared.

    Raises:
        Refused: BAD_REQUEST with field and rule.
    """
    name = _INPUT_NAMES.get(facet, str(facet))
    pattern, rule = _RULES[facet]
    if len(value) > LONGEST_VALUE or any(unicodedata.category(c) == "Cc" for c in value):
        raise bad_request(name, rule)
    text = folded(value)
    if pattern.fullmatch(text) is None or (facet is Facet.OUTCOME and text not in _KINDS):
        raise bad_request(name, rule)
    _names_nobody(name, text)
    return folded(system_name(text)) if facet is Facet.SYSTEM else text


def checked_times(from_ms: int, until_ms: int) -> tuple[int, int]:
    """A stretch of time.

    Raises:
        Refused: BAD_REQUEST when it is empty or no time.
    """
    if not 0 <= from_ms < until_ms <= END_OF_TIME_MS:
        raise bad_request("until_unix_ms", "须晚于起始时间 / must be after from_unix_ms, and neither is negative")
    return from_ms, until_ms


def checked_why(why: str) -> str:
    """A reason for searching for a person, as it is recorded.

    Raises:
        Refused: BAD_REQUEST when there is none, it is too long, or it holds a resident identity number.
    """
    text = free_text("why", why)
    _names_nobody("why", text)
    return text


def _names_nobody(name: str, text: str) -> None:
    """Fails closed: what is recorded of a search stays for good."""
    for match in _NUMBER.finditer(_digits(text)):
        try:
            normalise("cn.resident-id", match[1])
        except BadIdentifier:
            continue
        rule = "不得包含公民身份号码 / must hold no resident identity number; search by person instead"
        raise bad_request(name, rule)


def _digits(text: str) -> str:
    """The digits of a text, of whatever script and however they are grouped; letters keep them apart."""
    told = []
    for one in fold(text):
        if one.isdecimal():
            told.append(str(unicodedata.decimal(one)))
        elif one in _LOOK_LIKE_X:
            told.append("X")
        elif one.isalpha() and one not in _FILLERS:
            told.append(" ")
    return "".join(told)
