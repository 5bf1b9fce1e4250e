"""docs/policies.md says what the code does: its tables are total and its examples are true."""

import re
from pathlib import Path

from policies.agreements import parse_agreement
from policies.agreements.parse import _OPTIONAL, _REQUIRED
from policies.engine import BEFORE_CEDAR, GUARDRAILS
from policies.identifiers import SCHEMES
from policies.masks import mask_text
from policies.purposes import BASES, PURPOSES, parse_purposes
from policies.reasons import Reason
from policies.vocabulary import Form, LegalBasis, Mask

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "policies.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the table with this first cell in its heading."""
    rows = TEXT.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]


def test_the_table_of_reasons_is_total_and_says_the_public_texts() -> None:
    assert table("code | kind") == [[str(r), str(r.kind), r.text.zh, r.text.en] for r in Reason]


def test_the_table_of_guardrails_is_total_and_in_the_order_in_which_reasons_are_told() -> None:
    assert [(row[0], row[2]) for row in table("guardrail")] == [(rule, str(why)) for rule, why in GUARDRAILS.items()]


def test_the_table_of_what_is_looked_at_before_the_rules_is_total() -> None:
    assert [(row[0], row[2].replace("`", "").split(", ")) for row in table("check")] == [
        (name, [str(reason) for reason in reasons]) for name, reasons in BEFORE_CEDAR.items()
    ]


def test_the_tables_of_purposes_and_legal_bases_are_total_and_name_the_law() -> None:
    documented = [[*row[:3], row[3].replace("`", "").split(", "), *row[4:]] for row in table("purpose")]
    assert documented == [
        [one.code, one.zh, one.en, [str(basis) for basis in LegalBasis if basis in one.bases], one.law_zh, one.law_en]
        for one in PURPOSES.values()
    ]
    assert table("legal basis") == [
        [str(basis), words.zh, words.en, words.law_zh, words.law_en] for basis, words in BASES.items()
    ]


def test_the_example_of_further_purposes_is_accepted() -> None:
    example = re.search(r"```toml\n(format = \"oncegate.purposes/1\".*?)```", TEXT, re.DOTALL)
    assert example is not None
    found = parse_purposes(example[1].encode(), PURPOSES)
    assert set(found) - set(PURPOSES) == {"library_card"}
    assert [code for code, one in found.items() if one.retired is not None] == ["tax_assessment"]


def test_the_table_of_agreement_keys_is_total_and_says_which_are_needed() -> None:
    documented = {key: row[1] for row in table("key") for key in re.findall(r"\w+", row[0])}
    assert documented == dict.fromkeys(_REQUIRED, "yes") | dict.fromkeys(_OPTIONAL, "no")


def test_the_example_agreement_is_accepted() -> None:
    example = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    read = parse_agreement(example[1].encode())
    assert read.legal_basis is LegalBasis.EXPLICIT_REQUEST
    assert read.items["record"] == {Form.EXISTS}


def test_forms_and_masks_are_all_described_and_the_examples_are_true() -> None:
    assert [row[0] for row in table("form")] == list(Form)
    assert {row[0] for row in table("mask")} == set(Mask)
    for mask, _, examples in table("mask"):
        for example in examples.replace("`", "").split("; "):
            text, masked = example.split(" → ")
            assert mask_text(Mask(mask), text) == masked


def test_every_scheme_is_described_with_whether_it_has_a_checksum() -> None:
    documented = {row[0]: row[2] for row in table("scheme")}
    assert documented == {code: "yes" if scheme.checksum else "no" for code, scheme in SCHEMES.items()}
