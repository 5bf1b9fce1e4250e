"""Consents over the real doors: asked for, granted, used, withdrawn; everything on record, and checked at the node."""

import asyncio
import hmac
from hashlib import sha256

import pytest_asyncio

from keys.subjects import subject_commitment
from oncegate.v1 import audit_pb2, consent_pb2
from tests.support.city import ALICE, NAMES, NOBODY, City
from tests.support.city_fixtures import shared_city
from tests.support.consents import Citizen, agree_on_consent, asking, said, wish
from tests.support.doors import Door, RawSystem, refused
from tests.support.log_book import logged

pytestmark = shared_city("e2e-consent")

GRANTED, REVOKED = consent_pb2.CONSENT_STATUS_GRANTED, consent_pb2.CONSENT_STATUS_REVOKED


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agreed(city: City) -> City:
    agree_on_consent(city)
    return city


@pytest_asyncio.fixture(loop_scope="module")
async def alice(agreed: City, people: Door) -> Citizen:
    return Citizen(agreed, people)


async def name(raw: RawSystem, consent: bytes, who: str = ALICE) -> str:
    """The name that is released under a consent; empty when none is."""
    request = asking(raw, consent, who)
    response = await raw.fetch(request)
    answer = response.answers[0]
    assert not answer.silence_reason, answer.silence_reason
    return str(raw.opened(request, answer).fields[0].text)


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
        from keys.canonical import from_text

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
