"""The rotation of the index key is killed (SIGKILL) again and again while nodes send changes and systems ask.

No question ever misses a record that is there, no node is asked for a snapshot, and at the end the index equals the
sources under the newest key, with each rotation on the ledger once and everybody under the same person id.
"""

import asyncio
import contextlib
import random
import sqlite3
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.kinds import Kind
from gateway.bootstrap.offline import open_offline
from gateway.bootstrap.secrets import open_secrets
from gateway.clock import SystemClock
from gateway.index.model import PointerDelta
from gateway.index.pointer_index import PointerIndex
from gateway.settings import Settings
from gateway.storage.database import open_database
from nodes.consumer import AsyncClient
from nodes.consumer.answer import RowStatus
from policies.identifiers import normalise
from tests.long.test_kills import Changes, index_tokens, person, prepared, source_tokens
from tests.support.city import PURPOSE, City
from tests.support.processes import SCRIPTS, CityProcesses

KILLS = 12
SEED = 20262
QUIET = 30_000
"""Records of a node that is not connected, so that a rotation takes a while."""
ABSENT = "spiffe://oncegate.test/department/housing/node/absent"

pytestmark = pytest.mark.long


def rows(city: City, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(f"file:{city.home / 'gateway.db'}?mode=ro", uri=True, timeout=10)) as base:
        return base.execute(query).fetchall()


def fill(city: City) -> None:
    """Pointers of the absent node: the same four hundred people many times over."""
    settings = Settings.load(city.home)
    engine = open_database(settings.database_url)
    index = PointerIndex(engine, open_secrets(settings).subject_tokens, SystemClock(), normalise)
    for start in range(0, QUIET, 1_000):
        deltas = [
            PointerDelta(n + 1, "housing.absent", n.to_bytes(16, "big"), "cn.resident-id", person(n % 400), 1, 1)
            for n in range(start, start + 1_000)
        ]
        index.apply(ABSENT, b"a" * 16, deltas, allowed={"housing.absent"})
    engine.dispose()


async def ask(client: AsyncClient, rng: random.Random, answers: list[int]) -> None:
    """Every even person owns a home, always."""
    while True:
        who = rng.randrange(0, 400, 2)
        answer = await client.fetch(
            subject=("cn.resident-id", person(who)),
            purpose=PURPOSE,
            basis="mandate",
            items=("housing.property:location=value", "civil.resident:name=value"),
            deadline_s=20,
        )
        found = {row.resource for row in answer.rows if row.status is RowStatus.RELEASED}
        assert "housing.property" in found, [(row.resource, row.status) for row in answer.rows]
        answers.append(who)


def start(city: City) -> subprocess.Popen[bytes]:
    words = (str(SCRIPTS / "oncegate"), "index", "rotate-key", "--yes", "--json", "--home", str(city.home))
    with (city.folder / "rotation.log").open("ab") as out:
        return subprocess.Popen(words, stdout=out, stderr=out)


def mixed(city: City) -> bool:
    return len(rows(city, "select distinct key_version from index_pointers")) > 1


async def killed(city: City, rng: random.Random, *, inside: bool) -> bool:
    """One run that is killed, in the middle of the rows or anywhere; whether rows were mixed afterwards."""
    process = start(city)
    end = time.monotonic() + (60 if inside else rng.uniform(0.2, 4.0))
    while process.poll() is None and time.monotonic() < end:
        await asyncio.sleep(0.02)
        if inside and await asyncio.to_thread(mixed, city):
            await asyncio.sleep(rng.uniform(0, 0.5))
            break
    process.kill()
    await asyncio.to_thread(process.wait)
    assert process.returncode in {0, -9}, (city.folder / "rotation.log").read_text(encoding="utf-8")
    return mixed(city)


@pytest.mark.timeout(900)
async def test_a_rotation_that_is_killed_again_and_again_ends_as_if_it_never_was(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    city = await prepared(tmp_path)
    fill(city)
    before = rows(city, "select id, node, resource, state, snapshot_id from index_lists order by id")
    change = Changes(city.member_home("civil", "registry") / "source.db", rng)
    processes = CityProcesses(city, ("civil", "housing"))
    for name in processes.names:
        processes.start(name)
    answers: list[int] = []
    broken = 0
    try:
        async with city.client() as client:
            await answering(city, client)
            ids = dict(rows(city, "select hex(person_id), 1 from vault_persons"))
            load = [asyncio.create_task(ask(client, random.Random(rng.random()), answers)) for _ in range(3)]
            for kill in range(KILLS):
                await asyncio.to_thread(change)
                broken += await killed(city, rng, inside=kill % 3 != 0)
                assert not [task for task in load if task.done()], "a question met an error or missed a record"
            process = start(city)
            assert await asyncio.to_thread(process.wait, 120) == 0
            counted = len(answers)
            while len(answers) < counted + 10:
                await asyncio.sleep(0.1)
                assert not [task for task in load if task.done()]
            for task in load:
                task.cancel()
            await asyncio.gather(*load, return_exceptions=True)
        await equal_to_sources(city)
        assert ids.keys() <= {person_id for (person_id,) in rows(city, "select hex(person_id) from vault_persons")}
        people = rows(city, "select token_version, count(*), count(distinct person_id) from vault_persons group by 1")
        assert len(people) == 1
        assert people[0][1] == people[0][2]
        assert rows(city, "select id, node, resource, state, snapshot_id from index_lists order by id") == before
    finally:
        processes.end()
    with open_offline(city.home) as offline:
        newest = offline.secrets.subject_tokens.current
        told = [entry.account["version"] for entry in offline.ledger.entries(kind=Kind.INDEX_KEY_ROTATED).entries]
    assert sorted(told) == list(range(2, newest + 1))
    assert broken > KILLS // 3, "most kills left rows of two versions"
    print(f"\n{KILLS} kills, {broken} in the middle of rows, version {newest}, {len(answers)} answers, none missed")


async def answering(city: City, client: AsyncClient) -> None:
    """Wait until the whole city answers."""
    for _ in range(200):
        with contextlib.suppress(Exception):
            await asyncio.wait_for(one_answer(client), 5)
            return
        await asyncio.sleep(0.2)
    pytest.fail((city.folder / "gateway.log").read_text(encoding="utf-8"))


async def one_answer(client: AsyncClient) -> None:
    answers: list[int] = []
    task = asyncio.create_task(ask(client, random.Random(1), answers))
    while not answers and not task.done():  # noqa: ASYNC110 - another task's work
        await asyncio.sleep(0.05)
    if task.done():
        await task
    task.cancel()


async def equal_to_sources(city: City) -> None:
    """Wait until every pointer is that of a row of a source, under the newest key."""
    tokens = open_secrets(Settings.load(city.home)).subject_tokens
    quiet = Counter(tokens.derive("cn.resident-id", person(n)).value for n in range(400))
    expected = source_tokens(
        city.member_home("civil", "registry") / "source.db", "select id_no from residents", tokens
    ) + source_tokens(city.member_home("housing", "registry") / "source.db", "select owner from homes", tokens)
    for _ in range(QUIET // 400):
        expected += quiet
    for _ in range(300):
        found = index_tokens(city.home)
        if found == expected:
            return
        await asyncio.sleep(0.2)
    pytest.fail(f"{(expected - found).total()} pointers missing, {(found - expected).total()} too many")
