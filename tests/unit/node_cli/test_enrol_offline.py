import time
from pathlib import Path

import pytest

from keys.enrolment_token import EnrolmentToken
from keys.signing import SigningKey
from nodes.enrolment.home import Home, certified_from_json
from tests.support.exchange_gateway import DOMAIN, ExchangeGateway
from tests.unit.node_cli.conftest import Run, document, key_file


@pytest.fixture
def token(tmp_path: Path) -> Path:
    now_ms = time.time_ns() // 1_000_000
    authority = ExchangeGateway.create(now_ms).authority
    text = EnrolmentToken(
        "s" * 43,
        "127.0.0.1:1",
        "127.0.0.1:2",
        DOMAIN,
        "school",
        "system",
        "counter",
        now_ms + 60_000,
        authority.certificate_pem,
    ).encode()
    (tmp_path / "token").write_text(text)
    return tmp_path / "token"


def test_the_custodian_certifies_on_another_machine(run: Run, token: Path, tmp_path: Path) -> None:
    key = SigningKey.generate()
    file = key_file(tmp_path / "school.key", key)
    home, request, output = tmp_path / "home", tmp_path / "request.json", tmp_path / "certified.json"
    made = document(run("enrol", "--home", home, "--token-file", token, "--request", request, "--json"))
    assert made["enrolled"] is False
    assert (
        "give"
        in run("enrol", "--home", home, "--token-file", "-", "--request", request, stdin=token.read_text()).stdout
    )
    certified = document(run("certify", request, "--department-key", file, "--output", output, "--json"))
    assert certified["fingerprint"] == key.verify_key.fingerprint
    # The gateway is not there: the certificate was taken, the enrolment was not.
    run("enrol", "--home", home, "--token-file", token, "--certified", output, expect=4)
    assert Home(home).certified() == certified_from_json(output.read_bytes())
    assert not Home(home).enrolled
    again = document(run("certify", "--home", home, "--department-key", file, "--days", 5, "--json"))
    assert again["holder"] == f"spiffe://{DOMAIN}/department/school/system/counter"
    run("enrol", "--home", home, "--token-file", token, expect=4)


def test_uncertified_keys_and_contradicting_options_are_refused_before_the_token_is_spent(
    run: Run, token: Path, tmp_path: Path
) -> None:
    assert "--department-key" in run("enrol", "--home", tmp_path / "a", "--token-file", token, expect=2).stderr
    run("enrol", "--home", tmp_path / "b", "--token-file", token, "--certified", token, "--request", token, expect=2)
    run("certify", "--department-key", token, expect=2)
    run("certify", token, "--home", tmp_path, "--department-key", token, expect=2)
    run("enrol", "--home", tmp_path / "c", "--token-file", tmp_path / "nothing", expect=2)
    assert (
        "not an enrolment token"
        in run("enrol", "--home", tmp_path / "c", "--token-file", "-", stdin="x", expect=2).stderr
    )
    assert (
        "mode 0600"
        in run("enrol", "--home", tmp_path / "d", "--token-file", token, "--department-key", token, expect=2).stderr
    )
    assert not (tmp_path / "d").exists()
