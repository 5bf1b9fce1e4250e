"""Counters and riders are committed with their entry or not at all, on every database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import Connection, Engine, func, select

from gateway.audit.counters import Book
from gateway.audit.entries import EntryDraft
from gateway.audit.errors import AlreadyRecorded, BadEntry, LedgerUnavailable, RiderRefused
from gateway.audit.ledger import SqlLedger
from gateway.audit.store import COUNTERS, ENTRIES
from tests.support.ledgers import DIGEST, NOW_MS, LedgerClock, asked, make_ledger, storage_fault

DAY_MS = 86_400_000
# By which statements entries and counters are written; the last one makes them durable.
WRITES = {
    "sqlite": ["INSERT INTO temp.audit_append"] * 3,
    "postgresql": ["INSERT INTO audit_entries", "INSERT INTO audit_counters", "COMMIT"],
}


@dataclass(frozen=True)
class UpTo:
    """At most so many under a name."""

    name: str
    limit: int
    forget_ms: int = NOW_MS + DAY_MS

    def names(self, time_ms: int) -> Sequence[str]:
        return (self.name,)

    def take(self, book: Book, time_ms: int) -> None:
        taken = book.value(self.name)
        if taken >= self.limit:
            raise RiderRefused("USED_UP", 1234)
        book.put(self.name, taken + 1, self.forget_ms)


class Mistaken(UpTo):
    """A count that its author got wrong."""

    def take(self, book: Book, time_ms: int) -> None:
        super().take(book, time_ms)
        book.value("a name that it did not tell")


def counted(*counts: UpTo, number: int = 0) -> EntryDraft:
    return replace(asked(number), counts=counts)


def entries(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(ENTRIES)).scalar_one())


@pytest.mark.parametrize("limit", [1, 7, 150])
async def test_of_many_callers_at_once_exactly_as_many_get_in_as_the_limit_says(
    ledger: SqlLedger, engine: Engine, limit: int
) -> None:
    tries = [ledger.append(counted(UpTo("uses", limit), number=number)) for number in range(200)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    refusals = [result for result in results if isinstance(result, RiderRefused)]
    assert len(refusals) == 200 - limit
    assert {(refused.reason, refused.retry_after_ms) for refused in refusals} == {("USED_UP", 1234)}
    assert entries(engine) == ledger.counted("uses") == limit


async def test_the_count_goes_on_after_a_restart(engine: Engine) -> None:
    granted = 0
    for _ in range(4):
        ledger = make_ledger(engine)
        ledger.start()
        tries = [ledger.append(counted(UpTo("uses", 10))) for _ in range(3)]
        granted += sum(
            not isinstance(one, RiderRefused) for one in await asyncio.gather(*tries, return_exceptions=True)
        )
        ledger.stop()
    assert granted == 10 == entries(engine)


async def test_two_processes_count_together(engine: Engine) -> None:
    ledgers = [make_ledger(engine) for _ in range(2)]
    for ledger in ledgers:
        ledger.start()
    granted = 0
    # In small turns, so that each finds again and again that the other was first.
    for _ in range(20):
        tries = [ledger.append(counted(UpTo("uses", 50))) for ledger in ledgers for _ in range(2)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert not any(isinstance(one, LedgerUnavailable) for one in results)
        granted += sum(not isinstance(one, RiderRefused) for one in results)
    for ledger in ledgers:
        ledger.stop()
    assert granted == 50 == entries(engine) == ledgers[0].counted("uses")


async def test_an_entry_that_one_of_its_counts_refuses_is_counted_by_none(ledger: SqlLedger) -> None:
    with pytest.raises(RiderRefused):
        await ledger.append(counted(UpTo("first", 5), UpTo("second", 0)))
    await ledger.append(counted(UpTo("first", 1)))
    assert (ledger.counted("first"), ledger.counted("second")) == (1, 0)


async def test_a_refused_entry_leaves_its_neighbours_alone(ledger: SqlLedger, engine: Engine) -> None:
    drafts = [asked(0), counted(UpTo("closed", 0)), asked(1), counted(UpTo("open", 9)), counted(UpTo("closed", 0))]
    results = await asyncio.gather(*(ledger.append(draft) for draft in drafts), return_exceptions=True)
    assert [isinstance(one, RiderRefused) for one in results] == [False, True, False, False, True]
    assert entries(engine) == 3
    assert [ledger.entry(index).kind for index in range(3)] == ["asked"] * 3


async def test_a_mistaken_count_hurts_its_own_entry_alone(ledger: SqlLedger, engine: Engine) -> None:
    drafts = [counted(Mistaken("uses", 9)), counted(UpTo("uses", 9)), asked(1)]
    results = await asyncio.gather(*(ledger.append(draft) for draft in drafts), return_exceptions=True)
    assert [isinstance(one, BadEntry) for one in results] == [True, False, False]
    assert ledger.counted("uses") == 1
    assert entries(engine) == 2


@pytest.mark.parametrize("value", [-1, 2**63, True])
async def test_a_counter_keeps_to_its_range(ledger: SqlLedger, value: int) -> None:
    class Far(UpTo):
        def take(self, book: Book, time_ms: int) -> None:
            book.put(self.name, value, self.forget_ms)

    with pytest.raises(BadEntry):
        await ledger.append(counted(Far("far", 1)))
    assert ledger.counted("far") == 0


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_nothing_is_counted_when_the_storage_fails(ledger: SqlLedger, engine: Engine, place: int) -> None:
    statement = WRITES[engine.dialect.name][place]
    await ledger.append(counted(UpTo("uses", 3)))
    with storage_fault(engine, statement) as fault:
        fault.before = 1
        with pytest.raises(LedgerUnavailable):
            await ledger.append(counted(UpTo("uses", 3)))
    assert ledger.counted("uses") == 1 == entries(engine)
    for _ in range(2):
        await ledger.append(counted(UpTo("uses", 3)))
    with pytest.raises(RiderRefused):
        await ledger.append(counted(UpTo("uses", 3)))


async def test_what_was_counted_by_a_commit_of_unknown_fate_stays_counted(ledger: SqlLedger, engine: Engine) -> None:
    with storage_fault(engine, WRITES[engine.dialect.name][-1]) as fault:
        fault.after = 1
        with pytest.raises(LedgerUnavailable):
            await ledger.append(counted(UpTo("uses", 1)))
    # The entry is there, so its use is: nobody was told, and nothing was released.
    with pytest.raises(RiderRefused):
        await ledger.append(counted(UpTo("uses", 1)))
    assert entries(engine) == 1


async def test_a_request_under_a_used_name_is_told_so_although_its_first_call_took_the_last_use(
    ledger: SqlLedger,
) -> None:
    named = replace(counted(UpTo("uses", 1)), unique=("system\0req-1", DIGEST))
    first = await ledger.append(named)
    with pytest.raises(AlreadyRecorded) as used:
        await ledger.append(named)
    assert (used.value.leaf_index, used.value.same) == (first.leaf_index, True)
    with pytest.raises(RiderRefused):
        await ledger.append(replace(named, unique=("system\0req-2", DIGEST)))


async def test_a_repeated_name_is_not_counted(ledger: SqlLedger) -> None:
    named = replace(counted(UpTo("uses", 5)), unique=("system\0req-1", DIGEST))
    results = await asyncio.gather(*(ledger.append(named) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, AlreadyRecorded) for one in results) == 3
    assert ledger.counted("uses") == 1


async def test_numbers_of_days_gone_by_are_forgotten(engine: Engine, clock: LedgerClock) -> None:
    ledger = make_ledger(engine, clock)
    ledger.start()
    for number in range(300):
        await ledger.append(counted(UpTo(f"old {number}", 1)))
    clock.at_ms += DAY_MS + 1
    later = clock.at_ms + DAY_MS
    for _ in range(3):
        await ledger.append(counted(UpTo("new", 9, later)))
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(COUNTERS)).scalar_one() == 1
    assert ledger.counted("new") == 3
    ledger.stop()


async def test_no_name_of_a_counter_is_stored(ledger: SqlLedger, engine: Engine) -> None:
    await ledger.append(counted(UpTo("subject\0440524188001010014", 1)))
    with engine.connect() as connection:
        (row,) = connection.execute(select(COUNTERS)).all()
    assert len(row.key) == 16
    assert b"440524" not in bytes(row.key)


@pytest.fixture
def rides(engine: Engine) -> str:
    """A table that riders write to."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS rides")
        connection.exec_driver_sql("CREATE TABLE rides (number INTEGER PRIMARY KEY)")
    return "rides"


