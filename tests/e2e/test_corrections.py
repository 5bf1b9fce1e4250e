"""Corrections over the real doors: asked by the person, decided at the source, by who may and nobody else."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from gateway.cli.main import app
from nodes.consumer import AsyncClient
from oncegate.v1 import audit_pb2, profile_pb2, source_pb2
from tests.support.city import ALICE, BO, CHEN, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, bearer, refused
from tests.support.log_book import logged
from tests.support.stewards import (
    OFFICIAL,
    RIGHT,
    STEWARDS,
    city_with_stewards,
    person,
    phone,
    record,
    steward,
    submit,
)

pytestmark = shared_city("e2e-corrections")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with city_with_stewards(tmp_path_factory.mktemp("city")) as running:
        yield running


async def test_a_correction_goes_to_the_source_and_comes_back_as_its_new_word(
    city: City, people: Door, school: AsyncClient
) -> None:
    await record(city, people, ALICE, record="HZ-2")
    with logged(city) as book:
        made = await submit(city, people, ALICE)
        listed = await people.source.ListCorrections(source_pb2.ListCorrectionsRequest(), metadata=steward(city))
        elsewhere = await people.source.ListCorrections(
            source_pb2.ListCorrectionsRequest(), metadata=steward(city, "housing")
        )
        answer = source_pb2.AnswerCorrectionRequest(
            correction_id=made.correction_id, answer=source_pb2.CORRECTION_ANSWER_ACCEPT, note="corrected"
        )
        decided = await people.source.AnswerCorrection(answer, metadata=steward(city))
    assert (made.status, made.department, made.record) == ("submitted", "civil", "HZ-2")
    assert [(one.proposal, one.reason) for one in listed.corrections] == [(RIGHT, "my new number")]
    assert list(elsewhere.corrections) == []
    assert decided.correction.status == "accepted"
    assert book.kinds == ["correction_submitted", "correction_read", "correction_answered"]
    everything = b"".join(entry.accountability + entry.person for entry in book.entries).decode()
    assert not [word for word in (RIGHT, "my new number", "HZ-2", ALICE) if word in everything]
    assert (await phone(school, ALICE)).text == RIGHT
    mine = await people.profile.ListMyCorrections(profile_pb2.ListMyCorrectionsRequest(), metadata=person(city, ALICE))
    assert [(one.status, one.note) for one in mine.corrections] == [("accepted", "corrected")]
    seen = await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(), metadata=person(city, ALICE))
    assert {"correction_answered", "correction_read", "profile_recorded"} <= {one.outcome for one in seen.accesses}
    again = await refused(people.source.AnswerCorrection(answer, metadata=steward(city)))
    assert again.reason == "ALREADY_DECIDED"


async def test_what_the_log_calls_accepted_is_in_the_profile_also_over_a_word_dated_ahead(
    city: City, people: Door, school: AsyncClient
) -> None:
    await record(city, people, ALICE, last_updated_unix_ms=city.parts.clock.now_ms() + 200_000)
    made = await submit(city, people, ALICE)
    answer = source_pb2.AnswerCorrectionRequest(
        correction_id=made.correction_id, answer=source_pb2.CORRECTION_ANSWER_ACCEPT
    )
    with logged(city) as book:
        decided = await people.source.AnswerCorrection(answer, metadata=steward(city))
    assert decided.correction.status == "accepted"
    assert book.kinds == ["correction_answered"]
    assert (await phone(school, ALICE)).text == RIGHT


async def test_a_request_is_rejected_with_a_reason_or_withdrawn_by_the_person_only(city: City, people: Door) -> None:
    await record(city, people, BO)
    made = await submit(city, people, BO)
    withdraw = profile_pb2.WithdrawCorrectionRequest(correction_id=made.correction_id)
    assert (
        await refused(people.profile.WithdrawCorrection(withdraw, metadata=person(city, ALICE)))
    ).reason == "NOT_FOUND"
    assert (await refused(submit(city, people, BO))).reason == "ALREADY_EXISTS"
    reject = source_pb2.AnswerCorrectionRequest(
        correction_id=made.correction_id, answer=source_pb2.CORRECTION_ANSWER_REJECT
    )
    with logged(city) as book:
        assert (await refused(people.source.AnswerCorrection(reject, metadata=steward(city)))).violations == {
            "note": "须为1至1000个字符 / must be 1 to 1000 characters"
        }
        elsewhere = await refused(people.source.AnswerCorrection(reject, metadata=steward(city, "housing")))
    assert elsewhere.status == "INVALID_ARGUMENT"
    assert book.kinds == ["refused", "refused"]
    reject.note = "our record is right"
    elsewhere = await refused(people.source.AnswerCorrection(reject, metadata=steward(city, "housing")))
    assert elsewhere.reason == "NOT_FOUND"
    decided = await people.source.AnswerCorrection(reject, metadata=steward(city))
    assert (decided.correction.status, decided.correction.note) == ("rejected", "our record is right")
    other = await submit(city, people, BO)
    withdraw.correction_id = other.correction_id
    gone = await people.profile.WithdrawCorrection(withdraw, metadata=person(city, BO))
    assert gone.correction.status == "withdrawn"


async def test_what_waits_is_shown_in_pages_and_every_person_sees_that_it_was_read(city: City, people: Door) -> None:
    for who in (ALICE, BO):
        await record(city, people, who)
        await submit(city, people, who)
    seen, token = [], ""
    with logged(city) as book:
        for _ in range(2):
            request = source_pb2.ListCorrectionsRequest(page_size=1, page_token=token)
            page = await people.source.ListCorrections(request, metadata=steward(city))
            seen += list(page.corrections)
            token = page.next_page_token
    assert len({one.correction_id for one in seen}) == 2
    assert book.kinds == ["correction_read", "correction_read"]
    assert len({entry.person for entry in book.entries}) == 2
    last = source_pb2.ListCorrectionsRequest(page_size=1, page_token=token)
    assert not (await people.source.ListCorrections(last, metadata=steward(city))).corrections
    for request, violation in (
        (source_pb2.ListCorrectionsRequest(page_token="1-2"), "page_token"),
        (source_pb2.ListCorrectionsRequest(page_size=51), "page_size"),
    ):
        refusal = await refused(people.source.ListCorrections(request, metadata=steward(city)))
        assert list(refusal.violations) == [violation]
    for one in seen:
        decision = source_pb2.AnswerCorrectionRequest(
            correction_id=one.correction_id, answer=source_pb2.CORRECTION_ANSWER_REJECT, note="no"
        )
        await people.source.AnswerCorrection(decision, metadata=steward(city))


async def test_what_is_not_there_or_not_verified_cannot_be_marked_or_corrected(city: City, people: Door) -> None:
    metadata = person(city, CHEN)
    entered = profile_pb2.SetProfileFieldRequest(field="email", value="chen@example.org")
    await people.profile.SetProfileField(entered, metadata=metadata)
    wrong = profile_pb2.SubmitCorrectionRequest(field="email", proposal="c@example.org", reason="new")
    mark_unset = profile_pb2.MarkProfileFieldRequest(field="emergency_contact", mark=profile_pb2.PROFILE_MARK_RESTRICT)
    unknown = profile_pb2.GetFieldHistoryRequest(field="income")
    for call, reason in (
        (people.profile.SubmitCorrection(wrong, metadata=metadata), "NOT_AT_A_SOURCE"),
        (people.profile.MarkProfileField(mark_unset, metadata=metadata), "NOT_FOUND"),
        (people.profile.GetFieldHistory(unknown, metadata=metadata), "UNKNOWN_FIELD"),
    ):
        assert (await refused(call)).reason == reason


async def test_only_a_steward_of_a_source_states_a_field(city: City, people: Door) -> None:
    request = source_pb2.RecordVerifiedFieldRequest(
        subject_scheme="cn.resident-id", subject_identifier=CHEN, field="email", value="chen@example.org"
    )
    phone_of_housing = source_pb2.RecordVerifiedFieldRequest()
    phone_of_housing.CopyFrom(request)
    phone_of_housing.field, phone_of_housing.value = "phone", RIGHT
    address = source_pb2.RecordVerifiedFieldRequest()
    address.CopyFrom(request)
    address.field, address.value = "mailing_address", "建国路88号院"
    attempts = [
        (request, steward(city)),
        (phone_of_housing, steward(city, "housing")),
        (phone_of_housing, steward(city, "tourism")),
        (phone_of_housing, person(city, CHEN)),
        (phone_of_housing, bearer(city.token("clerk", roles=["clerk"], issuer=STEWARDS["civil"]))),
        (phone_of_housing, bearer(city.token("auditor", roles=["auditor"]))),
    ]
    with logged(city) as book:
        for attempt, metadata in attempts:
            refusal = await refused(people.source.RecordVerifiedField(attempt, metadata=metadata))
            assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "NOT_ALLOWED")
            assert CHEN.encode() not in refusal.everything
    assert book.kinds == ["refused", "refused"], "those whose department is known"
    taken = await people.source.RecordVerifiedField(address, metadata=steward(city, "housing"))
    assert taken.arrival == source_pb2.ARRIVAL_TAKEN
    unnamed = await refused(people.source.RecordVerifiedField(address, metadata=()))
    assert unnamed.status == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"value": "12"}, "value"),
        ({"value": ""}, "value"),
        ({"unavailable_reason": "withheld"}, "value"),
        ({"value": "", "unavailable_reason": "lost"}, "unavailable_reason"),
        ({"record": "a b"}, "record"),
        ({"last_updated_unix_ms": 1 << 60}, "last_updated_unix_ms"),
        ({"valid_until_unix_ms": -1}, "valid_until_unix_ms"),
        ({"subject_scheme": "none"}, "subject_scheme"),
        ({"subject_identifier": "110105"}, "subject_identifier"),
    ],
)
async def test_a_statement_that_breaks_a_rule_names_it_and_not_the_value(
    city: City, people: Door, changes: dict[str, Any], violation: str
) -> None:
    members = {"subject_scheme": "cn.resident-id", "subject_identifier": CHEN, "field": "phone", "value": RIGHT}
    request = source_pb2.RecordVerifiedFieldRequest(**(members | changes))
    refusal = await refused(people.source.RecordVerifiedField(request, metadata=steward(city)))
    assert (refusal.status, list(refusal.violations)) == ("INVALID_ARGUMENT", [violation])
    assert RIGHT.encode() not in refusal.everything


def run(city: City, folder: Path, token: str, *words: str, code: int = 0) -> str:
    """A command of the gateway's program, as a person types it."""
    ca, tokens = folder / "ca.pem", folder / "token"
    ca.write_bytes(city.parts.authority.certificate_pem)
    tokens.write_text(token, encoding="ascii")
    options = ["--gateway", city.people.replace("127.0.0.1", "localhost"), "--ca", str(ca), "--token-file", str(tokens)]
    result = CliRunner().invoke(app, [*words, *options])
    assert result.exit_code == code, result.output
    return result.output


