"""Consents over the real doors: asked for, granted, used, withdrawn; everything on record, and checked at the node."""

import asyncio
import hmac
from hashlib import sha256
from typing import Any

import grpc
import pytest
import pytest_asyncio

from keys.canonical import from_text
from keys.subjects import subject_commitment
from nodes.provider.agreements import REREAD_S
from oncegate.v1 import audit_pb2, consent_pb2, profile_pb2, signed_pb2
from tests.support.city import ALICE, BO, NAMES, NOBODY, City
from tests.support.city_fixtures import shared_city
from tests.support.consents import PURPOSE, Citizen, agree_on_consent, asking, name, reason, said, status_of, wish
from tests.support.doors import Door, RawSystem, read_refusal, refused
from tests.support.log_book import logged
from tests.support.tampering import Asking, between, storage_that_fails

pytestmark = shared_city("e2e-consent")

GRANTED, REVOKED = consent_pb2.CONSENT_STATUS_GRANTED, consent_pb2.CONSENT_STATUS_REVOKED


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agreed(city: City) -> City:
    agree_on_consent(city)
    return city


@pytest_asyncio.fixture(loop_scope="module")
async def alice(agreed: City, people: Door) -> Citizen:
    return Citizen(agreed, people)


async def test_a_system_asks_the_person_sees_and_grants_and_the_name_is_released(
    agreed: City, raw: RawSystem, alice: Citizen
) -> None:
    with logged(agreed) as book:
        message = consent_pb2.RequestConsentRequest(
            subject_scheme="cn.resident-id", subject_identifier=ALICE, wish=wish()
        )
        asked = await raw.door.consent_requests.RequestConsent(message)
        waiting = (await alice.mine())[0]
        assert (waiting.consent_id, waiting.status) == (asked.consent_id, consent_pb2.CONSENT_STATUS_REQUESTED)
        assert waiting.requested_by == raw.spiffe
        shown = await alice.show(asked.consent_id)
        assert shown.notice == "同意提供姓名"
        document = said(shown.consent)
        assert document["subject"]["commitment"]
        assert ALICE not in shown.consent.artefact.decode()
        commitment = subject_commitment(shown.salt, "cn.resident-id", ALICE)
        assert hmac.compare_digest(from_text(document["subject"]["commitment"]), commitment)
        assert from_text(document["notice"]["sha256"]) == sha256(shown.notice.encode()).digest()
        granted = await alice.grant(shown.consent)
        assert (granted.status, granted.proof) == (GRANTED, "token")
    assert book.kinds == ["consent_requested", "consent_read", "consent_read", "consent_granted"]
    assert book.only("consent_requested").account["department"] == "education"
    status = await raw.door.consent_requests.GetConsentStatus(
        consent_pb2.GetConsentStatusRequest(consent_id=asked.consent_id)
    )
    assert (status.consent.status, status.consent.digest) == (GRANTED, granted.digest)
    with logged(agreed) as book:
        assert await name(raw, granted.digest) == NAMES[ALICE]
    assert {entry.account["consent"] for entry in book.entries} == {granted.digest.hex()}
    used = (await alice.show(asked.consent_id)).consent
    assert used.uses == 1
    assert used.last_used_unix_ms


async def test_a_request_about_nobody_is_answered_like_any_other(agreed: City, raw: RawSystem) -> None:
    message = consent_pb2.RequestConsentRequest(subject_scheme="cn.resident-id", subject_identifier=NOBODY, wish=wish())
    asked = await raw.door.consent_requests.RequestConsent(message)
    status = await raw.door.consent_requests.GetConsentStatus(
        consent_pb2.GetConsentStatusRequest(consent_id=asked.consent_id)
    )
    assert status.consent.status == consent_pb2.CONSENT_STATUS_REQUESTED


@pytest.mark.domain_check(number=4)
async def test_domain_check_4_a_withdrawal_stops_the_next_release_keeps_the_history_and_tells_recipients(
    agreed: City, raw: RawSystem, alice: Citizen
) -> None:
    """Domain check 4: withdrawing consent; refused within a second, the log keeps it, recipients get a notice."""
    granted = await alice.granted()
    assert await name(raw, granted.digest) == NAMES[ALICE]
    request = asking(raw, granted.digest)
    await raw.fetch(request)
    withdrawn = await alice.act("Withdraw", granted.consent_id)
    assert withdrawn.status == REVOKED
    with logged(agreed) as book:
        # A new question, and the kept answer of an old one.
        for call in (raw.fetch(asking(raw, granted.digest)), raw.fetch(request)):
            refusal = await refused(call)
            assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "CONSENT_REVOKED")
    assert book.kinds == ["refused", "refused"]
    accesses = await alice.people.audit.ListMyAccesses(
        audit_pb2.ListMyAccessesRequest(page_size=20), metadata=alice.metadata
    )
    assert [a.outcome for a in accesses.accesses].count("released") >= 2
    async with agreed.client() as client:
        for _ in range(100):
            notices = [notice for notice in await client.notices() if notice.kind == "consent"]
            if notices:
                break
            await asyncio.sleep(0.1)
        [notice] = notices
        assert notice.consent == granted.digest.hex()
        assert [release.fields for release in notice.releases] == [("civil.resident.name",)] * 2
        await client.acknowledge_notice(notice.notice_id)


