import json
from dataclasses import replace
from pathlib import Path

import pytest

from keys.certificates.csr import new_tls_key
from nodes.enrolment.errors import PUBLIC, HomeInvalid, MemberCode
from nodes.enrolment.home import Home
from tests.support.exchange_gateway import DOMAIN, ExchangeGateway


def test_a_home_reads_back_what_was_written(home: Home, gateway: ExchangeGateway) -> None:
    again = Home(home.path)
    assert str(again.spiffe()) == f"spiffe://{DOMAIN}/department/school/system/counter"
    assert again.trust() == gateway.trust()
    assert again.trust().log_origin == f"{DOMAIN}/ledger"
    assert again.certified() == home.certified()
    assert again.tls().key_pem.startswith(b"-----BEGIN PRIVATE KEY")
    assert again.tls().ca_pem == gateway.authority.certificate_pem
    assert (again.exists, again.enrolled, again.has_keys) == (True, True, True)


def test_every_secret_file_is_for_its_owner_alone(home: Home) -> None:
    for name in ("identity.pem", "keys/signing.pem", "keys/sealing.pem"):
        assert (home.path / name).stat().st_mode & 0o777 == 0o600
    assert home.path.stat().st_mode & 0o777 == 0o700
    assert not list(home.path.glob("**/.*.*"))


@pytest.mark.parametrize(
    ("name", "read"),
    [("identity.pem", "tls"), ("keys/signing.pem", "signing_key"), ("keys/sealing.pem", "sealing_key")],
)
def test_a_secret_that_others_may_read_is_refused(home: Home, name: str, read: str) -> None:
    (home.path / name).chmod(0o640)
    with pytest.raises(HomeInvalid, match="mode 0600"):
        getattr(home, read)()


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("identity.pem", "tls"),
        ("keys/signing.pem", "signing_key"),
        ("keys/sealing.pem", "sealing_key"),
        ("home.json", "spiffe"),
        ("home.json", "addresses"),
        ("trust.json", "trust"),
        ("key-certificate.json", "certified"),
    ],
)
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": "oncegate.home/1", "spiffe": "x"}', b"\xff\xfe"])
def test_a_damaged_file_is_an_error_that_names_it(home: Home, name: str, read: str, content: bytes) -> None:
    (home.path / name).write_bytes(content)
    with pytest.raises(HomeInvalid, match=Path(name).name):
        getattr(home, read)()


def test_base64_that_is_none_is_refused(home: Home) -> None:
    trust = json.loads((home.path / "trust.json").read_text())
    trust["ticket_key"] = "!!"
    (home.path / "trust.json").write_text(json.dumps(trust))
    with pytest.raises(HomeInvalid, match="ticket_key must be base64"):
        home.trust()


def test_a_home_that_is_not_there_says_not_enrolled(tmp_path: Path) -> None:
    nowhere = Home(tmp_path / "nowhere")
    for read in (nowhere.spiffe, nowhere.tls, nowhere.stamp):
        with pytest.raises(HomeInvalid) as caught:
            read()
        assert caught.value.code == MemberCode.NOT_ENROLLED
    assert (nowhere.exists, nowhere.enrolled, nowhere.has_keys) == (False, False, False)


def test_the_stamp_changes_with_every_identity_and_every_key_certificate(home: Home, gateway: ExchangeGateway) -> None:
    stamps = {home.stamp()}
    key = new_tls_key()
    home.write_identity(key, gateway.leaf_certificate(home.spiffe(), key))
    stamps.add(home.stamp())
    home.write_certified(home.certified())
    stamps.add(home.stamp())
    assert len(stamps) == 3


def test_every_code_has_a_text_in_both_languages() -> None:
    assert set(PUBLIC) == set(MemberCode)
    assert all(text.zh and text.en for text in PUBLIC.values())


def test_a_renewal_changes_neither_the_logs_key_nor_its_custodians() -> None:
    old = ExchangeGateway.create().trust()
    pinned = replace(old, ledger_key=f"{DOMAIN}/ledger/2+0+x", custodians=("a", "b"), custodians_needed=2)
    newer = replace(old, ca_pem=b"new", ticket_key=b"new", custodians=("c", "d"), custodians_needed=1)
    renewed = pinned.renewed(newer)
    assert (renewed.ca_pem, renewed.ticket_key) == (b"new", b"new")
    assert (renewed.ledger_key, renewed.custodians, renewed.custodians_needed) == (pinned.ledger_key, ("a", "b"), 2)
    assert renewed.log_origin == f"{DOMAIN}/ledger/2"
