"""The formats of an export, and by what entries are found: pure, so also with entries that nobody would write."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.review.facets import NONE, Facet, facets_of, folded, system_name
from gateway.audit.review.formats import COLUMNS, Format, header, record, safe_cell
from gateway.audit.review.query import Hit
from gateway.audit.review.tallies import civil_day, labels_of
from gateway.audit.views import LogEntry
from policies import civil_time

ORIGIN = "gov.example/log"
SPIFFE = "spiffe://gov.example/department/education/system/school"
REQUEST: dict[str, Any] = {
    "kind": "released",
    "time_ms": 1_800_000_000_000,
    "department": "education",
    "system": SPIFFE,
    "official": "ab" * 32,
    "purpose": "school_enrolment",
    "legal_basis": "mandate",
    "case": "2026-1",
    "request_id": "r1",
    "items": [{"resource": "civil.resident", "field": "name", "form": "value", "outcome": "released"}],
    "request": 6,
}
READ: dict[str, Any] = {"kind": "log_read", "time_ms": 1_800_000_000_000, "auditor": "cd" * 32, "what": "entries"}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def hit(said: dict[str, Any], person: dict[str, str] | None = None) -> Hit:
    raw = b"" if person is None else json.dumps(person).encode()
    kind = str(said["kind"])
    return Hit(LogEntry(7, b"l" * 32, said["time_ms"], kind, json.dumps(said).encode(), b"s" * 32, raw))


@pytest.mark.parametrize("said", [REQUEST, REQUEST | {"kind": "refused", "reason": "NO_CASE"}, READ])
def test_ocsf_has_what_its_version_requires(said: dict[str, Any]) -> None:
    event = json.loads(record(Format.OCSF, hit(said, {"person": "0" * 32, "text": "secret words"}), ORIGIN))
    # https://schema.ocsf.io/1.6.0/classes/api_activity: base event and class, and of the objects what they require.
    assert {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"} <= event.keys()
    assert {"actor", "api", "src_endpoint"} <= event.keys()
    assert (event["category_uid"], event["class_uid"]) == (6, 6003)
    assert event["type_uid"] == 600_300 + event["activity_id"]
    assert event["activity_id"] in {0, 1, 2, 3, 4, 99}
    assert event["metadata"]["version"] == "1.6.0"
    assert {"name", "uid"} & event["metadata"]["product"].keys()
    assert event["api"]["operation"]
    assert {"user", "app_name", "app_uid"} & event["actor"].keys()
    assert {"uid", "name"} & event["src_endpoint"].keys()
    assert all({"uid", "name"} & resource.keys() for resource in event["resources"])
    assert event["status_id"] == {"released": 1, "refused": 2, "log_read": 99}[said["kind"]]
    assert "secret" not in json.dumps(event)


def test_a_line_of_json_holds_of_the_person_only_the_random_id() -> None:
    line = record(Format.JSONL, hit(REQUEST, {"person": "0" * 32, "statement": "secret words"}), ORIGIN)
    assert json.loads(line)["person"] == "0" * 32
    assert "secret" not in line


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1", "＋1", "－1", "＠x", "|x", "%x"]
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    row = next(csv.reader(io.StringIO(record(Format.CSV, hit(REQUEST | {"case": text}), ORIGIN), newline="")))
    assert row[COLUMNS.index("case")] == f"'{text}"


@given(text=st.text(max_size=40))
def test_a_record_of_csv_is_one_record_whatever_it_holds(text: str) -> None:
    lines = header(Format.CSV).removeprefix("\ufeff") + record(Format.CSV, hit(REQUEST | {"case": text}), ORIGIN)
    rows = list(csv.reader(io.StringIO(lines, newline="")))
    assert [len(row) for row in rows] == [len(COLUMNS)] * 2
    assert rows[1][COLUMNS.index("case")].removeprefix("'") == text.removeprefix("'")


@given(
    said=st.dictionaries(st.sampled_from([*REQUEST, "rules", "agreements", "decided", "service", "emergency"]), values)
)
def test_any_entry_has_facets_and_formats(said: dict[str, Any]) -> None:
    said = {**said, "kind": "released", "time_ms": 0}
    assert (Facet.OUTCOME, "released") in facets_of(said, said)
    list(labels_of(said, facets_of(said, said)))
    for form in Format:
        assert record(form, hit(said), ORIGIN)


@given(text=st.text(max_size=300))
def test_folding_twice_is_folding_once(text: str) -> None:
    once = folded(text)
    assert folded(once) == once


def test_folding_of_very_many_marks_ends_soon() -> None:
    assert folded("a" + "\u0301\u0327" * 1_000_000)


def test_full_width_is_plain() -> None:
    assert folded("２０２６－１　号\u200b") == "2026-1 号"


def test_a_question_has_no_facets_and_a_request_says_what_it_did_not_name() -> None:
    assert facets_of(REQUEST | {"kind": "asked"}) == frozenset()
    without = facets_of({name: value for name, value in REQUEST.items() if name != "official"} | {"case": ""})
    assert {(Facet.CASE, NONE), (Facet.OFFICIAL, NONE)} <= without
    assert not {(Facet.CASE, NONE), (Facet.OFFICIAL, NONE)} & facets_of(REQUEST)
    assert not {(Facet.CASE, NONE), (Facet.OFFICIAL, NONE)} & facets_of(READ)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (SPIFFE, "education/school"),
        ("education/school", "education/school"),
        ("spiffe://x/department/a/node/b", "spiffe://x/department/a/node/b"),
        ("", ""),
    ],
)
def test_systems_have_short_names(text: str, name: str) -> None:
    assert system_name(text) == name


@given(time_ms=st.integers(0, 1 << 45))
def test_the_civil_day_is_that_of_the_policies(time_ms: int) -> None:
    assert civil_day(time_ms) == civil_time.civil_day(time_ms)
