"""Promises 8 and 9 at the people's door: the log cannot be changed unseen, and a person sees who looked."""

import asyncio
import csv
import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.audit.entries import EntryDraft
from gateway.audit.export import write_copy
from gateway.audit.retention.plan import Plan
from gateway.audit.retention.rule import Rule
from gateway.audit.verify.check import check
from gateway.audit.verify.copy import verify_export
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.onefile import build
from gateway.audit.views import LogEntry
from gateway.bootstrap.offline import compose
from gateway.cli.main import app
from gateway.clock import SystemClock
from gateway.settings import Settings
from keys.log.checkpoints import open_checkpoint
from keys.log.merkle import verify_consistency, verify_inclusion
from keys.log.notes import NoteVerifier
from nodes.consumer import AsyncClient
from oncegate.v1 import audit_pb2, policy_pb2, profile_pb2, signed_pb2
from tests.support.city import ALICE, BO, PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import LOCATION, NAME, Door, RawSystem, bearer, refused
from tests.support.log_book import logged
from tests.support.published import ORIGIN, published

pytestmark = shared_city("e2e-log")


def auditor(city: City) -> tuple[tuple[str, str], ...]:
    return bearer(city.token("auditor-1", roles=["auditor"]))


async def accesses(city: City, people: Door, who: str) -> list[audit_pb2.Access]:
    token = bearer(city.token("person", resident=who))
    response = await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(), metadata=token)
    return list(response.accesses)


async def exported(city: City, people: Door, folder: Path) -> Path:
    """A copy of the log as an auditor takes it over the wire."""
    await published(city)
    stream = people.audit.ExportLog(audit_pb2.ExportLogRequest(), metadata=auditor(city))
    messages = [message async for message in stream]
    entries = [
        LogEntry(
            e.leaf_index,
            e.leaf_hash,
            0,
            "",
            e.accountability,
            e.accountability_salt,
            e.person,
            e.person_salt,
            e.person_digest,
            e.accountability_digest,
        )
        for message in messages[1:]
        for e in message.entries
    ]
    assert write_copy(folder, messages[0].checkpoint, (), entries) == len(entries)
    return folder


async def test_the_person_sees_who_asked_what_why_on_what_basis_and_when(
    city: City, people: Door, raw: RawSystem
) -> None:
    before = len(await accesses(city, people, ALICE))
    request = raw.asking(ALICE, items=[NAME, LOCATION], case_reference="入学-7")
    response = await raw.fetch(request)
    await raw.fetch(request)
    await refused(raw.fetch(raw.asking(ALICE, purpose="marriage_registration")))
    seen = await accesses(city, people, ALICE)
    assert len(seen) == before + 3
    withheld, repeated, released = seen[:3]
    assert (released.department, released.purpose, released.legal_basis) == ("education", PURPOSE, "mandate")
    assert released.system == raw.spiffe
    assert released.case_reference == "入学-7"
    assert released.time_unix_ms
    assert [(f.resource, f.field, f.form, f.outcome) for f in released.fields] == [
        ("civil.resident", "name", "value", "released"),
        ("housing.property", "location", "value", "released"),
    ]
    assert released.leaf_index == signed_pb2.PromiseBody.FromString(response.outcome.body).leaf_index
    assert [a.outcome for a in seen[:3]] == ["refused", "replayed", "released"]
    assert withheld.reason == "PURPOSE_NOT_COVERED"
    assert repeated.department == "education"


async def test_nobody_sees_what_was_asked_about_someone_else(city: City, people: Door, raw: RawSystem) -> None:
    mine = len(await accesses(city, people, ALICE))
    await raw.fetch(raw.asking(BO))
    assert len(await accesses(city, people, ALICE)) == mine
    assert (await accesses(city, people, BO))[0].outcome == "released"


async def test_accesses_come_page_by_page(city: City, people: Door, raw: RawSystem) -> None:
    for _ in range(3):
        await raw.fetch(raw.asking(BO))
    token = bearer(city.token("person", resident=BO))
    found: list[int] = []
    page = ""
    while True:
        request = audit_pb2.ListMyAccessesRequest(page_size=2, page_token=page)
        response = await people.audit.ListMyAccesses(request, metadata=token)
        found += [access.leaf_index for access in response.accesses]
        page = response.next_page_token
        if not page:
            break
    assert found == sorted(found, reverse=True)
    assert len(found) == len(set(found)) >= 3
    bad = audit_pb2.ListMyAccessesRequest(page_token="' or 1=1")
    assert (await refused(people.audit.ListMyAccesses(bad, metadata=token))).violations.keys() == {"page_token"}


