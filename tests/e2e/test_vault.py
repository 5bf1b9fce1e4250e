"""Entered once by the citizen, reused by a department: the person's own profile as one more provider."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.bootstrap.vault_identity import CERTIFICATE_FILE
from nodes.consumer import AsyncClient
from nodes.consumer.answer import RowStatus
from nodes.enrolment.home import certified_to_json
from nodes.enrolment.member_keys import certify_request
from oncegate.v1 import audit_pb2, exchange_pb2, profile_pb2, signed_pb2
from tests.support.city import ALICE, BO, CHEN, PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import NAME, Door, RawSystem, bearer, refused
from tests.support.log_book import logged
from tests.support.tampering import storage_that_fails

pytestmark = shared_city("e2e-vault")

PHONE = ("oncegate.profile", "phone", signed_pb2.FORM_VALUE)
ADDRESS = ("oncegate.profile", "mailing_address", signed_pb2.FORM_VALUE)


async def enter(city: City, people: Door, who: str, **fields: str) -> None:
    metadata = bearer(city.token("person", resident=who))
    for field, value in fields.items():
        await people.profile.SetProfileField(
            profile_pb2.SetProfileFieldRequest(field=field, value=value), metadata=metadata
        )


@contextmanager
def certificate(city: City, content: bytes | None) -> Iterator[None]:
    """Another certificate of the vault, or none."""
    path = city.home / CERTIFICATE_FILE
    before = path.read_bytes()
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


async def test_a_field_entered_once_is_reused_by_a_school_and_the_person_sees_it(
    city: City, people: Door, school: AsyncClient
) -> None:
    await enter(city, people, ALICE, phone="138 0013-8000", mailing_address="朝阳区静安里7号楼")
    with logged(city) as book:
        answer = await school.fetch(
            subject=("cn.resident-id", ALICE),
            purpose=PURPOSE,
            basis="mandate",
            items=[
                "civil.resident:name=value",
                "oncegate.profile:phone=value",
                "oncegate.profile:mailing_address=value",
            ],
        )
    assert answer.complete
    assert [row.text for row in answer.rows] == ["欧阳静好", "13800138000", "朝阳区静安里7号楼"]
    assert [row.source for row in answer.rows] == ["government_verified", "user_provided", "user_provided"]
    assert [p.department for p in answer.providers] == ["civil", "data-bureau"]
    assert all(p.receipt for p in answer.providers)
    outcomes = [(i["field"], i["outcome"]) for i in book.only("released").account["items"]]
    assert outcomes == [("name", "released"), ("phone", "released"), ("mailing_address", "released")]
    metadata = bearer(city.token("person", resident=ALICE))
    seen = await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(page_size=1), metadata=metadata)
    assert {f"{f.resource}.{f.field}" for f in seen.accesses[0].fields} >= {"oncegate.profile.phone"}


async def test_the_masked_form_is_masked(city: City, people: Door, school: AsyncClient) -> None:
    await enter(city, people, BO, phone="13912345678")
    answer = await school.fetch(
        subject=("cn.resident-id", BO), purpose=PURPOSE, basis="mandate", items=["oncegate.profile:phone=masked"]
    )
    assert "12345" not in str(answer.rows[0].text)
    assert answer.rows[0].released


async def test_a_field_that_is_not_set_is_not_available_and_has_the_size_of_one_that_is(
    city: City, people: Door, raw: RawSystem
) -> None:
    await enter(city, people, ALICE, phone="13800138000", mailing_address="静安里" * 60)
    sizes = set()
    for who in (ALICE, CHEN):
        request = raw.asking(who, items=[PHONE, ADDRESS])
        response = await raw.fetch(request)
        assert response.complete
        sizes.add(len(response.answers[0].sealed))
    assert {f.status for f in raw.opened(request, response.answers[0]).fields} == {
        signed_pb2.FIELD_STATUS_NOT_AVAILABLE
    }
    assert len(sizes) == 1


async def test_a_changed_and_a_deleted_field_are_so_for_the_next_request(
    city: City, people: Door, raw: RawSystem
) -> None:
    async def phone() -> str:
        request = raw.asking(BO, items=[PHONE])
        return raw.opened(request, (await raw.fetch(request)).answers[0]).fields[0].text

    await enter(city, people, BO, phone="13700000001")
    assert await phone() == "13700000001"
    await enter(city, people, BO, phone="13700000002")
    assert await phone() == "13700000002"
    metadata = bearer(city.token("person", resident=BO))
    listed = await people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=metadata)
    assert [(f.field, f.value, f.source) for f in listed.fields] == [("phone", "13700000002", "user_provided")]
    await people.profile.DeleteProfileField(profile_pb2.DeleteProfileFieldRequest(field="phone"), metadata=metadata)
    assert await phone() == ""


@pytest.mark.parametrize(
    ("field", "value", "violation"),
    [
        ("phone", "12345", "value"),
        ("phone", "", "value"),
        ("email", "nobody", "value"),
        ("bank_account", "1234567", "value"),
        ("mailing_address", "x" * 513, "value"),
        ("mailing_address", "\u202e\u200b\x00", "value"),
    ],
)
async def test_a_value_that_breaks_its_rule_is_not_kept_and_not_repeated(
    city: City, people: Door, field: str, value: str, violation: str
) -> None:
    metadata = bearer(city.token("person", resident=CHEN))
    request = profile_pb2.SetProfileFieldRequest(field=field, value=value)
    with logged(city) as book:
        refusal = await refused(people.profile.SetProfileField(request, metadata=metadata))
    assert (refusal.status, list(refusal.violations)) == ("INVALID_ARGUMENT", [violation])
    assert len(value) < 4 or value.encode() not in refusal.everything
    assert book.kinds == []


async def test_an_unknown_profile_field_is_refused(city: City, people: Door) -> None:
    metadata = bearer(city.token("person", resident=CHEN))
    request = profile_pb2.SetProfileFieldRequest(field="income", value="1")
    assert (await refused(people.profile.SetProfileField(request, metadata=metadata))).reason == "UNKNOWN_FIELD"
    gone = profile_pb2.DeleteProfileFieldRequest(field="phone")
    assert (await refused(people.profile.DeleteProfileField(gone, metadata=metadata))).reason == "NOT_FOUND"


async def test_nothing_is_written_when_the_log_cannot_say_so(city: City, people: Door) -> None:
    metadata = bearer(city.token("person", resident=CHEN))
    request = profile_pb2.SetProfileFieldRequest(field="phone", value="13811112222")
    with storage_that_fails(city):
        assert (await refused(people.profile.SetProfileField(request, metadata=metadata))).reason == (
            "LEDGER_UNAVAILABLE"
        )
        listing = people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=metadata)
        assert (await refused(listing)).reason == "LEDGER_UNAVAILABLE"
    assert not (await people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=metadata)).fields


async def test_a_vault_that_its_department_did_not_certify_is_silent(city: City, people: Door, raw: RawSystem) -> None:
    await enter(city, people, ALICE, phone="13800138000")
    holder = "spiffe://oncegate.test/department/data-bureau/node/vault"
    request = (city.folder / "vault-request.json").read_bytes()
    assert holder.encode() in request
    now_ms = city.parts.clock.now_ms()
    by_another = certified_to_json(certify_request(city.keys["civil"], request, now_ms=now_ms))
    over = certified_to_json(certify_request(city.keys["data-bureau"], request, now_ms=now_ms - 400 * 86_400_000))
    for content in (None, by_another, over, b"{}", b"\xff"):
        with certificate(city, content):
            response = await raw.fetch(raw.asking(items=[NAME, PHONE]))
            assert [(a.department, a.silence_reason) for a in response.answers] == [
                ("civil", ""),
                ("data-bureau", "NOT_CONNECTED"),
            ]
            assert not response.complete
            assert response.answers[1].sealed == b""
            alone = await refused(raw.fetch(raw.asking(items=[PHONE])))
            assert (alone.status, alone.reason) == ("UNAVAILABLE", "ALL_PROVIDERS_SILENT")
    response = await raw.fetch(raw.asking(items=[PHONE]))
    assert [a.status for a in response.answers] == [exchange_pb2.PROVIDER_STATUS_ANSWERED]


async def test_a_person_whose_key_was_erased_has_no_profile_any_more(
    city: City, people: Door, school: AsyncClient
) -> None:
    await enter(city, people, ALICE, phone="13800138000", email="alice@example.org")
    with sqlite3.connect(city.home / "gateway.db") as base:
        # The envelopes stay where they are, as they would in a backup; what opens them is gone.
        assert base.execute("update vault_keys set wrapped = null").rowcount
        assert base.execute("select count(*) from vault_fields").fetchone()[0]
    base.close()
    answer = await school.fetch(
        subject=("cn.resident-id", ALICE), purpose=PURPOSE, basis="mandate", items=["oncegate.profile:phone=value"]
    )
    assert (answer.rows[0].status, answer.rows[0].text) == (RowStatus.NOT_AVAILABLE, None)
