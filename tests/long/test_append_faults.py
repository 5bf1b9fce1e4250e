"""At every call by which an append changes a file something goes wrong; afterwards `oncegate audit fsck` finds it sound.

Everything that an append does to the disk is met: the entry's write-ahead log, its checkpoints into the database, their
syncs, the log's heads, the anchor file, derived tables, tiles. At each call in turn the process is killed before it or
in the middle of a write, or the call fails with an I/O error, a full disk (for a while) or half a write. Then the log is
opened as a restart does, and the operator's command reads everything: sound; no index missing or there twice; every
entry there that a caller was promised.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.bootstrap.home import initialise
from gateway.bootstrap.offline import open_offline
from keys.passphrase import LOWEST
from tests.long.faulty_writer import Outcome, Work
from tests.support.file_faults import How, built
from tests.support.ledgers import asked, released

pytestmark = [pytest.mark.alone, pytest.mark.long, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
BEFORE = 2
"""Entries of the log before the work."""


class Writer:
    """A process that meets faults, one after the other.

    Args:
        home: Where it works.
        base: What the home is put back to.
        library: The preloaded library.
    """

    def __init__(self, home: Path, base: Path, library: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.long.faulty_writer", str(home), str(base)],
            cwd=ROOT,
            env={**os.environ, "LD_PRELOAD": str(library), "ONCEGATE_JOURNAL_FOLDER": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def meet(self, call: int, how: How, number: int = 0) -> Outcome:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([call, how, number]) + "\n")
        self._process.stdin.flush()
        outcome = Outcome(*json.loads(self._process.stdout.readline()))
        assert not outcome.wrong, f"call {call}, {how.name}: {outcome.wrong}"
        assert outcome.size >= BEFORE + outcome.promises + 1
        return outcome

    def close(self) -> None:
        # Its input ends, and so does it.
        self._process.communicate(timeout=20)


class Writers:
    """Two of them, for two processors."""

    def __init__(self, writers: list[Writer]) -> None:
        self._free = writers
        self._pool = ThreadPoolExecutor(len(writers))
        honest = self._meet((-1, How.KILL, 0))
        assert (honest.promises, honest.refused, honest.size) == (Work.PROMISES, 0, BEFORE + Work.PROMISES + 1)
        self.calls = honest.calls

    def meet(self, faults: list[tuple[int, How, int]]) -> list[Outcome]:
        return list(self._pool.map(self._meet, faults))

    def close(self) -> None:
        self._pool.shutdown()
        for writer in self._free:
            writer.close()

    def _meet(self, fault: tuple[int, How, int]) -> Outcome:
        writer = self._free.pop()
        try:
            return writer.meet(*fault)
        finally:
            self._free.append(writer)


@pytest.fixture(scope="module")
def writers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writers]:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (cc) for the library that makes file calls fail")
    library = built(compiler, tmp_path_factory.mktemp("shim"))
    # In memory if there is such a place: what is synced has no bearing here.
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        folder = Path(name)
        base = folder / "base"
        initialise(base, "oncegate.test", None, "127.0.0.1:15001", "127.0.0.1:15002", cost=LOWEST)
        with open_offline(base) as offline:
            question = offline.ledger.append_blocking(asked())
            offline.ledger.append_blocking(released(question.leaf_index))
        made = Writers([Writer(folder / f"gateway-{number}", base, library) for number in range(2)])
        yield made
        made.close()


def test_a_kill_before_any_call_of_an_append_or_within_a_write_loses_nothing(writers: Writers) -> None:
    faults = [(call, How.KILL, 0) for call in range(len(writers.calls))]
    faults += [(call, How.HALF_AND_KILL, 0) for call, kind in enumerate(writers.calls) if kind == "w"]
    killed = [outcome for outcome in writers.meet(faults) if not outcome.calls]
    # The last few calls may have been fewer this time.
    assert len(killed) > 0.9 * len(faults)
    # From the first promise to the last, the process was killed between all of them; two are made at once.
    assert {outcome.promises for outcome in killed} | {3} >= set(range(Work.PROMISES))
    print(f"\n{len(killed)} kills at {len(writers.calls)} calls")


@pytest.mark.parametrize(
    ("how", "number"),
    [(How.FAIL_ONCE, errno.EIO), (How.FAIL_ON, errno.ENOSPC), (How.HALF, 0)],
    ids=["an I/O error", "a full disk for a while", "half a write"],
)
def test_a_call_that_fails_is_refused_or_survived_and_nothing_promised_is_lost(
    writers: Writers, how: How, number: int
) -> None:
    places = [call for call, kind in enumerate(writers.calls) if kind == "w" or how is not How.HALF]
    outcomes = writers.meet([(call, how, number) for call in places])
    # What was refused was done in the end, by the same process; an erasure that was told to have failed may be done.
    assert all(outcome.calls for outcome in outcomes)
    assert {outcome.promises for outcome in outcomes} <= {Work.PROMISES, Work.PROMISES - 1}
    refused = sum(outcome.refused > 0 for outcome in outcomes)
    print(f"\nof {len(outcomes)} calls, {refused} had callers refused")
    # What is written by half is written on, by SQLite and by Python, so that nobody notices.
    assert (refused == 0) if how is How.HALF else (refused > len(outcomes) // 4)
