"""The profile over the real doors: verified at its source, disputed, restricted, taken along, all on record."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from nodes.consumer import AsyncClient
from nodes.consumer.answer import RowStatus
from oncegate.v1 import audit_pb2, profile_pb2, signed_pb2, source_pb2
from policies.vocabulary import FieldMark
from tests.support.city import ALICE, BO, CHEN, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, RawSystem, refused
from tests.support.log_book import logged
from tests.support.stewards import (
    OFFICIAL,
    RIGHT,
    city_with_stewards,
    mark,
    person,
    phone,
    profile,
    record,
    submit,
)
from tests.support.tampering import storage_that_fails

pytestmark = shared_city("e2e-profile")

PHONE = ("oncegate.profile", "phone", signed_pb2.FORM_VALUE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with city_with_stewards(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest.mark.domain_check(number=1)
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


@pytest.mark.parametrize(
    ("method", "request_", "violation"),
    [
        ("SetProfileField", {"field": "email", "value": "a@b.cn", "unavailable_reason": "not_applicable"}, "value"),
        ("SetProfileField", {"field": "email", "unavailable_reason": "withheld"}, "unavailable_reason"),
        ("MarkProfileField", {"field": "phone", "reason": "x"}, "mark"),
        ("MarkProfileField", {"field": "phone", "mark": 3, "reason": "x"}, "reason"),
        ("MarkProfileField", {"field": "phone", "mark": 1, "reason": "y" * 1001}, "reason"),
        ("SubmitCorrection", {"field": "phone", "proposal": "12", "reason": "x"}, "proposal"),
        ("SubmitCorrection", {"field": "phone", "proposal": RIGHT}, "reason"),
    ],
)
async def test_a_persons_request_that_breaks_a_rule_is_not_on_the_ledger_and_changes_nothing(
    city: City, people: Door, method: str, request_: dict[str, Any], violation: str
) -> None:
    message = getattr(profile_pb2, f"{method}Request")(**request_)
    with logged(city) as book:
        refusal = await refused(getattr(people.profile, method)(message, metadata=person(city, ALICE)))
    assert (refusal.status, list(refusal.violations)) == ("INVALID_ARGUMENT", [violation])
    assert book.kinds == []


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
    made = await submit(city, people, BO)
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
    (asked,) = document["corrections"]
    assert (asked["correction"], asked["status"], asked["proposal"]) == (made.correction_id.hex(), "submitted", RIGHT)
    await mark(city, people, BO, profile_pb2.PROFILE_MARK_WITHDRAW_DISPUTE)
