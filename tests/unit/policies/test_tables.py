"""Decision tables: the packaged ones hold, a wrong one is told item by item, and one that is not understood is refused."""

import time
from pathlib import Path

import pytest

from policies.engine import GUARDRAILS, PolicyEngine
from policies.engine.bundle import PACKAGED
from policies.reasons import Reason
from policies.tables import BadTable, parse_table, run_table
from policies.tables.files import files_beside, parse_file, tables_in

TABLES = tables_in([PACKAGED / "tests"])
BESIDE = files_beside(PACKAGED / "tests")
RAW = BESIDE["school-enrolment.decisions.toml"].decode()


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    return PolicyEngine.load()


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_the_packaged_tables_hold(engine: PolicyEngine, path: Path) -> None:
    outcome = run_table(engine, parse_file(path))
    assert outcome.failures == ()
    assert outcome.rows > 3


def test_the_packaged_tables_expect_the_reason_of_every_guardrail_and_name_each() -> None:
    table = parse_table(BESIDE["guardrails.decisions.toml"], BESIDE)
    expected = {word for row in table.rows for word in row.expected}
    assert {str(reason) for reason in GUARDRAILS.values()} <= expected
    named = "\n".join(row.name for row in table.rows)
    assert all(name in named for name in GUARDRAILS), [name for name in GUARDRAILS if name not in named]


def test_a_row_that_comes_out_otherwise_is_told_with_its_line_and_the_rules(engine: PolicyEngine) -> None:
    wrong = RAW.replace('"name=value" = "CASE_REQUIRED"', '"name=value" = "released"')
    (failure,) = run_table(engine, parse_table(wrong.encode(), BESIDE)).failures
    assert (failure.expected, failure.got) == ("released", str(Reason.CASE_REQUIRED))
    assert "case-is-stated" in failure.rules
    assert wrong.splitlines()[failure.line] == 'name = "without a case number"'
    assert str(failure).startswith(f"line {failure.line}: without a case number: name=value: expected released")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('format = "oncegate.decisions/1"', 'format = "x"', "format: must be"),
        ('title_zh = "义务教育入学登记"', "", "title_zh: is missing"),
        ("[request]", "colour = 1\n[request]", "colour: is not a known key"),
        ('basis = "explicit_request"', 'basis = "whim"', "request.basis: must be one of"),
        ("case = true", "case = 1", "request.case: must be true or false"),
        ("at = 2025-06-01T09:00:00+08:00", "at = 2025-06-01", "request.at: must be a date and time with an offset"),
        ('"name=value" = "CASE_REQUIRED"', '"name=value" = "BECAUSE"', "must be expected as released or with a reason"),
        ('"name=value" = "CASE_REQUIRED"', '"name=whole" = "released"', "must be field=form"),
        ('"name=value" = "CASE_REQUIRED"', "", "must name at least one item"),
        ('agreement = "school-enrolment.agreement.toml"', 'agreement = "../x.toml"', "agreement: must be the name of"),
        ('resource = "school-enrolment.resource.toml"', "resource = 3", "resource: must be the name of a file"),
        ("[request]", "[request", "the file must be TOML"),
    ],
)
def test_a_table_that_is_not_understood_is_refused(old: str, new: str, told: str) -> None:
    assert old in RAW
    with pytest.raises(BadTable) as caught:
        parse_table(RAW.replace(old, new).encode(), BESIDE)
    assert told in str(caught.value)


@pytest.mark.parametrize("name", ["school-enrolment.agreement.toml", "school-enrolment.resource.toml"])
def test_a_file_beside_a_table_that_is_not_understood_is_refused_and_named(name: str) -> None:
    beside = {**BESIDE, name: BESIDE[name] + b"\ncolour = 1\n"}
    with pytest.raises(BadTable, match=name):
        parse_table(RAW.encode(), beside)


def test_no_bytes_make_reading_a_table_fail_otherwise() -> None:
    for raw in (b"\xff", b"x = " + b"9" * 5000, b"x = " + b"[" * 5000, b"\x00", b"#" * 300_000):
        with pytest.raises(BadTable):
            parse_table(raw, BESIDE)


def test_a_key_of_many_parts_is_refused_before_the_parser_sees_it() -> None:
    # tomllib takes minutes for it: the time grows with the square of the parts.
    hostile = (".".join(["a"] * 100_000) + " = 1").encode()
    began = time.monotonic()
    for raw, beside in ((hostile, BESIDE), (RAW.encode(), dict.fromkeys(BESIDE, hostile))):
        with pytest.raises(BadTable, match="a key must have at most 8 parts"):
            parse_table(raw, beside)
    assert time.monotonic() - began < 5
