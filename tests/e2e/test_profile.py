"""The profile over the real doors: verified at its source, disputed, restricted, corrected, taken along, all on record."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from gateway.cli.main import app
from nodes.consumer import AsyncClient
from nodes.consumer.answer import Row, RowStatus
from oncegate.v1 import audit_pb2, profile_pb2, signed_pb2, source_pb2
from policies.vocabulary import FieldMark
from tests.support.city import ALICE, BO, CHEN, PURPOSE, City, running_city
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, RawSystem, bearer, refused
from tests.support.log_book import logged
from tests.support.tampering import storage_that_fails

pytestmark = shared_city("e2e-profile")

STEWARDS = {"civil": "https://civil.test", "housing": "https://housing.test", "tourism": "https://nowhere.test"}
PHONE = ("oncegate.profile", "phone", signed_pb2.FORM_VALUE)
OFFICIAL, RIGHT = "13900139000", "13700137000"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """A city in which civil and housing have stewards, and civil is a source of telephone and address."""
    folder = tmp_path_factory.mktemp("city")
    settings = '\n[vault.sources]\nphone = ["civil"]\nmailing_address = ["civil", "housing"]\n'
    for department, issuer in STEWARDS.items():
        vouched = f'department = "{department}"\n' if department != "tourism" else ""
        settings += (
            f'\n[[issuers]]\nissuer = "{issuer}"\njwks_file = "{folder / "issuer.jwks.json"}"\n'
            f'roles = {{ steward = "steward" }}\n{vouched}'
        )
    async with running_city(folder, settings=settings) as running:
        yield running


def person(city: City, who: str) -> Any:
    return bearer(city.token("person", resident=who))


def steward(city: City, department: str = "civil") -> Any:
    return bearer(city.token("steward", roles=["steward"], issuer=STEWARDS[department]))


async def record(city: City, people: Door, who: str, value: str = OFFICIAL, field: str = "phone", **more: Any) -> int:
    request = source_pb2.RecordVerifiedFieldRequest(
        subject_scheme="cn.resident-id", subject_identifier=who, field=field, value=value, **more
    )
    response = await people.source.RecordVerifiedField(request, metadata=steward(city))
    return int(response.arrival)


async def mark(city: City, people: Door, who: str, number: int, reason: str = "") -> profile_pb2.ProfileField:
    request = profile_pb2.MarkProfileFieldRequest(field="phone", mark=number, reason=reason)
    response = await people.profile.MarkProfileField(request, metadata=person(city, who))
    found: profile_pb2.ProfileField = response.field
    return found


async def submit(city: City, people: Door, who: str) -> profile_pb2.Correction:
    request = profile_pb2.SubmitCorrectionRequest(field="phone", proposal=RIGHT, reason="my new number")
    response = await people.profile.SubmitCorrection(request, metadata=person(city, who))
    found: profile_pb2.Correction = response.correction
    return found


async def phone(school: AsyncClient, who: str) -> Row:
    answer = await school.fetch(
        subject=("cn.resident-id", who), purpose=PURPOSE, basis="mandate", items=["oncegate.profile:phone=value"]
    )
    return answer.rows[0]


async def profile(city: City, people: Door, who: str) -> dict[str, profile_pb2.ProfileField]:
    request = profile_pb2.GetProfileRequest(selection=profile_pb2.FIELD_SELECTION_ALL)
    response = await people.profile.GetProfile(request, metadata=person(city, who))
    return {field.field: field for field in response.fields}


async def test_domain_check_1_what_a_department_verified_is_not_overwritten_by_the_person(
    city: City, people: Door, school: AsyncClient
) -> None:
    """Domain check 1: a government-verified field is not overwritten by a later user-provided value."""
    entered = profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000")
    await people.profile.SetProfileField(entered, metadata=person(city, ALICE))
    with logged(city) as book:
        assert await record(city, people, ALICE, record="HZ-1") == source_pb2.ARRIVAL_TAKEN
        refusal = await refused(people.profile.SetProfileField(entered, metadata=person(city, ALICE)))
    assert (refusal.status, refusal.reason) == ("FAILED_PRECONDITION", "FIELD_NOT_EDITABLE")
    assert book.kinds == ["profile_recorded"]
    assert book.entries[0].account["department"] == "civil"
    assert OFFICIAL not in book.entries[0].accountability.decode()
    row = await phone(school, ALICE)
    assert (row.text, row.source, row.marks, row.as_of_ms) == (OFFICIAL, "government_verified", (), None)
    shown = (await profile(city, people, ALICE))["phone"]
    assert (shown.value, shown.editable, shown.source_department, shown.source_record) == (
        OFFICIAL,
        False,
        "civil",
        "HZ-1",
    )
    assert (shown.last_updated_unix_ms, shown.status, shown.classification) == (0, "active", "confidential")
    history = await people.profile.GetFieldHistory(
        profile_pb2.GetFieldHistoryRequest(field="phone"), metadata=person(city, ALICE)
    )
    assert [(v.value, v.superseded_reason) for v in history.versions] == [("13800138000", "replaced_by_source")]


async def test_a_field_that_was_never_entered_is_shown_as_not_collected(city: City, people: Door) -> None:
    everything = await profile(city, people, CHEN)
    assert sorted(everything) == ["bank_account", "email", "emergency_contact", "mailing_address", "phone"]
    assert {field.unavailable_reason for field in everything.values()} == {"not_collected"}


async def test_the_mark_of_a_dispute_reaches_who_shows_it_and_no_one_else_gets_the_value(
    city: City, people: Door, school: AsyncClient, raw: RawSystem
) -> None:
    await record(city, people, BO)
    disputed = await mark(city, people, BO, profile_pb2.PROFILE_MARK_DISPUTE, "not mine")
    assert (disputed.status, disputed.dispute_reason) == ("disputed", "not mine")
    row = await phone(school, BO)
    assert (row.text, row.marks) == (OFFICIAL, (FieldMark.DISPUTED,))
    sizes, statuses = set(), []
    for understood in ([], [signed_pb2.FIELD_MARK_DISPUTED]):
        request = raw.asking(BO, items=[PHONE], understood_marks=understood)
        answer = (await raw.fetch(request)).answers[0]
        sizes.add(len(answer.sealed))
        statuses.append(raw.opened(request, answer).fields[0].status)
    assert statuses == [signed_pb2.FIELD_STATUS_NOT_AVAILABLE, signed_pb2.FIELD_STATUS_RELEASED]
    assert len(sizes) == 1
    await mark(city, people, BO, profile_pb2.PROFILE_MARK_WITHDRAW_DISPUTE)
    assert (await phone(school, BO)).marks == ()


async def test_a_restricted_field_is_not_released_and_the_person_sees_that_it_was_withheld(
    city: City, people: Door, school: AsyncClient
) -> None:
    await record(city, people, BO)
    with logged(city) as book:
        await mark(city, people, BO, profile_pb2.PROFILE_MARK_RESTRICT)
        row = await phone(school, BO)
    assert (row.status, row.text, row.source) == (RowStatus.NOT_AVAILABLE, None, "")
    assert book.only("profile_marked").account["what"] == "restrict"
    assert [item["outcome"] for item in book.only("released").account["items"]] == ["withheld"]
    assert (await profile(city, people, BO))["phone"].value == OFFICIAL
    seen = await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(page_size=1), metadata=person(city, BO))
    assert [f.outcome for f in seen.accesses[0].fields] == ["withheld"]
    await mark(city, people, BO, profile_pb2.PROFILE_MARK_RELEASE_RESTRICTION)
    assert (await phone(school, BO)).text == OFFICIAL


async def test_a_kept_answer_is_not_given_again_once_the_person_restricts_a_field_in_it(
    city: City, people: Door, raw: RawSystem
) -> None:
    await record(city, people, BO)
    request = raw.asking(BO, items=[PHONE])
    first = await raw.fetch(request)
    assert (await raw.fetch(request)).answers == first.answers
    for number, reason in ((profile_pb2.PROFILE_MARK_RESTRICT, ""), (profile_pb2.PROFILE_MARK_DISPUTE, "wrong")):
        await mark(city, people, BO, number, reason)
        with logged(city) as book:
            assert (await refused(raw.fetch(request))).reason == "ANSWER_EXPIRED"
        assert book.kinds == ["refused"]
        await mark(city, people, BO, number + 1)  # Each is followed by what takes it back.
        assert (await raw.fetch(request)).replayed


async def test_a_field_whose_validity_ended_is_not_released(city: City, people: Door, school: AsyncClient) -> None:
    now_ms = city.parts.clock.now_ms()
    await record(city, people, CHEN, valid_until_unix_ms=now_ms - 1, last_updated_unix_ms=now_ms - 5)
    assert (await phone(school, CHEN)).status is RowStatus.NOT_AVAILABLE
    await record(city, people, CHEN, valid_until_unix_ms=now_ms + 600_000, last_updated_unix_ms=now_ms)
    row = await phone(school, CHEN)
    assert (row.text, row.as_of_ms) == (OFFICIAL, now_ms)


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


async def test_nothing_happens_when_the_log_cannot_say_so(city: City, people: Door) -> None:
    await record(city, people, ALICE)
    before = (await profile(city, people, ALICE))["phone"]
    with storage_that_fails(city):
        for attempt in (
            record(city, people, ALICE, RIGHT),
            mark(city, people, ALICE, profile_pb2.PROFILE_MARK_RESTRICT),
            submit(city, people, ALICE),
            people.profile.GetFieldHistory(
                profile_pb2.GetFieldHistoryRequest(field="phone"), metadata=person(city, ALICE)
            ),
        ):
            assert (await refused(attempt)).reason == "LEDGER_UNAVAILABLE"
        stream = people.profile.ExportProfile(profile_pb2.ExportProfileRequest(), metadata=person(city, ALICE))
        assert (await refused(stream.read())).reason == "LEDGER_UNAVAILABLE"
    assert (await profile(city, people, ALICE))["phone"] == before


async def test_the_export_holds_everything_and_is_on_the_ledger(city: City, people: Door) -> None:
    await record(city, people, BO, record="HZ-9")
    await mark(city, people, BO, profile_pb2.PROFILE_MARK_DISPUTE, "不是我的号码")
    with logged(city) as book:
        stream = people.profile.ExportProfile(profile_pb2.ExportProfileRequest(), metadata=person(city, BO))
        raw = b"".join([message.piece async for message in stream])
    assert book.kinds == ["profile_exported"]
    assert raw.endswith(b"\n")
    document = json.loads(raw)
    assert document["format"] == "oncegate.profile-export/1"
    fields = {field["field"]: field for field in document["fields"]}
    assert len(fields) == 5
    assert (fields["phone"]["value"], fields["phone"]["dispute"]["reason"]) == (OFFICIAL, "不是我的号码")
    assert (fields["phone"]["source_record"], fields["phone"]["last_updated_unix_ms"]) == ("HZ-9", None)
    assert (fields["email"]["value"], fields["email"]["unavailable_reason"]) == (None, "not_collected")
    assert [one["status"] for one in document["corrections"]] == ["withdrawn", "rejected"]
    await mark(city, people, BO, profile_pb2.PROFILE_MARK_WITHDRAW_DISPUTE)


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
    import asyncio

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
