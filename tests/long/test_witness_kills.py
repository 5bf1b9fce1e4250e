"""Witnesses that are killed again and again while a gateway has its heads cosigned: nothing forks, nothing is lost."""

import asyncio
import random
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.storage.database import open_database
from keys.log.checkpoints import open_checkpoint
from keys.log.cosignatures import CosignatureVerifier
from keys.log.notes import NoteVerifier
from nodes.witness.home import WitnessHome
from nodes.witness.witness import remembered
from tests.integration.witness.test_publishing import Log, published
from tests.support.city import free_port
from tests.support.ledgers import NOTE_KEY, ORIGIN, asked
from tests.support.witness_process import WitnessProcess, command, make_home
from tests.support.witnesses import until

pytestmark = [pytest.mark.alone, pytest.mark.long]

SECONDS = 8.0
NAMES = ("witness.example/w1", "witness.example/w2", "witness.example/w3")
DYING = "tests.support.dying_witness"


class Killed:
    """A witness process on a port of its own, which is killed and started anew.

    Args:
        home: Its home.
        name: Its name.
    """

    def __init__(self, home: Path, name: str) -> None:
        self.home = home
        self.port = free_port()
        self.vkey = make_home(home, name, ())
        assert command(home, "add-log", NOTE_KEY.vkey, "--origin", ORIGIN).returncode == 0
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: WitnessProcess | None = None
        self.deaths = 0

    async def start(self, module: str = "nodes.witness.main") -> None:
        self.process = await asyncio.to_thread(WitnessProcess, self.home, module, self.port)

    async def kill(self) -> None:
        if self.process is not None:
            await asyncio.to_thread(self.process.stop, signal.SIGKILL)
            self.deaths += 1

    def head(self) -> int:
        """Entries of the newest head that it remembers, verified as it does itself."""
        home = WitnessHome(self.home)
        memory = home.heads()
        try:
            _, checkpoint = remembered(memory, CosignatureVerifier(home.vkey), home.logs[ORIGIN], ORIGIN)
        finally:
            memory.close()
        return checkpoint.size


async def test_heads_go_on_being_cosigned_and_no_witness_remembers_another_log(tmp_path: Path) -> None:
    chance = random.Random(2026)
    empty = tmp_path / "empty.db"
    open_database(f"sqlite:///{empty}").dispose()
    witnesses = [Killed(tmp_path / name.rpartition("/")[2], name) for name in NAMES]
    log = Log(tmp_path / "log", empty, [SimpleNamespace(vkey=one.vkey, url=one.url) for one in witnesses], 2)
    await asyncio.gather(*(one.start() for one in witnesses))
    async with log.open() as ledger:
        stop_at = time.monotonic() + SECONDS

        async def kills() -> None:
            while time.monotonic() < stop_at:
                one = chance.choice(witnesses)
                await one.kill()
                # Every other time it comes back as one that dies between keeping and answering.
                await one.start(DYING if chance.random() < 0.5 else "nodes.witness.main")
                await asyncio.sleep(0.1)

        async def writes() -> int:
            number = 0
            while time.monotonic() < stop_at:
                await ledger.append(asked(number))
                number += 1
                await asyncio.sleep(0.02)
            return number

        _, written = await asyncio.gather(kills(), writes())
        for one in witnesses:
            await one.kill()
        await asyncio.gather(*(one.start() for one in witnesses))
        note = await until(lambda: published(ledger, written), 20)
        log.quorum.require(note)
        assert open_checkpoint(note, NoteVerifier(NOTE_KEY.vkey), ORIGIN).size == written
        assert not log.status()["diverged"]
        await ledger.append(asked(written))
        await until(lambda: all(one.head() == written + 1 for one in witnesses), 20)
    for one in witnesses:
        assert one.process is not None
        assert one.process.stop() == 0
        assert command(one.home, "evidence").returncode == 0
    assert sum(one.deaths for one in witnesses) > 5
