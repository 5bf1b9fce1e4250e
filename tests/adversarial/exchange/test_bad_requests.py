"""Bad input at the exchange's door: refused by rule and path, before anything is looked up, without repeating it."""

import time
from typing import Any

import grpc
import pytest

from keys.key_certificates import CertifiedKeys
from nodes.enrolment.home import Home
from nodes.enrolment.member_keys import certify_request, key_request
from oncegate.v1 import exchange_pb2, signed_pb2
from tests.support.city import ALICE, BO, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import NAME, RECORD, RawSystem, read_refusal, refused
from tests.support.log_book import logged
from tests.support.tampering import answered

pytestmark = shared_city("adversarial-bad-requests")

VALUE, EXISTS = signed_pb2.FORM_VALUE, signed_pb2.FORM_EXISTS
LONG = "x" * 70


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"request_id": ""}, "request_id"),
        ({"request_id": LONG}, "request_id"),
        ({"request_id": "a b"}, "request_id"),
        ({"request_id": "编号-1"}, "request_id"),
        ({"request_id": "a\n"}, "request_id"),
        ({"subject_scheme": "CN"}, "subject_scheme"),
        ({"subject_scheme": "cn.passport"}, "subject_scheme"),
        ({"subject_scheme": ""}, "subject_scheme"),
        ({"subject_commitment": b"short"}, "subject_commitment"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": "入学"}, "purpose"),
        ({"purpose": "school_enrolment\n"}, "purpose"),
        ({"legal_basis": 0}, "legal_basis"),
        ({"legal_basis": 99}, "legal_basis"),
        ({"case_reference": "x" * 129}, "case_reference"),
        ({"case_reference": "2026-1\x1b[2J"}, "case_reference"),
        ({"case_reference": "2026-\u202e5180"}, "case_reference"),
        ({"case_reference": "2026-1\n{}"}, "case_reference"),
        ({"items": []}, "items"),
        ({"items": [("civil.resident", f"f{n}", VALUE) for n in range(65)]}, "items"),
        ({"items": [("resident", "name", VALUE)]}, "items[0].resource"),
        ({"items": [("Civil.Resident", "name", VALUE)]}, "items[0].resource"),
        ({"items": [("civil.resident", "姓名", VALUE)]}, "items[0].field"),
        ({"items": [("civil.resident", "name; drop table", VALUE)]}, "items[0].field"),
        ({"items": [NAME, ("civil.resident", "address", 0)]}, "items[1].form"),
        ({"items": [("civil.resident", "name", 77)]}, "items[0].form"),
        ({"items": [("civil.resident", "name", VALUE, 7)]}, "items[0].necessity"),
        ({"items": [NAME, NAME]}, "items[1]"),
        ({"sealing_key_id": b"\x00" * 31}, "sealing_key_id"),
        ({"sealing_key_id": b"\x00" * 32}, "sealing_key_id"),
        ({"service": signed_pb2.ServiceReference()}, "service.code"),
        ({"service": signed_pb2.ServiceReference(code="学校", version=1, digest=bytes(32))}, "service.code"),
        ({"service": signed_pb2.ServiceReference(code=LONG, version=1, digest=bytes(32))}, "service.code"),
        ({"service": signed_pb2.ServiceReference(code="a", digest=bytes(32))}, "service.version"),
        ({"service": signed_pb2.ServiceReference(code="a", version=1, digest=bytes(31))}, "service.digest"),
    ],
)
async def test_a_member_that_breaks_a_rule_is_named_with_the_rule(
    city: City, raw: RawSystem, change: dict[str, Any], field: str
) -> None:
    before = answered(city)
    refusal = await refused(raw.fetch(raw.asking(**change)))
    assert refusal.status in {"INVALID_ARGUMENT", "UNAUTHENTICATED"}
    assert field in refusal.violations
    assert refusal.violations[field]
    assert set(refusal.texts) == {"zh-CN", "en"}
    assert answered(city) == before


async def test_every_broken_rule_is_told_at_once(raw: RawSystem) -> None:
    refusal = await refused(raw.fetch(raw.asking(request_id="", purpose="?", items=[("x", "y", 0)])))
    assert set(refusal.violations) == {"request_id", "purpose", "items[0].resource", "items[0].form"}


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"purpose": "no_such_purpose"}, "UNKNOWN_PURPOSE", "purpose"),
        ({"items": [("civil.nothing", "name", VALUE)]}, "UNKNOWN_RESOURCE", "items[0].resource"),
        ({"items": [NAME, ("civil.resident", "nothing", VALUE)]}, "UNKNOWN_FIELD", "items[1].field"),
    ],
)
async def test_terms_that_nobody_knows_are_named(
    raw: RawSystem, change: dict[str, Any], reason: str, field: str
) -> None:
    refusal = await refused(raw.fetch(raw.asking(**change)))
    assert (refusal.status, refusal.reason, list(refusal.violations)) == ("INVALID_ARGUMENT", reason, [field])


