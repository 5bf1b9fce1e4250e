"""Pruning is killed at each of its steps, beside a writer of the log: nothing is half done, and the next run goes on."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.audit.entries import EntryDraft
from gateway.audit.verify.copy import verify_export
from gateway.audit.verify.pruned import MONTH_MS
from gateway.bootstrap.home import initialise
from gateway.bootstrap.offline import Offline, compose
from gateway.clock import SystemClock
from gateway.settings import FILE_NAME, Settings
from keys.passphrase import LOWEST
from tests.support.backup_world import PASSPHRASE, PERSONS, World
from tests.support.index_node import FixedClock

REQUESTS = 200
CHILD = """
import os, signal, sys
from pathlib import Path
from gateway.bootstrap.offline import open_offline
from gateway.bootstrap.retention import plan_of
from gateway.bootstrap.retention_rule import rule_of
home, left = Path(sys.argv[1]), [int(sys.argv[2])]

def step(what):
    left[0] -= 1
    if left[0] == 0:
        sys.stdout.write(what)
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)

with open_offline(home) as offline:
    pruning = offline.ledger.prune(step)
    begun = pruning.unfinished()
    if begun is None:
        plan = plan_of(offline)
        if not plan.ranges:
            sys.exit(0)
        begun = pruning.record(plan, rule_of(offline.settings))
    pruning.carry_out(begun)
"""

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCEGATE_PASSPHRASE", PASSPHRASE)


def sealed_parts(offline: Offline) -> list[bytes]:
    """Both parts of every request as they lie in the database."""
    with offline.engine.connect() as connection:
        query = "SELECT accountability, person FROM audit_entries WHERE kind IN ('asked', 'released')"
        return [bytes(part) for row in connection.exec_driver_sql(query).all() for part in row]


def raw(home: Path) -> bytes:
    """Every file of the database."""
    return b"".join(path.read_bytes() for path in home.glob("gateway.db*"))


def old_home(folder: Path) -> tuple[Path, list[bytes]]:
    """A home whose log holds requests whose retention has ended."""
    home = folder / "home"
    initialise(home, "city.example", None, "127.0.0.1:0", "127.0.0.1:0", cost=LOWEST)
    with (home / FILE_NAME).open("a", encoding="utf-8") as file:
        file.write("\n[retention]\nmonths = 6\n")
    clock = FixedClock()
    clock.at_ms = SystemClock().now_ms() - 7 * MONTH_MS
    old = compose(Settings.load(home), clock)

    async def write() -> None:
        about = {"person": PERSONS[0].hex()}
        asked = [
            await one
            for one in [
                asyncio.ensure_future(
                    old.ledger.append(EntryDraft("asked", {"department": "tax", "number": n}, about, about=PERSONS[0]))
                )
                for n in range(REQUESTS)
            ]
        ]
        done = [
            asyncio.ensure_future(
                old.ledger.append(
                    EntryDraft("released", {"department": "tax", "request": one.leaf_index}, about, about=PERSONS[0])
                )
            )
            for one in asked
        ]
        await asyncio.gather(*done)

    try:
        old.ledger.start()
        asyncio.run(write())
        return home, sealed_parts(old)
    finally:
        old.ledger.stop()
        old.engine.dispose()


@contextmanager
def a_writer(offline: Offline) -> Iterator[list[int]]:
    """Somebody appends all the time; what was promised has to be there at the end."""
    promised: list[int] = []
    ending = threading.Event()

    def write() -> None:
        while not ending.wait(0.01):
            promised.append(offline.ledger.append_blocking(EntryDraft("gateway_started", {"bundle": ""})).leaf_index)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield promised
    finally:
        ending.set()
        thread.join()


def test_killed_at_each_step_beside_a_writer_it_converges(tmp_path: Path) -> None:
    home, sealed = old_home(tmp_path)
    assert len(sealed) == 4 * REQUESTS
    content = raw(home)
    assert all(part in content for part in sealed), "the search would not find what is there"
    seen: list[str] = []
    with World(home).open() as offline:
        kept = offline.ledger.checkpoint()
        with a_writer(offline) as promised:
            # Later runs come further before they are killed, so that every step is met and the end is reached.
            for allowed in (1, 2, 3, 4, 5, 9, 14, 17, *range(18, 30)):
                done = subprocess.run(
                    [sys.executable, "-c", CHILD, str(home), str(allowed)], capture_output=True, text=True, check=False
                )
                if done.returncode == 0:
                    break
                assert done.returncode == -9, done.stderr
                seen.append(done.stdout)
                offline.ledger.fsck().run([kept])
            else:
                pytest.fail("it does not come to its end")
        assert set(seen) >= {"record", "publish", "batch", "commit"}, seen
        assert len(offline.ledger.prunings.all()) == 1
        assert offline.ledger.prune().unfinished() is None
        report = offline.ledger.fsck().run([kept])
        assert report.pruned == 2 * REQUESTS
        assert all(offline.ledger.entry(index).kind == "gateway_started" for index in promised)
        newest = offline.ledger.size()
    with World(home).open() as offline:
        offline.ledger.export(tmp_path / "copy")
        verified = verify_export(tmp_path / "copy", offline.ledger_key, kept)
        assert (verified.size, verified.pruned) == (newest, 2 * REQUESTS)
    # Nothing of what went is in any file of the database, once nobody reads from it any more.
    left = raw(home)
    assert not [part for part in sealed if part in left]