async def test_reading_the_log_is_on_the_log_before_anything_is_shown(city: City, people: Door) -> None:
    with logged(city) as book:
        request = audit_pb2.ListEntriesRequest(kind="released", department="education", page_size=1)
        response = await people.audit.ListEntries(request, metadata=auditor(city))
    assert len(response.entries) <= 1
    said = book.only("log_read").account
    assert (said["what"], said["kind_filter"], said["department_filter"]) == ("entries", "released", "education")
    assert said["auditor"]
    assert "auditor-1" not in json.dumps(dict(said))


async def test_only_auditors_read_the_log_and_auditors_have_no_accesses_of_others(city: City, people: Door) -> None:
    citizen = bearer(city.token("person", resident=ALICE))
    with logged(city) as book:
        for call in (
            people.audit.ListEntries(audit_pb2.ListEntriesRequest(), metadata=citizen),
            people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(), metadata=auditor(city)),
        ):
            refusal = await refused(call)
            assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "NOT_ALLOWED")
        stream = people.audit.ExportLog(audit_pb2.ExportLogRequest(), metadata=citizen)
        assert (await refused(stream.read())).reason == "NOT_ALLOWED"
    assert book.kinds == []


async def test_what_is_asked_of_the_log_must_make_sense(city: City, people: Door) -> None:
    for request, field in (
        (audit_pb2.ListEntriesRequest(page_size=501), "page_size"),
        (audit_pb2.ListEntriesRequest(kind="everything"), "kind"),
        (audit_pb2.ListEntriesRequest(department="x" * 64), "department"),
        (audit_pb2.ListEntriesRequest(page_token="x"), "page_token"),
    ):
        refusal = await refused(people.audit.ListEntries(request, metadata=auditor(city)))
        assert (refusal.status, list(refusal.violations)) == ("INVALID_ARGUMENT", [field])
    far = 1 << 40
    beyond = (1 << 64) - 1
    for proof in (
        people.audit.GetInclusionProof(audit_pb2.GetInclusionProofRequest(tree_size=beyond)),
        people.audit.GetInclusionProof(audit_pb2.GetInclusionProofRequest(leaf_index=beyond)),
        people.audit.GetConsistencyProof(audit_pb2.GetConsistencyProofRequest(new_size=beyond)),
        people.audit.GetConsistencyProof(audit_pb2.GetConsistencyProofRequest(old_size=beyond)),
        people.audit.GetInclusionProof(audit_pb2.GetInclusionProofRequest(leaf_index=far)),
        people.audit.GetConsistencyProof(audit_pb2.GetConsistencyProofRequest(old_size=far)),
    ):
        assert (await refused(proof)).status == "INVALID_ARGUMENT"


async def test_anyone_can_check_that_an_answers_entry_is_in_the_log_and_that_the_log_only_grew(
    city: City, people: Door, raw: RawSystem
) -> None:
    verifier = NoteVerifier(city.parts.ledger_key)
    note = (await people.audit.GetCheckpoint(audit_pb2.GetCheckpointRequest())).checkpoint
    old = open_checkpoint(note, verifier, ORIGIN)
    response = await raw.fetch(raw.asking())
    promise = signed_pb2.PromiseBody.FromString(response.outcome.body)
    await published(city)
    note = (await people.audit.GetCheckpoint(audit_pb2.GetCheckpointRequest())).checkpoint
    new = open_checkpoint(note, verifier, ORIGIN)
    assert new.size > promise.leaf_index >= old.size
    proof = await people.audit.GetInclusionProof(
        audit_pb2.GetInclusionProofRequest(leaf_index=promise.leaf_index, tree_size=new.size)
    )
    verify_inclusion(promise.leaf_hash, promise.leaf_index, new.size, list(proof.path), new.root)
    grown = await people.audit.GetConsistencyProof(
        audit_pb2.GetConsistencyProofRequest(old_size=old.size, new_size=new.size)
    )
    verify_consistency(old.size, old.root, new.size, new.root, list(grown.path))


