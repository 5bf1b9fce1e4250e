"""What is asked for and given as proof: only what an agreement allows, and only the word of who may give it."""

import time
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update

from gateway.sharing.tables import CONSENTS
from gateway.storage.database import write_transaction
from keys.consent_proof import key_nonce
from keys.signing import CONSENT, SigningKey
from oncegate.v1 import consent_pb2, signed_pb2
from tests.support.city import ALICE, BO, CHEN, NAMES, City
from tests.support.city_fixtures import shared_city
from tests.support.consents import Citizen, agree_on_consent, asking, name, reason, said, wish
from tests.support.doors import Door, RawSystem, refused
from tests.support.log_book import logged

pytestmark = shared_city("e2e-consent-proofs")

GRANTED, REVOKED = consent_pb2.CONSENT_STATUS_GRANTED, consent_pb2.CONSENT_STATUS_REVOKED


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agreed(city: City) -> City:
    agree_on_consent(city)
    return city


@pytest_asyncio.fixture(loop_scope="module")
async def alice(agreed: City, people: Door) -> Citizen:
    return Citizen(agreed, people)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"token": ""}, "CONSENT_PROOF_NEEDED"),
        ({"token": "not a token"}, "CONSENT_PROOF_INVALID"),
        ({"nonce": "another"}, "CONSENT_PROOF_NONCE"),
        ({"resident_id": BO}, "CONSENT_PROOF_PERSON"),
        ({"iat": int(time.time()) - 4000}, "CONSENT_PROOF_TIME"),
        ({"iat": int(time.time()) + 4000, "exp": int(time.time()) + 5000}, "CONSENT_PROOF_TIME"),
        ({"aud": "another"}, "CONSENT_PROOF_INVALID"),
        ({"none": True}, "CONSENT_PROOF_INVALID"),
        ({"digest": b"x" * 32}, "BAD_REQUEST"),
    ],
)
async def test_a_proof_that_does_not_hold_grants_nothing_and_says_which_part(
    raw: RawSystem, alice: Citizen, agreed: City, change: dict[str, Any], code: str
) -> None:
    drawn = (await alice.draft()).consent
    given = {key: change[key] for key in ("token", "digest") if key in change}
    if not given:
        token = alice.proof(drawn.artefact, **{key: value for key, value in change.items() if key != "none"})
        given["token"] = f"eyJhbGciOiJub25lIn0.{token.split('.')[1]}." if "none" in change else token
    with logged(agreed) as book:
        refusal = await refused(alice.grant(drawn, **given))
    assert refusal.reason == code
    assert book.kinds == ([] if code == "BAD_REQUEST" else ["refused"])
    assert ALICE.encode() not in refusal.everything
    assert await reason(raw, drawn.digest) == "CONSENT_NOT_GRANTED"


async def test_a_persons_own_key_is_as_good_as_a_token(raw: RawSystem, alice: Citizen) -> None:
    key = SigningKey.generate()
    drawn = (await alice.draft()).consent
    granted = await alice.grant(
        drawn,
        token=alice.token(nonce=key_nonce(key.verify_key.der)),
        key=key.verify_key.der,
        signature=key.sign(CONSENT, drawn.artefact),
    )
    assert granted.proof == "key"
    assert await name(raw, granted.digest) == NAMES[ALICE]


async def test_a_guardian_consents_only_where_an_issuer_vouches_for_exactly_this(
    agreed: City, people: Door, raw: RawSystem
) -> None:
    ward = consent_pb2.ConsentSubject(scheme="cn.resident-id", identifier=ALICE, relation="guardian")
    claim = {"acts_for": [{"relation": "guardian", "identifier": ALICE}]}
    for claims, subject in (
        ({}, ward),
        ({"acts_for": [{"relation": "guardian", "identifier": BO}]}, ward),
        ({"acts_for": [{"relation": "friend", "identifier": ALICE}]}, ward),
        ({"acts_for": "guardian"}, ward),
        (
            {"acts_for": [{"relation": "friend", "identifier": ALICE}]},
            consent_pb2.ConsentSubject(scheme="cn.resident-id", identifier=ALICE, relation="friend"),
        ),
    ):
        stranger = Citizen(agreed, people, BO, claims)
        refusal = await refused(stranger.draft(subject=subject))
        assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "RELATION_NOT_VOUCHED")
    guardian = Citizen(agreed, people, BO, claim)
    drawn = (await guardian.draft(subject=ward)).consent
    assert said(drawn)["delegate"]["relation"] == "guardian"
    # Neither the ward alone nor a guardian's token without the claim grants it.
    alone = Citizen(agreed, people, ALICE)
    assert (await refused(alone.grant(drawn))).reason == "CONSENT_PROOF_PERSON"
    bare = Citizen(agreed, people, BO).proof(drawn.artefact)
    assert (await refused(guardian.grant(drawn, subject=ward, token=bare))).reason == "CONSENT_PROOF_PERSON"
    with logged(agreed) as book:
        granted = await guardian.grant(drawn, subject=ward)
    entry = book.only("consent_granted")
    assert (entry.account["by"], entry.account["relation"]) == ("delegate", "guardian")
    assert entry.personal is not None
    assert {"person", "delegate"} <= set(entry.personal)
    assert await name(raw, granted.digest) == NAMES[ALICE]
    # The ward sees it and may end it.
    assert granted.consent_id in {one.consent_id for one in await alone.mine()}
    await alone.act("Withdraw", granted.consent_id)
    assert await reason(raw, granted.digest) == "CONSENT_REVOKED"


