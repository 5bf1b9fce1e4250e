"""Gateway, nodes and asking systems are killed (SIGKILL) under load while the source changes, more than a hundred times.

Some of the kills wait until a system has just sent a batch of acknowledgements. Afterwards: every answer that a client
received has both its entries in the ledger, exactly those that were promised; no question is left without an end; what a
system was told to be acknowledged is on record, and what it was not told was sent again unless the system itself was
killed; everything else joins from the question to the arrival; no index is missing or there twice; the ledger continues
the checkpoint kept before the first kill, `oncegate audit fsck` finds it sound; and the index equals the source.
"""

import asyncio
import contextlib
import json
import random
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.audit.joining import GapKind, Statements, gaps
from gateway.audit.kinds import OUTCOMES, Kind
from gateway.audit.verify.copy import verify_export
from gateway.audit.views import LogEntry
from gateway.bootstrap.offline import Offline, open_offline
from gateway.bootstrap.secrets import open_secrets
from gateway.exchange.mend import Mend
from gateway.exchange.record import Record
from gateway.settings import Settings
from keys.subjects import SubjectTokens
from tests.support.asking_client import person
from tests.support.city import CIVIL, HOUSING, City, fill_civil, fill_housing
from tests.support.processes import SCRIPTS, CityProcesses

KILLS: Final = 110
VICTIMS: Final[Mapping[str, int]] = {"gateway": 40, "civil": 15, "housing": 15, "school": 15, "college": 15}
SYSTEMS: Final = ("school", "college")
# Share of kills that wait until answers flow again; the others hit whatever is just starting.
UNDER_LOAD: Final = 0.6
# Share of the gateway's kills that wait for a batch of acknowledgements and hit within the time that it takes.
IN_A_BATCH: Final = 0.5
BATCH_S: Final = 0.012
# Before these kills a system is told to end while the gateway is down, so that it has to keep what it could not say.
ENDED_WHILE_DOWN: Final = frozenset({30, 70})
PEOPLE: Final = 400
SEED: Final = 20261

pytestmark = [pytest.mark.alone, pytest.mark.long]


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


@dataclass
class Diaries:
    """What the asking systems wrote down, read as it grows."""

    folder: Path
    lines: list[dict[str, Any]] = field(default_factory=list)
    _read: dict[str, int] = field(default_factory=dict)

    def path(self, system: str) -> Path:
        return self.folder / f"{system}.diary"

    def look(self) -> list[dict[str, Any]]:
        """Read on; what is new."""
        new: list[dict[str, Any]] = []
        for system in SYSTEMS:
            with contextlib.suppress(FileNotFoundError), self.path(system).open("rb") as file:
                file.seek(self._read.get(system, 0))
                whole, _, _ = file.read().rpartition(b"\n")
                new += [json.loads(line) for line in whole.splitlines()]
                self._read[system] = self._read.get(system, 0) + len(whole) + bool(whole)
        assert not [line for line in new if line["what"] == "broken"], new
        self.lines += new
        return new

    def of(self, what: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["what"] == what]

    async def until(self, what: str, count: int, within_s: float) -> bool:
        """Wait until so many lines of a kind are new."""
        for _ in range(round(within_s / 0.004)):
            count -= sum(line["what"] == what for line in self.look())
            if count <= 0:
                return True
            await asyncio.sleep(0.004)
        return False


def source_tokens(path: Path, query: str, tokens: SubjectTokens) -> Counter[bytes]:
    with contextlib.closing(sqlite3.connect(path)) as base:
        return Counter(tokens.derive("cn.resident-id", identifier).value for (identifier,) in base.execute(query))


@contextlib.contextmanager
def database(home: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(f"file:{home / 'gateway.db'}?mode=ro", uri=True)) as base:
        yield base


