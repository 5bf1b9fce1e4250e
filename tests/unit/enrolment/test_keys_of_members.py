import json
from pathlib import Path

import pytest

from keys.key_certificates import CertifiedKeys
from keys.sealing import SealingKey
from keys.signing import SigningKey
from nodes.enrolment.department_key import create_department_key, load_department_key
from nodes.enrolment.enrolment import prepare, read_token
from nodes.enrolment.errors import BadInput, HomeInvalid, MemberCode
from nodes.enrolment.home import Home, certified_from_json, certified_to_json
from nodes.enrolment.member_keys import accept_certified, certify_request, key_request, make_member_keys, open_own
from tests.support.exchange_gateway import DAY_MS, DOMAIN, NOW_MS, ExchangeGateway, FixedClock


def test_a_department_key_is_encrypted_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "custody" / "department.key"
    made = create_department_key(path, b"long enough")
    assert b"LOCKED" in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_department_key(path, b"long enough").verify_key == made.verify_key
    with pytest.raises(BadInput):
        create_department_key(path, b"long enough")
    with pytest.raises(HomeInvalid) as caught:
        load_department_key(path, b"wrong one")
    assert caught.value.code == MemberCode.KEY_LOCKED


def test_a_short_passphrase_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        create_department_key(tmp_path / "department.key", b"short")
    assert not (tmp_path / "department.key").exists()


def test_a_custodian_certifies_a_request_file_elsewhere(gateway: ExchangeGateway, home: Home) -> None:
    request = key_request(home)
    assert b"PRIVATE" not in request
    given = certify_request(gateway.consumer_key, request, now_ms=NOW_MS, days=10)
    certificate = accept_certified(home, certified_from_json(certified_to_json(given)), now_ms=NOW_MS)
    assert certificate.not_after_ms == NOW_MS + 10 * DAY_MS
    assert home.certified() == given


@pytest.mark.parametrize("request_file", [b"", b"[]", b"{}", b'{"format": "oncegate.key-request/2"}'])
def test_a_file_that_is_no_key_request_is_refused(gateway: ExchangeGateway, request_file: bytes) -> None:
    with pytest.raises(BadInput):
        certify_request(gateway.consumer_key, request_file, now_ms=NOW_MS)


@pytest.mark.parametrize(
    "changes",
    [
        {"holder": f"spiffe://{DOMAIN}/gateway/main"},
        {"holder": "nobody"},
        {"signing_key": "AAAA"},
        {"sealing_key": "AAAA"},
        {"sealing_key": "?"},
    ],
)
def test_a_request_with_unusable_names_or_keys_is_not_certified(
    gateway: ExchangeGateway, home: Home, changes: dict[str, str]
) -> None:
    request = json.dumps(json.loads(key_request(home)) | changes).encode()
    with pytest.raises((BadInput, HomeInvalid)):
        certify_request(gateway.consumer_key, request, now_ms=NOW_MS)


@pytest.mark.parametrize("days", [0, -1, 1101])
def test_a_key_certificate_is_valid_for_a_bounded_time(gateway: ExchangeGateway, home: Home, days: int) -> None:
    with pytest.raises(BadInput):
        certify_request(gateway.consumer_key, key_request(home), now_ms=NOW_MS, days=days)


def test_a_certificate_for_other_keys_or_another_member_is_not_stored(gateway: ExchangeGateway, home: Home) -> None:
    before = home.certified()
    signing, sealing = home.signing_key(), home.sealing_key()
    spiffe = home.spiffe()
    other = type(spiffe)(DOMAIN, "school", "system", "other")
    wrong = [
        gateway.certify_node(gateway.consumer_key, spiffe, SigningKey.generate(), sealing),
        gateway.certify_node(gateway.consumer_key, spiffe, signing, SealingKey.generate()),
        gateway.certify_node(gateway.consumer_key, other, signing, sealing),
        CertifiedKeys(before.body, b"no signature", before.department_key),
        CertifiedKeys(before.body, before.signature, b"no key"),
    ]
    for certified in wrong:
        with pytest.raises(BadInput):
            accept_certified(home, certified, now_ms=NOW_MS)
    with pytest.raises(BadInput):
        open_own(home, before, now_ms=NOW_MS + 400 * DAY_MS)
    assert home.certified() == before


def test_preparing_twice_keeps_the_keys_and_another_member_is_refused(gateway: ExchangeGateway, home: Home) -> None:
    before = home.signing_key().verify_key
    make_member_keys(home)
    token = _token(gateway, "counter")
    prepare(home, read_token(f"  {token}\n", FixedClock()))
    assert home.signing_key().verify_key == before
    with pytest.raises(BadInput, match="another member"):
        prepare(home, read_token(_token(gateway, "other"), FixedClock()))


def test_text_that_is_no_token_is_refused(gateway: ExchangeGateway) -> None:
    for text in ("", "oge1.!!", _token(gateway, "counter")[:-8]):
        with pytest.raises(BadInput):
            read_token(text, FixedClock())


def _token(gateway: ExchangeGateway, name: str) -> str:
    from keys.enrolment_token import EnrolmentToken

    return EnrolmentToken(
        "s" * 43,
        "127.0.0.1:1",
        "127.0.0.1:2",
        DOMAIN,
        "school",
        "system",
        name,
        NOW_MS + DAY_MS,
        gateway.authority.certificate_pem,
    ).encode()