def rider(number: int, refuses: str = "") -> EntryDraft:
    def ride(connection: Connection) -> None:
        connection.exec_driver_sql(f"INSERT INTO rides VALUES ({number})")
        if refuses:
            raise RiderRefused(refuses)

    return replace(asked(number), riders=(ride,))


def ridden(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return sorted(connection.exec_driver_sql("SELECT number FROM rides").scalars())


@pytest.mark.usefixtures("rides")
async def test_what_a_rider_writes_is_committed_with_its_entry_and_undone_when_it_refuses(
    ledger: SqlLedger, engine: Engine
) -> None:
    drafts = [rider(1), rider(2, "NO"), asked(3), rider(4)]
    results = await asyncio.gather(*(ledger.append(draft) for draft in drafts), return_exceptions=True)
    assert [isinstance(one, RiderRefused) for one in results] == [False, True, False, False]
    assert ridden(engine) == [1, 4]
    assert entries(engine) == 3


@pytest.mark.usefixtures("rides")
async def test_an_entry_that_its_rider_refuses_is_not_counted(ledger: SqlLedger, engine: Engine) -> None:
    with pytest.raises(RiderRefused):
        await ledger.append(replace(rider(1, "NO"), counts=(UpTo("uses", 5),)))
    await ledger.append(replace(rider(2), counts=(UpTo("uses", 5),)))
    assert ledger.counted("uses") == 1
    assert ridden(engine) == [2]


@pytest.mark.usefixtures("rides")
async def test_a_rider_of_an_entry_whose_name_is_taken_has_done_nothing(ledger: SqlLedger, engine: Engine) -> None:
    named = ("system\0req-1", DIGEST)
    await ledger.append(replace(rider(1), unique=named))
    with pytest.raises(AlreadyRecorded):
        await ledger.append(replace(rider(2), unique=named))
    assert ridden(engine) == [1]


@pytest.mark.usefixtures("rides")
async def test_a_rider_whose_statement_the_database_refuses_stops_the_commit(ledger: SqlLedger, engine: Engine) -> None:
    await ledger.append(rider(1))
    with pytest.raises(LedgerUnavailable):
        await ledger.append(rider(1))
    await ledger.append(rider(2))
    assert ridden(engine) == [1, 2]
    assert entries(engine) == 2


@pytest.mark.usefixtures("rides")
async def test_a_rider_that_asks_for_it_is_told_the_position_of_its_own_entry(
    ledger: SqlLedger, engine: Engine
) -> None:
    def place(connection: Connection, position: int) -> None:
        connection.exec_driver_sql(f"INSERT INTO rides VALUES ({position})")

    first = await ledger.append(asked(1))
    drafts = [replace(asked(n), placed=(place,)) for n in (2, 3)]
    refusing = replace(rider(100, "NO"), placed=(place,))
    results = await asyncio.gather(
        *(ledger.append(one) for one in (drafts[0], refusing, asked(4), drafts[1])), return_exceptions=True
    )
    positions = [one.leaf_index for one in results if not isinstance(one, RiderRefused)]
    assert positions == [first.leaf_index + n for n in (1, 2, 3)]
    assert ridden(engine) == [positions[0], positions[2]]


@pytest.mark.usefixtures("rides")
async def test_a_position_is_right_also_when_another_process_was_first(
    ledger: SqlLedger, engine: Engine, clock: LedgerClock
) -> None:
    def place(connection: Connection, position: int) -> None:
        connection.exec_driver_sql(f"INSERT INTO rides VALUES ({position})")

    await ledger.append(asked(1))
    other = make_ledger(engine, clock)
    other.start()
    await other.append(asked(2))
    other.stop()
    placed = await ledger.append(replace(asked(3), placed=(place,)))
    assert ridden(engine) == [placed.leaf_index]
