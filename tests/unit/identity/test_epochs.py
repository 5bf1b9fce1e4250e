import asyncio
import gc
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from gateway.errors import Code, Refused
from gateway.identity.tables import DEPARTMENTS, EPOCH
from gateway.policy.tables import EPOCH as POLICY_EPOCH
from gateway.storage.database import open_database, write_transaction
from gateway.storage.epochs import EpochCached, EpochReader, advance
from tests.support.parties import Registry


def count(connection: Connection, former: int | None) -> int:
    return len(connection.execute(select(DEPARTMENTS.c.id)).all())


def times(_connection: Connection, former: int | None) -> int:
    """How often it was computed."""
    return (former or 0) + 1


@pytest.fixture
def reader(registry: Registry) -> Iterator[EpochReader]:
    reader = EpochReader(registry.engine, EPOCH)
    yield reader
    reader.close()


def move(registry: Registry) -> int:
    with write_transaction(registry.engine) as connection:
        return advance(connection, EPOCH)


def test_a_counter_begins_at_nothing_and_counts_every_change(registry: Registry, reader: EpochReader):
    assert reader.read() == 0
    assert [move(registry), move(registry)] == [1, 2]
    assert reader.read() == 2


def test_a_change_that_is_rolled_back_is_not_counted(registry: Registry, reader: EpochReader):
    with write_transaction(registry.engine) as connection:
        advance(connection, EPOCH)
        connection.get_transaction().rollback()
    assert reader.read() == 0


def test_reading_never_waits_for_a_writer_nor_sees_what_is_not_committed(registry: Registry, reader: EpochReader):
    with write_transaction(registry.engine) as connection:
        advance(connection, EPOCH)
        assert reader.read() == 0
    assert reader.read() == 1


def test_a_reader_that_lost_its_connection_asks_on_a_new_one(registry: Registry, reader: EpochReader):
    reader.read()
    reader._kept._kept.connection.dbapi_connection.close()
    move(registry)
    assert reader.read() == 1


def test_when_no_connection_can_be_had_there_is_no_answer_until_there_is(registry: Registry, reader: EpochReader):
    reader.read()
    with write_transaction(registry.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE identity_epoch RENAME TO away")
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            reader.read()
        assert refused.value.code is Code.INTERNAL
    with write_transaction(registry.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO identity_epoch")
    assert reader.read() == 0


def test_disposing_of_the_engine_closes_the_kept_connection(registry: Registry, reader: EpochReader):
    reader.read()
    registry.engine.dispose()
    assert reader._kept._kept is None


def test_a_value_is_computed_once_until_the_counter_moves(registry: Registry):
    loads: list[int | None] = []

    def load(connection: Connection, former: int | None) -> int:
        loads.append(former)
        return count(connection, former)

    cached = EpochCached(registry.engine, EPOCH, load)
    assert [cached.current(), cached.current()] == [0, 0]
    registry.add("civil")
    assert [cached.current(), cached.current()] == [1, 1]
    assert loads == [None, 0]


def test_a_counter_that_moved_backwards_makes_the_value_start_afresh(registry: Registry):
    formers: list[int | None] = []

    def load(connection: Connection, former: int | None) -> int:
        formers.append(former)
        return 7

    cached = EpochCached(registry.engine, EPOCH, load)
    move(registry)
    move(registry)
    cached.current()
    with write_transaction(registry.engine) as connection:
        connection.execute(update(EPOCH).values(value=1))
    cached.current()
    assert formers == [None, None]


def test_a_change_that_lands_while_loading_is_noticed_by_the_next_question(registry: Registry):
    def load(connection: Connection, former: int | None) -> int:
        found = count(connection, former)
        if found == 0:
            registry.add("civil")
        return found

    cached = EpochCached(registry.engine, EPOCH, load)
    assert [cached.current(), cached.current()] == [0, 1]


def test_a_load_that_fails_leaves_nothing_behind(registry: Registry):
    fail = [False]

    def load(connection: Connection, former: list[int] | None) -> list[int]:
        value = former if former is not None else []
        value.append(1)
        if fail[0]:
            raise ZeroDivisionError
        return value

    cached = EpochCached(registry.engine, EPOCH, load)
    cached.current()
    move(registry)
    fail[0] = True
    with pytest.raises(ZeroDivisionError):
        cached.current()
    fail[0] = False
    assert cached.current() == [1]


def test_a_cached_value_is_asked_for_from_any_thread(registry: Registry):
    cached = EpochCached(registry.engine, EPOCH, count)
    cached.current()
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.extend(cached.current() for _ in range(50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    registry.add("civil")
    for thread in threads:
        thread.join()
    assert len(seen) == 200
    assert cached.current() == 1


async def test_questions_of_one_turn_of_the_event_loop_share_an_answer_and_the_next_turn_asks_again(
    registry: Registry,
):
    cached = EpochCached(registry.engine, EPOCH, times)
    assert cached.current() == 1
    with closing(sqlite3.connect(registry.engine.url.database)) as other:
        other.execute("INSERT INTO identity_epoch (id, value) VALUES (1, 1)")
        other.commit()
    assert cached.current() == 1
    await asyncio.sleep(0)
    assert cached.current() == 2


async def test_values_of_one_database_share_the_turns_reading_and_each_notices_its_own_counter(registry: Registry):
    statements: list[str] = []
    departments, rules = (EpochCached(registry.engine, table, times) for table in (EPOCH, POLICY_EPOCH))
    assert (departments.current(), rules.current()) == (1, 1)
    await asyncio.sleep(0)
    for kept in (departments._counters._kept, departments._reader._kept, rules._reader._kept):
        kept._kept.connection.dbapi_connection.set_trace_callback(statements.append)
    assert (departments.current(), rules.current(), departments.current()) == (1, 1, 1)
    assert len(statements) == 1
    with closing(sqlite3.connect(registry.engine.url.database)) as other:
        other.execute("INSERT INTO policy_epoch (id, value) VALUES (1, 1)")
        other.commit()
    await asyncio.sleep(0)
    assert (departments.current(), rules.current()) == (1, 2)


async def test_counters_end_with_their_database(tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path / 'other.db'}")
    cached = EpochCached(engine, EPOCH, times)
    assert cached.current() == 1
    gone = weakref.ref(cached._counters)
    engine.dispose()
    del engine, cached
    await asyncio.sleep(0)
    gc.collect()
    assert gone() is None


async def test_a_change_by_this_process_is_seen_in_the_same_turn(registry: Registry):
    cached = EpochCached(registry.engine, EPOCH, times)
    assert cached.current() == 1
    move(registry)
    assert cached.current() == 2


async def test_a_thread_beside_the_event_loop_always_asks(registry: Registry):
    cached = EpochCached(registry.engine, EPOCH, times)
    assert cached.current() == 1
    assert await asyncio.to_thread(lambda: (move(registry), cached.current())[1]) == 2