async def test_the_commands_of_citizen_and_steward_work_together(city: City, tmp_path: Path) -> None:
    citizen, clerk = city.token("c", resident=CHEN), city.token("s", roles=["steward"], issuer=STEWARDS["civil"])

    def story() -> None:
        def me(*words: str, code: int = 0) -> str:
            return run(city, tmp_path, citizen, "me", *words, code=code)

        def source(*words: str, code: int = 0) -> str:
            return run(city, tmp_path, clerk, "source", *words, code=code)

        me("profile", "set", "email", "chen@example.org")
        assert "does not apply" in me("profile", "set", "bank_account", "--not-applicable") + me("profile", "show")
        now = str(city.parts.clock.now_ms())
        subject = f"cn.resident-id={CHEN}"
        said = source("record", "phone", "--value", OFFICIAL, "--subject", subject, "--last-updated", now)
        assert "recorded" in said
        older = source("record", "phone", "--value", RIGHT, "--subject", subject, "--last-updated", "5", "--json")
        assert json.loads(older) == {"field": "phone", "arrival": "kept_stronger"}
        shown = me("profile", "show")
        for text in ("verified by a department / 部门核实 (civil)", "0 d / 天", "not collected / 未采集", "no end"):
            assert text in shown
        assert "FIELD_NOT_EDITABLE" in me("profile", "set", "phone", RIGHT, code=3)
        me("dispute", "phone", "--reason", "not mine")
        assert "本人提出异议" in me("profile", "show")
        me("restrict", "phone")
        fields = {field["field"]: field for field in json.loads(me("profile", "show", "--json"))}
        assert (fields["phone"]["status"], fields["phone"]["dispute_reason"]) == ("restricted", "not mine")
        me("release-restriction", "phone")
        me("withdraw-dispute", "phone")
        made = json.loads(me("correct", "phone", "--proposal", RIGHT, "--reason", "[/b] moved", "--json"))
        assert "[/b]" in source("list")
        assert json.loads(source("list", "--json"))["corrections"] == [made]
        me("withdraw-correction", made["correction"])
        assert "withdrawn by you" in me("corrections")
        made = json.loads(me("correct", "phone", "--proposal", RIGHT, "--reason", "moved", "--json"))
        source("reject", made["correction"], "--note", "no")
        made = json.loads(me("correct", "phone", "--proposal", RIGHT, "--reason", "moved", "--json"))
        source("accept", made["correction"], "--note", "yes")
        assert "申请更正" in me("history", "phone")
        assert json.loads(me("history", "phone", "--json"))[0]["superseded_reason"] == "corrected"
        out = tmp_path / "mine.json"
        me("export", "--out", str(out))
        assert out.stat().st_mode & 0o777 == 0o600
        written = out.read_text(encoding="utf-8")
        assert json.loads(written)["fields"] == json.loads(me("export", "--out", "-"))["fields"]
        me("export", "--out", str(out), code=2)
        assert out.read_text(encoding="utf-8") == written
        assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
        assert "部门办结更正申请" in me("accesses")
        assert "32 hexadecimal digits" in me("withdraw-correction", "zz", code=2)

    await asyncio.to_thread(story)
