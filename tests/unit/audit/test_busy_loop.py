"""A busy event loop must not starve the log's writer; in a process of its own, because the setting is the process's."""

import subprocess
import sys

_SCRIPT = """
import asyncio, sys, tempfile, time
from pathlib import Path
from gateway.bootstrap.interpreter import share_interpreter
from gateway.storage.database import open_database
from tests.support.ledgers import LedgerClock, asked, make_ledger

async def appends(ledger):
    async def spin():
        while True:
            until = time.perf_counter() + 0.0005
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(0)
    busy = asyncio.ensure_future(spin())
    for number in range(10):
        await ledger.append(asked(number))
    busy.cancel()

share_interpreter()
with tempfile.TemporaryDirectory() as folder:
    engine = open_database(f"sqlite:///{folder}/log.db")
    ledger = make_ledger(engine, LedgerClock(), Path(folder) / "anchor")
    ledger.start()
    asyncio.run(appends(ledger))
    ledger.stop()
"""


def test_appends_end_while_the_event_loop_is_busy() -> None:
    # Two milliseconds an append; without `share_interpreter` CPython 3.11 did not end the first within a minute.
    subprocess.run((sys.executable, "-c", _SCRIPT), check=True, timeout=30, capture_output=True)
