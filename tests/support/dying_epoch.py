"""Opening an epoch, killed at one step after the other: `python -m tests.support.dying_epoch HOME STATEMENT WORK`.

A step is a statement that changes the database, before or after it, or a file opened for writing, renamed or removed. For each
step a fresh copy of the home is made, a child opens the epoch in it and is killed (SIGKILL) there, and another child
opens the same epoch again, which has to succeed, and looks whether the log is whole. It prints how many steps there are.

The children are forks of a process without threads, so that the program is loaded once.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from gateway.audit.entries import EntryDraft
from gateway.backup.epoch_open import open_epoch
from gateway.bootstrap.offline import LEDGER_ANCHOR, open_offline

_FILES = frozenset({"os.rename", "os.remove"})
_MOST = 1000


class Dying:
    """Kills this process at a step."""

    def __init__(self, at: int) -> None:
        self._left = at
        event.listen(Engine, "before_cursor_execute", self._statement)
        event.listen(Engine, "after_cursor_execute", self._statement)
        sys.addaudithook(self._audit)

    def _statement(self, _c: Any, _cursor: Any, statement: str, _p: Any, _x: Any, _m: Any) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "PRAGMA")):
            self._step()

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        writes = name == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if name in _FILES or writes:
            self._step()


def opened(home: Path, statement: Path) -> None:
    with open_offline(home) as offline:
        open_epoch(offline, [statement])


def whole(home: Path, statement: Path) -> None:
    """Raise unless the epoch opens, and the log goes on in it."""
    opened(home, statement)
    with open_offline(home) as offline:
        ledger = offline.ledger
        begins = ledger.lineage.begins
        assert ledger.lineage.number == 2
        assert ledger.entry(begins).account["kind"] == "epoch_opened"
        recorded = ledger.append_blocking(EntryDraft("gateway_started", {}))
        assert recorded.leaf_index == begins + 1
        ledger.stop()
        assert ledger.fsck().run().size == begins + 2
        assert (home / LEDGER_ANCHOR).read_text(encoding="utf-8").startswith(f"{ledger.origin}\n{begins + 2}\n")


def forked(work: Callable[[], None]) -> int:
    """How a child ended that does some work: its exit code, or minus the signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(home: Path, statement: Path, work: Path) -> int:
    for step in range(1, _MOST):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(home, work)

        def dying(at: int = step) -> None:
            Dying(at)
            opened(work, statement)

        ended = forked(dying)
        again = forked(lambda: whole(work, statement))
        if again or ended not in {0, -signal.SIGKILL}:
            sys.stderr.write(f"step {step}: {ended}, then {again}\n")
            return 1
        if ended == 0:
            sys.stdout.write(f"{step - 1}\n")
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
