"""The pages of docs/policies say what the code does: cases, findings, keys of decision tables, steps of a bundle."""

import re

import pytest

from gateway.cli.policy.main import app
from policies.agreements import parse_agreement
from policies.agreements.floors import breaches
from policies.engine import PolicyEngine
from policies.lint import FINDINGS, FindingCode
from policies.lint.questions import MOST
from policies.lint.scope import KEYS
from policies.tables import parse_table, run_table
from policies.tables.files import files_beside
from policies.tables.parse import _FURTHER, _REQUEST
from tests.support.policy_cases_page import CASES, TESTS, explained, page
from tests.unit.docs.pages import read, table


def test_the_page_of_cases_is_exactly_what_the_files_give() -> None:
    assert read("docs/policies/cases.md") == page(), "run: python -m tests.support.policy_cases_page"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.slug)
def test_the_agreement_of_each_case_parses_and_grants_nothing_but_what_its_table_releases(case: object) -> None:
    beside = files_beside(TESTS)
    slug = case.slug  # type: ignore[attr-defined]
    held = parse_agreement(beside[f"{slug}.agreement.toml"])
    tried = parse_table(beside[f"{slug}.decisions.toml"], beside)
    released = {
        (item[0], item[1])
        for row in tried.rows
        for item, expected in zip(row.question.items, row.expected, strict=True)
        if expected == "released"
    }
    listed = {(field, form) for field, forms in held.items.items() for form in forms}
    assert breaches(held, tried.rows[0].question.resource) == ()
    # The record itself may be asked for by itself; everything else that is granted is shown to be needed.
    assert {one for one in listed if one[0] != "record"} <= released <= listed
    assert not explained(PolicyEngine.load(), tried.rows[0]).refuses


def test_every_finding_is_listed_with_its_severity_and_texts() -> None:
    rows = table(read("docs/policies/lint.md"), "code | severity")
    assert rows == [[str(c), str(FINDINGS[c].severity), FINDINGS[c].zh, FINDINGS[c].en] for c in FindingCode]


def test_the_keys_of_a_scope_and_the_number_of_questions_are_those_of_the_code() -> None:
    text = read("docs/policies/lint.md")
    assert all(f"`{key}`" in text for key in KEYS)
    assert f"{MOST} combinations" in " ".join(text.split())


def test_the_example_of_a_table_holds_and_every_key_of_a_request_is_described() -> None:
    text = read("docs/policies/testing.md")
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    assert run_table(PolicyEngine.load(), parse_table(example[1].encode(), files_beside(TESTS))).failures == ()
    assert all(f"`{key}`" in text for key in _REQUEST | _FURTHER)


def test_every_step_of_a_bundle_has_its_command() -> None:
    text = read("docs/policies/activation.md")
    named = {command.name for command in app.registered_commands}
    for step in ("propose", "approve", "activate", "rollback", "list", "show"):
        assert step in named
        assert f"`oncegate policy {step}" in text or f"`{step}" in text
