"""The index key is rotated while the city works: nobody is missed, nothing is published again, no old token is left."""

import asyncio
import contextlib
import dataclasses
import fcntl
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.audit.kinds import Kind
from gateway.bootstrap.index_rotation import LOCK_FILE, RotationStopped, plan, rotate
from gateway.bootstrap.keystore import Keystore
from gateway.bootstrap.offline import open_offline
from gateway.bootstrap.secrets import read_keyring
from gateway.index import key_versions
from gateway.settings import STATUS_FILE, Settings
from gateway.storage.database import write_transaction
from keys.keyring.keyring import Keyring
from nodes.consumer.answer import RowStatus
from oncegate.v1 import audit_pb2, profile_pb2
from tests.support.city import ALICE, BO, CHEN, PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, bearer
from tests.support.index_node import FixedClock

pytestmark = [*shared_city("e2e-index-rotation"), pytest.mark.long]

ITEMS = ("civil.resident:name=value", "housing.property:location=value", "oncegate.profile:phone=value")
SCHEME = "cn.resident-id"


def write_keyring(settings: Settings, keyring: Keyring) -> None:
    """Put a keyring in place of the newest, as somebody who can open it might."""
    with Keystore(settings).changing() as change:
        change.keyring = keyring
        change.save()


async def command(city: City, *words: str, code: int = 0, answer: str = "") -> str:
    program = str(Path(sys.executable).parent / "oncegate")
    line = [program, "index", "rotate-key", "--home", str(city.home), *words]
    done = await asyncio.to_thread(
        subprocess.run, line, capture_output=True, text=True, timeout=100, check=False, input=answer
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if "--json" in words and not code else done.stdout + done.stderr


@contextlib.contextmanager
def database(city: City) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(f"file:{city.home / 'gateway.db'}?mode=ro", uri=True)) as base:
        yield base


def cells(city: City) -> set[bytes]:
    """Every value of every table that is a byte string."""
    with database(city) as base:
        tables = [name for (name,) in base.execute("select name from sqlite_master where type = 'table'")]
        rows = [row for table in tables for row in base.execute(f"select * from {table}")]
    return {cell for row in rows for cell in row if isinstance(cell, bytes)}


def rows(city: City, table: str) -> list[tuple[Any, ...]]:
    with database(city) as base:
        return sorted(base.execute(f"select * from {table}"), key=repr)


def lists(city: City) -> list[tuple[Any, ...]]:
    """The lists as snapshots would change them."""
    with database(city) as base:
        return list(base.execute("select id, node, resource, state, snapshot_id, as_of_sequence from index_lists"))


async def fetching(city: City, ended: asyncio.Event, answers: list[Any]) -> None:
    """Fetches about everybody, again and again; every single one must find every record."""
    async with city.client() as client:
        while not ended.is_set():
            for who in (ALICE, BO):
                answer = await client.fetch(subject=(SCHEME, who), purpose=PURPOSE, basis="mandate", items=ITEMS)
                found = {row.resource for row in answer.rows if row.status is RowStatus.RELEASED}
                assert "civil.resident" in found, answer.rows
                answers.append((who, frozenset(found)))


async def test_a_rotation_beside_a_working_gateway_misses_nobody_and_asks_for_no_snapshot(
    city: City, people: Door
) -> None:
    tokens = city.parts.secrets.subject_tokens
    for who in (ALICE, BO):
        await people.profile.SetProfileField(
            profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000"),
            metadata=bearer(city.token("person", resident=who)),
        )
    answers: list[Any] = []
    ended = asyncio.Event()
    load = [asyncio.create_task(fetching(city, ended, answers)) for _ in range(2)]
    try:
        while len(answers) < 4:
            await asyncio.sleep(0.05)
            assert not [task for task in load if task.done()]
        old = {tokens.derive(SCHEME, who).value for who in (ALICE, BO, CHEN)}
        assert old <= cells(city), "the search finds what is there"
        before = lists(city)
        vault = {table: rows(city, table) for table in ("vault_keys", "vault_fields", "vault_erasures")}
        ids = {person for _, _, person in rows(city, "vault_persons")}

        told = json.loads(await command(city, "--dry-run", "--json"))
        assert told == {"version": 2, "unfinished": False, "pointers": 5, "people": 2, "gateway_runs": True}
        assert "nobody to ask" in await command(city, code=2)
        assert "nothing was changed" in await command(city, code=3, answer="n\n")
        assert read_keyring(city.parts.settings).versions("subject-index") == (1,)
        done = json.loads(await command(city, "--yes", "--json"))
        assert done["version"] == 2
        assert done["pointers"] == 5

        during = len(answers)
        while len(answers) < during + 6:
            await asyncio.sleep(0.05)
            assert not [task for task in load if task.done()]
    finally:
        ended.set()
        await asyncio.gather(*load)
    assert len(set(answers)) == 2, "everybody was answered alike all the time"

    assert not old & cells(city)
    assert tokens.current == 2
    assert {tokens.derive(SCHEME, who).value for who in (ALICE, BO, CHEN)} <= cells(city)
    assert {version for _, version, _ in rows(city, "vault_persons")} == {2}
    assert {person for _, _, person in rows(city, "vault_persons")} == ids
    assert {table: rows(city, table) for table in vault} == vault
    assert lists(city) == before
    await city.stop_node("civil")
    await city.start_node("civil")
    await city.synced("civil", 3)
    assert lists(city) == before, "not even a node that greets anew is asked for snapshots"


