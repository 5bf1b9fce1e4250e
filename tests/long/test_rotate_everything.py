"""Every key that a command rotates is rotated and retired while systems fetch and people write: no request fails.

Root key, key-encryption key, index key, the key of the blind indexes, and the suite of the fields. Afterwards the older
versions open nothing: not the keyring as it was before, and not the wrapped keys of a copy of the database.
"""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from gateway.bootstrap.keystore import Keystore
from gateway.bootstrap.secrets import read_keyring
from gateway.settings import FILE_NAME, Settings
from keys.errors import KeysError, RetiredKey
from nodes.consumer.answer import RowStatus
from oncegate.v1 import profile_pb2
from tests.support.city import ALICE, BO, PURPOSE, City, running_city
from tests.support.doors import Door, bearer, people_door

ITEMS = ("civil.resident:name=value", "housing.property:location=value", "oncegate.profile:phone=value")
SETTINGS = "[vault]\nexpected_profiles = 10000\nsearchable = { phone = 9000 }\n"

pytestmark = [pytest.mark.alone, pytest.mark.long]


async def run(city: City, *words: str) -> dict[str, Any]:
    """A command in a process of its own, beside the serving gateway."""
    line = [str(Path(sys.executable).parent / "oncegate"), *words, "--home", str(city.home), "--json"]
    done = await asyncio.to_thread(subprocess.run, line, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@asynccontextmanager
async def load(city: City, people: Door) -> AsyncIterator[list[int]]:
    """Fetches and changes of profiles, again and again. A request that fails, or misses a record, fails the test."""
    ending, done = asyncio.Event(), [0, 0]

    async def fetch(who: str) -> None:
        async with city.client() as client:
            while not ending.is_set():
                answer = await client.fetch(
                    subject=("cn.resident-id", who), purpose=PURPOSE, basis="mandate", items=ITEMS
                )
                assert [row.status for row in answer.rows] == [RowStatus.RELEASED] * len(ITEMS), answer.rows
                done[0] += 1

    async def write(who: str) -> None:
        metadata = bearer(city.token("person", resident=who))
        while not ending.is_set():
            value = str(13_800_000_000 + done[1])
            await people.profile.SetProfileField(
                profile_pb2.SetProfileFieldRequest(field="phone", value=value), metadata=metadata
            )
            done[1] += 1
            await asyncio.sleep(0.01)

    for who in (ALICE, BO):
        await people.profile.SetProfileField(
            profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000"),
            metadata=bearer(city.token("person", resident=who)),
        )
    tasks = [asyncio.create_task(work(who)) for work in (fetch, write) for who in (ALICE, BO)]
    try:
        yield done
        assert not [task for task in tasks if task.done()], [task for task in tasks if task.done()]
    finally:
        ending.set()
        await asyncio.gather(*tasks)


def wrapped_keys(home: Path) -> list[bytes]:
    with closing(sqlite3.connect(home / "gateway.db")) as base:
        return [bytes(row[0]) for row in base.execute("SELECT wrapped FROM vault_keys WHERE wrapped IS NOT NULL")]


def unwrapped(kek: bytes, wrapped: bytes) -> bool:
    try:
        aes_key_unwrap_with_padding(kek, wrapped)
    except InvalidUnwrap:
        return False
    return True


async def test_everything_is_rotated_under_load_and_older_versions_open_nothing(tmp_path: Path) -> None:
    async with running_city(tmp_path, settings=SETTINGS) as city, people_door(city) as people:
        settings = Settings.load(city.home)
        before = shutil.copy(settings.path(settings.keyring), tmp_path / "keyring-before.bin")
        old_kek = read_keyring(settings).get("vault-kek", 1)
        async with load(city, people) as done:
            await asyncio.sleep(1)
            assert all(unwrapped(old_kek, wrapped) for wrapped in wrapped_keys(city.home)), "the positive control"
            assert Keystore(settings).open().keyring.current("vault-kek") == 1
            await run(city, "key", "rotate", "--what", "kek", "--yes")
            await run(city, "key", "retire", "--what", "kek", "--below", "2", "--yes")
            await run(city, "key", "rotate", "--what", "root", "--yes")
            await run(city, "key", "retire", "--what", "root", "--below", "2", "--yes")
            await run(city, "index", "rotate-key", "--yes")
            await run(city, "vault", "reindex", "--new-key", "--yes")
            await asyncio.sleep(1)
            fetched, written = done
        assert fetched > 20
        assert written > 20

        # The keyring from before does not open any more, wherever it is put.
        elsewhere = settings.model_copy(update={"keyring": Path(before)})
        with pytest.raises(KeysError):
            Keystore(elsewhere).open()
        newest = read_keyring(settings)
        assert (newest.versions("vault-kek"), newest.current("subject-index")) == ((2,), 2)
        with pytest.raises(RetiredKey):
            newest.get("vault-kek", 1)
        left = wrapped_keys(city.home)
        assert left
        assert not [wrapped for wrapped in left if unwrapped(old_kek, wrapped)]
        with closing(sqlite3.connect(city.home / "gateway.db")) as base:
            assert base.execute("SELECT count(*) FROM index_pointers WHERE key_version < 2").fetchone() == (0,)
            assert base.execute("SELECT count(*) FROM vault_blind_index WHERE key_version < 2").fetchone() == (0,)


async def test_the_suite_changes_with_the_gateway_and_every_field_follows(tmp_path: Path) -> None:
    async with running_city(tmp_path) as city:
        async with people_door(city) as people, load(city, people) as done:
            await asyncio.sleep(0.5)
        assert done[0]
        await city.stop_gateway()
        file = city.home / FILE_NAME
        file.write_text(file.read_text(encoding="utf-8") + '\n[vault]\nsuite = "sm4"\n', encoding="utf-8")
        await city.start_gateway()
        for department, pointers in (("civil", 3), ("housing", 2)):
            await city.synced(department, pointers, 30)
        async with people_door(city) as people, load(city, people):
            await asyncio.sleep(2)
        with closing(sqlite3.connect(city.home / "gateway.db")) as base:
            suites = base.execute("SELECT DISTINCT substr(envelope, 5, 1) FROM vault_fields").fetchall()
        assert suites == [(b"\x02",)]
