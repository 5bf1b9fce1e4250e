"""The gateway's disk is full for a while: everything that has to be on the log is refused, and nothing needs a restart.

A whole exchange under load, with a gateway of its own process whose every write and new file fails while the disk is
full: fetches, acknowledgements, an auditor's search and export, index updates of the nodes, heads, tiles. Then there is
room again: the same processes go on, everything that waited arrives, and the log is sound.
"""

import asyncio
import json
import os
import random
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from gateway.bootstrap.offline import open_offline
from gateway.exchange.mend import Mend
from gateway.exchange.record import Record
from tests.long.test_kills import (
    SYSTEMS,
    Changes,
    Diaries,
    database,
    every_answer_has_both_entries,
    every_question_has_one_end,
    everything_joins,
    index_equals_source,
    prepared,
)
from tests.support.city import City
from tests.support.file_faults import built, environment
from tests.support.processes import SCRIPTS, CityProcesses

pytestmark = [pytest.mark.alone, pytest.mark.long, pytest.mark.timeout(300)]

FULL_S: Final = 6.0
"""Longer than any of the gateway's own turns wait, so that each of them meets it."""
PEOPLE: Final = 400


def command(city: City, *words: str, full: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command of the operator's or an auditor's."""
    folder = city.folder
    who = {
        "ONCEGATE_GATEWAY": city.people,
        "ONCEGATE_CA": str(folder / "ca.pem"),
        "ONCEGATE_TOKEN_FILE": str(folder / "auditor.jwt"),
    }
    return subprocess.run(
        [str(SCRIPTS / "oncegate"), "audit", *words],
        env={**os.environ, **who, **(full or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def entries_of(home: Path) -> int:
    with database(home) as base:
        (count,) = base.execute("select count(*) from audit_entries").fetchone()
    return int(count)


async def until_published(city: City, size: int) -> None:
    """Wait until a head covers so many entries, beside the database and in it."""
    for _ in range(200):
        with database(city.home) as base:
            (newest,) = base.execute("select max(size) from audit_checkpoints").fetchone()
        if newest >= size and int((city.home / "ledger-anchor").read_text().splitlines()[1]) >= size:
            return
        await asyncio.sleep(0.1)
    pytest.fail("no head was published after there was room again")


async def test_a_full_disk_refuses_everything_and_room_alone_heals_it(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (cc) for the library that makes a disk full")
    city, full = await prepared(tmp_path / "city"), tmp_path / "full"
    shim = environment(built(compiler, tmp_path), city.home, full)
    with open_offline(city.home) as offline:
        (city.folder / "ca.pem").write_bytes(offline.authority.certificate_pem)
    (city.folder / "auditor.jwt").write_text(city.token("auditor-1", roles=["auditor"]), encoding="ascii")
    processes, diaries = CityProcesses(city, ("civil", "housing"), shim), Diaries(tmp_path)
    for number, system in enumerate(SYSTEMS):
        home, diary = city.member_home("education", system), diaries.path(system)
        processes.add(system, "tests.support.asking_client", str(home), str(diary), str(PEOPLE), str(number))
    change = Changes(city.member_home("civil", "registry") / "source.db", random.Random(3))
    search = ("search", "--json")
    try:
        for name in processes.names:
            processes.start(name)
        assert await diaries.until("answer", 30, 60)
        assert (await asyncio.to_thread(command, city, *search)).returncode == 0
        full.touch()
        await asyncio.sleep(1.0)
        diaries.look()
        # What was under way when it became full has ended by now.
        before, entries, began = len(diaries.of("answer")), entries_of(city.home), time.monotonic()
        for words in (search, ("export", str(tmp_path / "copy"))):
            refused = await asyncio.to_thread(command, city, *words)
            assert refused.returncode != 0
            assert "LEDGER_UNAVAILABLE" in refused.stdout + refused.stderr, refused.stderr
        assert not (tmp_path / "copy" / "entries.jsonl").exists()
        tiles = ("tiles", str(city.home / "tiles"), "--home", str(city.home))
        assert (await asyncio.to_thread(command, city, *tiles, full=shim)).returncode != 0
        await asyncio.to_thread(change)
        await asyncio.sleep(max(0.0, FULL_S - (time.monotonic() - began)))
        diaries.look()
        assert len(diaries.of("answer")) == before, "something was released that could not be recorded"
        assert entries_of(city.home) == entries
        codes = Counter(line["code"] for line in diaries.of("error"))
        assert codes["LEDGER_UNAVAILABLE"] > 5, codes
        assert all(processes.alive(name) for name in processes.names)
        full.unlink()
        begun = time.monotonic()
        assert await diaries.until("answer", 20, 30), "no answers although there is room again"
        healed_s = time.monotonic() - begun
        assert await diaries.until("delivered", 2, 30)
        await until_published(city, entries + 1)
        await index_equals_source(city)
        assert (await asyncio.to_thread(command, city, *search)).returncode == 0
        assert (await asyncio.to_thread(command, city, "export", str(tmp_path / "copy"))).returncode == 0
        assert (await asyncio.to_thread(command, city, *tiles, full=shim)).returncode == 0
        for system in SYSTEMS:
            await asyncio.to_thread(processes.stop, system)
        diaries.look()
        processes.stop("gateway")
    finally:
        processes.end()
    with open_offline(city.home) as offline:
        key, ledger = offline.ledger.public_key, offline.ledger
        ledger.start()
        # What was asked before, and could not be answered on record, is abandoned: here by the next start.
        await Mend(ledger, Record(ledger), offline.settings.limits, offline.clock).at_start()
        ledger.stop()
        log = {entry.leaf_index: entry for batch in offline.ledger.export_batches()[1] for entry in batch}
        every_answer_has_both_entries(log, diaries.of("answer"))
        every_question_has_one_end(log)
        everything_joins(offline, log, diaries)
    checks: tuple[tuple[str, ...], ...] = (
        ("fsck", "--home", str(city.home)),
        ("verify", str(tmp_path / "copy"), "--key", key),
        ("verify", str(city.home / "tiles"), "--key", key),
    )
    for check in checks:
        done = await asyncio.to_thread(command, city, *check, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["verified"]
    print(f"\nfull for {FULL_S} s: {dict(codes)}; first answers {healed_s:.1f} s after there was room")