async def test_a_paused_consent_releases_nothing_until_it_is_resumed(raw: RawSystem, alice: Citizen) -> None:
    granted = await alice.granted()
    await alice.act("Pause", granted.consent_id)
    assert await reason(raw, granted.digest) == "CONSENT_PAUSED"
    await alice.act("Resume", granted.consent_id)
    # The gateway heeds it at once, the node as soon as it is told.
    await asyncio.sleep(0.5)
    assert await name(raw, granted.digest) == NAMES[ALICE]


async def test_another_consent_takes_the_place_of_one_and_the_system_finds_it(raw: RawSystem, alice: Citizen) -> None:
    message = consent_pb2.RequestConsentRequest(subject_scheme="cn.resident-id", subject_identifier=ALICE, wish=wish())
    asked = (await raw.door.consent_requests.RequestConsent(message)).consent_id
    narrower = wish(data_life_days=1, fetch=consent_pb2.CONSENT_FETCH_ONCE)
    granted = await alice.granted(narrower, supersedes=asked)
    found = await status_of(raw, asked)
    assert (found.status, found.superseded_by) == (consent_pb2.CONSENT_STATUS_SUPERSEDED, granted.consent_id)
    assert await reason(raw, found.digest) == "CONSENT_SUPERSEDED"
    assert said(await status_of(raw, granted.consent_id))["data_life_days"] == 1
    assert await name(raw, granted.digest) == NAMES[ALICE]
    # It was for once.
    assert await reason(raw, granted.digest) == "CONSENT_EXHAUSTED"
    # What is final is not superseded again, and nothing is drawn up for it.
    refusal = await refused(alice.draft(supersedes=asked))
    assert (refusal.reason, refusal.facts["status"]) == ("CONSENT_NOT_POSSIBLE", "superseded")


async def test_a_refusal_is_final(raw: RawSystem, alice: Citizen, agreed: City) -> None:
    drawn = (await alice.draft()).consent
    assert await reason(raw, drawn.digest) == "CONSENT_NOT_GRANTED"
    await alice.act("Deny", drawn.consent_id)
    assert await reason(raw, drawn.digest) == "CONSENT_NOT_GRANTED"
    with logged(agreed) as book:
        for what in ("Withdraw", "Pause", "Resume", "Deny"):
            refusal = await refused(alice.act(what, drawn.consent_id))
            assert (refusal.status, refusal.reason) == ("FAILED_PRECONDITION", "CONSENT_NOT_POSSIBLE")
        assert (await refused(alice.grant(drawn))).reason == "CONSENT_NOT_POSSIBLE"
    assert book.kinds == []


async def test_withdrawing_twice_changes_nothing(alice: Citizen, agreed: City) -> None:
    granted = await alice.granted()
    first = await alice.act("Withdraw", granted.consent_id)
    with logged(agreed) as book:
        assert await alice.act("Withdraw", granted.consent_id) == first
    assert book.kinds == []


async def test_a_consent_replayed_for_anything_else_is_refused_each_with_its_own_reason(
    agreed: City, raw: RawSystem, alice: Citizen
) -> None:
    granted = await alice.granted()
    assert await reason(raw, b"") == "CONSENT_MISSING"
    assert await reason(raw, b"x" * 32) == "CONSENT_UNKNOWN"
    assert await reason(raw, granted.digest, BO) == "CONSENT_WRONG_PERSON"
    year = [("civil.resident", "birth_date", signed_pb2.FORM_YEAR)]
    assert await reason(raw, granted.digest, items=year) == "CONSENT_NOT_COVERED"
    assert (await refused(raw.fetch(raw.asking(consent=granted.digest)))).violations == {
        "consent": "must be 32 bytes with the basis consent, and empty with another"
    }
    with logged(agreed) as book:
        await reason(raw, granted.digest, BO)
    assert book.only("refused").account["consent"] == granted.digest.hex()
    agree_on_consent(agreed, revision=2, purposes=f'["{PURPOSE}", "medical_reimbursement"]')
    assert await reason(raw, granted.digest) == "CONSENT_WRONG_AGREEMENT"
    again = await alice.granted()
    await asyncio.sleep(REREAD_S)
    assert await reason(raw, again.digest, purpose="medical_reimbursement") == "CONSENT_WRONG_PURPOSE"
    assert await name(raw, again.digest) == NAMES[ALICE]
    # What was drawn up under the old revision is not granted under the new one.
    agree_on_consent(agreed, revision=4)
    drawn = (await alice.draft()).consent
    agree_on_consent(agreed, revision=5)
    await asyncio.sleep(REREAD_S)
    refusal = await refused(alice.grant(drawn))
    assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "CONSENT_WRONG_AGREEMENT")


