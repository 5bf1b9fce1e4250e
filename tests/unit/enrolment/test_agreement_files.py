import json
from pathlib import Path

import pytest

from keys.signing import SigningKey
from nodes.enrolment.agreement_files import accept_agreement, list_agreements, sign_agreement, verified_agreement
from nodes.enrolment.errors import BadInput
from policies.agreements import Agreement
from tests.support.exchange_gateway import ExchangeGateway, ProviderSide


@pytest.fixture
def side(gateway: ExchangeGateway) -> ProviderSide:
    return gateway.providers["civil.resident"]


@pytest.fixture
def file(gateway: ExchangeGateway, side: ProviderSide, tmp_path: Path) -> Path:
    return gateway.write_agreement(tmp_path / "incoming", side)


def accept(gateway: ExchangeGateway, file: Path, folder: Path, **changes: str) -> Agreement:
    arguments = {
        "department": "school",
        "own_key": gateway.consumer_key.verify_key.fingerprint,
        "accepted": gateway.providers["civil.resident"].key.verify_key.fingerprint,
        **changes,
    }
    return accept_agreement(file, folder, **arguments)


def test_an_agreement_is_accepted_with_the_fingerprint_that_the_steward_learned(
    gateway: ExchangeGateway, file: Path, tmp_path: Path
) -> None:
    agreement = accept(gateway, file, tmp_path / "accepted")
    (listed,) = list_agreements(tmp_path / "accepted")
    assert listed.agreement == agreement
    assert (tmp_path / "accepted" / "civil-school.toml").read_bytes() == file.read_bytes()


def test_the_provider_accepts_with_the_consumers_fingerprint(
    gateway: ExchangeGateway, side: ProviderSide, file: Path, tmp_path: Path
) -> None:
    accept(
        gateway,
        file,
        tmp_path / "accepted",
        department="civil",
        own_key=side.key.verify_key.fingerprint,
        accepted=gateway.consumer_key.verify_key.fingerprint,
    )


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"department": "police"}, "not with this department"),
        ({"own_key": "sha256:" + "0" * 64}, "another key for this department"),
        ({"accepted": "sha256:" + "0" * 64}, "not the other department's key"),
    ],
)
def test_an_agreement_that_does_not_fit_is_not_accepted(
    gateway: ExchangeGateway, file: Path, tmp_path: Path, changes: dict[str, str], rule: str
) -> None:
    with pytest.raises(BadInput, match=rule):
        accept(gateway, file, tmp_path / "accepted", **changes)
    assert not (tmp_path / "accepted").exists()


def test_an_older_revision_does_not_replace_a_newer_one(
    gateway: ExchangeGateway, side: ProviderSide, file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "accepted"
    newer = gateway.write_agreement(tmp_path / "newer", side, revision=2)
    accept(gateway, newer, folder)
    with pytest.raises(BadInput, match="newer revision"):
        accept(gateway, file, folder)
    (folder / "civil-school.sig").write_text("{}")
    accept(gateway, file, folder)


def test_only_the_provider_named_in_an_agreement_signs_it(file: Path) -> None:
    with pytest.raises(BadInput, match="provider_key"):
        sign_agreement(file, SigningKey.generate())


@pytest.mark.parametrize("signature", ["", "[]", "{}", '{"department_key": "AAAA", "signature": "AAAA"}'])
def test_a_malformed_signature_file_is_refused(file: Path, signature: str) -> None:
    file.with_suffix(".sig").write_text(signature)
    with pytest.raises(BadInput, match="signature file"):
        verified_agreement(file)


def test_a_signature_by_another_key_or_over_other_bytes_is_refused(
    gateway: ExchangeGateway, file: Path, tmp_path: Path
) -> None:
    other = gateway.write_agreement(tmp_path / "other", gateway.providers["tax.payer"])
    good = file.with_suffix(".sig").read_text()
    file.with_suffix(".sig").write_text(other.with_suffix(".sig").read_text())
    with pytest.raises(BadInput, match="another key"):
        verified_agreement(file)
    body = json.loads(good)
    body["signature"] = json.loads(other.with_suffix(".sig").read_text())["signature"]
    file.with_suffix(".sig").write_text(json.dumps(body))
    with pytest.raises(BadInput, match="does not verify"):
        verified_agreement(file)


def test_a_mistake_in_an_agreement_is_named_by_line_and_key(file: Path) -> None:
    file.write_text(file.read_text().replace("uses_per_day = 1000", "uses_per_day = 0"))
    with pytest.raises(BadInput) as caught:
        verified_agreement(file)
    assert "civil-school.toml:15: uses_per_day" in str(caught.value)


def test_a_damaged_agreement_is_listed_with_its_problem(file: Path) -> None:
    file.with_suffix(".sig").unlink()
    (listed,) = list_agreements(file.parent)
    assert listed.agreement is None
    assert "civil-school.sig" in listed.problem
