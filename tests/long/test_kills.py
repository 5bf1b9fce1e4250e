"""Gateway and nodes are killed (SIGKILL) at random moments under load while the source changes, more than fifty times.

Afterwards: every answer that a client received has both its entries in the ledger, exactly those that were promised; no
question is left without an end; the ledger continues the checkpoint kept before the first kill; and the index equals the
source, with nothing lost and nothing doubled.
"""

import asyncio
import contextlib
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from gateway.audit.kinds import OUTCOMES, Kind
from gateway.audit.verify.copy import verify_export
from gateway.bootstrap.offline import open_offline
from gateway.bootstrap.secrets import open_secrets
from gateway.exchange.mend import Mend
from gateway.exchange.record import Record
from gateway.settings import Settings
from keys.subjects import SubjectTokens
from nodes.consumer import Answer, AsyncClient
from nodes.enrolment.errors import GatewayUnreachable, RequestRefused
from policies.identifiers import resident_id
from tests.support.city import CIVIL, HOUSING, PURPOSE, City, fill_civil, fill_housing
from tests.support.processes import CityProcesses

KILLS = 54
# Share of kills that wait until answers flow again; the others hit whatever is just starting.
UNDER_LOAD = 0.7
PEOPLE = 400
SEED = 20261
ITEMS = ("civil.resident:name=value", "civil.resident:birth_date=year", "housing.property:location=value")

pytestmark = pytest.mark.long


def person(number: int) -> str:
    return resident_id(f"110105{1940 + number % 70}0{1 + number % 9}{10 + number % 18}{number % 1000:03}")


class Changes:
    """Changes the civil registry's table all the time: new people, changed people, people who leave."""

    def __init__(self, path: Path, rng: random.Random) -> None:
        self._path = path
        self._rng = rng
        self._next = PEOPLE

    def __call__(self) -> None:
        with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as base, base:
            self._next += 1
            row = (10_000 + self._next, person(self._next), "新居民", "1990-01-01", "某路1号")
            base.execute("insert into residents (id, id_no, name, born, address) values (?,?,?,?,?)", row)
            known = [key for (key,) in base.execute("select id from residents")]
            changed, gone = self._rng.sample(known, 2)
            base.execute("update residents set name = name || '改' where id = ?", (changed,))
            base.execute("delete from residents where id = ?", (gone,))


async def ask(client: AsyncClient, rng: random.Random, answers: list[Answer], errors: Counter[str]) -> None:
    while True:
        try:
            answer = await client.fetch(
                subject=("cn.resident-id", person(rng.randrange(PEOPLE))),
                purpose=PURPOSE,
                basis="mandate",
                items=ITEMS,
                deadline_s=3,
            )
            answers.append(answer)
        except (GatewayUnreachable, RequestRefused) as error:
            errors[str(error.code)] += 1
            await asyncio.sleep(0.05)


def source_tokens(path: Path, query: str, tokens: SubjectTokens) -> Counter[bytes]:
    with contextlib.closing(sqlite3.connect(path)) as base:
        return Counter(tokens.derive("cn.resident-id", identifier).value for (identifier,) in base.execute(query))


def index_tokens(home: Path) -> Counter[bytes]:
    with contextlib.closing(sqlite3.connect(f"file:{home / 'gateway.db'}?mode=ro", uri=True)) as base:
        return Counter(bytes(token) for (token,) in base.execute("select token from index_pointers"))


