"""Which entries belong together, in every database that the log is kept in."""

import asyncio

import pytest
from sqlalchemy import Engine

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import RiderRefused
from gateway.audit.joins import MOST_SAID, NOTHING_NEW
from gateway.audit.ledger import SqlLedger
from tests.support.ledgers import NOW_MS, LedgerClock, asked, make_ledger, released, storage_fault

Said = list[tuple[int, bytes]]


def acknowledged(ledger: SqlLedger, said: Said) -> EntryDraft:
    return EntryDraft("acknowledged", {"department": "civil-affairs"}, placed=(ledger.joins.ride(said),))


async def test_a_release_leads_to_everything_that_acknowledges_it(ledger: SqlLedger) -> None:
    await ledger.append(asked())
    first, second = [(await ledger.append(released(0))).leaf_index for _ in range(2)]
    one = await ledger.append(acknowledged(ledger, [(first, b"a" * 32), (second, b"a" * 32)]))
    other = await ledger.append(acknowledged(ledger, [(first, b"b" * 32)]))
    assert ledger.joins.acknowledging([first, second, 0]) == {
        first: (one.leaf_index, other.leaf_index),
        second: (one.leaf_index,),
    }
    assert ledger.joins.known([(first, b"a" * 32), (first, b"c" * 32), (0, b"a" * 32)]) == {(first, b"a" * 32)}
    assert sorted(ledger.joins.entries([first, second, 1 << 40])) == [first, second]


async def test_an_entry_that_says_nothing_new_is_not_written_even_when_two_come_at_once(ledger: SqlLedger) -> None:
    said = [(1, b"a" * 32)]
    drafts = [ledger.append(acknowledged(ledger, said)) for _ in range(5)]
    results = await asyncio.gather(*drafts, return_exceptions=True)
    refused = [result for result in results if isinstance(result, RiderRefused)]
    assert (len(refused), ledger.size()) == (4, 1)
    assert {one.reason for one in refused} == {NOTHING_NEW}
    await ledger.append(acknowledged(ledger, [*said, (2, b"a" * 32)]))
    assert ledger.joins.acknowledging([1, 2]) == {1: (0,), 2: (1,)}


async def test_a_commit_that_fails_leaves_neither_entry_nor_join(
    engine: Engine, ledger: SqlLedger, clock: LedgerClock
) -> None:
    with storage_fault(engine, "INSERT INTO audit_acknowledged") as fault:
        fault.before = 1
        results = await asyncio.gather(
            ledger.append(acknowledged(ledger, [(1, b"a" * 32)])), ledger.append(asked()), return_exceptions=True
        )
    written = [result for result in results if not isinstance(result, BaseException)]
    assert ledger.size() == len(written)
    joined = ledger.joins.acknowledging([1])
    assert (1 in joined) == (not isinstance(results[0], BaseException))
    again = make_ledger(engine, clock)
    again.start()
    assert again.joins.acknowledging([1]) == joined
    again.stop()


async def test_of_a_release_about_which_enough_was_said_everything_is_known(ledger: SqlLedger) -> None:
    for number in range(MOST_SAID):
        assert not ledger.joins.known([(1, b"n" * 32)])
        await ledger.append(acknowledged(ledger, [(1, bytes([number]) * 32)]))
    assert ledger.joins.known([(1, b"n" * 32), (2, b"n" * 32)]) == {(1, b"n" * 32)}


async def test_an_entry_is_found_by_its_unique_name_and_by_no_other(ledger: SqlLedger) -> None:
    recorded = await ledger.append(EntryDraft("asked", {}, unique=("system\0r-1", b"d" * 32)))
    assert ledger.joins.named("system\0r-1") == recorded.leaf_index
    assert ledger.joins.named("system\0r-2") is None
    assert ledger.joins.named("") is None


async def test_releases_of_a_time_come_newest_first_and_page_by_page(ledger: SqlLedger, clock: LedgerClock) -> None:
    for minute in range(6):
        clock.at_ms = NOW_MS + minute * 60_000
        await ledger.append(asked(minute))
        await ledger.append(released(2 * minute))
    everything = {"department": "", "below": None, "limit": 10}

    def found(since: int, until: int, **changes: object) -> list[int]:
        page = ledger.joins.releases(since_ms=since, until_ms=until, **{**everything, **changes})  # type: ignore[arg-type]
        return [entry.leaf_index for entry in page.entries]

    assert found(0, NOW_MS * 2) == [11, 9, 7, 5, 3, 1]
    assert found(NOW_MS + 60_000, NOW_MS + 180_000) == [5, 3]
    assert found(NOW_MS + 60_001, NOW_MS + 180_001) == [7, 5]
    assert found(0, NOW_MS) == []
    assert found(NOW_MS * 2, NOW_MS * 3) == []
    assert found(0, NOW_MS * 2, department="housing") == []
    assert found(0, NOW_MS * 2, department="civil-affairs", below=5) == [3, 1]
    page = ledger.joins.releases(since_ms=0, until_ms=NOW_MS * 2, below=None, department="", limit=4)
    assert page.next_index == 5
    rest = ledger.joins.releases(since_ms=0, until_ms=NOW_MS * 2, below=page.next_index, department="", limit=4)
    assert ([entry.leaf_index for entry in rest.entries], rest.next_index) == ([3, 1], None)


@pytest.mark.parametrize("since", [0, NOW_MS])
async def test_an_empty_log_has_no_releases(ledger: SqlLedger, since: int) -> None:
    page = ledger.joins.releases(since_ms=since, until_ms=NOW_MS * 2, below=None, department="", limit=4)
    assert (page.entries, page.next_index) == ((), None)