async def test_a_copy_verifies_and_one_changed_byte_names_the_entry(
    city: City, people: Door, school: AsyncClient, tmp_path: Path
) -> None:
    for who in (ALICE, BO):
        await school.fetch(
            subject=("cn.resident-id", who), purpose=PURPOSE, basis="mandate", items=["civil.resident:name=value"]
        )
    copy = await exported(city, people, tmp_path / "copy")
    key = city.parts.ledger_key
    earlier = (copy / "checkpoint").read_text(encoding="utf-8")
    report = verify_export(copy, key, earlier)
    assert report.kinds["released"] >= 2
    lines = (copy / "entries.jsonl").read_bytes().splitlines(keepends=True)
    assert report.size == len(lines)
    assert not any(name in line for name in ("欧阳静好".encode(), ALICE.encode()) for line in lines)
    victim = next(n for n, line in enumerate(lines) if b"released" in line)
    changed = lines[victim].replace(b"school_enrolment", b"school_enrolmenz", 1)
    assert changed != lines[victim]
    tampered: dict[str, list[bytes]] = {
        "edited": [*lines[:victim], changed, *lines[victim + 1 :]],
        "removed": [*lines[:victim], *lines[victim + 1 :]],
        "swapped": [*lines[:victim], lines[victim + 1], lines[victim], *lines[victim + 2 :]],
    }
    for name, content in tampered.items():
        folder = tmp_path / name
        shutil.copytree(copy, folder)
        (folder / "entries.jsonl").write_bytes(b"".join(content))
        with pytest.raises(VerificationFailed) as caught:
            verify_export(folder, key)
        assert caught.value.first == victim
        assert str(victim) in caught.value.text_zh
        assert str(victim) in caught.value.text_en
    (copy / "entries.jsonl").write_bytes(b"".join(lines[:-1]))
    with pytest.raises(VerificationFailed):
        verify_export(copy, key)


@pytest.mark.domain_check(number=12)
async def test_another_history_signed_with_the_logs_own_key_is_found_with_an_earlier_checkpoint(
    city: City, people: Door, raw: RawSystem, tmp_path: Path
) -> None:
    await raw.fetch(raw.asking())
    shutil.copytree(city.home, tmp_path / "fork")
    await raw.fetch(raw.asking())
    kept = await published(city)
    # Whoever has every key goes on from an older state, without the last two entries and with others in their place.
    fork = compose(Settings.load(tmp_path / "fork"), SystemClock())
    for reason in ("one", "two", "three"):
        fork.ledger.append_blocking(EntryDraft(kind="refused", accountability={"reason": reason}))
    fork.ledger.stop()
    fork.ledger.export(tmp_path / "forked")
    fork.engine.dispose()
    assert verify_export(tmp_path / "forked", city.parts.ledger_key).size
    with pytest.raises(VerificationFailed) as caught:
        verify_export(tmp_path / "forked", city.parts.ledger_key, kept)
    assert caught.value.fault is Fault.LOG_FORKED


async def test_a_persons_own_reading_and_writing_is_on_the_log_without_the_value(city: City, people: Door) -> None:
    token = bearer(city.token("person", resident=ALICE))
    with logged(city) as book:
        request = profile_pb2.SetProfileFieldRequest(field="phone", value="138-0013-8000")
        await people.profile.SetProfileField(request, metadata=token)
        await people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=token)
        await people.profile.DeleteProfileField(profile_pb2.DeleteProfileFieldRequest(field="phone"), metadata=token)
    assert book.kinds == ["profile_written", "profile_read", "profile_deleted"]
    assert "13800138000" not in "".join(str(dict(entry.account)) for entry in book.entries)
    assert [item["field"] for item in book.only("profile_written").account["items"]] == ["phone"]


async def test_the_stored_log_of_real_exchanges_is_sound(city: City, people: Door, raw: RawSystem) -> None:
    await raw.fetch(raw.asking(ALICE, items=[NAME]))
    await refused(raw.fetch(raw.asking(ALICE, purpose="marriage_registration")))
    assert await accesses(city, people, ALICE)
    await published(city)
    report = city.parts.ledger.fsck().run()
    assert report.size >= report.head_size > 0


