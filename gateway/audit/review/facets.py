"""What an entry can be found by: its facets. Pure.

Rules kept here: the facets of a settled request are those of its outcome together with what the question says about
rules and agreements, so that one request is one hit; a question itself (`asked`) has none, for its outcome stands for
it. Values are folded (full width, white space, what is not seen), on both sides of every comparison. A person is no
facet: who searches for one goes by the person's token, which goes when the person part is erased.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from gateway.audit.kinds import Kind

LONGEST_VALUE: Final = 256
"""Characters of a value that are told apart; a longer one is cut, and its entry still found by what is left."""
_UNSEEN: Final = frozenset({"Cf", "Cc", "Cs", "Co"})
_MANY_MARKS: Final = 30


class Facet(StrEnum):
    """By what entries are found."""

    OUTCOME = "outcome"
    DEPARTMENT = "department"
    SYSTEM = "system"
    OFFICIAL = "official"
    PURPOSE = "purpose"
    LEGAL_BASIS = "legal_basis"
    CASE = "case"
    RESOURCE = "resource"
    FIELD = "field"
    GIVEN = "given"
    """A field that was released, and not only asked for."""
    REASON = "reason"
    RULE = "rule"
    AGREEMENT = "agreement"
    SERVICE = "service"
    EMERGENCY = "emergency"
    AUDITOR = "auditor"


NONE: Final = ""
"""Value of `OFFICIAL` and `CASE` in a request that named none, and of `EMERGENCY` in every one that declared one."""

_PLAIN: Final = (
    Facet.DEPARTMENT,
    Facet.OFFICIAL,
    Facet.PURPOSE,
    Facet.LEGAL_BASIS,
    Facet.CASE,
    Facet.REASON,
    Facet.AUDITOR,
)

Pair = tuple[Facet, str]


def folded(text: str) -> str:
    """A value as it is compared: NFKC, nothing unseen, single spaces, at most `LONGEST_VALUE` characters."""
    return _folded(text[:LONGEST_VALUE])


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    seen = [c for c in " ".join(text.split()) if unicodedata.category(c) not in _UNSEEN]
    if sum(map(bool, map(unicodedata.combining, seen))) > _MANY_MARKS:
        # Normalising sorts marks in time that grows with the square of their number; no honest value has so many.
        return "".join(seen)
    return " ".join(unicodedata.normalize("NFKC", "".join(seen)).split())[:LONGEST_VALUE]


def system_name(spiffe: str) -> str:
    """A system as an auditor names it: `department/name`, out of its SPIFFE id; anything else stays as it is."""
    parts = spiffe.removeprefix("spiffe://").split("/")
    if spiffe.startswith("spiffe://") and parts[1:2] == ["department"] and parts[3:4] == ["system"] and len(parts) == 5:  # noqa: PLR2004 - domain/department/D/system/S
        return f"{parts[2]}/{parts[4]}"
    return spiffe


def facets_of(said: Mapping[str, Any], asked: Mapping[str, Any] | None = None) -> frozenset[Pair]:
    """By what an entry is found.

    Args:
        said: Its accountability part.
        asked: That of the question that it closes, if it closes one.

    Returns:
        Names and folded values; none for a question.
    """
    if said.get("kind") == str(Kind.ASKED):
        return frozenset()
    return frozenset((facet, folded(value)) for facet, value in _found(said, asked or {}))


def items_of(said: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The items of an entry that are objects."""
    items = said.get("items")
    return iter([item for item in items if isinstance(item, dict)] if isinstance(items, list) else [])


def field_name(item: Mapping[str, Any]) -> str:
    """A field with its resource, as auditors name it."""
    return f"{item.get('resource', '')}.{item.get('field', '')}"


def _found(said: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Pair]:
    kind = str(said.get("kind", ""))
    yield Facet.OUTCOME, kind
    for facet in _PLAIN:
        value = said.get(str(facet))
        if isinstance(value, str) and value:
            yield facet, value
    system = said.get("system")
    if isinstance(system, str) and system:
        yield Facet.SYSTEM, system_name(system)
    if "request_id" in said:
        # Of a request, that it named no official or no case is a fact that auditors ask for.
        yield from ((facet, NONE) for facet in (Facet.OFFICIAL, Facet.CASE) if not said.get(str(facet)))
    emergency = said.get("emergency")
    if isinstance(emergency, dict):
        yield Facet.EMERGENCY, NONE
        yield Facet.EMERGENCY, str(emergency.get("reason", ""))
    service = said.get("service")
    if isinstance(service, dict):
        yield Facet.SERVICE, str(service.get("code", ""))
    for item in items_of(said):
        yield Facet.RESOURCE, str(item.get("resource", ""))
        yield Facet.FIELD, field_name(item)
        if kind == str(Kind.RELEASED) and item.get("outcome") == "released":
            yield Facet.GIVEN, field_name(item)
    for one in (said, asked):
        yield from ((Facet.RULE, rule) for rule in _rules(one))
        yield from ((Facet.AGREEMENT, agreement) for agreement in _agreements(one))


def _rules(said: Mapping[str, Any]) -> Iterator[str]:
    for holder in (said, *items_of(said)):
        rules = holder.get("rules")
        if isinstance(rules, list):
            yield from map(str, rules)


def _agreements(said: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(said.get("agreement"), str):
        yield said["agreement"]
    held = said.get("agreements")
    decided = said.get("decided")
    resources = decided.get("resources") if isinstance(decided, dict) else None
    named = [*(held if isinstance(held, list) else []), *_named(resources)]
    yield from (str(one["id"]) for one in named if isinstance(one, dict) and "id" in one)


def _named(resources: object) -> list[Any]:
    if not isinstance(resources, list):
        return []
    return [one.get("agreement") for one in resources if isinstance(one, dict)]
