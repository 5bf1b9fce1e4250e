"""Alerts as data, as CSV, and as Detection Findings of OCSF. Pure.

Rules kept here: the person appears as the random id; a cell that a spreadsheet could take for a formula is made text;
what OCSF has no place for is under `unmapped`, and nothing is made up to fill a place.

OCSF is the Open Cybersecurity Schema Framework (https://schema.ocsf.io), version 1.6.0, class Detection Finding (2004).
"""

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from gateway.audit.review.facets import system_name
from gateway.audit.review.formats import OCSF_VERSION, safe_cell
from oncegate.v1 import detection_pb2

COLUMNS: Final = (
    "alert",
    "state",
    "severity",
    "points",
    "department",
    "system",
    "official",
    "raised",
    "raised_at",
    "rules",
    "entries",
    "first",
    "last",
    "explanation",
)
_CATEGORY, _CLASS = 2, 2004
_CREATE, _UPDATE, _CLOSE = 1, 2, 3
_SEVERITY: Final = {"medium": 3, "high": 4, "critical": 5}
_STATUS: Final = {"open": 1, "looking": 2}
_RESOLVED: Final = 4
_VERDICT: Final = {"false_alarm": 1, "not_justified": 2, "justified": 5}
"""OCSF: false positive, true positive, benign."""


def document(alert: detection_pb2.Alert) -> dict[str, Any]:
    """An alert as data."""
    return {
        "alert": alert.alert_id.hex(),
        "state": alert.state,
        "severity": alert.severity,
        "points": alert.points,
        "department": alert.department,
        "system": alert.system,
        "official": alert.official,
        "raised_unix_ms": alert.raised_unix_ms,
        "raised_at": alert.trigger_entry,
        "grown_unix_ms": alert.grown_unix_ms,
        "place": alert.place,
        "raised_entry": alert.raised_entry,
        "judged_entry": alert.judged_entry if alert.judged_entry >= 0 else None,
        "evidence": [_evidence(one) for one in alert.evidence],
    }


def csv_text(alerts: Iterable[detection_pb2.Alert]) -> str:
    """Alerts as CSV (RFC 4180, with a mark by which spreadsheets see UTF-8)."""
    text = io.StringIO()
    text.write("\ufeff")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for alert in alerts:
        writer.writerow([safe_cell(str(cell)) for cell in _cells(alert)])
    return text.getvalue()


def ocsf_line(alert: detection_pb2.Alert) -> str:
    """An alert as one line of JSON: a Detection Finding."""
    activity = _CREATE if alert.state == "open" else _UPDATE if alert.state == "looking" else _CLOSE
    user = {"uid": alert.official, "org": {"uid": alert.department}} if alert.official else None
    actor: dict[str, Any] = {"app_uid": alert.system, **({"user": user} if user else {})}
    found: dict[str, Any] = {
        "activity_id": activity,
        "category_uid": _CATEGORY,
        "class_uid": _CLASS,
        "type_uid": _CLASS * 100 + activity,
        "time": alert.grown_unix_ms,
        "severity_id": _SEVERITY.get(alert.severity, 0),
        "status_id": _STATUS.get(alert.state, _RESOLVED),
        "is_alert": True,
        "risk_score": alert.points,
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "oncegate", "vendor_name": "oncegate"},
            "log_name": "alerts",
        },
        "finding_info": {
            "uid": alert.alert_id.hex(),
            "title": " + ".join(dict.fromkeys(one.rule for one in alert.evidence)),
            "desc": " ".join(f"{one.text_en}." for one in alert.evidence),
            "created_time": alert.raised_unix_ms,
            "modified_time": alert.grown_unix_ms,
            "analytic": {"type_id": 1, "name": "oncegate detection"},
            "related_events_count": sum(one.count for one in alert.evidence),
        },
        "evidences": [{"actor": actor, "data": _evidence(one)} for one in alert.evidence],
        "unmapped": {"raised_entry": alert.raised_entry, "raised_at": alert.trigger_entry, "place": alert.place},
    }
    if alert.state in _VERDICT:
        found["verdict_id"] = _VERDICT[alert.state]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) + "\n"


def time_text(time_ms: int) -> str:
    """A time as ISO 8601, UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds")


def _cells(alert: detection_pb2.Alert) -> tuple[object, ...]:
    return (
        alert.alert_id.hex(),
        alert.state,
        alert.severity,
        alert.points,
        alert.department,
        system_name(alert.system),
        alert.official,
        time_text(alert.raised_unix_ms),
        alert.trigger_entry,
        " ".join(dict.fromkeys(one.rule for one in alert.evidence)),
        " ".join(str(index) for index in sorted({index for one in alert.evidence for index in one.entries})),
        min((one.first for one in alert.evidence), default=0),
        max((one.last for one in alert.evidence), default=0),
        "; ".join(one.text_en for one in alert.evidence),
    )


def _evidence(one: detection_pb2.AlertEvidence) -> dict[str, Any]:
    return {
        "rule": one.rule,
        "points": one.points,
        "count": one.count,
        "first": one.first,
        "last": one.last,
        "entries": list(one.entries),
        "observed": one.observed,
        "own": one.own,
        "own_days": one.own_days,
        "peers": one.peers,
        "peers_days": one.peers_days,
        "threshold": one.threshold,
        "person": one.person_id.hex(),
        "detail": one.detail,
        "text_zh": one.text_zh,
        "text_en": one.text_en,
    }
