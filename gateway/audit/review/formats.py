"""The formats in which a search is taken along: CSV, JSON Lines, OCSF. Pure; one record at a time.

Rules kept here: the person appears as the random id and nothing else of the person part leaves; a cell of CSV that a
spreadsheet could take for a formula is made text; what a format has no place for is put where the format says such
things go, and nothing is made up to fill a place.

OCSF is the Open Cybersecurity Schema Framework (https://schema.ocsf.io), version 1.6.0, class API Activity (6003).
"""

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, Final

from gateway.audit.kinds import Kind
from gateway.audit.review.facets import Facet, field_name, items_of, system_name
from gateway.audit.review.query import Hit
from gateway.audit.review.tallies import CIVIL_OFFSET_MS

OCSF_VERSION: Final = "1.6.0"
COLUMNS: Final = (
    "entry",
    "time",
    "outcome",
    "department",
    "system",
    "official",
    "purpose",
    "legal_basis",
    "case",
    "reason",
    "emergency",
    "service",
    "agreements",
    "rules",
    "fields",
    "person",
    "question",
    "leaf_hash",
)
_FORMULA: Final = frozenset("=+-@\t\r\n＝＋－＠|%")
_ZONE: Final = timezone(timedelta(milliseconds=CIVIL_OFFSET_MS))
_CATEGORY, _CLASS = 6, 6003
_READ, _OTHER = 2, 99
_EXCHANGE: Final = frozenset({Kind.RELEASED, Kind.REFUSED, Kind.ABANDONED, Kind.REPLAYED})
_SUCCESS: Final = frozenset({Kind.RELEASED, Kind.REPLAYED})


class Format(StrEnum):
    """How a search is written."""

    CSV = "csv"
    JSONL = "jsonl"
    OCSF = "ocsf"


def header(form: Format) -> str:
    """What a file begins with: for CSV the names of the columns, after a mark by which spreadsheets see UTF-8."""
    return "\ufeff" + _csv_line(COLUMNS) if form is Format.CSV else ""


def record(form: Format, hit: Hit, origin: str) -> str:
    """One hit, with the end of its line.

    Args:
        form: How.
        hit: What was found.
        origin: The log's name.
    """
    if form is Format.CSV:
        return _csv_line(_cells(hit))
    document = _json(hit, origin) if form is Format.JSONL else _ocsf(hit, origin)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def summary(hit: Hit) -> dict[str, str]:
    """A hit in words, by column."""
    return dict(zip(COLUMNS, _cells(hit), strict=True))


def pseudonym(hit: Hit) -> str:
    """The random id of the person that a hit is about; empty when it is about none, or it was erased."""
    personal = hit.entry.personal
    return "" if personal is None else str(personal.get("person", ""))


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that could be is set off by an apostrophe."""
    return f"'{text}" if text.lstrip()[:1] in _FORMULA or text[:1] in _FORMULA else text


def _csv_line(cells: "tuple[str, ...]") -> str:
    line = io.StringIO()
    # RFC 4180: every cell in quotes, lines end with CRLF.
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([safe_cell(cell) for cell in cells])
    return line.getvalue()


def _cells(hit: Hit) -> tuple[str, ...]:
    said = hit.entry.account
    emergency, service = said.get("emergency"), said.get("service")
    return (
        str(hit.entry.leaf_index),
        datetime.fromtimestamp(hit.entry.time_ms / 1000, UTC).astimezone(_ZONE).isoformat(timespec="milliseconds"),
        hit.entry.kind,
        _text(said, "department"),
        system_name(_text(said, "system")),
        _text(said, "official"),
        _text(said, "purpose"),
        _text(said, "legal_basis"),
        _text(said, "case"),
        _text(said, "reason"),
        _text(emergency, "reason") if isinstance(emergency, dict) else "",
        _text(service, "code") if isinstance(service, dict) else "",
        " ".join(_values(hit, Facet.AGREEMENT)),
        " ".join(_values(hit, Facet.RULE)),
        " ".join(f"{field_name(item)}:{item.get('form', '')}={item.get('outcome', '')}" for item in items_of(said)),
        pseudonym(hit),
        "" if hit.asked is None else str(hit.asked.leaf_index),
        hit.entry.leaf_hash.hex(),
    )


def _json(hit: Hit, origin: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "log": origin,
        "leaf_index": hit.entry.leaf_index,
        "leaf_hash": hit.entry.leaf_hash.hex(),
        "accountability": hit.entry.account,
        "person": pseudonym(hit),
    }
    if hit.asked is not None:
        document["question"] = {
            "leaf_index": hit.asked.leaf_index,
            "leaf_hash": hit.asked.leaf_hash.hex(),
            "accountability": hit.asked.account,
        }
    return document


def _ocsf(hit: Hit, origin: str) -> dict[str, Any]:
    """An event of the class API Activity. Of people only keyed hashes and random ids are known."""
    entry, said = hit.entry, hit.entry.account
    exchange = entry.kind in _EXCHANGE
    activity = _READ if exchange else _OTHER
    system, department = _text(said, "system"), _text(said, "department")
    actor: dict[str, Any] = {"app_name": system_name(system) or origin, "app_uid": system or origin}
    official = _text(said, "official") or _text(said, "auditor")
    if official:
        actor["user"] = {"uid": official, "type_id": 0} | ({"org": {"uid": department}} if department else {})
    call: dict[str, Any] = {"operation": "oncegate.v1.ExchangeService/Fetch" if exchange else entry.kind}
    if said.get("request_id"):
        call["request"] = {"uid": _text(said, "request_id")}
    if said.get("reason"):
        call["response"] = {"error": _text(said, "reason")}
    status, status_name = _status(entry.kind)
    document: dict[str, Any] = {
        "activity_id": activity,
        "activity_name": "Read" if exchange else entry.kind,
        "category_uid": _CATEGORY,
        "category_name": "Application Activity",
        "class_uid": _CLASS,
        "class_name": "API Activity",
        "type_uid": _CLASS * 100 + activity,
        "severity_id": 1,
        "severity": "Informational",
        "time": entry.time_ms,
        "status_id": status,
        "status": status_name,
        "actor": actor,
        "api": call,
        # The log keeps no network addresses: a system is known by its name.
        "src_endpoint": {"uid": system or origin, "name": system_name(system) or origin},
        "resources": _resources(hit),
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "oncegate", "vendor_name": "oncegate"},
            "log_name": origin,
            "uid": f"{origin}#{entry.leaf_index}",
            "sequence": entry.leaf_index,
            "event_code": entry.kind,
        },
        "unmapped": {
            "leaf_hash": entry.leaf_hash.hex(),
            **{
                name: said[name]
                for name in ("purpose", "legal_basis", "case", "emergency", "service")
                if said.get(name)
            },
            "agreements": _values(hit, Facet.AGREEMENT),
            "rules": _values(hit, Facet.RULE),
        },
    }
    if said.get("reason"):
        document["status_code"] = _text(said, "reason")
    return document


def _status(kind: str) -> tuple[int, str]:
    if kind not in _EXCHANGE:
        return _OTHER, kind
    return (1, "Success") if kind in _SUCCESS else (2, "Failure")


def _resources(hit: Hit) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"uid": field_name(item), "type": "field", "data": {"form": item.get("form"), "outcome": item.get("outcome")}}
        for item in items_of(hit.entry.account)
    ]
    person = pseudonym(hit)
    return [*found, {"uid": person, "type": "person"}] if person else found


def _values(hit: Hit, facet: Facet) -> list[str]:
    return sorted(value for name, value in hit.facets if name is facet)


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    return value if isinstance(value, str) else ""
