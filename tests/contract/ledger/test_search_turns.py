"""The search tables come second while the gateway is busy, and catch up all the same."""

import asyncio
import time

import pytest

from gateway.audit.ledger import SqlLedger
from gateway.audit.review.derived import BATCH
from gateway.bootstrap.log_search import LEAST, LONG_S, MOST, QUIET, SearchTables, share_of_time
from tests.support.ledgers import LedgerClock, asked, released


def test_a_quiet_gateway_gives_half_of_its_time_and_a_busy_one_next_to_nothing() -> None:
    assert share_of_time(0.0, 0.0) == MOST
    assert share_of_time(QUIET, 0.0) == LEAST
    assert share_of_time(1.5, 0.0) == LEAST


def test_what_waits_gets_more_and_more_of_the_time_so_that_it_never_starves() -> None:
    shares = [share_of_time(1.0, waited_s) for waited_s in (0, 1, 10, 60, 200, LONG_S, 10 * LONG_S)]
    assert shares == sorted(shares)
    assert shares[-2:] == [MOST, MOST]
    assert share_of_time(1.0, LONG_S / 2) == pytest.approx((LEAST + MOST) / 2)
    assert share_of_time(1.0, -5.0) == LEAST, "a clock that was set back"


async def test_a_turn_leaves_nothing_and_the_status_says_so(ledger: SqlLedger) -> None:
    drafts = [draft for number in range(0, 2 * BATCH, 2) for draft in (asked(number), released(number))]
    for draft in drafts:
        await ledger.append(draft)
    tables = SearchTables(ledger, LedgerClock())
    await tables.turn()
    assert ledger.review.indexer.turn() == 0
    assert tables.status() == {"unindexed_entries": 0, "unindexed_for_s": 0}


async def test_on_a_busy_gateway_it_waits_between_batches_and_says_how_far_behind_it_is(ledger: SqlLedger) -> None:
    await asyncio.gather(*(ledger.append(asked(number)) for number in range(2 * BATCH + 1)))
    clock = LedgerClock()
    clock.at_ms += 90_000
    tables = SearchTables(ledger, clock)
    _work(0.2)
    turn = asyncio.ensure_future(tables.turn())
    for _ in range(2000):
        if tables.status()["unindexed_entries"]:
            break
        await asyncio.sleep(0.005)
    assert tables.status() == {"unindexed_entries": BATCH + 1, "unindexed_for_s": 90}
    turn.cancel()
    await asyncio.gather(turn, return_exceptions=True)


def _work(seconds: float) -> None:
    """Keep the processor busy."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
