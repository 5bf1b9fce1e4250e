"""Background turn: what is new on the log becomes searchable, in short transactions beside the log's writer.

Requests come first: while other threads keep the process busy this takes little of the time, and the more the longer
the oldest entry has waited, so that it is late by minutes at most and never starves. On a quiet gateway it catches up
at once.

Fails towards slower searches: what is not indexed is read from the log itself, and nothing waits for this.
"""

import asyncio
import time
from typing import Final, Protocol

from gateway.audit.ledger import SqlLedger

MOST: Final = 0.5
"""Of the time, on a quiet gateway, and for entries that have waited long."""
LEAST: Final = 0.02
"""Of the time, while requests keep the gateway busy."""
LONG_S: Final = 300.0
"""After so long a wait entries are worth as much of the time as on a quiet gateway."""
QUIET: Final = 0.25
"""Of one processor: a process that uses less has nothing better to do."""
_LEAST_PAUSE_S: Final = 0.02


class Clock(Protocol):
    """Tells the time (the gateway's clock fits)."""

    def now_ms(self) -> int:
        """Unix time in milliseconds, UTC."""


def share_of_time(busy: float, waited_s: float) -> float:
    """How much of the time indexing may take.

    Args:
        busy: How much of one processor the rest of the process uses.
        waited_s: How long the oldest entry that is not indexed has waited.

    Returns:
        From `LEAST` to `MOST`.
    """
    if busy < QUIET:
        return MOST
    return min(MOST, LEAST + (MOST - LEAST) * max(0.0, waited_s) / LONG_S)


class SearchTables:
    """Keeps the tables behind the search up to date.

    Args:
        ledger: The log.
        clock: Tells the time.
    """

    def __init__(self, ledger: SqlLedger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._left = 0
        # What the process had used, and when, after the last batch.
        self._used = (time.process_time(), time.monotonic())

    async def turn(self) -> None:
        """Index until everything that is durable now is indexed.

        Raises:
            LedgerCorrupt: An entry does not fit its leaf hash.
            sqlalchemy.exc.SQLAlchemyError: The database cannot be written; tried again at the next turn.
        """
        more = True
        while more:
            # Between two batches nothing of what the process uses is ours.
            busy = self._busy()
            began = time.monotonic()
            self._left = await asyncio.to_thread(self._ledger.review.indexer.turn)
            self._used = (time.process_time(), time.monotonic())
            more = self._left > 0
            if more:
                share = share_of_time(busy, self._waited_s())
                await asyncio.sleep(max(_LEAST_PAUSE_S, (self._used[1] - began) * (1 - share) / share))

    def status(self) -> dict[str, int]:
        """What the status file says of it: how many entries are not indexed, and how long the oldest has waited."""
        return {"unindexed_entries": self._left, "unindexed_for_s": int(self._waited_s())}

    def _busy(self) -> float:
        used, at = self._used
        passed = time.monotonic() - at
        return (time.process_time() - used) / passed if passed > 0 else 0.0

    def _waited_s(self) -> float:
        """From the newest entry that is indexed: the next one is not much younger."""
        reached_ms = self._ledger.review.indexer.reached_ms
        if not self._left or not reached_ms:
            return 0.0
        return max(0.0, (self._clock.now_ms() - reached_ms) / 1000)


def rebuild(ledger: SqlLedger) -> int:
    """Empty the tables and fill them again out of the log, for the operator's command; blocking.

    Returns:
        Size of the log.

    Raises:
        LedgerCorrupt: An entry does not fit its leaf hash.
    """
    indexer = ledger.review.indexer
    indexer.empty()
    while indexer.turn():
        pass
    return ledger.size()