async def test_people_still_see_their_profile_and_every_access_from_before(city: City, people: Door) -> None:
    metadata = bearer(city.token("person", resident=ALICE))
    profile = await people.profile.GetProfile(profile_pb2.GetProfileRequest(), metadata=metadata)
    assert [(field.field, field.value) for field in profile.fields] == [("phone", "13800138000")]
    seen = await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(page_size=100), metadata=metadata)
    assert len(seen.accesses) > 5


async def test_the_rotation_is_on_the_ledger_once(city: City) -> None:
    found = city.parts.ledger.entries(kind=Kind.INDEX_KEY_ROTATED).entries
    assert [entry.account["version"] for entry in found] == [2]


async def test_a_second_rotation_leads_to_the_next_version_and_restarted_parts_know_it(city: City) -> None:
    shown = await command(city, answer="y\n")
    assert "the index key is version 3" in shown
    assert "Back up the keyring now" in shown
    await city.stop_gateway()
    await city.start_gateway()
    await city.synced("civil", 3)
    await city.synced("housing", 2)
    ended, answers = asyncio.Event(), []
    task = asyncio.create_task(fetching(city, ended, answers))
    while len(answers) < 2:
        await asyncio.sleep(0.05)
        assert not task.done()
    ended.set()
    await task


async def test_one_rotation_runs_at_a_time(city: City) -> None:
    with (city.home / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert "another rotation" in await command(city, "--yes", code=3)


async def test_no_row_is_touched_while_a_running_gateway_has_not_learnt_the_key(tmp_path: Path) -> None:
    city = City(tmp_path)
    clock = FixedClock()
    status = city.home / STATUS_FILE

    def write_status() -> None:
        status.write_text(json.dumps({"written_unix_ms": clock.at_ms, "index_key_version": 1}), encoding="utf-8")

    def goes_on_without_learning(_seconds: float) -> None:
        clock.at_ms += 1_000
        write_status()

    def is_killed(_seconds: float) -> None:
        clock.at_ms += 1_000

    write_status()
    with open_offline(city.home) as opened:
        offline = dataclasses.replace(opened, clock=clock)
        with pytest.raises(RotationStopped, match="nothing was re-keyed"):
            await asyncio.to_thread(rotate, offline, lambda *_: None, goes_on_without_learning)
        with opened.engine.connect() as connection:
            assert key_versions.oldest_written(connection) == 1
        assert plan(offline).unfinished
        status.write_text("{", encoding="utf-8")
        with pytest.raises(RotationStopped):
            await asyncio.to_thread(rotate, offline, lambda *_: None, is_killed)
        write_status()
        assert (await asyncio.to_thread(rotate, offline, lambda *_: None, is_killed)).version == 2
        with opened.engine.connect() as connection:
            assert key_versions.oldest_written(connection) == 2


async def test_a_keyring_that_is_older_than_the_database_begins_no_second_version_two(tmp_path: Path) -> None:
    city = City(tmp_path)
    settings = Settings.load(city.home)
    before = read_keyring(settings)
    with open_offline(city.home) as offline:
        await asyncio.to_thread(rotate, offline, lambda *_: None)
    write_keyring(settings, before)
    assert "put the newer keyring back" in await command(city, "--yes", code=3)
    assert read_keyring(settings).versions("subject-index") == (1,)


async def test_a_rotation_that_was_broken_off_before_any_row_is_finished_and_not_begun_again(tmp_path: Path) -> None:
    city = City(tmp_path)
    settings = Settings.load(city.home)
    keyring = read_keyring(settings)
    keyring.add("subject-index", bytes(range(32)))
    write_keyring(settings, keyring)
    with open_offline(city.home) as offline:
        coming = plan(offline)
        assert (coming.version, coming.unfinished, coming.gateway_runs) == (2, True, False)
        done = await asyncio.to_thread(rotate, offline, lambda *_: None)
        assert done.version == 2
        assert not plan(offline).unfinished
        # Killed after the entry on the ledger and before the last word in the database.
        with write_transaction(offline.engine) as connection:
            connection.execute(text("UPDATE index_keys SET rotated = 1"))
        assert plan(offline).unfinished
        assert await asyncio.to_thread(rotate, offline, lambda *_: None) == done
        assert len(offline.ledger.entries(kind=Kind.INDEX_KEY_ROTATED).entries) == 1
    assert read_keyring(settings).versions("subject-index") == (1, 2)