@pytest.mark.parametrize("form", [signed_pb2.FORM_YEAR, signed_pb2.FORM_EXISTS])
async def test_a_form_that_the_field_does_not_have_is_withheld(raw: RawSystem, form: int) -> None:
    refusal = await refused(raw.fetch(raw.asking(items=[("civil.resident", "address", form)])))
    assert refusal.status == "PERMISSION_DENIED"
    assert refusal.reason in {"FORM_NOT_ALLOWED", "NOT_IN_AGREEMENT"}
    record = ("civil.resident", "record", VALUE)
    assert (await refused(raw.fetch(raw.asking(items=[record])))).status == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    "identifier",
    [
        "11010519491231002x ",
        "１１０１０５１９４９１２３１００２Ｘ",
        "１１０１０５１９４９１２３１００２ｘ",
        "110105 19491231 002X",
    ],
)
async def test_ways_of_typing_an_identifier_are_one_identifier(raw: RawSystem, identifier: str) -> None:
    request = raw.request(typed=identifier)
    response = await raw.fetch(request)
    assert raw.opened(request, response.answers[0]).fields[0].text == "欧阳静好"


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        " ",
        "X",
        "110105194912310021",
        "11010519491331002X",
        "11010519491231002X11",
        "一一〇一〇五一九四九一二三一〇〇二X",
        "٠١٠١٠٥١٩٤٩١٢٣١٠٠٢X",
        "11010519491231002X\x00",
        "11010519491231002X' or '1'='1",
        "91350100M000100Y43",
        "x" * 64,
        "x" * 65,
    ],
)
async def test_what_is_no_identifier_is_refused_and_never_repeated(city: City, raw: RawSystem, identifier: str) -> None:
    with logged(city) as book:
        refusal = await refused(raw.fetch(raw.request(typed=identifier)))
    assert (refusal.status, refusal.reason) == ("INVALID_ARGUMENT", "BAD_IDENTIFIER")
    if len(identifier) > 1:
        assert identifier.encode() not in refusal.everything
        assert identifier not in str(dict(book.only("refused").account))
    assert book.only("refused").personal is None


async def test_a_company_is_no_subject_of_a_register_of_people(raw: RawSystem) -> None:
    company = "91350100M000100Y43"
    body = raw.body(company, scheme="cn.uscc")
    refusal = await refused(raw.fetch(raw.request(body, typed=company)))
    assert (refusal.status, refusal.reason) == ("PERMISSION_DENIED", "SCHEME_NOT_ACCEPTED")


async def test_the_identifier_must_be_the_one_committed_to(raw: RawSystem) -> None:
    told = {
        "identifier": raw.request(raw.body(ALICE), typed=BO),
        "nonce": raw.request(raw.body(ALICE), nonce=b"m" * 32),
        "scheme": raw.request(raw.body(ALICE, subject_commitment=bytes(32))),
    }
    for request in told.values():
        refusal = await refused(raw.fetch(request))
        assert (refusal.reason, list(refusal.violations)) == ("WRONG_SUBJECT", ["subject_commitment"])
    short = raw.request(nonce=b"n" * 31)
    assert list((await refused(raw.fetch(short))).violations) == ["subject_nonce"]


@pytest.mark.parametrize("offset_ms", [-301_000, 301_000, -(10**13), 10**15])
async def test_a_request_that_is_stale_or_from_the_future_is_refused(raw: RawSystem, offset_ms: int) -> None:
    refusal = await refused(raw.fetch(raw.asking(created_unix_ms=int(time.time() * 1000) + offset_ms)))
    assert (refusal.status, refusal.reason) == ("UNAUTHENTICATED", "REQUEST_EXPIRED")


async def test_a_clock_that_is_a_few_minutes_off_is_accepted(raw: RawSystem) -> None:
    for offset_ms in (-290_000, 290_000):
        created_ms = int(time.time() * 1000) + offset_ms
        assert (await raw.fetch(raw.asking(created_unix_ms=created_ms))).complete


@pytest.mark.parametrize("body", [b"", b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"not a request", bytes(1000)])
async def test_what_is_no_request_is_refused_although_it_is_signed(raw: RawSystem, body: bytes) -> None:
    refusal = await refused(raw.fetch(raw.request(body)))
    assert (refusal.status, refusal.reason) == ("INVALID_ARGUMENT", "BAD_REQUEST")


async def test_a_body_above_its_limit_is_refused_by_the_gateway(raw: RawSystem) -> None:
    body = raw.body(case_reference="x" * 40_000)
    refusal = await refused(raw.fetch(raw.request(body)))
    assert (refusal.status, refusal.reason) == ("INVALID_ARGUMENT", "TOO_LARGE")
    assert list(refusal.violations) == ["body"]


