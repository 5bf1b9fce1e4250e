"""Tokens of people and of enrolment at the people's door: what does not hold, holds for nothing."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from gateway.clock import SystemClock
from keys.certificates.csr import make_csr, new_tls_key
from keys.enrolment_token import EnrolmentToken
from keys.key_certificates import CertifiedKeys
from keys.sealing import SealingKey
from keys.signing import SigningKey
from nodes.enrolment.home import Home
from nodes.enrolment.member_keys import certify_request
from oncegate.v1 import audit_pb2, catalog_pb2, enrolment_pb2, profile_pb2, signed_pb2
from policies.identifiers import resident_id
from tests.support.city import ALICE, ISSUER, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, RawSystem, bearer, pair_of, refused, systems_door
from tests.support.log_book import logged

pytestmark = shared_city("adversarial-tokens")

OTHER = resident_id("11010519900101123")


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    sound = {"iss": ISSUER, "aud": "oncegate", "sub": "x", "iat": now, "exp": now + 600, "resident_id": ALICE}
    return {**sound, **changes}


def signed(city: City, body: dict[str, Any], **header: Any) -> str:
    head = {"alg": "ES256", "kid": "k1", "typ": "JWT", **header}
    return jwt.encode(head, body, city._issuer, algorithms=["ES256"])


def encoded(part: dict[str, Any] | bytes) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unsigned(_city: City) -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims())}."


def shared_secret(city: City) -> str:
    """The public key taken as an HMAC secret: the classic confusion of algorithms."""
    text = f"{encoded({'alg': 'HS256', 'kid': 'k1', 'typ': 'JWT'})}.{encoded(claims())}"
    return f"{text}.{encoded(hmac.digest(city._issuer.as_pem(private=False), text.encode(), 'sha256'))}"


def other_key(_city: City) -> str:
    key = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"})
    return jwt.encode({"alg": "ES256", "kid": "k1", "typ": "JWT"}, claims(), key, algorithms=["ES256"])


def changed(city: City) -> str:
    head, _, signature = signed(city, claims()).split(".")
    return f"{head}.{encoded(claims(resident_id=OTHER))}.{signature}"


BAD: dict[str, Callable[[City], str]] = {
    "nothing": lambda _city: "",
    "garbage": lambda _city: "garbage",
    "three parts of garbage": lambda _city: "a.b.c",
    "too long": lambda _city: "x" * 9000,
    "unsigned": unsigned,
    "public key as shared secret": shared_secret,
    "signed with another key": other_key,
    "changed after it was signed": changed,
    "of another issuer": lambda city: signed(city, claims(iss="https://evil.test")),
    "for another audience": lambda city: signed(city, claims(aud="elsewhere")),
    "expired": lambda city: signed(city, claims(iat=1, exp=2)),
    "without an end": lambda city: signed(city, {k: v for k, v in claims().items() if k != "exp"}),
    "from the future": lambda city: signed(city, claims(iat=int(time.time()) + 900, exp=int(time.time()) + 1800)),
    "too old": lambda city: signed(city, claims(iat=int(time.time()) - 7200)),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_token_that_does_not_hold_opens_nothing(city: City, people: Door, name: str) -> None:
    metadata = bearer(BAD[name](city))
    for call in (
        people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=metadata),
        people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(), metadata=metadata),
        people.audit.ListEntries(audit_pb2.ListEntriesRequest(), metadata=metadata),
        people.catalog.ListDepartments(catalog_pb2.ListDepartmentsRequest(), metadata=metadata),
    ):
        refusal = await refused(call)
        assert refusal.status == "UNAUTHENTICATED"
        assert refusal.reason in {"UNAUTHENTICATED", "BAD_TOKEN", "TOKEN_EXPIRED"}
        assert ALICE.encode() not in refusal.everything


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Basic dXNlcjpwYXNz"),),
        (("authorization", "Bearer"),),
        (("authorization", ""),),
        (("x-authorization", "Bearer token"),),
    ],
)
async def test_what_is_no_bearer_token_is_refused(people: Door, metadata: Any) -> None:
    refusal = await refused(people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=metadata))
    assert (refusal.status, refusal.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")


async def test_two_tokens_are_none(city: City, people: Door) -> None:
    good = bearer(city.token("person", resident=ALICE))
    refusal = await refused(people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=good + good))
    assert refusal.reason == "UNAUTHENTICATED"
    assert (await people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=good)) is not None


async def test_a_good_token_opens_what_its_role_opens_and_no_more(city: City, people: Door) -> None:
    citizen = bearer(city.token("person", resident=ALICE))
    auditor = bearer(city.token("auditor", roles=["auditor"]))
    nobody = bearer(city.token("nobody"))
    profile, entries = people.profile.GetProfile, people.audit.ListEntries
    await profile(profile_pb2.GetProfileRequest(), metadata=citizen)
    await entries(audit_pb2.ListEntriesRequest(), metadata=auditor)
    known = bearer(city.token("auditor", resident=ALICE, roles=["auditor"]))
    for metadata in (auditor, nobody, known):
        assert (await refused(profile(profile_pb2.GetProfileRequest(), metadata=metadata))).reason == "NOT_ALLOWED"
    for metadata in (citizen, nobody):
        assert (await refused(entries(audit_pb2.ListEntriesRequest(), metadata=metadata))).reason == "NOT_ALLOWED"
    # The catalogue is for everyone who is somebody.
    await people.catalog.ListResources(catalog_pb2.ListResourcesRequest(), metadata=nobody)


async def test_the_person_is_the_one_in_the_token_and_nobody_else_can_be_named(city: City, people: Door) -> None:
    alice, stranger = (bearer(city.token("same-sub", resident=who)) for who in (ALICE, OTHER))
    value = profile_pb2.SetProfileFieldRequest(field="email", value="alice@example.org")
    await people.profile.SetProfileField(value, metadata=alice)
    assert not (await people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=stranger)).fields
    gone = profile_pb2.DeleteProfileFieldRequest(field="email")
    assert (await refused(people.profile.DeleteProfileField(gone, metadata=stranger))).reason == "NOT_FOUND"
    await people.profile.DeleteProfileField(gone, metadata=alice)


async def test_an_identifier_claim_that_breaks_its_scheme_makes_nobody_of_the_token(city: City, people: Door) -> None:
    metadata = bearer(signed(city, claims(resident_id="11010519491231002Y")))
    refusal = await refused(people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=metadata))
    assert refusal.status in {"UNAUTHENTICATED", "PERMISSION_DENIED"}
    assert b"11010519491231002Y" not in refusal.everything


# Enrolment.


def token(city: City, name: str, life_s: int = 600) -> EnrolmentToken:
    return city.parts.membership.issue_token("education", "system", name, life_s)


def certified(city: City, name: str, by: str = "education", department: str = "education") -> CertifiedKeys:
    request = {
        "format": "oncegate.key-request/1",
        "holder": f"spiffe://oncegate.test/department/{department}/system/{name}",
        "signing_key": base64.b64encode(SigningKey.generate().verify_key.der).decode(),
        "sealing_key": base64.b64encode(SealingKey.generate().public).decode(),
    }
    return certify_request(city.keys[by], json.dumps(request).encode(), now_ms=int(time.time() * 1000))


def enrolment(secret: str, keys: CertifiedKeys, csr: bytes | None = None) -> enrolment_pb2.EnrolRequest:
    return enrolment_pb2.EnrolRequest(
        token_secret=secret,
        csr=make_csr(new_tls_key()) if csr is None else csr,
        keys=signed_pb2.CertifiedKeys(body=keys.body, signature=keys.signature, department_key=keys.department_key),
    )


class Ahead(SystemClock):
    """A clock that is a minute further."""

    def now_ms(self) -> int:
        return super().now_ms() + 61_000


async def test_an_enrolment_token_works_once_and_its_repeat_looks_like_any_other_bad_token(
    city: City, people: Door
) -> None:
    issued = token(city, "library")
    with logged(city) as book:
        first = await people.enrolment.Enrol(enrolment(issued.secret, certified(city, "library")))
    assert b"BEGIN CERTIFICATE" in first.certificate_pem
    assert book.kinds == ["enrolled"]
    replayed = await refused(people.enrolment.Enrol(enrolment(issued.secret, certified(city, "library"))))
    unknown = await refused(people.enrolment.Enrol(enrolment("x" * 43, certified(city, "library"))))
    assert (replayed.status, replayed.reason) == ("UNAUTHENTICATED", "BAD_TOKEN")
    assert replayed.everything == unknown.everything


async def test_of_many_who_show_one_token_at_once_one_is_enrolled(city: City, people: Door) -> None:
    issued = token(city, "archive")
    keys = certified(city, "archive")
    calls = (people.enrolment.Enrol(enrolment(issued.secret, keys)) for _ in range(6))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 1


async def test_an_expired_token_says_so(city: City, people: Door) -> None:
    issued = token(city, "museum", 60)
    enrolments = city.parts.enrolments
    on_time, enrolments._clock = enrolments._clock, Ahead()
    try:
        refusal = await refused(people.enrolment.Enrol(enrolment(issued.secret, certified(city, "museum"))))
    finally:
        enrolments._clock = on_time
    assert (refusal.status, refusal.reason) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")


async def test_keys_that_the_department_did_not_certify_for_this_member_do_not_enrol_and_do_not_use_up_the_token(
    city: City, people: Door
) -> None:
    issued = token(city, "cinema")
    for keys in (
        certified(city, "cinema", by="tourism"),
        certified(city, "theatre"),
        certified(city, "cinema", by="tourism", department="tourism"),
        CertifiedKeys(b"{}", b"", b""),
    ):
        refusal = await refused(people.enrolment.Enrol(enrolment(issued.secret, keys)))
        assert (refusal.status, refusal.reason) == ("UNAUTHENTICATED", "BAD_KEY_CERTIFICATE")
    for csr in (b"not a request", bytes(4097), b""):
        refusal = await refused(people.enrolment.Enrol(enrolment(issued.secret, certified(city, "cinema"), csr)))
        assert refusal.status == "INVALID_ARGUMENT"
    assert list(
        (await refused(people.enrolment.Enrol(enrolment("x" * 200, certified(city, "cinema"))))).violations
    ) == ["token_secret"]
    await people.enrolment.Enrol(enrolment(issued.secret, certified(city, "cinema")))


async def test_a_renewal_keeps_the_name_and_needs_a_new_key_and_a_certificate_in_good_standing(
    city: City, raw: RawSystem
) -> None:
    key_pem, _ = pair_of(raw.home)
    same_key = enrolment_pb2.RenewRequest(csr=make_csr(key_pem))
    assert (await refused(raw.door.enrolment.Renew(same_key))).status == "INVALID_ARGUMENT"
    with logged(city) as book:
        renewed = await raw.door.enrolment.Renew(enrolment_pb2.RenewRequest(csr=make_csr(new_tls_key())))
    assert renewed.trust.trust_domain == "oncegate.test"
    assert book.only("renewed").account["member"] == raw.spiffe
    booking = Home(city.member_home("tourism", "booking"))
    city.parts.membership.revoke_certificate(str(booking.spiffe()), "test")
    async with systems_door(city, pair_of(booking)) as door:
        refusal = await refused(door.enrolment.Renew(enrolment_pb2.RenewRequest(csr=make_csr(new_tls_key()))))
    assert (refusal.status, refusal.reason) == ("UNAUTHENTICATED", "CERTIFICATE_REVOKED")
