"""An auditor proves a release from the question to its arrival, and finds what does not join."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from gateway.audit.entries import EntryDraft
from gateway.cli.main import app
from gateway.federation.model import Answer
from keys import canonical
from keys.acknowledgement import Acknowledgement
from keys.signing import digest
from nodes.cli.main import app as node_app
from oncegate.v1 import audit_pb2
from tests.support.acknowledging import acknowledge, outcome_of, received, signed
from tests.support.city import ALICE, BO, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import LOCATION, NAME, RECORD, Door, RawSystem, bearer, refused
from tests.support.log_book import logged, read
from tests.support.taken_over import TakenOver

pytestmark = shared_city("e2e-evidence")


def auditor(city: City) -> tuple[tuple[str, str], ...]:
    return bearer(city.token("auditor-1", roles=["auditor"]))


async def oncegate(city: City, folder: Path, *words: object, code: int = 0) -> Any:
    """Run a command as an auditor; its JSON."""
    token, ca = folder / "token", folder / "ca.pem"
    token.write_text(city.token("auditor-1", roles=["auditor"]), encoding="ascii")
    ca.write_bytes(city.parts.authority.certificate_pem)
    options = ["--gateway", city.people, "--ca", str(ca), "--token-file", str(token)]
    result = await asyncio.to_thread(CliRunner().invoke, app, ["audit", *map(str, words), *options])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if "--json" in words and code != 2 else result.output


async def exported(city: City, folder: Path, department: str = "civil", *words: object) -> Path:
    """A node's own records, as its steward hands them to an auditor."""
    path = folder / f"{department}.jsonl"
    home = city.member_home(department, "registry")
    words = ("receipts", "export", path, "--home", home, *words)
    result = await asyncio.to_thread(CliRunner().invoke, node_app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return path


async def unjoined(city: City, people: Door, **filters: Any) -> dict[int, list[str]]:
    """What the auditor's list says, whole."""
    found: dict[int, list[str]] = {}
    filters = {"until_unix_ms": int(time.time() * 1000) + 60_000, "page_size": 2, **filters}
    page = ""
    while True:
        request = audit_pb2.ListUnjoinedRequest(page_token=page, **filters)
        response = await people.audit.ListUnjoined(request, metadata=auditor(city))
        found |= {one.leaf_index: [gap.code for gap in one.gaps] for one in response.releases}
        page = response.next_page_token
        if not page:
            return found


async def test_a_release_is_proven_from_the_question_to_its_arrival_with_the_nodes_own_records(
    city: City, raw: RawSystem, tmp_path: Path
) -> None:
    request = raw.asking(ALICE, items=[NAME, LOCATION], request_id="whole-chain")
    response = await raw.fetch(request)
    await acknowledge(raw, signed(raw, received(request, response)))
    civil, housing = await exported(city, tmp_path), await exported(city, tmp_path, "housing")
    words = ("--request", "whole-chain", "--system", raw.spiffe, "--key", city.parts.ledger_key)
    records = ("--receipts", civil, "--receipts", housing)
    found = await oncegate(city, tmp_path, "evidence", *words, *records, "--json")
    assert found["joined"] is True
    assert found["gaps"] == []
    kinds = [entry["accountability"]["kind"] for entry in found["entries"]]
    assert kinds == ["asked", "released", "acknowledged"]
    asked = found["entries"][0]["accountability"]
    assert asked["request_digest"] == digest(request.body).hex()
    assert asked["rules"]
    assert asked["agreements"]
    assert asked["bundle"]
    for one, answer in zip(found["receipts"], response.answers, strict=True):
        assert one["receipt"] == digest(answer.receipt.body).hex()
        assert (one["at_node"], one["node_signature"]) == (True, True)
    assert found["received"][0]["verified"]
    assert found["received"][0]["department_key"] == city.keys["education"].verify_key.fingerprint
    assert {node["department_key"] for node in found["nodes"]} == {
        city.keys[name].verify_key.fingerprint for name in ("civil", "housing")
    }
    assert found["checkpoint"]["signature_verified"] is True
    by_index = await oncegate(city, tmp_path, "evidence", "--entry", outcome_of(response), "--json")
    assert by_index["joined"] is True
    assert by_index["checkpoint"]["signature_verified"] is False
    shown = await oncegate(city, tmp_path, "evidence", *words, *records)
    for text in ("asked 请求", "released 放行", "received 收到", "有，签名有效", "全部衔接"):
        assert text in shown


async def test_what_no_system_acknowledged_is_listed_page_by_page_and_said_in_plain_words(
    city: City, people: Door, raw: RawSystem, tmp_path: Path
) -> None:
    since = int(time.time() * 1000)
    joined, missing = [], []
    for position in range(5):
        request = raw.asking(BO)
        response = await raw.fetch(request)
        if position % 2:
            await acknowledge(raw, signed(raw, received(request, response)))
            joined.append(outcome_of(response))
        else:
            missing.append(outcome_of(response))
    found = await unjoined(city, people, since_unix_ms=since)
    assert found == {index: ["NOT_ACKNOWLEDGED"] for index in missing}
    assert list(found) == sorted(found, reverse=True)
    assert await unjoined(city, people, since_unix_ms=since, department="tourism") == {}
    assert await unjoined(city, people, since_unix_ms=since, until_unix_ms=since) == {}
    young = await oncegate(city, tmp_path, "unjoined", "--json")
    assert not set(missing) & {one["leaf_index"] for one in young["releases"]}, "younger than a minute is not missed"
    until = ("--until", "2200-01-01")
    listed = await oncegate(city, tmp_path, "unjoined", *until, "--page-size", 1, "--json")
    assert [one["leaf_index"] for one in listed["releases"]] == missing[-1:]
    assert listed["next_page"]
    shown = await oncegate(city, tmp_path, "unjoined", *until)
    assert "接收系统没有确认收到" in shown
    shown = await oncegate(city, tmp_path, "evidence", "--entry", missing[0], code=5)
    assert "DOES NOT JOIN 不能衔接: NOT_ACKNOWLEDGED" in shown


async def test_a_gateway_that_passes_on_something_else_than_the_node_sealed_is_found_by_the_join(
    city: City, people: Door, raw: RawSystem, tmp_path: Path
) -> None:
    since = int(time.time() * 1000)
    gateway = TakenOver(city, raw)
    request = raw.asking(ALICE)
    order = await gateway.order(request)
    answer = await gateway.ask(order)
    assert isinstance(answer, Answer)
    # It writes down that it released what the node never sealed; the system received the node's own answer.
    who = {
        "department": "education",
        "system": raw.spiffe,
        "request_id": "lie",
        "request_digest": order.request_digest.hex(),
    }
    item = {"resource": "civil.resident", "field": "name", "form": "value"}
    ledger = city.parts.ledger
    asked = await ledger.append(EntryDraft("asked", {**who, "items": [{**item, "rules": []}]}))
    made_up = {"resource": "civil.resident", "department": "civil", "ticket": "00" * 32, "receipt": "11" * 32}
    told = {**who, "request": asked.leaf_index, "items": [{**item, "outcome": "released"}], "receipts": [made_up]}
    outcome = await ledger.append(EntryDraft("released", told))
    true = digest(answer.receipt.body)
    await acknowledge(raw, signed(raw, Acknowledgement(outcome.leaf_index, order.request_digest, (true,))))
    assert await unjoined(city, people, since_unix_ms=since) == {outcome.leaf_index: ["RECEIVED_OTHER"]}
    civil = await exported(city, tmp_path, "civil", "--request", order.request_digest.hex())
    found = await oncegate(
        city, tmp_path, "evidence", "--entry", outcome.leaf_index, "--receipts", civil, "--json", code=5
    )
    assert [(gap["code"], gap["about"]) for gap in found["gaps"]] == [
        ("RECEIVED_OTHER", ""),
        ("NODE_LACKS", "11" * 32),
        ("NODE_HAS_OTHER", true.hex()),
    ]


async def test_a_release_of_what_was_not_decided_or_without_a_receipt_is_listed(
    city: City, people: Door, raw: RawSystem
) -> None:
    since = int(time.time() * 1000)
    who = {"department": "education", "system": raw.spiffe, "request_id": "x", "request_digest": "22" * 32}
    item = {"resource": "civil.resident", "field": "name", "form": "masked"}
    ledger = city.parts.ledger
    asked = await ledger.append(EntryDraft("asked", {**who, "items": [item]}))
    told = {**who, "request": asked.leaf_index, "items": [{**item, "form": "value", "outcome": "released"}]}
    outcome = await ledger.append(EntryDraft("released", {**told, "receipts": []}))
    other = {**told, "request_digest": "33" * 32, "items": [], "receipts": []}
    differs = await ledger.append(EntryDraft("released", other))
    assert await unjoined(city, people, since_unix_ms=since) == {
        differs.leaf_index: ["REQUEST_DIFFERS", "NOT_ACKNOWLEDGED"],
        outcome.leaf_index: ["NOT_DECIDED", "RECEIPT_MISSING", "NOT_ACKNOWLEDGED"],
    }


async def test_an_acknowledgement_that_the_gateway_made_up_does_not_verify(
    city: City, people: Door, raw: RawSystem
) -> None:
    since = int(time.time() * 1000)
    request = raw.asking()
    response = await raw.fetch(request)
    said = received(request, response)
    honest = signed(raw, said)
    ledger = city.parts.ledger
    body = {
        "department": "education",
        "system": raw.spiffe,
        "statement": honest.statement.decode(),
        "signature": canonical.to_text(b"0" + honest.signature),
        "keys": {
            "body": raw.keys.body.decode(),
            "signature": canonical.to_text(raw.keys.signature),
            "department_key": canonical.to_text(raw.keys.department_key),
        },
        "differs": [],
    }
    await ledger.append(EntryDraft("acknowledged", body, placed=(ledger.joins.ride([(said.entry, said.said)]),)))
    assert await unjoined(city, people, since_unix_ms=since) == {said.entry: ["STATEMENT_FALSE"]}


async def test_a_question_that_a_crash_left_open_and_a_refusal_are_shown_as_what_they_are(
    city: City, raw: RawSystem, tmp_path: Path
) -> None:
    who = {"department": "education", "system": raw.spiffe, "request_id": "open", "request_digest": "44" * 32}
    asked = await city.parts.ledger.append(EntryDraft("asked", {**who, "items": []}))
    found = await oncegate(city, tmp_path, "evidence", "--entry", asked.leaf_index, "--json", code=5)
    assert [gap["code"] for gap in found["gaps"]] == ["NO_OUTCOME"]
    closed = {**who, "items": [], "request": asked.leaf_index, "reason": "ALL_PROVIDERS_SILENT"}
    await city.parts.ledger.append(EntryDraft("refused", closed))
    found = await oncegate(city, tmp_path, "evidence", "--entry", asked.leaf_index, "--json")
    assert (found["gaps"], found["receipts"]) == ([], [])


async def test_a_locate_joins_by_the_digest_of_what_was_sealed(city: City, people: Door, raw: RawSystem) -> None:
    since = int(time.time() * 1000)
    request = raw.asking(items=[RECORD])
    response = await raw.locate(request)
    said = Acknowledgement(outcome_of(response), digest(request.body), (digest(response.sealed),))
    await acknowledge(raw, signed(raw, said))
    assert await unjoined(city, people, since_unix_ms=since) == {}


async def test_evidence_is_for_auditors_and_asking_for_it_is_on_the_log_first(city: City, people: Door) -> None:
    citizen = bearer(city.token("person", resident=ALICE))
    with logged(city) as book:
        for call in (
            people.audit.GetEvidence(audit_pb2.GetEvidenceRequest(leaf_index=1), metadata=citizen),
            people.audit.ListUnjoined(audit_pb2.ListUnjoinedRequest(), metadata=citizen),
        ):
            assert (await refused(call)).reason == "NOT_ALLOWED"
    assert book.kinds == []
    with logged(city) as book:
        await people.audit.ListUnjoined(audit_pb2.ListUnjoinedRequest(department="education"), metadata=auditor(city))
        missing = audit_pb2.GetEvidenceRequest(system="spiffe://x/y", request_id="never")
        assert (await refused(people.audit.GetEvidence(missing, metadata=auditor(city)))).reason == "NOT_FOUND"
        far = audit_pb2.GetEvidenceRequest(leaf_index=1 << 40)
        assert (await refused(people.audit.GetEvidence(far, metadata=auditor(city)))).reason == "NOT_FOUND"
    assert [(e.kind, e.account["what"]) for e in book.entries] == [
        ("log_read", "unjoined"),
        ("log_read", "evidence"),
        ("log_read", "evidence"),
    ]


async def test_what_is_asked_must_make_sense(city: City, people: Door) -> None:
    for request, field in (
        (audit_pb2.ListUnjoinedRequest(page_size=201), "page_size"),
        (audit_pb2.ListUnjoinedRequest(page_token="x"), "page_token"),
        (audit_pb2.ListUnjoinedRequest(department="' or 1=1"), "department"),
        (audit_pb2.ListUnjoinedRequest(since_unix_ms=-1), "since_unix_ms"),
        (audit_pb2.ListUnjoinedRequest(since_unix_ms=5, until_unix_ms=4), "since_unix_ms"),
    ):
        refusal = await refused(people.audit.ListUnjoined(request, metadata=auditor(city)))
        assert (refusal.status, list(refusal.violations)) == ("INVALID_ARGUMENT", [field])
    for asking, field in (
        (audit_pb2.GetEvidenceRequest(request_id="alone"), "system"),
        (audit_pb2.GetEvidenceRequest(system="spiffe://x/y"), "system"),
        (audit_pb2.GetEvidenceRequest(system="s" * 513, request_id="r"), "request_id"),
    ):
        refusal = await refused(people.audit.GetEvidence(asking, metadata=auditor(city)))
        assert (refusal.status, list(refusal.violations)) == ("INVALID_ARGUMENT", [field])


async def test_a_file_of_receipts_that_was_touched_is_noticed(city: City, raw: RawSystem, tmp_path: Path) -> None:
    request = raw.asking()
    response = await raw.fetch(request)
    await acknowledge(raw, signed(raw, received(request, response)))
    civil = await exported(city, tmp_path, "civil", "--request", digest(request.body).hex())
    head, line = civil.read_bytes().splitlines()
    said = canonical.read(line)
    shown = said["receipt"]
    assert isinstance(shown, dict)
    signature = bytearray(canonical.from_text(shown["signature"]))
    signature[-1] ^= 1
    shown["signature"] = canonical.to_text(bytes(signature))
    civil.write_bytes(head + b"\n" + canonical.write(said) + b"\n")
    words = ("evidence", "--entry", outcome_of(response), "--receipts", civil)
    found = await oncegate(city, tmp_path, *words, "--json", code=5)
    assert [gap["code"] for gap in found["gaps"]] == ["NODE_SIGNATURE"]
    civil.write_bytes(head + b"\n")
    found = await oncegate(city, tmp_path, *words, "--json", code=5)
    assert [gap["code"] for gap in found["gaps"]] == ["NODE_LACKS"]
    for broken in (b"", b"{}\n", head.replace(b"/1", b"/2") + b"\n", head + b"\n{}\n", head + b"\nnot json\n"):
        civil.write_bytes(broken)
        assert civil.name in await oncegate(city, tmp_path, *words, code=2)


async def test_no_part_of_the_evidence_names_a_person_or_a_value(city: City, raw: RawSystem, tmp_path: Path) -> None:
    request = raw.asking(ALICE, items=[NAME, LOCATION])
    response = await raw.fetch(request)
    await acknowledge(raw, signed(raw, received(request, response)))
    civil = await exported(city, tmp_path)
    written = civil.read_bytes() + b"".join(entry.accountability for entry in read(city))
    for secret in (ALICE, "欧阳静好"):
        assert secret.encode() not in written
