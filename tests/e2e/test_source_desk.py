"""A steward's desk fails closed: no log, no source or no department in good standing, and nothing changes or is shown."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.bootstrap.identities import set_auditors_key
from gateway.settings import FILE_NAME
from keys.sealing import SealingKey
from oncegate.v1 import profile_pb2, source_pb2
from tests.support.city import ALICE, BO, City
from tests.support.doors import Door, people_door, refused
from tests.support.log_book import logged
from tests.support.stewards import OFFICIAL, RIGHT, person, profile, record, steward, steward_settings, submit
from tests.support.tampering import storage_that_fails

OTHER = "13600136000"
Act = Callable[[City, Door, bytes], Awaitable[Any]]


@pytest_asyncio.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    """A gateway with departments and stewards; no nodes, since profiles need none."""
    made = City(tmp_path, settings=steward_settings(tmp_path))
    try:
        await made.start_gateway()
        made.register_departments()
        yield made
    finally:
        await made.close()


@pytest_asyncio.fixture
async def people(city: City) -> AsyncIterator[Door]:
    async with people_door(city) as door:
        yield door


async def state_a_newer_telephone(city: City, people: Door, _correction: bytes) -> Any:
    return await record(city, people, ALICE, OTHER, last_updated_unix_ms=city.parts.clock.now_ms())


async def look_at_what_waits(city: City, people: Door, _correction: bytes) -> Any:
    return await people.source.ListCorrections(source_pb2.ListCorrectionsRequest(), metadata=steward(city))


async def accept(city: City, people: Door, correction: bytes) -> Any:
    request = source_pb2.AnswerCorrectionRequest(
        correction_id=correction, answer=source_pb2.CORRECTION_ANSWER_ACCEPT, note="corrected"
    )
    return await people.source.AnswerCorrection(request, metadata=steward(city))


async def reject(city: City, people: Door, correction: bytes) -> Any:
    request = source_pb2.AnswerCorrectionRequest(
        correction_id=correction, answer=source_pb2.CORRECTION_ANSWER_REJECT, note="our record is right"
    )
    return await people.source.AnswerCorrection(request, metadata=steward(city))


EVERY_ACT = pytest.mark.parametrize(
    "act", [state_a_newer_telephone, look_at_what_waits, accept, reject], ids=lambda act: act.__name__
)
EVERY_CHANGE = pytest.mark.parametrize("act", [state_a_newer_telephone, accept, reject], ids=lambda act: act.__name__)


async def a_request_waits(city: City, people: Door, who: str = ALICE) -> bytes:
    """Someone's telephone as civil has it, and the person's request to correct it."""
    await record(city, people, who)
    made = await submit(city, people, who)
    return bytes(made.correction_id)


async def standing(city: City, people: Door, who: str = ALICE) -> tuple[object, ...]:
    """Everything that a steward could have changed, as the person sees it."""
    phone = (await profile(city, people, who))["phone"]
    history = await people.profile.GetFieldHistory(
        profile_pb2.GetFieldHistoryRequest(field="phone"), metadata=person(city, who)
    )
    corrections = await people.profile.ListMyCorrections(
        profile_pb2.ListMyCorrectionsRequest(), metadata=person(city, who)
    )
    return phone.SerializeToString(deterministic=True), history.SerializeToString(), corrections.SerializeToString()


@EVERY_CHANGE
async def test_nothing_changes_at_a_source_while_the_log_cannot_write(city: City, people: Door, act: Act) -> None:
    correction = await a_request_waits(city, people)
    before = await standing(city, people)
    with logged(city) as book, storage_that_fails(city):
        refusal = await refused(act(city, people, correction))
    assert (refusal.status, refusal.reason) == ("UNAVAILABLE", "LEDGER_UNAVAILABLE")
    assert book.kinds == []
    assert await standing(city, people) == before
    await act(city, people, correction)  # It recovers by itself.
    assert await standing(city, people) != before


@pytest.mark.parametrize(
    "when", ["1", "(SELECT count(*) FROM audit_entries WHERE kind = 'correction_read') = 1"], ids=["all", "one-of-two"]
)
async def test_no_request_is_shown_when_one_of_the_readings_cannot_be_recorded(
    city: City, people: Door, when: str
) -> None:
    for who in (ALICE, BO):
        await a_request_waits(city, people, who)
    with storage_that_fails(city, when):
        refusal = await refused(look_at_what_waits(city, people, b""))
    assert (refusal.status, refusal.reason) == ("UNAVAILABLE", "LEDGER_UNAVAILABLE")
    assert not [word for word in (RIGHT, "my new number", OFFICIAL) if word.encode() in refusal.everything]
    with logged(city) as book:
        assert len((await look_at_what_waits(city, people, b"")).corrections) == 2
    assert book.kinds == ["correction_read", "correction_read"]


async def test_a_department_that_is_no_source_any_more_neither_states_nor_accepts(city: City) -> None:
    async with people_door(city) as people:
        correction = await a_request_waits(city, people)
        before = await standing(city, people)
    await city.stop_gateway()
    path = city.home / FILE_NAME
    text = path.read_text(encoding="utf-8")
    assert text.count('phone = ["civil"]') == 1
    path.write_text(text.replace('phone = ["civil"]', 'phone = ["housing"]'), encoding="utf-8")
    await city.start_gateway()
    async with people_door(city) as people:
        # It is still addressed to the department, which reads it and can only turn it down.
        assert len((await look_at_what_waits(city, people, correction)).corrections) == 1
        with logged(city) as book:
            for act in (accept, state_a_newer_telephone):
                refusal = await refused(act(city, people, correction))
                assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "NOT_ALLOWED")
        assert book.kinds == ["refused", "refused"]
        assert [entry.account["what"] for entry in book.entries] == ["accept", "record"]
        assert await standing(city, people) == before
        assert (await reject(city, people, correction)).correction.status == "rejected"


async def test_a_steward_of_a_revoked_department_is_refused_at_the_very_next_call_whatever_it_is(
    city: City, people: Door
) -> None:
    correction = await a_request_waits(city, people)
    before = await standing(city, people)
    assert len((await look_at_what_waits(city, people, correction)).corrections) == 1
    city.parts.membership.revoke_department("civil", "dissolved")
    with logged(city) as book:
        for act in (state_a_newer_telephone, look_at_what_waits, accept, reject):
            refusal = await refused(act(city, people, correction))
            assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "DEPARTMENT_REVOKED"), act.__name__
            assert RIGHT.encode() not in refusal.everything
    assert not [kind for kind in book.kinds if kind != "refused"]
    assert await standing(city, people) == before


@EVERY_ACT
async def test_a_steward_of_a_department_that_is_not_registered_is_refused(tmp_path: Path, act: Act) -> None:
    city = City(tmp_path, settings=steward_settings(tmp_path))
    try:
        await city.start_gateway()  # Whose issuers vouch for departments that nobody registered.
        async with people_door(city) as people:
            with logged(city) as book:
                refusal = await refused(act(city, people, b"c" * 16))
        assert refusal.reason == "DEPARTMENT_UNKNOWN"
        assert book.kinds == []
    finally:
        await city.close()


async def test_a_steward_and_whom_the_steward_states_a_field_of_are_sealed_to_the_auditors_key_first(
    city: City, people: Door
) -> None:
    set_auditors_key(city.parts, SealingKey.generate().recipient, "audit office")
    with logged(city) as book:
        await record(city, people, ALICE, OTHER)
    assert book.kinds[-3:] == ["identity_sealed", "identity_sealed", "profile_recorded"]
    assert [entry.account["of"] for entry in book.entries[-3:-1]] == ["official", "person"]
