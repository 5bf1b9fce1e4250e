"""Reads a service item's file (format `oncegate.service/1`, described in docs/services.md).

Rules kept here: fails closed. Unknown keys, words, evidence types and purposes, empty lists, repeated codes, an
evidence type that no requirement names, and a list that can never be the one that counts are refused; so is a need that
could not be judged here. An error names line, key and rule, never the value.

What it does not do: whether the department may have what it needs is told by its agreements (`policies.services.lint`).
"""

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from policies.agreements.locate import key_lines
from policies.agreements.toml_text import BadToml, read_toml
from policies.identifiers import known_schemes
from policies.items import AskedItem, BadItem, parse_item
from policies.predicates import BadPredicate, Operator, checked_need
from policies.purposes import PURPOSES, Purposes
from policies.reasons import Text
from policies.resources import DEPARTMENT_PATTERN, MAX_RESOURCE_CODE, RESOURCE_PATTERN
from policies.service_reference import MAX_VERSION, SERVICE_PATTERN
from policies.services.model import Channel, Evidence, Fallback, Necessity, NoMatch, Requirement, ServiceItem
from policies.services.reader import MAX_TEXT, MAX_TITLE, BadService, ServiceReader
from policies.vocabulary import RECORD_FIELD, Form, LegalBasis

FORMAT: Final = "oncegate.service/1"
MOST_LAWS: Final = 16
MOST_EVIDENCE: Final = 64
MOST_REQUIREMENTS: Final = 32
MOST_LISTS: Final = 8
MOST_MEMBERS: Final = 8
MOST_ITEMS: Final = 64
"""Most different items of a service item: as many as one request may have."""
MOST_DUE_DAYS: Final = 366
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,63}(?:=.*)?")
_REQUIRED: Final = frozenset(
    {"format", "code", "version", "department", "title", "purpose", "legal_basis", "laws", "subject_scheme"}
) | {"evidence", "requirements"}
_REQUIREMENT: Final = frozenset({"code", "title", "necessity", "lists", "no_match"})


def parse_service(raw: bytes, purposes: Purposes = PURPOSES) -> ServiceItem:
    """Read one service item.

    Args:
        raw: The exact bytes of the file, UTF-8 TOML, at most 64 KiB.
        purposes: The registered purposes. Whether the item's purpose is retired is a matter of the day: not looked at.

    Returns:
        The service item; its digest is over `raw`.

    Raises:
        BadService: With line, key and rule of the first thing that is not right.
    """
    try:
        table, text = read_toml(raw)
    except BadToml as error:
        raise BadService(error.line, "", error.rule) from None
    root = ServiceReader(table, key_lines(text))
    root.only(_REQUIRED)
    if table["format"] != FORMAT:
        raise root.bad("format", f"must be {FORMAT}")
    purpose = root.text("purpose", MAX_TITLE)
    if purpose not in purposes:
        raise root.bad("purpose", "must be a registered purpose")
    legal_basis = root.word("legal_basis", LegalBasis)
    if legal_basis not in purposes[purpose].bases:
        raise root.bad("legal_basis", "must be one on which the purpose may rest")
    scheme = root.text("subject_scheme", MAX_TITLE)
    if scheme not in known_schemes():
        raise root.bad("subject_scheme", "is not a known scheme")
    evidence = _all_evidence(root)
    requirements = _all_requirements(root, evidence)
    return ServiceItem(
        code=root.match("code", SERVICE_PATTERN),
        version=root.number("version", MAX_VERSION),
        department=root.match("department", DEPARTMENT_PATTERN),
        title=root.pair("title", MAX_TITLE),
        purpose=purpose,
        legal_basis=legal_basis,
        laws=root.listed("laws", MOST_LAWS),
        subject_scheme=scheme,
        evidence=evidence,
        requirements=requirements,
        digest=hashlib.sha256(raw).digest(),
    )


def _all_evidence(root: ServiceReader) -> Mapping[str, Evidence]:
    found: dict[str, Evidence] = {}
    items: set[AskedItem] = set()
    for reader in root.each("evidence", MOST_EVIDENCE):
        one = _evidence(reader)
        if one.code in found:
            raise reader.bad("code", "must not repeat a code")
        found[one.code] = one
        items |= set(one.items)
        if len(items) > MOST_ITEMS:
            raise reader.bad("fields", f"must be at most {MOST_ITEMS} different ones in the whole file")
    return MappingProxyType(found)