async def prepared(folder: Path) -> City:
    """A city with agreements and synced nodes, stopped."""
    city = City(folder, settings="")
    await city.start_gateway()
    city.register_departments()
    civil = await city.make_node("civil", CIVIL)
    fill_civil(civil.path / "source.db", {person(n): ("某人", "1988-01-01", "某路") for n in range(PEOPLE)})
    housing = await city.make_node("housing", HOUSING)
    fill_housing(housing.path / "source.db", [person(n) for n in range(0, PEOPLE, 2)])
    await city.enrol("education", "system", "school")
    for department, count in (("civil", PEOPLE), ("housing", PEOPLE // 2)):
        await city.start_node(department)
        await city.synced(department, count)
    city.agree("civil", "civil.resident", {"name": ["value"], "birth_date": ["year"]})
    city.agree("housing", "housing.property", {"location": ["value"]})
    await city.close()
    return city


async def killing(city: City, processes: CityProcesses, rng: random.Random) -> tuple[list[Answer], Counter[str]]:
    """Load, changes and kills at once."""
    answers: list[Answer] = []
    errors: Counter[str] = Counter()
    change = Changes(city.member_home("civil", "registry") / "source.db", rng)
    for name in processes.names:
        processes.start(name)
    async with city.client() as client:
        load = [asyncio.create_task(ask(client, random.Random(rng.random()), answers, errors)) for _ in range(6)]
        for _ in range(KILLS):
            before = len(answers)
            for _ in range(300 if rng.random() < UNDER_LOAD else 0):
                await asyncio.sleep(0.1)
                if len(answers) > before + 5:
                    break
            await asyncio.sleep(rng.uniform(0.0, 1.0))
            await asyncio.to_thread(change)
            name = rng.choice(("gateway", "gateway", "civil", "housing"))
            await asyncio.to_thread(processes.kill, name)
            assert not [task for task in load if task.done()], "a worker met an error it must not meet"
            processes.start(name)
        before = len(answers)
        for _ in range(300):
            await asyncio.sleep(0.1)
            if len(answers) > before + 20:
                break
        for task in load:
            task.cancel()
        await asyncio.gather(*load, return_exceptions=True)
        assert len(answers) > before + 20, f"no answers after the last kill: {errors}"
    return answers, errors


async def index_equals_source(city: City) -> None:
    """Wait until the index has a pointer for every row of both sources, and no other."""
    tokens = open_secrets(Settings.load(city.home)).subject_tokens
    expected = source_tokens(
        city.member_home("civil", "registry") / "source.db", "select id_no from residents", tokens
    ) + source_tokens(city.member_home("housing", "registry") / "source.db", "select owner from homes", tokens)
    for _ in range(300):
        found = index_tokens(city.home)
        if found == expected:
            return
        await asyncio.sleep(0.2)
    missing, surplus = expected - found, found - expected
    pytest.fail(f"{missing.total()} pointers missing, {surplus.total()} too many, of {expected.total()}")


@pytest.mark.timeout(900)
async def test_no_kill_loses_an_entry_or_an_index_update(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    city = await prepared(tmp_path)
    with open_offline(city.home) as offline:
        offline.ledger.start()
        kept, key = offline.ledger.checkpoint(), offline.ledger.public_key
    processes = CityProcesses(city, ("civil", "housing"))
    try:
        answers, errors = await killing(city, processes, rng)
        await index_equals_source(city)
    finally:
        processes.end()
    with open_offline(city.home) as offline:
        ledger = offline.ledger
        ledger.start()
        record = Record(ledger)
        await Mend(ledger, record, offline.settings.limits, offline.clock).at_start()
        for answer in answers:
            asked, outcome = ledger.entry(answer.asked.leaf_index), ledger.entry(answer.outcome.leaf_index)
            assert (asked.leaf_hash, asked.kind) == (answer.asked.leaf_hash, Kind.ASKED)
            assert (outcome.leaf_hash, outcome.kind) == (answer.outcome.leaf_hash, Kind.RELEASED)
            assert outcome.account["request"] == asked.leaf_index
        ledger.stop()
        ledger.export(tmp_path / "copy")
        _, batches = ledger.export_batches()
        entries = [entry for batch in batches for entry in batch]
    report = verify_export(tmp_path / "copy", key, kept)
    assert report.size == len(entries)
    asked_at = {entry.leaf_index for entry in entries if entry.kind == Kind.ASKED}
    ends = Counter(
        entry.account["request"] for entry in entries if entry.kind in OUTCOMES and "request" in entry.account
    )
    assert set(ends) == asked_at
    assert set(ends.values()) == {1}
    abandoned = sum(entry.kind == Kind.ABANDONED for entry in entries)
    print(
        f"\n{KILLS} kills, {len(answers)} answers all on record, {len(entries)} entries, {abandoned} abandoned,"
        f" refusals while down: {dict(errors)}"
    )
