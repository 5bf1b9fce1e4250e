"""A person has the profile erased: what is gone, who is told, what stays, and what a crash leaves to finish."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.entries import EntryDraft
from gateway.audit.verify.copy import verify_export
from keys.erasure_receipt import ErasureReceipt, open_receipt
from keys.key_certificates import CertifiedKeys, open_certified, verify_key
from nodes.consumer import AsyncClient
from nodes.enrolment.errors import BadInput, RequestRefused
from oncegate.v1 import profile_pb2, signed_pb2
from tests.support.city import ALICE, BO, CHEN, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import NAME, Door, RawSystem, bearer, refused
from tests.support.log_book import logged
from tests.support.published import published
from tests.support.tampering import Asking, between, storage_that_fails

pytestmark = shared_city("e2e-erasure")

PHONE = ("oncegate.profile", "phone", signed_pb2.FORM_VALUE)


async def enter(city: City, people: Door, who: str, phone: str) -> None:
    request = profile_pb2.SetProfileFieldRequest(field="phone", value=phone)
    await people.profile.SetProfileField(request, metadata=bearer(city.token("person", resident=who)))


async def erase(city: City, people: Door, who: str) -> profile_pb2.EraseProfileResponse:
    metadata = bearer(city.token("person", resident=who))
    response: profile_pb2.EraseProfileResponse = await people.profile.EraseProfile(
        profile_pb2.EraseProfileRequest(), metadata=metadata
    )
    return response


def opened(city: City, response: profile_pb2.EraseProfileResponse) -> ErasureReceipt:
    """The receipt, verified as an outsider does: with the fingerprint of the department's key and nothing else."""
    keys = CertifiedKeys(response.keys.body, response.keys.signature, response.keys.department_key)
    fingerprint = city.keys["data-bureau"].verify_key.fingerprint
    certificate = open_certified(keys, accepted_fingerprint=fingerprint, now_ms=city.parts.clock.now_ms())
    return open_receipt(verify_key(certificate), response.receipt, response.signature)


async def phone_of(raw: RawSystem, who: str) -> str:
    request = raw.asking(who, items=[PHONE])
    return raw.opened(request, (await raw.fetch(request)).answers[0]).fields[0].text


def wrapped_keys(city: City) -> list[bytes]:
    with sqlite3.connect(city.home / "gateway.db") as base:
        found = [bytes(row[0]) for row in base.execute("SELECT wrapped FROM vault_keys WHERE wrapped IS NOT NULL")]
    base.close()
    return found


def holding(home: Path, needle: bytes) -> list[str]:
    return [path.name for path in home.iterdir() if path.is_file() and needle in path.read_bytes()]


@pytest.mark.domain_check(number=11)
async def test_what_was_entered_is_gone_and_the_receipt_says_so(
    city: City, people: Door, raw: RawSystem, school: AsyncClient, tmp_path: Path
) -> None:
    before = set(wrapped_keys(city))
    await enter(city, people, ALICE, "13800138000")
    [key] = set(wrapped_keys(city)) - before
    # The positive control: the same search finds the key while it is there.
    assert holding(city.home, key)
    assert await phone_of(raw, ALICE) == "13800138000"
    with logged(city) as book:
        response = await erase(city, people, ALICE)
    receipt = opened(city, response)
    entry = book.only("profile_erased")
    assert (receipt.fields, receipt.notices, receipt.entry) == (("phone",), 1, entry.leaf_index)
    assert receipt.complete_by_ms - receipt.erased_ms == city.parts.settings.vault.key_backup_days * 86_400_000
    assert receipt.gateway == city.parts.settings.gateway_id
    assert holding(city.home, key) == []
    assert await phone_of(raw, ALICE) == ""
    [notice] = await school.notices()
    [release] = notice.releases
    assert (notice.kind, release.fields, release.purpose) == ("erase", ("phone",), "school_enrolment")
    assert release.system.endswith("/system/school")
    await school.acknowledge_notice(notice.notice_id)
    # The ledger keeps what happened, and still verifies.
    await published(city)
    city.parts.ledger.export(tmp_path / "log")
    assert verify_export(tmp_path / "log", city.parts.ledger_key).kinds["profile_erased"]


