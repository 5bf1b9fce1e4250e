"""The operator's search for profiles, as it is typed: what is told, what is recorded, and who sees it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.audit.kinds import Kind
from gateway.settings import BadSettings, Settings
from oncegate.v1 import audit_pb2, profile_pb2
from tests.support.city import ALICE, BO, City
from tests.support.doors import Door, bearer, people_door

PHONE = "13800138000"
SEARCHABLE = "[vault]\nexpected_profiles = 1000\nsearchable = { phone = 600 }\n"


@pytest_asyncio.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    made = City(tmp_path, settings=SEARCHABLE)
    await made.start_gateway()
    yield made
    await made.close()


async def oncegate(*words: object, given: str = "", code: int = 0) -> str:
    program = str(Path(sys.executable).parent / "oncegate")
    line = [program, *(str(word) for word in words)]
    done = await asyncio.to_thread(subprocess.run, line, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert PHONE not in done.stdout + done.stderr
    return done.stdout + done.stderr


async def enter(people: Door, city: City, who: str, phone: str) -> None:
    request = profile_pb2.SetProfileFieldRequest(field="phone", value=phone)
    await people.profile.SetProfileField(request, metadata=bearer(city.token("person", resident=who)))


async def test_the_operator_finds_random_ids_and_everyone_found_sees_it(city: City) -> None:
    find = ("vault", "find", "--home", city.home, "--field", "phone", "--why", "letter 7")
    async with people_door(city) as people:
        await enter(people, city, ALICE, PHONE)
        await enter(people, city, BO, "13912345678")
        found = json.loads(await oncegate(*find, "--json", given="+86 138 0013 8000\n"))
        assert len(found["persons"]) == 1
        assert "0 found" in await oncegate(*find, given="13700000000\n")
        seen = {}
        for who in (ALICE, BO):
            request = audit_pb2.ListMyAccessesRequest(page_size=10)
            listed = await people.audit.ListMyAccesses(request, metadata=bearer(city.token("p", resident=who)))
            seen[who] = [(a.outcome, [f.field for f in a.fields]) for a in listed.accesses]
    assert seen == {ALICE: [("profile_found", ["phone"])], BO: []}
    searches = city.parts.ledger.entries(kind=Kind.PROFILES_SEARCHED, limit=9).entries
    assert [entry.account["why"] for entry in searches] == ["letter 7", "letter 7"]
    [entry] = city.parts.ledger.entries(kind=Kind.PROFILE_FOUND, limit=9).entries
    assert entry.account["search"] == searches[1].leaf_index
    assert entry.personal == {"person": found["persons"][0]}


@pytest.mark.long
async def test_a_search_without_a_value_a_reason_or_a_declared_field_is_refused(city: City) -> None:
    find = ("vault", "find", "--home", city.home)
    await oncegate(*find, "--field", "phone", "--why", "letter 7", given="", code=2)
    await oncegate(*find, "--field", "phone", "--why", " ", given=PHONE, code=2)
    refused = await oncegate(*find, "--field", "email", "--why", "letter 7", given="wang@example.com", code=2)
    assert "UNKNOWN_FIELD" in refused
    assert "BAD_REQUEST" in await oncegate(*find, "--field", "phone", "--why", "letter 7", given="12", code=2)
    assert city.parts.ledger.entries(kind=Kind.PROFILES_SEARCHED, limit=9).entries == []


@pytest.mark.long
async def test_a_new_index_key_is_used_by_the_running_gateway_and_everyone_stays_found(city: City) -> None:
    find = ("vault", "find", "--home", city.home, "--field", "phone", "--why", "letter 7", "--json")
    async with people_door(city) as people:
        await enter(people, city, ALICE, PHONE)
        made = json.loads(await oncegate("vault", "reindex", "--home", city.home, "--new-key", "--yes", "--json"))
        assert made == {"indexed": 1, "unreadable": 0}
        await enter(people, city, BO, PHONE)
    assert len(json.loads(await oncegate(*find, given=PHONE))["persons"]) == 2
    assert json.loads(await oncegate("vault", "reindex", "--home", city.home, "--json"))["indexed"] == 0
    [entry] = city.parts.ledger.entries(kind=Kind.SEARCH_KEY_ADDED, limit=9).entries
    assert entry.account["version"] == 2


def test_settings_that_no_length_can_keep_to_stop_the_start_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text("[vault]\nsearchable = { phone = 1000000, email = 1000000 }\n")
    with pytest.raises(BadSettings, match="email, phone: 20 bits together tell too much of 1000000 rows"):
        Settings.load(tmp_path)
