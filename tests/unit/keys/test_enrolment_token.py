from dataclasses import replace

import pytest

from keys import canonical
from keys.certificates.authority import CertificateAuthority
from keys.enrolment_token import LONGEST, PREFIX, EnrolmentToken, new_secret
from keys.errors import BadToken
from tests.unit.keys.conftest import NOW_MS


@pytest.fixture(scope="module")
def token(authority) -> EnrolmentToken:
    return EnrolmentToken(
        secret=new_secret(),
        gateway="gateway.gov.example:8443",
        systems="[::1]:9443",
        trust_domain="gov.example",
        department="civil",
        kind="node",
        name="n1",
        not_after_ms=NOW_MS,
        ca_pem=authority.certificate_pem,
    )


def _value(token):
    return canonical.read(canonical.from_text(token.encode().removeprefix(PREFIX)))


def _text(value):
    return PREFIX + canonical.to_text(canonical.write(value))


def test_a_token_survives_being_handed_over(token):
    text = token.encode()
    assert EnrolmentToken.decode(text) == token
    assert str(token.spiffe) == "spiffe://gov.example/department/civil/node/n1"


def test_line_breaks_added_on_the_way_do_no_harm(token):
    text = token.encode()
    wrapped = "\n ".join(text[i : i + 70] for i in range(0, len(text), 70)) + "\r\n"
    assert EnrolmentToken.decode(wrapped) == token


def test_the_secret_is_not_shown(token):
    assert token.secret not in repr(token)


def test_secrets_are_long_and_do_not_repeat():
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(new_secret()) == 43


def test_another_certificate_than_the_pinned_one_is_refused(token):
    value = _value(token)
    value["ca_pem"] = CertificateAuthority.create("gov.example", NOW_MS).certificate_pem.decode()
    with pytest.raises(BadToken, match="pins"):
        EnrolmentToken.decode(_text(value))


@pytest.mark.parametrize(
    "change",
    [
        {"more": "x"},
        {"secret": 1},
        {"secret": "short"},
        {"not_after_ms": "1"},
        {"not_after_ms": True},
        {"not_after_ms": 0},
        {"kind": "gateway"},
        {"kind": "auditor"},
        {"gateway": "nowhere"},
        {"systems": "host:0"},
        {"systems": "host:65536"},
        {"systems": "host/path:1"},
        {"department": "Civil"},
        {"trust_domain": ""},
        {"name": "../n1"},
        {"ca_pem": "none"},
        {"ca_pem": "é"},
    ],
)
def test_a_malformed_token_is_refused(token, change):
    with pytest.raises(BadToken):
        EnrolmentToken.decode(_text({**_value(token), **change}))


def test_a_truncated_or_foreign_token_is_refused(token):
    text = token.encode()
    for wrong in ("", PREFIX, text[:-1], text[5:], "oge2." + text[5:], text + "=", PREFIX + "A" * LONGEST):
        with pytest.raises(BadToken):
            EnrolmentToken.decode(wrong)
    value = _value(token)
    del value["name"]
    with pytest.raises(BadToken):
        EnrolmentToken.decode(_text(value))


def test_a_useless_token_cannot_be_made(token):
    for change in ({"secret": ""}, {"gateway": "x"}, {"name": ""}, {"ca_pem": b""}):
        with pytest.raises(BadToken):
            replace(token, **change)