async def test_erasing_once_more_finds_nothing_and_a_new_profile_starts_with_a_new_key(
    city: City, people: Door, raw: RawSystem
) -> None:
    await enter(city, people, BO, "13900139000")
    first = opened(city, await erase(city, people, BO))
    assert (await refused(erase(city, people, BO))).reason == "NOT_FOUND"
    assert (await refused(erase(city, people, CHEN))).reason == "NOT_FOUND"
    await enter(city, people, BO, "13900139001")
    assert await phone_of(raw, BO) == "13900139001"
    second = opened(city, await erase(city, people, BO))
    assert (first.key_id, second.key_id) == (1, 2)
    assert first.notices == 0


async def test_an_answer_kept_for_a_repeat_is_not_given_again_after_the_erasure(
    city: City, people: Door, raw: RawSystem
) -> None:
    await enter(city, people, CHEN, "13700137000")
    request, other = raw.asking(CHEN, items=[PHONE]), raw.asking(CHEN, items=[NAME])
    await raw.fetch(request)
    await raw.fetch(other)
    assert (await raw.fetch(request)).replayed
    await erase(city, people, CHEN)
    with logged(city) as book:
        assert (await refused(raw.fetch(request))).reason == "ANSWER_EXPIRED"
    assert book.kinds == ["refused"]
    # What a department answered is not the profile's.
    assert (await raw.fetch(other)).replayed


async def test_a_fetch_under_way_does_not_release_what_is_erased_meanwhile(
    city: City, people: Door, raw: RawSystem
) -> None:
    await enter(city, people, ALICE, "13800138001")

    async def meanwhile(ask: Asking, orders: Any, deadline_s: float) -> Any:
        answers = await ask(orders, deadline_s)
        await erase(city, people, ALICE)
        return answers

    with between(city, meanwhile), logged(city) as book:
        refusal = await refused(raw.fetch(raw.asking(ALICE, items=[NAME, PHONE])))
    assert refusal.reason == "ANSWER_EXPIRED"
    assert book.kinds == ["asked", "profile_erased", "refused"]


async def test_notices_are_the_departments_own_and_an_acknowledgement_is_final(
    city: City, people: Door, raw: RawSystem, school: AsyncClient
) -> None:
    await enter(city, people, BO, "13600136000")
    request = raw.asking(BO, items=[PHONE])
    await raw.fetch(request)
    await erase(city, people, BO)
    with logged(city) as book:
        notices = await school.notices()
        notice = notices[-1]
        async with city.client("tourism", "booking") as booking:
            assert await booking.notices() == ()
            with pytest.raises(RequestRefused, match="NOT_FOUND"):
                await booking.acknowledge_notice(notice.notice_id)
        first = await school.acknowledge_notice(notice.notice_id)
        assert await school.acknowledge_notice(notice.notice_id) == first
    assert notice.releases[-1].leaf_index > 0
    assert all(open_.notice_id != notice.notice_id for open_ in await school.notices())
    assert book.kinds == ["notice_read", "notice_acknowledged"]
    with pytest.raises(BadInput):
        await school.acknowledge_notice("not hexadecimal")
    with pytest.raises(RequestRefused, match="BAD_REQUEST"):
        await school.acknowledge_notice("00")


async def test_nothing_is_erased_when_the_log_cannot_say_so(city: City, people: Door, raw: RawSystem) -> None:
    await enter(city, people, CHEN, "13500135000")
    with storage_that_fails(city):
        assert (await refused(erase(city, people, CHEN))).reason == "LEDGER_UNAVAILABLE"
    assert await phone_of(raw, CHEN) == "13500135000"


async def test_an_erasure_that_a_crash_cut_off_is_carried_out_at_the_next_start(
    city: City, people: Door, raw: RawSystem
) -> None:
    await enter(city, people, CHEN, "13500135001")
    await phone_of(raw, CHEN)
    assert city.gateway is not None
    with sqlite3.connect(city.home / "gateway.db") as base:
        [person] = base.execute("SELECT person_id FROM vault_keys WHERE wrapped IS NOT NULL").fetchone()
    base.close()
    # The entry is durable and the process ends: this is all that is left of it.
    entry = EntryDraft(
        "profile_erased", {"by": "person", "items": []}, {"person": person.hex(), "scheme": "cn.resident-id"}
    )
    await city.parts.ledger.append(entry)
    assert await city.gateway._erase.at_start() == 1
    assert await city.gateway._erase.at_start() == 0
    assert await phone_of(raw, CHEN) == ""
