"""A power cut at any moment, with any part of what was not synced missing, loses no entry that was acknowledged.

The product runs as it is, over Python's sqlite3; a preloaded C library journals what reaches the operating system.
From the journal every state of the disk is built and opened with the product. Two broken writers show that the test
would notice: one that does not sync, one that acknowledges before its commit.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.audit.errors import LedgerCorrupt, LedgerUnavailable, NoSuchEntry
from gateway.audit.ledger import SqlLedger
from gateway.storage.database import open_database
from gateway.storage.errors import DatabaseRefused
from tests.support.crash_states import CrashState, Disk, read_journal
from tests.support.file_faults import built
from tests.support.ledgers import asked, make_ledger

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    return built(compiler, tmp_path_factory.mktemp("shim"))


class Run:
    """One run of the process under test, with what its folder held before."""

    def __init__(self, shim: Path, tmp: Path, mode: str, *, fresh: bool) -> None:
        self.folder = tmp / mode
        self.folder.mkdir()
        if not fresh:
            ledger = make_ledger(open_database(f"sqlite:///{self.folder / 'ledger.db'}"), anchor=self.folder / "anchor")
            ledger.append_blocking(asked())
            close(ledger)
        self.base = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        self.journal = tmp / f"{mode}.journal"
        done = subprocess.run(
            [sys.executable, "-m", "tests.long.ledger_child", mode, str(self.folder)],
            cwd=ROOT,
            env={
                **os.environ,
                "LD_PRELOAD": str(shim),
                "ONCEGATE_JOURNAL": str(self.journal),
                "ONCEGATE_JOURNAL_FOLDER": str(self.folder),
            },
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.output = done.stdout
        self.ops = read_journal(self.journal)

    def states(self, samples: int = 2) -> Iterator[CrashState]:
        """Each different state that a crash may leave, with the most that had been promised when it could arise."""
        disk = Disk(self.base, str(self.folder))
        chance = random.Random(20)
        seen: set[int] = set()
        for step, op in enumerate(self.ops):
            disk.apply(op)
            for state in disk.states(chance, samples):
                mark = hash((frozenset(state.files.items()), len(state.promises)))
                if mark not in seen:
                    seen.add(mark)
                    yield CrashState(state.files, state.promises, f"after step {step} ({op.kind}): {state.why}")


@pytest.fixture
def crashed() -> Iterator[Path]:
    """Where crashed folders are opened: in memory if there is such a place, for syncing them proves nothing."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder) / "crashed"


def close(ledger: SqlLedger) -> None:
    ledger.stop()
    ledger._engine.dispose()


def lost(state: CrashState, folder: Path) -> str:
    """What is wrong with the log after this crash; empty when nothing is. Opens it with the product."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in state.files.items():
        (folder / name).write_bytes(content)
    try:
        engine = open_database(f"sqlite:///{folder / 'ledger.db'}")
    except DatabaseRefused as error:
        return f"does not open: {error}"
    ledger = make_ledger(engine, anchor=folder / "anchor")
    try:
        ledger.start()
        for promise in state.promises:
            index = int.from_bytes(promise[:8], "big")
            if ledger._reader.inclusion(index, ledger.size()).leaf_hash != promise[8:]:
                return f"another entry stands at {index}"
        ledger.append_blocking(asked())
        for entries in ledger._reader.walk(0, ledger.size()):
            del entries
    except (LedgerCorrupt, LedgerUnavailable, NoSuchEntry) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        close(ledger)
    return ""


def test_no_acknowledged_entry_is_lost_whatever_part_of_the_unsynced_writes_is(
    shim: Path, tmp_path: Path, crashed: Path
) -> None:
    run = Run(shim, tmp_path, "honest", fresh=False)
    kinds = "".join(op.kind for op in run.ops)
    # The run synced for (nearly) each acknowledgement, and moved pages from the write-ahead log into the database.
    assert kinds.count("A") == 42
    assert any(op.kind == "W" and op.path.endswith("ledger.db") for op in run.ops)
    checked = 0
    for state in run.states():
        wrong = lost(state, crashed)
        assert not wrong, f"{wrong}, {state.why}"
        checked += 1
    print(f"{checked} crash states of {len(run.ops)} operations")
    assert checked > 500


def test_a_database_that_was_being_made_is_made_again(shim: Path, tmp_path: Path, crashed: Path) -> None:
    run = Run(shim, tmp_path, "honest", fresh=True)
    first = next(step for step, op in enumerate(run.ops) if op.kind == "A")
    run.ops = run.ops[: first + 1]
    checked = 0
    for state in run.states(samples=0):
        wrong = lost(state, crashed)
        assert not wrong, f"{wrong}, {state.why}"
        checked += 1
    assert checked > 100


@pytest.mark.parametrize("mode", ["unsynced", "early"])
def test_a_writer_that_acknowledges_what_is_not_durable_is_caught(
    shim: Path, tmp_path: Path, crashed: Path, mode: str
) -> None:
    run = Run(shim, tmp_path, mode, fresh=False)
    for state in run.states():
        wrong = lost(state, crashed)
        # Not only that something does not fit: an entry that a caller had been promised is gone.
        if wrong.startswith(("NoSuchEntry", "another entry")) or "shorter" in wrong:
            return
    pytest.fail("the broken writer was not caught")


def test_every_failing_system_call_is_survived_without_losing_what_was_acknowledged(
    shim: Path, tmp_path: Path, crashed: Path
) -> None:
    run = Run(shim, tmp_path, "failing", fresh=False)
    refused, taken = map(int, run.output.split())
    assert refused > 20
    assert sum(op.kind == "A" for op in run.ops) == taken > 100
    disk = Disk(run.base, str(run.folder))
    for op in run.ops:
        disk.apply(op)
    for state in disk.states(random.Random(1), 5):
        wrong = lost(state, crashed)
        assert not wrong, f"{wrong}, {state.why}"