def _evidence(reader: ServiceReader) -> Evidence:
    channel = reader.word("channel", Channel) if "channel" in reader.table else Channel.SHARED_DATA
    if channel is Channel.SHARED_DATA:
        reader.only({"code", "title", "resource", "fields"}, {"channel", "user_provided", "by_hand"})
    else:
        reader.only({"code", "title", "by_hand"}, {"channel"})
    return Evidence(
        code=reader.match("code", _CODE),
        title=reader.pair("title", MAX_TITLE),
        channel=channel,
        items=_items(reader) if channel is Channel.SHARED_DATA else (),
        user_provided=reader.flag("user_provided") if "user_provided" in reader.table else False,
        by_hand=reader.pair("by_hand", MAX_TEXT) if "by_hand" in reader.table else None,
    )


def _items(reader: ServiceReader) -> tuple[AskedItem, ...]:
    resource = reader.match("resource", RESOURCE_PATTERN)
    if len(resource) > MAX_RESOURCE_CODE:
        raise reader.bad("resource", f"must be at most {MAX_RESOURCE_CODE} characters")
    items = tuple(_item(reader, resource, text) for text in reader.listed("fields", MOST_ITEMS))
    if len({item.field for item in items}) != len(items):
        raise reader.bad("fields", "must name a field once in an evidence type")
    return items


def _item(reader: ServiceReader, resource: str, text: str) -> AskedItem:
    if not _FIELD.fullmatch(text):
        raise reader.bad("fields", "must be written field or field=form, as in birth_date=age_at_least(18)|year")
    try:
        item = parse_item(f"{resource}:{text}")
        need = checked_need(
            item.form,
            name=item.need.name if item.need else "",
            operator=item.need.operator if item.need else None,
            constants=item.need.constants if item.need else (),
            accepted=item.accepted,
            committed=item.need is not None and item.need.operator is Operator.EQUALS,
        )
    except BadItem as error:
        raise reader.bad("fields", error.rule) from None
    except BadPredicate as error:
        raise reader.bad("fields", f"{error.key}: {error.rule}") from None
    if item.optional:
        raise reader.bad("fields", "whether something is needed is said by the requirement, not by a question mark")
    if need is not None and need.operator is None:
        raise reader.bad("fields", "a predicate is written as what it asks, so that its answer can be understood here")
    if need is not None and Form.MASKED in item.accepted:
        raise reader.bad("fields", "a masked text cannot answer what is asked")
    if item.field == RECORD_FIELD and (item.form is not Form.EXISTS or item.accepted):
        raise reader.bad("fields", "the record itself has only the form exists")
    return item


def _all_requirements(root: ServiceReader, evidence: Mapping[str, Evidence]) -> tuple[Requirement, ...]:
    found: dict[str, Requirement] = {}
    for reader in root.each("requirements", MOST_REQUIREMENTS):
        one = _requirement(reader, evidence)
        if one.code in found:
            raise reader.bad("code", "must not repeat a code")
        found[one.code] = one
    used = {code for one in found.values() for codes in one.lists for code in codes}
    for number, code in enumerate(evidence):
        if code not in used:
            raise root.bad(f"evidence[{number}].code", "is in no list of a requirement")
    return tuple(found.values())


def _requirement(reader: ServiceReader, evidence: Mapping[str, Evidence]) -> Requirement:
    necessity = reader.word("necessity", Necessity) if "necessity" in reader.table else Necessity.REQUIRED
    due = {"due_days"} if necessity is Necessity.DEFERRABLE else set()
    reader.only(_REQUIREMENT | due)
    return Requirement(
        code=reader.match("code", _CODE),
        title=reader.pair("title", MAX_TITLE),
        necessity=necessity,
        lists=_lists(reader, evidence),
        no_match=_fallback(reader.inner("no_match")),
        due_days=reader.number("due_days", MOST_DUE_DAYS) if due else 0,
    )


def _lists(reader: ServiceReader, evidence: Mapping[str, Evidence]) -> tuple[tuple[str, ...], ...]:
    value = reader.table["lists"]
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_LISTS:
        raise reader.bad("lists", f"must be 1 to {MOST_LISTS} lists of evidence types")
    lists: list[tuple[str, ...]] = []
    for one in value:
        codes = reader.distinct("lists", one, MOST_MEMBERS)
        if any(code not in evidence for code in codes):
            raise reader.bad("lists", "must name only evidence types of this file")
        if any(set(earlier) <= set(codes) for earlier in lists):
            raise reader.bad("lists", "a list that holds all of an earlier one can never be the one that counts")
        lists.append(codes)
    return tuple(lists)


def _fallback(reader: ServiceReader) -> Fallback:
    reader.only({"then", "zh", "en"})
    text = Text(reader.text("zh", MAX_TEXT), reader.text("en", MAX_TEXT))
    return Fallback(reader.word("then", NoMatch), text)