def index_tokens(home: Path) -> Counter[bytes]:
    with database(home) as base:
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
    for system in SYSTEMS:
        await city.enrol("education", "system", system)
    for department, count in (("civil", PEOPLE), ("housing", PEOPLE // 2)):
        await city.start_node(department)
        await city.synced(department, count)
    systems = json.dumps(SYSTEMS)
    for provider, resource, items in (
        ("civil", "civil.resident", {"name": ["value"], "birth_date": ["year"]}),
        ("housing", "housing.property", {"location": ["value"]}),
    ):
        agreement = city.agree(provider, resource, items, systems=systems)
        city.accept(agreement, city.member_home("education", SYSTEMS[1]), "education", provider)
    await city.close()
    return city


async def killing(city: City, processes: CityProcesses, diaries: Diaries, rng: random.Random) -> None:
    """Load, changes and kills at once; then everything runs again, and the systems end in order."""
    change = Changes(city.member_home("civil", "registry") / "source.db", rng)
    for name in processes.names:
        processes.start(name)
    for number in range(KILLS):
        (victim,) = rng.choices(list(VICTIMS), list(VICTIMS.values()))
        if number in ENDED_WHILE_DOWN:
            await diaries.until("answer", 5, 30)
            await asyncio.to_thread(processes.kill, "gateway")
            await asyncio.to_thread(processes.stop, SYSTEMS[number % 2])
            processes.start("gateway")
            processes.start(SYSTEMS[number % 2])
            continue
        if rng.random() < UNDER_LOAD:
            await diaries.until("answer", 5, 30)
        if victim == "gateway" and rng.random() < IN_A_BATCH:
            await diaries.until("sending", 1, 10)
            await asyncio.sleep(rng.uniform(0, BATCH_S))
        else:
            await asyncio.sleep(rng.uniform(0.0, 0.6))
        await asyncio.to_thread(processes.kill, victim)
        await asyncio.to_thread(change)
        processes.start(victim)
    assert await diaries.until("answer", 40, 60), "no answers after the last kill"
    for system in SYSTEMS:
        await asyncio.to_thread(processes.stop, system)
    diaries.look()


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


def every_answer_has_both_entries(log: Mapping[int, LogEntry], answers: Sequence[Mapping[str, Any]]) -> None:
    for answer in answers:
        asked, outcome = log[answer["asked"][0]], log[answer["outcome"][0]]
        assert (asked.leaf_hash.hex(), asked.kind) == (answer["asked"][1], Kind.ASKED)
        assert (outcome.leaf_hash.hex(), outcome.kind) == (answer["outcome"][1], Kind.RELEASED)
        assert outcome.account["request"] == asked.leaf_index


def every_question_has_one_end(log: Mapping[int, LogEntry]) -> None:
    asked = {index for index, entry in log.items() if entry.kind == Kind.ASKED}
    ends = Counter(e.account["request"] for e in log.values() if e.kind in OUTCOMES and "request" in e.account)
    assert set(ends) == asked
    assert set(ends.values()) == {1}


def everything_joins(offline: Offline, log: Mapping[int, LogEntry], diaries: Diaries) -> Counter[str]:
    """Nothing that a system was told to be acknowledged is missing, and nothing is missing but what was never said."""
    statements, said_by = Statements(), dict[int, list[LogEntry]]()
    on_record = Counter[tuple[int, str]]()
    for entry in log.values():
        if entry.kind == Kind.ACKNOWLEDGED and (statement := statements.open(entry)) is not None:
            for one in statement.acknowledgements:
                on_record[one.entry, one.said.hex()] += 1
                said_by.setdefault(one.entry, []).append(entry)
    delivered = {(release, said) for line in diaries.of("delivered") for release, said in line["said"]}
    assert delivered <= set(on_record)
    # The table by which acknowledgements are found has each of them, and no other.
    releases = [index for index, entry in log.items() if entry.kind == Kind.RELEASED]
    listed = offline.ledger.joins.acknowledging(releases)
    assert set(listed) == set(said_by)
    with database(offline.settings.home) as base:
        (rows,) = base.execute("select count(*) from audit_acknowledged").fetchone()
    assert rows == len(on_record)
    closed = {line["pid"] for line in diaries.of("closed")}
    promised = {line["outcome"][0] for line in diaries.of("answer") if line["pid"] in closed}
    promised |= {release for release, _ in delivered}
    told: Counter[str] = Counter(silent=0)
    for index in releases:
        outcome = log[index]
        acknowledging = [log[one] for one in listed.get(index, ())]
        found = gaps(log.get(outcome.account["request"]), outcome, acknowledging, statements)
        told["silent"] += bool(found)
        assert [gap.kind for gap in found] in ([], [GapKind.NOT_ACKNOWLEDGED]), (index, found)
        # A system that was not killed says everything that it received, in this life or the next.
        assert not found or index not in promised, index
    sent = [{tuple(one) for one in line["said"]} for line in diaries.of("sending")]
    told["interrupted"] = sum(not batch <= delivered for batch in sent) + len(sent) - len(diaries.of("delivered"))
    return told


@pytest.mark.timeout(900)
async def test_no_kill_loses_an_entry_an_acknowledgement_or_an_index_update(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    city = await prepared(tmp_path)
    with open_offline(city.home) as offline:
        offline.ledger.start()
        kept, key = offline.ledger.checkpoint(), offline.ledger.public_key
    processes, diaries = CityProcesses(city, ("civil", "housing")), Diaries(tmp_path)
    for number, system in enumerate(SYSTEMS):
        home, diary = city.member_home("education", system), diaries.path(system)
        processes.add(system, "tests.support.asking_client", str(home), str(diary), str(PEOPLE), str(number))
    try:
        await killing(city, processes, diaries, rng)
        await index_equals_source(city)
    finally:
        processes.end()
    with open_offline(city.home) as offline:
        ledger = offline.ledger
        ledger.start()
        await Mend(ledger, Record(ledger), offline.settings.limits, offline.clock).at_start()
        ledger.stop()
        ledger.export(tmp_path / "copy")
        _, batches = ledger.export_batches()
        entries = [entry for batch in batches for entry in batch]
        assert [entry.leaf_index for entry in entries] == list(range(len(entries)))
        log = {entry.leaf_index: entry for entry in entries}
        every_answer_has_both_entries(log, diaries.of("answer"))
        every_question_has_one_end(log)
        told = everything_joins(offline, log, diaries)
    assert told["interrupted"] > 0, "no kill met a batch of acknowledgements"
    assert verify_export(tmp_path / "copy", key, kept).size == len(entries)
    (tmp_path / "kept").write_text(kept, encoding="utf-8")
    fsck = [str(SCRIPTS / "oncegate"), "audit", "fsck", "--home", str(city.home), "--earlier", str(tmp_path / "kept")]
    sound = await asyncio.to_thread(subprocess.run, [*fsck, "--json"], capture_output=True, text=True, check=False)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    kinds = Counter(entry.kind for entry in entries)
    print(
        f"\n{KILLS} kills, {len(diaries.of('answer'))} answers all on record, {len(entries)} entries,"
        f" {kinds[Kind.ABANDONED]} abandoned, {kinds[Kind.ACKNOWLEDGED]} batches of acknowledgements,"
        f" {told['interrupted']} interrupted, {told['silent']} of {kinds[Kind.RELEASED]} releases not acknowledged,"
        f" refusals while down: {dict(Counter(line['code'] for line in diaries.of('error')))}"
    )