async def test_a_person_reads_names_takes_the_list_along_and_proves_a_row_offline(
    city: City, raw: RawSystem, people: Door, tmp_path: Path
) -> None:
    await raw.fetch(raw.asking(ALICE, items=[NAME]))
    await published(city)
    (tmp_path / "ca.pem").write_bytes(city.parts.authority.certificate_pem)
    (tmp_path / "me.jwt").write_text(city.token("person", resident=ALICE))
    environment = {
        "ONCEGATE_GATEWAY": city.people,
        "ONCEGATE_CA": str(tmp_path / "ca.pem"),
        "ONCEGATE_TOKEN_FILE": str(tmp_path / "me.jwt"),
    }

    async def me(*words: str, code: int = 0) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, ["me", *words], env=environment)
        assert result.exit_code == code, result.output
        return result.stdout

    row = json.loads(await me("accesses", "--department", "education", "--json"))["accesses"][0]
    assert row["purpose_name"]["en"]
    assert row["purpose_law"]["zh"]
    assert row["basis_name"]["zh"]
    assert row["department_name"]["zh"]
    assert row["fields"][0]["field_name"]["en"]
    assert json.loads(await me("accesses", "--department", "nobody", "--json"))["accesses"] == []
    assert json.loads(await me("accesses", "--until", "2020-01-01", "--json"))["accesses"] == []

    await me("accesses", "--out", str(tmp_path / "mine.csv"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "mine.csv").read_text(encoding="utf-8-sig"))))
    assert rows[0]["entry"] == str(row["leaf_index"])
    assert rows[0]["purpose_en"] == row["purpose_name"]["en"]
    await me("accesses", "--out", str(tmp_path / "mine.json"))
    assert json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))["accesses"][0] == row
    assert (tmp_path / "mine.json").stat().st_mode & 0o777 == 0o600
    # Never over a file that is there.
    await me("accesses", "--out", str(tmp_path / "mine.csv"), code=2)

    used = json.loads(await me("usage", "--json"))
    assert sum(one["count"] for one in used["rows"] if one["outcome"] == "released") >= 1
    assert used["held_from_unix_ms"] > 0
    assert "How often" in await me("usage")

    target = tmp_path / "row.tlog-proof"
    await me("proof", str(row["leaf_index"]), "--out", str(target))
    outcome = check(str(target), city.parts.ledger_key)
    assert outcome.verified
    assert json.loads(outcome.document["accountability"])["purpose"] == row["purpose"]
    assert outcome.document["person_closed"]
    assert outcome.document["person"] == ""
    # The single file says the same, without any package.
    pyz = build(tmp_path)
    command = [sys.executable, "-I", "-S", str(pyz), str(target), "--key", city.parts.ledger_key]
    said = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert row["purpose"] in said.stdout
    # Another person proves nothing with it.
    (tmp_path / "me.jwt").write_text(city.token("person", resident=BO))
    await me("proof", str(row["leaf_index"]), "--out", str(tmp_path / "other.tlog-proof"), code=3)


async def test_what_is_pruned_is_said_wherever_somebody_asks_for_it(
    city: City, raw: RawSystem, people: Door, tmp_path: Path
) -> None:
    with logged(city) as book:
        await raw.fetch(raw.asking(ALICE, items=[NAME]))
    asked, outcome = book.only("asked").leaf_index, book.only("released").leaf_index
    await published(city)
    while await asyncio.to_thread(city.parts.ledger.review.indexer.turn):
        pass
    ledger, rule = city.parts.ledger, Rule(6, {}, "law")
    # As if it were old: this city has not been running for months.
    plan = Plan(sorted({(asked, asked + 1), (outcome, outcome + 1)}), 2, 1, {}, None, ledger.size(), 0)
    if outcome == asked + 1:
        plan = replace(plan, ranges=[(asked, outcome + 1)])
    prune = ledger.prune()
    done = await asyncio.to_thread(lambda: prune.carry_out(prune.record(plan, rule)))
    assert done.entries == 2

    said = {"entry": str(asked), "pruned_under": str(done.under)}
    citizen = bearer(city.token("person", resident=ALICE))
    for call in (
        people.audit.GetEvidence(audit_pb2.GetEvidenceRequest(leaf_index=asked), metadata=auditor(city)),
        people.policy.ExplainEntry(policy_pb2.ExplainEntryRequest(leaf_index=asked), metadata=auditor(city)),
        people.audit.GetMyAccessProof(audit_pb2.GetMyAccessProofRequest(leaf_index=asked), metadata=citizen),
    ):
        refusal = await refused(call)
        assert refusal.reason == "ENTRY_PRUNED"
        assert said.items() <= refusal.facts.items()
    listed = await people.audit.ListEntries(
        audit_pb2.ListEntriesRequest(page_size=1, page_token=str(asked + 1)), metadata=auditor(city)
    )
    [entry] = listed.entries
    assert (entry.pruned_under, len(entry.accountability_digest), entry.accountability) == (done.under, 32, b"")
    mine = await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(), metadata=citizen)
    assert outcome not in {one.leaf_index for one in mine.accesses}
    assert mine.retained.pruned_under == done.under
    found = await people.audit.SearchEntries(audit_pb2.SearchEntriesRequest(), metadata=auditor(city))
    assert outcome not in {one.entry.leaf_index for one in found.hits}
    assert found.retained.pruned_under == done.under
    copy = await exported(city, people, tmp_path / "copy")
    assert verify_export(copy, city.parts.ledger_key).pruned >= 2
    assert (await asyncio.to_thread(ledger.fsck().run)).pruned >= 2
