"""An explicit request is its exact bytes, authorises what it names and nothing else, and is never read as a consent."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.consents import BadConsent, parse_consent
from policies.explicit_requests import (
    LONGEST_MS,
    BadExplicitRequest,
    ExplicitRequest,
    parse_explicit_request,
    write_explicit_request,
)
from policies.reasons import Reason

RAW = write_explicit_request(
    request_id=bytes(16),
    domain="oncegate.test",
    consumer="education",
    purpose="school_enrolment",
    resources=frozenset({"civil.resident", "housing.property"}),
    times=(1_000, 2_000),
)


def made() -> ExplicitRequest:
    return parse_explicit_request(RAW)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"consumer": "tourism"}, Reason.EXPLICIT_REQUEST_NOT_COVERED),
        ({"purpose": "tax_assessment"}, Reason.EXPLICIT_REQUEST_NOT_COVERED),
        ({"resource": "tax.payer"}, Reason.EXPLICIT_REQUEST_NOT_COVERED),
        ({"now_ms": 999}, Reason.EXPLICIT_REQUEST_EXPIRED),
        ({"now_ms": 2_000}, Reason.EXPLICIT_REQUEST_EXPIRED),
    ],
)
def test_it_authorises_what_it_names_while_it_counts(change: dict[str, Any], reason: Reason | None) -> None:
    asked = {"consumer": "education", "purpose": "school_enrolment", "resource": "civil.resident", "now_ms": 1_000}
    assert made().authorises(**(asked | change)) is reason


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("format", "oncegate.consent/1"),
        ("id", "zz"),
        ("domain", " "),
        ("consumer", "Education"),
        ("purpose", "Unknown"),
        ("resources", []),
        ("resources", ["b.c", "a.b"]),
        ("resources", ["a.b", "a.b"]),
        ("resources", [1]),
        ("resources", "civil.resident"),
        ("created_ms", -1),
        ("created_ms", "1"),
        ("valid_until_ms", 1_000),
        ("valid_until_ms", 1_001 + LONGEST_MS),
        ("extra", 1),
    ],
)
def test_bytes_that_break_a_rule_are_refused(member: str, value: Any) -> None:
    document = json.loads(RAW) | {member: value}
    raw = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    with pytest.raises(BadExplicitRequest):
        parse_explicit_request(raw)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused_and_nothing_else(raw: bytes) -> None:
    with pytest.raises(BadExplicitRequest):
        parse_explicit_request(raw)
    with pytest.raises(BadExplicitRequest):
        parse_explicit_request(RAW + b" ")


def test_neither_is_taken_for_the_other() -> None:
    with pytest.raises(BadConsent):
        parse_consent(RAW)
