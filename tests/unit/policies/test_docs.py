"""docs/policies.md says what the code does: its tables are total and its examples are true."""

import re
from pathlib import Path

from policies.agreements import parse_agreement
from policies.agreements.parse import _OPTIONAL, _REQUIRED
from policies.engine import GUARDRAILS
from policies.identifiers import SCHEMES
from policies.masks import mask_text
from policies.purposes import PURPOSES
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


def test_the_table_of_purposes_is_total() -> None:
    documented = table("code | 中文")
    assert documented == [[purpose.code, purpose.zh, purpose.en] for purpose in PURPOSES.values()]


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
