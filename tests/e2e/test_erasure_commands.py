"""The commands of an erasure, as a citizen, an outsider, an operator and a department type them."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.backup.erasures import read_register
from oncegate.v1 import profile_pb2, signed_pb2
from tests.support.city import ALICE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, RawSystem, bearer

pytestmark = shared_city("e2e-erasure-commands")

PHONE = ("oncegate.profile", "phone", signed_pb2.FORM_VALUE)


async def run(command: str, *arguments: object, code: int = 0) -> str:
    """One command in a process of its own; what it printed."""
    program = str(Path(sys.executable).parent / command)
    words = [program, *(str(argument) for argument in arguments)]
    done = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.long
async def test_a_citizen_erases_an_outsider_checks_and_the_school_is_told(
    city: City, people: Door, raw: RawSystem, tmp_path: Path
) -> None:
    metadata = bearer(city.token("person", resident=ALICE))
    await people.profile.SetProfileField(
        profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000"), metadata=metadata
    )
    request = raw.asking(ALICE, items=[PHONE])
    await raw.fetch(request)
    token, ca, receipt = tmp_path / "token", tmp_path / "ca.pem", tmp_path / "receipt.json"
    token.write_text(city.token("person", resident=ALICE), encoding="ascii")
    token.chmod(0o600)
    ca.write_bytes(city.parts.authority.certificate_pem)
    assert city.gateway is not None
    address = f"127.0.0.1:{city.gateway.people.port}"
    citizen = ("--gateway", address, "--ca", ca, "--token-file", token)
    erase = ("me", "profile", "erase", "--out", receipt, *citizen)

    told = await run("oncegate", *erase, "--yes")
    assert "erased 已删除: phone" in told
    assert "已通知部门数: 1" in told
    assert "must be a new file" in await run("oncegate", *erase, "--yes", code=2)

    key = city.keys["data-bureau"].verify_key.fingerprint
    check = ("erasure", "check", receipt)
    assert "genuine" in await run("oncegate", *check, "--department-key", key)
    other = city.keys["civil"].verify_key.fingerprint
    assert "BAD_KEY_CERTIFICATE" in await run("oncegate", *check, "--department-key", other, code=5)
    changed: dict[str, Any] = json.loads(receipt.read_text(encoding="utf-8"))
    changed["signature"] = changed["receipt"]
    receipt.write_text(json.dumps(changed), encoding="utf-8")
    assert "BAD_SIGNATURE" in await run("oncegate", *check, "--department-key", key, code=5)
    receipt.write_text("{}", encoding="utf-8")
    assert "must be a signed receipt" in await run("oncegate", *check, "--department-key", key, code=2)

    register = tmp_path / "register.jsonl"
    assert "1 erased persons" in await run("oncegate", "erasure", "register", register, "--home", city.home)
    assert len(read_register(register)) == 1

    school = ("--home", city.member_home("education", "school"))
    [notice] = json.loads(await run("oncegate-node", "notices", "list", *school, "--json"))
    assert [release["request_id"] for release in notice["releases"]][-1:] != [""]
    assert notice["kind"] == "erase"
    listed = json.loads(await run("oncegate", "erasure", "list", "--home", city.home, "--json"))
    assert [(one["fields"], one["notices"], one["acknowledged"]) for one in listed] == [(["phone"], 1, 0)]
    assert "acknowledged" in await run("oncegate-node", "notices", "acknowledge", notice["notice_id"], *school)
    assert json.loads(await run("oncegate-node", "notices", "list", *school, "--json")) == []
    listed = json.loads(await run("oncegate", "erasure", "list", "--home", city.home, "--json"))
    assert [(one["acknowledged"], one["complete"]) for one in listed] == [(1, False)]
    assert "by 20" in await run("oncegate", "erasure", "list", "--home", city.home)
