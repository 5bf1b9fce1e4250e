"""A process that writes the access log while `file_journal.c` watches: `ledger_child.py MODE FOLDER`.

Modes: `honest` is the product as it is. `unsynced` (SQLite told not to sync) and `early` (callers told before the commit)
are broken on purpose, so that the test can show that it would notice. `failing` makes system calls fail in turn.
"""

import asyncio
import ctypes
import errno
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from gateway.audit import store
from gateway.audit.entries import Recorded
from gateway.audit.errors import LedgerUnavailable
from gateway.audit.ledger import SqlLedger
from gateway.storage.database import open_database
from tests.support.ledgers import LedgerClock, asked, check_promise, make_ledger, released

_SHIM = ctypes.CDLL(None)
# A small number, so that a short run also moves pages from the write-ahead log into the database several times.
_PAGES_PER_WAL = 24


def note(recorded: Recorded) -> None:
    """Tell the journal that the caller holds a promise."""
    check_promise(recorded)
    data = recorded.leaf_index.to_bytes(8, "big") + recorded.leaf_hash
    _SHIM.journal_note(data, len(data))


def pragma(engine: Engine, statement: str) -> None:
    """Run a statement on every new connection."""

    def run(raw: Any, _entry: Any) -> None:
        raw.execute(statement)

    event.listen(engine, "connect", run)


def break_unsynced(engine: Engine) -> None:
    """Tell SQLite not to sync, and the log not to mind."""
    store._SQLITE_SYNCS = frozenset({0})  # type: ignore[misc]
    pragma(engine, "PRAGMA synchronous=OFF")


def break_early() -> None:
    """Say that rows are durable and write them with the next ones."""
    honest = store._SqliteStore.append
    late: list[tuple[Sequence[store.Row], int, Sequence[store.CounterRow]]] = []

    def append(
        self: store._SqliteStore, rows: Sequence[store.Row], size: int, changes: Sequence[store.CounterRow] = ()
    ) -> bool:
        if late:
            assert honest(self, *late.pop())
        late.append((rows, size, changes))
        return True

    store._SqliteStore.append = append  # type: ignore[method-assign]


async def ask_and_answer(ledger: SqlLedger, clock: LedgerClock, number: int) -> None:
    question = await ledger.append(asked(number))
    note(question)
    clock.at_ms += 200
    note(await ledger.append(released(question.leaf_index)))


async def work(ledger: SqlLedger, clock: LedgerClock) -> None:
    for number in range(6):
        await ask_and_answer(ledger, clock, number)
    for number in range(3):
        await asyncio.gather(*(ask_and_answer(ledger, clock, number) for _ in range(5)))


async def survive(ledger: SqlLedger, clock: LedgerClock) -> tuple[int, int]:
    """Make every system call fail once, in turn; whoever is refused tries again."""
    refused = taken = 0
    for code in (errno.EIO, errno.ENOSPC):
        for call in range(40):
            _SHIM.journal_fail(call % 20, code)
            for number in range(3):
                try:
                    note(await ledger.append(asked(number)))
                    taken += 1
                except LedgerUnavailable:
                    refused += 1
                clock.at_ms += 200
            _SHIM.journal_fail(-1, 0)
            note(await ledger.append(asked(99)))
            taken += 1
    return refused, taken


def main() -> None:
    mode, folder = sys.argv[1], Path(sys.argv[2])
    if mode == "early":
        break_early()
    engine = open_database(f"sqlite:///{folder / 'ledger.db'}")
    pragma(engine, f"PRAGMA wal_autocheckpoint={_PAGES_PER_WAL}")
    if mode == "unsynced":
        break_unsynced(engine)
    # The connection that opened the database has not seen these settings.
    engine.dispose()
    clock = LedgerClock()
    ledger = make_ledger(engine, clock, folder / "anchor")
    ledger.start()
    if mode == "failing":
        print(*asyncio.run(survive(ledger, clock)))
    else:
        asyncio.run(work(ledger, clock))
    if mode != "early":
        ledger.stop()
        engine.dispose()
    sys.stdout.flush()


if __name__ == "__main__":
    main()
