"""Every gap is told in both languages and in the documentation, and each single step that is broken is found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.joining import TEXTS, GapKind, NodeReceipt, Statements, gaps, node_gaps
from gateway.audit.views import LogEntry
from keys import canonical
from keys.acknowledgement import Acknowledgement, Statement, sign_statement
from keys.key_certificates import KeyCertificate, certify
from keys.sealing import SealingKey
from keys.signing import SigningKey

DOCS = Path(__file__).resolve().parents[3] / "docs" / "audit.md"
SYSTEM = "spiffe://city.test/department/education/system/school"
REQUEST, RECEIPT = b"q" * 32, b"r" * 32
DEPARTMENT, SIGNING = SigningKey.generate(), SigningKey.generate()
CERTIFIED = certify(
    DEPARTMENT,
    KeyCertificate(SYSTEM, "education", SIGNING.verify_key.der, SealingKey.generate().public, 0, 2_000),
)

Document = dict[str, Any]
Change = Callable[[Document], object]


def entry(index: int, kind: str, **said: Any) -> LogEntry:
    body = json.dumps({"kind": kind, "time_ms": 1_000, **said}).encode()
    return LogEntry(index, b"h" * 32, 1_000, kind, body, b"s" * 32)


def who() -> Document:
    return {"department": "education", "system": SYSTEM, "request_id": "r-1", "request_digest": REQUEST.hex()}


def asked() -> Document:
    return {**who(), "items": [{"resource": "civil.resident", "field": "name", "form": "value", "rules": ["r"]}]}


def released() -> Document:
    item = {"resource": "civil.resident", "field": "name", "form": "value", "outcome": "released"}
    receipt = {"resource": "civil.resident", "department": "civil", "ticket": "00", "receipt": RECEIPT.hex()}
    return {**who(), "request": 4, "items": [item], "receipts": [receipt]}


def acknowledged(said: Acknowledgement | None = None, **changes: Any) -> Document:
    one = said or Acknowledgement(5, REQUEST, (RECEIPT,))
    body, signature = sign_statement(SIGNING, Statement(SYSTEM, "city.test", 1, (one,)))
    return {
        "department": "education",
        "system": SYSTEM,
        "statement": body.decode(),
        "signature": canonical.to_text(signature),
        "keys": {
            "body": CERTIFIED.body.decode(),
            "signature": canonical.to_text(CERTIFIED.signature),
            "department_key": canonical.to_text(CERTIFIED.department_key),
        },
        **changes,
    }


def found(question: Document, outcome: Document, *said: Document) -> list[str]:
    entries = [entry(10 + n, "acknowledged", **one) for n, one in enumerate(said)]
    return [str(gap.kind) for gap in gaps(entry(4, "asked", **question), entry(5, "released", **outcome), entries)]


def test_every_gap_has_a_text_in_both_languages_and_a_row_in_the_documentation() -> None:
    assert set(TEXTS) == set(GapKind)
    assert all(zh and en for zh, en in TEXTS.values())
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    told = {word for line in rows for word in line.split("|")[1].replace("`", "").replace(",", " ").split()}
    assert {str(kind) for kind in GapKind} <= told


def test_a_whole_chain_has_no_gap() -> None:
    assert found(asked(), released(), acknowledged()) == []


@pytest.mark.parametrize(
    ("change", "gap"),
    [
        (lambda said: said.update(request=3), "REQUEST_DIFFERS"),
        (lambda said: said.update(request_digest="00" * 32), "REQUEST_DIFFERS"),
        (lambda said: said.update(system="spiffe://city.test/department/education/system/other"), "REQUEST_DIFFERS"),
        (lambda said: said.update(request_id="r-2"), "REQUEST_DIFFERS"),
        (lambda said: said["items"][0].update(form="masked"), "NOT_DECIDED"),
        (lambda said: said["items"][0].update(field="birth_date"), "NOT_DECIDED"),
        (lambda said: said.update(receipts=[]), "RECEIPT_MISSING"),
        (lambda said: said["receipts"][0].update(resource="housing.property"), "RECEIPT_MISSING"),
        (lambda said: said["receipts"][0].update(receipt="00" * 32), "RECEIVED_OTHER"),
    ],
)
def test_an_outcome_that_is_changed_anywhere_no_longer_joins(change: Change, gap: str) -> None:
    outcome = released()
    change(outcome)
    assert gap in found(asked(), outcome, acknowledged())


def test_an_item_that_was_withheld_is_not_one_that_was_decided() -> None:
    question = asked()
    question["items"][0]["reason"] = "NOT_IN_AGREEMENT"
    assert found(question, released(), acknowledged()) == ["NOT_DECIDED"]


@pytest.mark.parametrize(
    ("said", "gap"),
    [
        (Acknowledgement(5, REQUEST, (RECEIPT,), "SEALED"), "RECEIVED_WRONG"),
        (Acknowledgement(5, REQUEST, ()), "RECEIVED_OTHER"),
        (Acknowledgement(5, REQUEST, (RECEIPT, b"x" * 32)), "RECEIVED_OTHER"),
        (Acknowledgement(5, b"x" * 32, (RECEIPT,)), "RECEIVED_OTHER"),
        (Acknowledgement(6, REQUEST, (RECEIPT,)), "STATEMENT_FALSE"),
    ],
)
def test_what_the_system_signed_for_is_compared(said: Acknowledgement, gap: str) -> None:
    assert found(asked(), released(), acknowledged(said)) == [gap]
    # What one batch says wrong is not mended by another that says it right.
    assert found(asked(), released(), acknowledged(said), acknowledged()) == [gap]


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": canonical.to_text(SIGNING.sign("oncegate/v1/request", b"x"))},
        {"statement": acknowledged(Acknowledgement(5, REQUEST, (RECEIPT,), "SEALED"))["statement"]},
        {"statement": "{}"},
        {"keys": {}},
        {"keys": None},
        {"system": "spiffe://city.test/department/education/system/other"},
        {"department": "civil"},
        {"signature": 7},
    ],
)
def test_a_statement_that_does_not_verify_counts_for_nothing(changes: Document) -> None:
    assert found(asked(), released(), acknowledged(**changes)) == ["STATEMENT_FALSE"]


def test_keys_that_were_not_valid_when_the_gateway_took_the_statement_count_for_nothing() -> None:
    late = LogEntry(10, b"", 3_000, "acknowledged", entry(10, "acknowledged", **acknowledged()).accountability, b"")
    assert Statements().open(late) is None


def test_a_statement_is_verified_once_and_names_the_departments_key() -> None:
    statements = Statements()
    said = entry(10, "acknowledged", **acknowledged())
    assert statements.open(said) is statements.open(said)
    assert statements.fingerprints == {10: DEPARTMENT.verify_key.fingerprint}


def test_what_was_not_released_needs_no_acknowledgement_and_what_is_open_says_so() -> None:
    question = entry(4, "asked", **asked())
    refused = entry(5, "refused", **{**who(), "request": 4, "items": []})
    assert gaps(question, refused, []) == []
    assert [gap.kind for gap in gaps(question, None, [])] == [GapKind.NO_OUTCOME]
    outcome = entry(5, "released", **released())
    assert [gap.kind for gap in gaps(None, outcome, [])] == [GapKind.NOT_ASKED, GapKind.NOT_ACKNOWLEDGED]


def test_a_nodes_own_records_are_compared_both_ways() -> None:
    outcome = entry(5, "released", **released())
    receipt = NodeReceipt("node", "civil", "civil.resident", REQUEST, RECEIPT, signed=True)
    other = NodeReceipt("node", "civil", "civil.resident", REQUEST, b"o" * 32, signed=True)
    elsewhere = NodeReceipt("node", "civil", "civil.resident", b"z" * 32, b"e" * 32, signed=True)
    bad = NodeReceipt("node", "civil", "civil.resident", REQUEST, RECEIPT, signed=False)
    cases: list[tuple[list[NodeReceipt], list[str]]] = [
        ([receipt, elsewhere], []),
        ([], ["NODE_LACKS"]),
        ([receipt, other], ["NODE_HAS_OTHER"]),
        ([bad], ["NODE_SIGNATURE"]),
    ]
    for records, kinds in cases:
        assert [str(gap.kind) for gap in node_gaps(outcome, records, ["civil"])] == kinds
    assert node_gaps(outcome, [], ["housing"]) == [], "another department's file cannot lack it"
