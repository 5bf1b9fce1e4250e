"""A person has an own field compared with a register: a real node answers yes or no, and nothing else leaves it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from gateway.bootstrap.vault_identity import (
    ASKING_CERTIFICATE_FILE,
    install_vault_certificate,
    write_vault_request,
)
from gateway.cli.main import app
from gateway.errors import Code, Refused
from keys.signing import AGREEMENT
from nodes.enrolment.home import certified_to_json
from nodes.enrolment.member_keys import certify_request
from oncegate.v1 import profile_pb2
from tests.support.city import ALICE, BO, CHEN, CIVIL, NOBODY, City, fill_civil
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, bearer, people_door, refused
from tests.support.log_book import logged
from tests.support.tampering import stalled, storage_that_fails

pytestmark = shared_city("e2e-verify-field")

PHONE, OTHER = "13800138000", "13900139000"
REGISTER = "civil.resident"
SAME_PHONE = {"name": '"same_phone"', "field": '"phone"', "operator": '"equals"'}
PHONE_FIELD = """[[resources.fields]]
code = "phone"
column = "phone"
name = { zh = "电话", en = "Phone" }
type = "string"
classification = "confidential"
forms = ["predicate"]
mask = "phone"
"""


def certify(city: City, part: Any = "system") -> Path:
    """The vault's department certifies the gateway's asking keys."""
    request, certificate = city.folder / f"{part}-request.json", city.folder / f"{part}-certificate.json"
    write_vault_request(city.parts, request, part)
    certified = certify_request(city.keys["data-bureau"], request.read_bytes(), now_ms=city.parts.clock.now_ms())
    certificate.write_bytes(certified_to_json(certified))
    return certificate


def agree(city: City, revision: int = 1, **changes: Any) -> None:
    text = city.agreement_text(
        "civil",
        REGISTER,
        {"phone": ["predicate"]},
        consumer="data-bureau",
        system="vault",
        revision=revision,
        predicates=[SAME_PHONE],
        **{"legal_basis": '"explicit_request"', "purposes": '["profile_verification"]', **changes},
    )
    path = city.sign("civil", text)
    raw, key = path.read_bytes(), city.keys["civil"]
    city.parts.membership.add_agreement(raw, key.sign(AGREEMENT, raw), key.verify_key.der)
    city.accept(path, city.member_home("civil", "registry"), "civil", "data-bureau")
    city.node("civil").provider.agreements._looked_s = float("-inf")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    city = City(tmp_path_factory.mktemp("city"))
    try:
        await city.start_gateway()
        city.register_departments()
        civil = await city.make_node("civil", CIVIL + PHONE_FIELD)
        fill_civil(civil.path / "source.db")
        with sqlite3.connect(civil.path / "source.db") as base:
            base.execute("alter table residents add column phone text")
            base.execute("update residents set phone = ? where id_no = ?", ("+86 138-0013-8000", ALICE))
        base.close()
        await city.start_node("civil")
        await city.synced("civil", 3)
        yield city
    finally:
        await city.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ready(city: City) -> City:
    """The city with the certificate and the agreement; who has neither comes first."""
    install_vault_certificate(city.parts, certify(city))
    agree(city)
    return city


@pytest_asyncio.fixture(loop_scope="module")
async def people(city: City) -> AsyncIterator[Door]:
    async with people_door(city) as door:
        yield door


async def enter(city: City, people: Door, who: str, value: str) -> None:
    request = profile_pb2.SetProfileFieldRequest(field="phone", value=value)
    await people.profile.SetProfileField(request, metadata=bearer(city.token("person", resident=who)))


async def verify(city: City, people: Door, who: str, register: str = REGISTER) -> Any:
    request = profile_pb2.VerifyProfileFieldRequest(field="phone", resource=register)
    return await people.profile.VerifyProfileField(request, metadata=bearer(city.token("person", resident=who)))


async def test_without_certificate_or_agreement_nobody_is_asked(city: City, people: Door) -> None:
    await enter(city, people, ALICE, PHONE)
    assert (await refused(verify(city, people, ALICE))).reason == "NO_AGREEMENT"
    install_vault_certificate(city.parts, certify(city))
    with logged(city) as book:
        assert (await refused(verify(city, people, ALICE))).reason == "NO_AGREEMENT"
    assert book.kinds == ["profile_compared", "refused", "profile_compared"]
    last = book.entries[-1].account
    assert (last["outcome"], last["reason"]) == ("failed", "NO_AGREEMENT")


async def test_a_register_says_yes_or_no_and_its_value_never_reaches_the_gateway(ready: City, people: Door) -> None:
    city = ready
    await enter(city, people, ALICE, PHONE)
    with logged(city) as book:
        answer = await verify(city, people, ALICE)
    assert answer.equal
    assert (answer.field.source, answer.field.source_department) == ("platform_verified", "civil")
    assert book.kinds == ["profile_compared", "asked", "released", "profile_compared"]
    asked = book.only("asked").account
    assert (asked["department"], asked["purpose"]) == ("data-bureau", "profile_verification")
    [item] = asked["items"]
    assert (item["field"], item["form"], item["predicate"]) == ("phone", "predicate", "same_phone")
    assert PHONE not in str([entry.account for entry in book.entries])
    for file in city.home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert PHONE.encode() not in content
            assert b"138-0013-8000" not in content


async def test_another_value_and_no_record_are_one_answer(ready: City, people: Door) -> None:
    city = ready
    for who in (BO, NOBODY):
        await enter(city, people, who, OTHER)
        answer = await verify(city, people, who)
        assert not answer.equal
        assert answer.field.source == "user_provided"


async def test_what_is_verified_or_unknown_is_not_compared(ready: City, people: Door) -> None:
    city = ready
    assert (await refused(verify(city, people, CHEN))).reason == "NOT_FOUND"
    await enter(city, people, CHEN, OTHER)
    with logged(city) as book:
        for register in ("oncegate.profile", "no.such", "x" * 300, ""):
            assert (await refused(verify(city, people, CHEN, register))).reason == "UNKNOWN_RESOURCE"
    assert book.kinds == []


async def test_a_silent_register_and_a_full_disk_leave_the_field_as_it_was(ready: City, people: Door) -> None:
    city = ready
    await enter(city, people, BO, OTHER)
    with stalled(city, "civil"), logged(city) as book:
        assert (await refused(verify(city, people, BO))).reason == "ALL_PROVIDERS_SILENT"
    assert book.kinds == ["profile_compared", "asked", "refused", "profile_compared"]
    with storage_that_fails(city):
        assert (await refused(verify(city, people, BO))).reason == "LEDGER_UNAVAILABLE"


async def test_a_node_that_did_not_accept_the_agreement_compares_nothing(ready: City, people: Door) -> None:
    city = ready
    await enter(city, people, NOBODY, OTHER)
    agreements = city.member_home("civil", "registry") / "agreements"
    [kept] = agreements.glob("*.toml")
    hidden = kept.rename(kept.with_suffix(".hidden"))
    city.node("civil").provider.agreements._looked_s = float("-inf")
    try:
        refusal = await refused(verify(city, people, NOBODY))
        assert refusal.facts["providers"] == f"civil/{REGISTER}=NODE_REFUSED"
    finally:
        hidden.rename(kept)
        city.node("civil").provider.agreements._looked_s = float("-inf")


async def test_a_certificate_of_other_keys_or_by_another_department_does_not_count(ready: City) -> None:
    city = ready
    assert city.home.joinpath(ASKING_CERTIFICATE_FILE).exists()
    request = city.folder / "system-request.json"
    other = city.folder / "other-certificate.json"
    other.write_bytes(
        certified_to_json(certify_request(city.keys["civil"], request.read_bytes(), now_ms=city.parts.clock.now_ms()))
    )
    with pytest.raises(Exception, match="another department key"):
        install_vault_certificate(city.parts, other)
    changed = json.loads(request.read_text())
    changed["holder"] = changed["holder"].replace("system/vault", "system/other")
    request.write_text(json.dumps(changed))
    other.write_bytes(
        certified_to_json(
            certify_request(city.keys["data-bureau"], request.read_bytes(), now_ms=city.parts.clock.now_ms())
        )
    )
    with pytest.raises(Refused) as refusal:
        install_vault_certificate(city.parts, other)
    assert refusal.value.code is Code.BAD_REQUEST


async def test_the_command_says_what_the_register_said(ready: City, people: Door, tmp_path: Path) -> None:
    city = ready
    await enter(city, people, CHEN, "13700137000")
    token, ca = tmp_path / "token", tmp_path / "ca.pem"
    token.write_text(city.token("person", resident=CHEN))
    token.chmod(0o600)
    ca.write_bytes(city.parts.authority.certificate_pem)
    words = ["me", "profile", "verify", "phone", "--register", REGISTER, "--gateway", city.people, "--ca", str(ca)]
    shown = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--token-file", str(token), "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.output)["equal"] is False
    said = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--token-file", str(token)])
    assert "不一致" in said.output
