import json
from dataclasses import replace

import pytest

from keys import canonical
from keys.errors import BadKeyCertificate
from keys.key_certificates import LARGEST_BODY, CertifiedKeys, certify, open_certified, recipient_key, verify_key
from keys.signing import KEY_CERTIFICATE, REQUEST, fingerprint_of
from tests.unit.keys.conftest import NOW_MS


def _open(certified, department_key, now_ms=NOW_MS):
    return open_certified(certified, accepted_fingerprint=department_key.verify_key.fingerprint, now_ms=now_ms)


def _signed(department_key, body: bytes, context=KEY_CERTIFICATE) -> CertifiedKeys:
    return CertifiedKeys(body, department_key.sign(context, body), department_key.verify_key.der)


def test_certified_keys_open_to_what_the_department_certified(department_key, key_certificate, sealing_key):
    opened = _open(certify(department_key, key_certificate), department_key)
    assert opened == key_certificate
    assert opened.sealing_key_id == sealing_key.key_id


def test_the_body_is_the_documented_canonical_json(department_key, key_certificate):
    body = certify(department_key, key_certificate).body
    assert json.loads(body) == {
        "format": "oncegate.key-certificate/1",
        "holder": key_certificate.holder,
        "department": "civil",
        "signing_key": canonical.to_text(key_certificate.signing_key),
        "sealing_key": canonical.to_text(key_certificate.sealing_key),
        "not_before_ms": NOW_MS,
        "not_after_ms": NOW_MS + 1000,
    }
    assert b" " not in body


def test_keys_of_an_opened_certificate_are_parsed_once(department_key, key_certificate):
    certified = certify(department_key, key_certificate)
    first, second = _open(certified, department_key), _open(certified, department_key)
    assert verify_key(first) is verify_key(second)
    assert recipient_key(first) is recipient_key(second)


def test_keys_certified_by_a_department_key_that_was_not_accepted_are_refused(
    department_key, signing_key, key_certificate
):
    with pytest.raises(BadKeyCertificate):
        _open(certify(signing_key, key_certificate), department_key)


def test_naming_the_accepted_key_does_not_help_without_its_signature(department_key, signing_key, key_certificate):
    forged = replace(certify(signing_key, key_certificate), department_key=department_key.verify_key.der)
    with pytest.raises(BadKeyCertificate):
        _open(forged, department_key)


def test_fingerprint_and_time_are_checked_at_every_call(department_key, signing_key, key_certificate):
    certified = certify(department_key, key_certificate)
    for moment in (NOW_MS, NOW_MS + 1000):
        _open(certified, department_key, moment)
    for moment in (NOW_MS - 1, NOW_MS + 1001):
        with pytest.raises(BadKeyCertificate):
            _open(certified, department_key, moment)
    with pytest.raises(BadKeyCertificate):
        _open(certified, signing_key)


def test_a_signature_for_another_purpose_does_not_certify(department_key, key_certificate):
    body = certify(department_key, key_certificate).body
    with pytest.raises(BadKeyCertificate):
        _open(_signed(department_key, body, REQUEST), department_key)


def test_any_changed_byte_of_the_body_is_refused(department_key, key_certificate):
    certified = certify(department_key, key_certificate)
    for position in range(0, len(certified.body), 41):
        body = bytearray(certified.body)
        body[position] ^= 1
        with pytest.raises(BadKeyCertificate):
            _open(replace(certified, body=bytes(body)), department_key)


@pytest.mark.parametrize(
    "change",
    [
        {"holder": "spiffe://gov.example/department/tax/system/desk"},
        {"holder": "spiffe://gov.example/gateway/main"},
        {"holder": "desk"},
        {"department": ""},
        {"signing_key": b"no key"},
        {"sealing_key": b"no key"},
        {"not_after_ms": NOW_MS},
        {"not_before_ms": -1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_department_cannot_certify_what_nobody_would_accept(department_key, key_certificate, change):
    with pytest.raises(BadKeyCertificate):
        certify(department_key, replace(key_certificate, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "oncegate.key-certificate/2"},
        {"more": 1},
        {"holder": 1},
        {"department": None},
        {"not_before_ms": "1"},
        {"not_after_ms": True},
        {"signing_key": 1},
        {"sealing_key": "AB="},
        {"department": "tax"},
        {"holder": "spiffe://gov.example/department/tax/system/desk"},
    ],
)
def test_a_malformed_body_is_refused_even_when_signed(department_key, key_certificate, change):
    value = {**json.loads(certify(department_key, key_certificate).body), **change}
    with pytest.raises(BadKeyCertificate):
        _open(_signed(department_key, canonical.write(value)), department_key)


def test_a_second_spelling_of_a_body_is_refused_even_when_signed(department_key, key_certificate):
    body = certify(department_key, key_certificate).body
    for spelled in (body + b"\n", body.replace(b":", b": ", 1), b"[]", b"", b" " * (LARGEST_BODY + 1)):
        with pytest.raises(BadKeyCertificate):
            _open(_signed(department_key, spelled), department_key)


def test_a_malformed_department_key_is_refused(department_key, key_certificate):
    certified = replace(certify(department_key, key_certificate), department_key=b"no key")
    with pytest.raises(BadKeyCertificate):
        open_certified(
            certified,
            accepted_fingerprint=fingerprint_of(b"no key"),
            now_ms=NOW_MS,
        )
