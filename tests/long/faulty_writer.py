"""Writes a gateway's access log while its file calls fail: a server of forked processes, `faulty_writer.py HOME BASE`.

`file_journal.c` is preloaded. Each line read is a fault, `[call, how, errno]`. HOME is put back as BASE is; a forked
process, with everything imported, works on it and meets the fault; a second one opens it as a restart does, uses it and
runs `oncegate audit fsck`. The line written back is `Outcome`. The log is as `compose` opens it: the product's own
database, keys, anchor and settings.
"""

import asyncio
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from typer.testing import CliRunner

from gateway.audit.entries import EntryDraft, Recorded
from gateway.audit.errors import AuditError
from gateway.audit.ledger import SqlLedger
from gateway.audit.published import write_tiles
from gateway.bootstrap.offline import compose, open_offline
from gateway.cli.audit import app
from gateway.clock import SystemClock
from gateway.settings import Settings
from tests.support.file_faults import How, calls, fault
from tests.support.ledgers import asked, released

TRIES: Final = 12
FREE_AFTER: Final = 5
"""Refusals after which a full disk has room again."""

Tell = Callable[[Any], None]
Result = TypeVar("Result")


class Outcome(NamedTuple):
    """What became of a fault.

    Attributes:
        promises: How many entries were promised by the process that met it.
        calls: A letter for each of its calls; empty when it was killed.
        refused: How often somebody was refused.
        size: Of the log, as the operator's command reported it.
        wrong: What is wrong with the log, or with the work; empty when nothing is.
    """

    promises: int
    calls: str
    refused: int
    size: int
    wrong: str


class Work:
    """What the log is used for: appends alone, together and with riders, an erasure, derived tables, tiles, heads.

    Args:
        ledger: The log.
        tiles: Folder for tiles.
        tell: Where promises are told.
    """

    PROMISES: Final = 6

    def __init__(self, ledger: SqlLedger, tiles: Path, tell: Tell) -> None:
        self._ledger = ledger
        self._tiles = tiles
        self._tell = tell
        self.refused = 0

    def promised(self, recorded: Recorded) -> Recorded:
        """Say that this was promised."""
        self._tell({"promise": [recorded.leaf_index, recorded.leaf_hash.hex()]})
        return recorded

    def insist(self, act: Callable[[], Result]) -> Result:
        """Do something until it is done, in one process; a full disk has room again after some refusals."""
        for _ in range(TRIES):
            try:
                return act()
            except (AuditError, SQLAlchemyError, OSError):
                self.refused += 1
                if self.refused == FREE_AFTER:
                    fault(-1)
                time.sleep(0.001)
        raise AssertionError("it never recovered")

    def run(self) -> None:
        """Everything once."""
        ledger = self._ledger
        self.insist(ledger.start)
        question = self.promised(self.insist(lambda: ledger.append_blocking(asked(1))))
        outcome = self.promised(self.insist(lambda: ledger.append_blocking(released(question.leaf_index))))
        for done in self.insist(lambda: asyncio.run(self._together())):
            self.promised(done)
        self.promised(self.insist(lambda: self._acknowledge(outcome.leaf_index)))
        self.insist(lambda: self._erase(question.leaf_index))
        self.insist(ledger.review.indexer.turn)
        self.insist(lambda: write_tiles(ledger.published, self._tiles))
        ledger.stop()

    def _acknowledge(self, release: int) -> Recorded:
        # Something else each time: what was written by a commit of unknown fate would rightly be nothing new.
        ride = self._ledger.joins.ride([(release, os.urandom(32))])
        return self._ledger.append_blocking(EntryDraft("acknowledged", {"department": "civil-affairs"}, placed=(ride,)))

    def _erase(self, index: int) -> None:
        # By a commit of unknown fate it may have been erased, and its entry is in the log: then there is nothing to do.
        if self._ledger.entry(index).person_salt:
            self.promised(self._ledger.erase_person_part(index, "COURT_ORDER"))

    async def _together(self) -> list[Recorded]:
        return await asyncio.gather(*(self._ledger.append(asked(number)) for number in range(2)))


def meet(home: Path, tell: Tell, call: int, how: How, errno: int) -> None:
    """Work on the home until done, or until killed."""
    offline = compose(Settings.load(home), SystemClock())
    # A small number, so that pages are also moved from the write-ahead log into the database.
    event.listen(offline.engine, "connect", lambda raw, _: raw.execute("PRAGMA wal_autocheckpoint=6"))
    offline.engine.dispose()
    work = Work(offline.ledger, home / "tiles", tell)
    fault(call, how, errno)
    work.run()
    made = calls()
    fault(-1)
    offline.engine.dispose()
    tell({"calls": made, "refused": work.refused})


def check(home: Path, tell: Tell, promises: list[tuple[int, str]]) -> None:
    """Open the log as a restart does, use it, and have the operator's command check it."""
    with open_offline(home) as offline:
        ledger = offline.ledger
        ledger.start()
        ledger.append_blocking(asked())
        while ledger.review.indexer.turn():
            pass
        opened = ledger._reader.opened([index for index, _ in promises])
        assert [(index, opened[index].leaf_hash.hex()) for index, _ in promises] == promises
        assert len(opened) == len(promises), "two entries were promised one index"
    result = CliRunner().invoke(app, ["fsck", "--home", str(home), "--json"])
    assert result.exit_code == 0, result.output
    tell({"size": int(json.loads(result.stdout)["size"])})


def forked(act: Callable[[Tell], None]) -> dict[str, list[Any]]:
    """Do something in a forked process; what it told before it ended or was killed, by name."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)

        def tell(what: Any) -> None:
            os.write(write, json.dumps(what).encode() + b"\n")

        try:
            act(tell)
        except BaseException:  # noqa: BLE001 - a forked process must not go on with its parent's work
            tell({"wrong": traceback.format_exc()})
        os._exit(0)
    os.close(write)
    said: dict[str, list[Any]] = {}
    with os.fdopen(read) as file:
        for line in file:
            for name, value in json.loads(line).items():
                said.setdefault(name, []).append(value)
    os.waitpid(child, 0)
    return said


def outcome_of(home: Path, base: Path, call: int, how: How, errno: int) -> Outcome:
    """Put the home back, let the work meet a fault, and check what is left."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(base, home)
    met = forked(lambda tell: meet(home, tell, call, how, errno))
    promises = [(index, leaf) for index, leaf in met.get("promise", [])]
    left = forked(lambda tell: check(home, tell, promises))
    wrong = "\n".join([*met.get("wrong", []), *left.get("wrong", [])])
    (made,), (refused,), (size,) = met.get("calls", [""]), met.get("refused", [0]), left.get("size", [0])
    return Outcome(len(promises), made, refused, size, wrong)


def main() -> None:
    """Serve faults until the input ends."""
    home, base = Path(sys.argv[1]), Path(sys.argv[2])
    for line in sys.stdin:
        call, how, errno = json.loads(line)
        print(json.dumps(outcome_of(home, base, call, How(how), errno)), flush=True)


if __name__ == "__main__":
    main()