async def test_a_department_has_few_requests_waiting_for_one_person(agreed: City, raw: RawSystem) -> None:
    message = consent_pb2.RequestConsentRequest(subject_scheme="cn.resident-id", subject_identifier=CHEN, wish=wish())
    for _ in range(8):
        await raw.door.consent_requests.RequestConsent(message)
    with logged(agreed) as book:
        refusal = await refused(raw.door.consent_requests.RequestConsent(message))
    assert (refusal.status, refusal.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
    assert book.kinds == ["refused"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"items": []}, "wish.items"),
        ({"fetch": 0}, "wish.fetch"),
        ({"purpose": "unknown"}, "wish.purpose"),
        ({"locale": "fr"}, "wish.locale"),
        ({"data_life_days": 11}, "wish.data_life_days"),
        ({"valid_until_unix_ms": int(time.time() * 1000) + 40 * 86_400_000}, "wish.valid"),
        ({"valid_from_unix_ms": 1}, "valid_from_unix_ms"),
        ({"range_from_unix_ms": -1}, "wish.range_from_unix_ms"),
        ({"frequency": consent_pb2.ConsentFrequency(unit="hour", value=1, repeats=9)}, "wish.frequency"),
        ({"frequency": consent_pb2.ConsentFrequency(unit="eon", value=1, repeats=9)}, "wish.frequency.unit"),
        (
            {
                "frequency": consent_pb2.ConsentFrequency(unit="day", value=1, repeats=9),
                "fetch": consent_pb2.CONSENT_FETCH_ONCE,
            },
            "wish.frequency",
        ),
    ],
)
async def test_a_wish_that_breaks_a_rule_is_refused_with_its_path(
    alice: Citizen, changes: dict[str, Any], path: str
) -> None:
    items = changes.pop("items", None)
    asked = wish(**changes) if items is None else wish(items, **changes)
    changes["items"] = items if items is not None else changes.get("items")
    refusal = await refused(alice.draft(asked))
    assert refusal.status == "INVALID_ARGUMENT"
    assert list(refusal.violations) == [path]


async def test_what_no_agreement_lets_a_person_consent_to_cannot_be_asked_for(raw: RawSystem, alice: Citizen) -> None:
    location = [("housing.property", "location", signed_pb2.FORM_VALUE)]
    assert (await refused(alice.draft(wish(location)))).reason == "NO_AGREEMENT"
    masked = [("civil.resident", "name", signed_pb2.FORM_MASKED)]
    assert (await refused(alice.draft(wish(masked)))).violations == {
        "wish.parts": "goes beyond what the agreement lets a person consent to"
    }
    message = consent_pb2.RequestConsentRequest(subject_scheme="x", subject_identifier=ALICE, wish=wish())
    assert list((await refused(raw.door.consent_requests.RequestConsent(message))).violations) == ["subject_scheme"]
    message = consent_pb2.RequestConsentRequest(
        subject_scheme="cn.resident-id", subject_identifier="110105194912310021", wish=wish()
    )
    assert (await refused(raw.door.consent_requests.RequestConsent(message))).reason == "BAD_IDENTIFIER"


async def test_a_text_that_was_changed_by_hand_is_not_used(agreed: City, raw: RawSystem, alice: Citizen) -> None:
    granted = await alice.granted()
    forged = granted.artefact.replace(b'"data_life_days":10', b'"data_life_days":9')
    with write_transaction(agreed.parts.engine) as connection:
        row = CONSENTS.c.digest == granted.digest
        connection.execute(update(CONSENTS).where(row).values(raw=forged))
    assert await reason(raw, granted.digest) == "CONSENT_UNKNOWN"
    with write_transaction(agreed.parts.engine) as connection:
        # A whole other text in its place, with its own digest: it lacks the salt that fits, and the proof.
        connection.execute(update(CONSENTS).where(row).values(raw=forged, digest=sha256(forged).digest()))
    request = asking(raw, sha256(forged).digest())
    response = await raw.fetch(request)
    body = raw.opened(request, response.answers[0])
    assert [field.status for field in body.fields] == [signed_pb2.FIELD_STATUS_NOT_AVAILABLE]
