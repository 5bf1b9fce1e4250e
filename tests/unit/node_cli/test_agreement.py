from pathlib import Path

import pytest

from tests.support.exchange_gateway import ExchangeGateway
from tests.unit.node_cli.conftest import Run, document, key_file


@pytest.fixture
def gateway() -> ExchangeGateway:
    import time

    return ExchangeGateway.create(time.time_ns() // 1_000_000)


def test_an_agreement_is_signed_checked_accepted_and_listed(run: Run, gateway: ExchangeGateway, tmp_path: Path) -> None:
    side = gateway.providers["civil.resident"]
    home = gateway.consumer_home(tmp_path / "home", agreements=False)
    file = gateway.write_agreement(tmp_path / "in", side)
    file.with_suffix(".sig").unlink()
    assert document(run("agreement", "check", file, "--json"))["signed"] is False
    run("agreement", "sign", file, "--department-key", key_file(tmp_path / "civil.key", side.key))
    checked = document(run("agreement", "check", file, "--json"))
    assert (checked["signed"], checked["term"]) == (True, "in_force")
    assert f"provider_key: {side.key.verify_key.fingerprint}" in run("agreement", "check", file).stdout
    accepted = run("agreement", "accept", file, "--home", home.path, "--fingerprint", side.key.verify_key.fingerprint)
    assert "civil-school revision 1" in accepted.stdout
    gateway.write_agreement(home.agreements, gateway.providers["tax.payer"]).with_suffix(".sig").unlink()
    listed = document(run("agreement", "list", "--home", home.path, "--json"))
    assert [(a["file"], bool(a["problem"])) for a in listed] == [("civil-school", False), ("tax-school", True)]
    shown = run("agreement", "list", "--home", home.path).stdout
    assert "civil → school" in shown
    assert "tax-school.sig" in shown


def test_a_fingerprint_that_the_steward_did_not_learn_is_not_accepted(
    run: Run, gateway: ExchangeGateway, tmp_path: Path
) -> None:
    home = gateway.consumer_home(tmp_path / "home", agreements=False)
    file = gateway.write_agreement(tmp_path / "in", gateway.providers["civil.resident"])
    other = gateway.providers["tax.payer"].key.verify_key.fingerprint
    refused = run("agreement", "accept", file, "--home", home.path, "--fingerprint", other, expect=2)
    assert "fingerprint" in refused.stderr
    assert not list(home.agreements.iterdir())


def test_a_mistake_is_named_by_file_line_and_key(run: Run, gateway: ExchangeGateway, tmp_path: Path) -> None:
    file = gateway.write_agreement(tmp_path / "in", gateway.providers["civil.resident"])
    file.write_text(file.read_text().replace('["school_enrolment"]', "[]"))
    assert "civil-school.toml:11: purposes" in run("agreement", "check", file, expect=2).stderr


def test_node_toml_says_where_a_node_keeps_its_agreements(run: Run, gateway: ExchangeGateway, tmp_path: Path) -> None:
    side = gateway.providers["civil.resident"]
    home = gateway.consumer_home(tmp_path / "home", agreements=False)
    (home.path / "node.toml").write_text('format = "oncegate.node/1"\nagreements = "accepted"\n')
    file = gateway.write_agreement(tmp_path / "in", side)
    run("agreement", "accept", file, "--home", home.path, "--fingerprint", side.key.verify_key.fingerprint)
    assert (home.path / "accepted" / "civil-school.toml").exists()


def test_a_purpose_that_the_homes_node_retired_is_not_accepted(
    run: Run, gateway: ExchangeGateway, tmp_path: Path
) -> None:
    side = gateway.providers["civil.resident"]
    home = gateway.consumer_home(tmp_path / "home", agreements=False)
    (home.path / "node.toml").write_text('format = "oncegate.node/1"\npurposes = "purposes.toml"\n')
    (home.path / "purposes.toml").write_text(
        'format = "oncegate.purposes/1"\n[school_enrolment]\nretired = 2001-01-01\n'
    )
    file = gateway.write_agreement(tmp_path / "in", side)
    key = ("--fingerprint", side.key.verify_key.fingerprint)
    refused = run("agreement", "accept", file, "--home", home.path, *key, expect=2)
    assert "purposes" in refused.stderr
    assert "school_enrolment: must not be retired" in refused.stderr
    assert not list(home.agreements.iterdir())