async def test_a_consent_for_one_department_tells_another_nothing(agreed: City, people: Door, alice: Citizen) -> None:
    agree_on_consent(agreed, consumer="tourism", system="booking", id='"consent-tourism"')
    granted = await alice.granted()
    async with RawSystem(agreed, "tourism", "booking") as booking:
        for who in (ALICE, BO):
            assert await reason(booking, granted.digest, who) == "CONSENT_WRONG_CONSUMER"
        missing = await refused(
            booking.door.consent_requests.GetConsentStatus(
                consent_pb2.GetConsentStatusRequest(consent_id=granted.consent_id)
            )
        )
        assert missing.reason == "NOT_FOUND"
    stranger = Citizen(agreed, people, BO)
    assert (await refused(stranger.show(granted.consent_id))).reason == "NOT_FOUND"
    assert (await refused(stranger.act("Withdraw", granted.consent_id))).reason == "NOT_FOUND"


async def test_of_many_at_once_exactly_as_many_get_in_as_the_consent_allows(
    agreed: City, raw: RawSystem, alice: Citizen
) -> None:
    frequency = consent_pb2.ConsentFrequency(unit="day", value=1, repeats=5)
    granted = await alice.granted(wish(frequency=frequency))
    outcomes = await asyncio.gather(
        *(raw.fetch(asking(raw, granted.digest)) for _ in range(20)), return_exceptions=True
    )
    let_in = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    refusals = [read_refusal(outcome) for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert (len(let_in), len(refusals)) == (5, 15)
    assert {refusal.reason for refusal in refusals} == {"CONSENT_EXHAUSTED"}
    assert {refusal.status for refusal in refusals} == {"RESOURCE_EXHAUSTED"}
    assert all(0 < (refusal.retry_ms or 0) <= 86_400_000 for refusal in refusals)
    assert (await alice.show(granted.consent_id)).consent.uses == 5


async def test_a_repeat_of_a_request_costs_no_use(raw: RawSystem, alice: Citizen) -> None:
    granted = await alice.granted(wish(fetch=consent_pb2.CONSENT_FETCH_ONCE))
    request = asking(raw, granted.digest)
    first = await raw.fetch(request)
    again = await raw.fetch(request)
    assert again.replayed
    assert again.answers == first.answers
    assert (await alice.show(granted.consent_id)).consent.uses == 1


@pytest.mark.parametrize("what", ["Withdraw", "Pause"])
async def test_what_is_withdrawn_while_nodes_are_answering_holds_the_answer_back(
    agreed: City, raw: RawSystem, alice: Citizen, what: str
) -> None:
    granted = await alice.granted()

    async def late(ask: Asking, orders: Any, deadline_s: float) -> Any:
        answers = await ask(orders, deadline_s)
        await alice.act(what, granted.consent_id)
        return answers

    with between(agreed, late), logged(agreed) as book:
        refusal = await refused(raw.fetch(asking(raw, granted.digest)))
    assert refusal.reason == ("CONSENT_REVOKED" if what == "Withdraw" else "CONSENT_PAUSED")
    kinds = [kind for kind in book.kinds if kind in {"asked", "refused", "released"}]
    assert kinds == ["asked", "refused"]
    assert [item["outcome"] for item in book.only("refused").account["items"]] == ["released"]


async def test_nothing_happens_when_the_log_cannot_say_so(agreed: City, raw: RawSystem, alice: Citizen) -> None:
    granted = await alice.granted()
    drawn = (await alice.draft()).consent
    message = consent_pb2.RequestConsentRequest(subject_scheme="cn.resident-id", subject_identifier=ALICE, wish=wish())
    before = await alice.mine()
    with storage_that_fails(agreed):
        for attempt in (
            alice.act("Withdraw", granted.consent_id),
            alice.grant(drawn),
            alice.draft(),
            alice.show(granted.consent_id),
            raw.door.consent_requests.RequestConsent(message),
        ):
            assert (await refused(attempt)).reason == "LEDGER_UNAVAILABLE"
    assert await alice.mine() == before


async def test_no_identifier_lies_at_rest_and_an_erasure_ends_every_consent(
    agreed: City, people: Door, raw: RawSystem
) -> None:
    person = Citizen(agreed, people, BO)
    granted = await person.granted()
    waiting = (await person.draft()).consent
    assert await name(raw, granted.digest, BO) == NAMES[BO]
    database = (agreed.home / "gateway.db").read_bytes() + (agreed.home / "gateway.db-wal").read_bytes()
    assert granted.digest in database  # So that the search would find something.
    assert BO.encode() not in database
    await people.profile.EraseProfile(profile_pb2.EraseProfileRequest(), metadata=person.metadata)
    assert await reason(raw, granted.digest, BO) == "CONSENT_REVOKED"
    assert {one.status for one in await person.mine()} == {REVOKED}
    assert (await refused(person.grant(waiting))).reason == "CONSENT_NOT_POSSIBLE"
    shown = await person.show(granted.consent_id)
    assert shown.salt == b""