async def test_a_message_above_its_limit_does_not_get_in_and_the_next_one_does(city: City, raw: RawSystem) -> None:
    request = raw.asking()
    with logged(city) as book:
        huge = exchange_pb2.FetchRequest(body=bytes(5 << 20), signature=request.signature)
        refusal = await refused(raw.fetch(huge))
    assert refusal.status == "RESOURCE_EXHAUSTED"
    assert book.kinds == []
    assert (await raw.fetch(request)).complete


async def test_metadata_above_its_limit_does_not_get_in(raw: RawSystem) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await raw.door.exchange.Fetch(raw.asking(), metadata=(("x-padding", "x" * 200_000),))
    assert read_refusal(caught.value).status == "RESOURCE_EXHAUSTED"
    assert (await raw.fetch(raw.asking())).complete


# Keys and signatures.


async def test_a_signature_must_be_the_certified_keys_over_these_very_bytes(raw: RawSystem) -> None:
    honest = raw.asking()
    flipped = bytearray(honest.body)
    flipped[-1] ^= 1
    for request in (
        raw.request(bytes(flipped), signature=honest.signature),
        raw.request(signature=b""),
        raw.request(signature=honest.signature),
        raw.request(signature=bytes(72)),
    ):
        refusal = await refused(raw.fetch(request))
        assert (refusal.status, refusal.reason) == ("UNAUTHENTICATED", "BAD_SIGNATURE")


async def test_keys_must_be_certified_for_this_system_by_its_registered_department_now(
    city: City, raw: RawSystem
) -> None:
    now_ms = int(time.time() * 1000)
    asked = key_request(raw.home)
    foreign = certify_request(city.keys["tourism"], asked, now_ms=now_ms)
    over = certify_request(city.keys["education"], asked, now_ms=now_ms - 400 * 86_400_000)
    unborn = certify_request(city.keys["education"], asked, now_ms=now_ms + 86_400_000)
    own = raw.keys
    cases = {
        "by another department": foreign,
        "with the right key beside it": CertifiedKeys(foreign.body, foreign.signature, own.department_key),
        "expired": over,
        "not yet valid": unborn,
        "changed": CertifiedKeys(own.body.replace(b"education", b"educatiom"), own.signature, own.department_key),
        "unsigned": CertifiedKeys(own.body, b"", own.department_key),
        "nothing": CertifiedKeys(b"", b"", b""),
    }
    for keys in cases.values():
        refusal = await refused(raw.fetch(raw.request(keys=keys)))
        assert (refusal.status, refusal.reason) == ("UNAUTHENTICATED", "BAD_KEY_CERTIFICATE")
    # Rightly certified, but another member's.
    node = Home(city.member_home("civil", "registry")).certified()
    assert (await refused(raw.fetch(raw.request(keys=node)))).reason == "BAD_KEY_CERTIFICATE"


async def test_a_request_in_another_systems_name_or_for_another_gateway_is_refused(raw: RawSystem) -> None:
    other = raw.asking(system="spiffe://oncegate.test/department/education/system/library")
    assert (await refused(raw.fetch(other))).reason == "WRONG_SYSTEM"
    assert (await refused(raw.fetch(raw.asking(trust_domain="oncegate.example")))).reason == "WRONG_GATEWAY"


async def test_one_systems_signed_request_is_worthless_in_anothers_hands(city: City, raw: RawSystem) -> None:
    stolen = raw.asking()
    async with RawSystem(city, "tourism", "booking") as booking:
        with logged(city) as book:
            # As it is; and with the thief's own keys beside it.
            assert (await refused(booking.fetch(stolen))).reason == "BAD_KEY_CERTIFICATE"
            mine = booking.request(stolen.body)
            assert (await refused(booking.fetch(mine))).reason == "WRONG_SYSTEM"
    assert {entry.account["department"] for entry in book.entries} == {"tourism"}


async def test_an_officials_token_that_does_not_hold_is_refused_and_recorded(city: City, raw: RawSystem) -> None:
    for token in ("x", "a.b.c", city.token("someone", resident=ALICE)):
        with logged(city) as book:
            refusal = await refused(raw.fetch(raw.request(official_token=token)))
        assert refusal.status in {"UNAUTHENTICATED", "PERMISSION_DENIED"}
        assert book.kinds == ["refused"]


async def test_a_locate_takes_nothing_but_records(raw: RawSystem) -> None:
    for items in ([NAME], [RECORD, NAME], [("civil.resident", "record", VALUE)], [("civil.resident", "name", EXISTS)]):
        assert (await refused(raw.locate(raw.asking(items=items)))).status == "INVALID_ARGUMENT"
