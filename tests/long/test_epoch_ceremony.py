"""The whole ceremony by commands: backup, loss, restore, three of five custodians, and everyone goes on.

Gateway and nodes are processes of their own. The gateway and its machine are lost after the backup; nodes keep running,
and nobody touches them.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.bootstrap.offline import LEDGER_ANCHOR
from gateway.cli.main import app
from nodes.clock import SystemClock
from nodes.enrolment.home import Home
from nodes.watch import GrpcLog, LedgerWatch, LostPromises
from tests.e2e.test_log_epochs import ORIGIN, fetched
from tests.support.city import running_city
from tests.support.processes import CityProcesses

pytestmark = pytest.mark.long

PASSPHRASE = "a custodian's good passphrase"
CUSTODIANS = [f"city.example/custodian/{name}" for name in ("archive", "court", "audit", "council", "bureau")]


def run(*words: object, expect: int = 0) -> Any:
    environment = {"ONCEGATE_CUSTODIAN_PASSPHRASE": PASSPHRASE}
    done = CliRunner().invoke(app, [*map(str, words), "--json"], env=environment, prog_name="oncegate")
    assert done.exit_code == expect, (words, done.output, done.exception)
    return json.loads(done.stdout) if done.stdout else {}


async def command(*words: object, expect: int = 0) -> Any:
    return await asyncio.to_thread(run, *words, expect=expect)


async def test_a_lost_gateway_is_restored_and_nobody_at_any_department_lifts_a_hand(tmp_path: Path) -> None:
    keys = [
        run("custodian", "create", tmp_path / f"key-{n}", "--name", name)["key"] for n, name in enumerate(CUSTODIANS)
    ]
    pinned = ", ".join(f'"{key}"' for key in keys)
    async with running_city(tmp_path / "city", settings=f"\n[custodians]\nkeys = [{pinned}]\nneeded = 3\n") as city:
        for department in ("civil", "housing"):
            await city.stop_node(department)
        await city.stop_gateway()
        processes = CityProcesses(city, ("civil", "housing"))
        try:
            for name in processes.names:
                processes.start(name)
            async with city.client() as school:
                first = await fetched(school, 60)
                await command("backup", "--home", city.home, "--out", tmp_path / "backup")
                lost = await fetched(school)
                # Every member sees the newest head, as it would within a minute.
                for home in (city.member_home("civil", "registry"), city.member_home("education", "school")):
                    async with GrpcLog(Home(home)) as log:
                        await LedgerWatch(Home(home), SystemClock()).look(log)
                processes.kill("gateway")
                gone = tmp_path / "gone"
                city.home.rename(gone)
                restore = ("restore", "--from", tmp_path / "backup", "--home", city.home)
                secrets = ("--root-keys", gone / "root-keys.bin", "--passphrase-file", gone / "passphrase")
                await command(*restore, *secrets)
                (city.home / "passphrase").write_bytes((gone / "passphrase").read_bytes())
                (city.home / "passphrase").chmod(0o600)
                await command("restore", "confirm", "--home", city.home, "--yes", expect=3)
                reason = ("--reason", "machine room flooded", "--last", gone / LEDGER_ANCHOR)
                prepared = await command("epoch", "prepare", tmp_path / "s0", "--home", city.home, *reason)
                assert prepared["lost"] > 0
                for number in range(3):
                    files = (tmp_path / f"s{number}", "--out", tmp_path / f"s{number + 1}")
                    await command("epoch", "sign", *files, "--key", tmp_path / f"key-{number}", "--yes")
                await command("epoch", "open", tmp_path / "s2", "--home", city.home, "--yes", expect=3)
                opened = await command("epoch", "open", tmp_path / "s3", "--home", city.home, "--yes")
                assert len(opened["signed_by"]) == 3
                await command("restore", "confirm", "--home", city.home, "--yes")
                processes.start("gateway")
                again = await fetched(school, 60)
            assert [row.text for row in again.rows] == [row.text for row in first.rows]
            assert all(processes.alive(name) for name in processes.names)
            for department in ("civil", "housing"):
                home = Home(city.member_home(department, "registry"))
                assert home.trust().log_origin == f"{ORIGIN}/2"
                indexes = [one.promised.leaf_index for one in LostPromises(home).read()]
                assert lost.asked.leaf_index in indexes
                assert first.asked.leaf_index not in indexes
            fsck = await command("audit", "fsck", "--home", city.home, "--earlier", gone / LEDGER_ANCHOR)
            assert fsck["verified"]
        finally:
            processes.end()
