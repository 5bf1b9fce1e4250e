"""Re-keying the index to a new version of its key while it is used, on each database."""

import asyncio
import random
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from gateway.errors import Code
from gateway.index import key_versions
from gateway.index.key_versions import KeyMovedOn
from gateway.index.model import Ambiguous, Found, Missing
from gateway.index.pointer_index import PointerIndex
from gateway.index.rekey import PointerRekeying, Step
from gateway.storage.database import open_database, write_transaction
from keys.errors import UnknownKey
from keys.subjects import SubjectTokens
from policies.identifiers import normalise, resident_id
from tests.support.index_node import BROKEN, PEOPLE, SCHEME, FixedClock, IndexNode, rekey, tokens

NODE = "spiffe://oncegate.test/department/civil/node/n1"
RESIDENT = "civil.resident"
HOUSEHOLD = "civil.household"
KEYS = {version: bytes([version]) * 32 for version in (1, 2, 3)}


def published(index: PointerIndex, people: int = 9) -> IndexNode:
    node = IndexNode(NODE, (RESIDENT, HOUSEHOLD))
    for person in PEOPLE[:people]:
        node.put(RESIDENT, person)
    node.put(HOUSEHOLD, PEOPLE[0])
    node.put(HOUSEHOLD, PEOPLE[0])
    node.put(HOUSEHOLD, BROKEN)
    node.connect(index)
    return node


def rows(engine: Engine) -> list[tuple[object, ...]]:
    query = (
        "SELECT p.token, l.resource, p.handle, p.key_version, p.version, p.updated_ms"
        " FROM index_pointers p, index_lists l WHERE l.id = p.list_id AND l.state = 'live'"
    )
    with engine.connect() as connection:
        return sorted((bytes(row[0]), row[1], bytes(row[2]), *row[3:]) for row in connection.execute(text(query)))


def begin(engine: Engine, version: int) -> None:
    with write_transaction(engine) as connection:
        key_versions.begin(connection, version)


def everything(engine: Engine) -> bytes:
    """All bytes in all columns of all tables of the index."""
    kept = []
    with engine.connect() as connection:
        for table in ("index_pointers", "index_lists", "index_nodes", "index_rejections", "index_keys"):
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                kept += [bytes(value) if isinstance(value, (bytes, memoryview)) else b"" for value in row]
    return b"|".join(kept)


def test_after_a_rotation_the_index_equals_one_that_was_built_with_the_new_key(
    engine: Engine, index: PointerIndex, clock: FixedClock
) -> None:
    node = published(index)
    assert rekey(engine, 2) == 11
    rekeyed = rows(engine)
    rekey(engine, 3)
    rekeyed_again = rows(engine)
    for version, found in ((2, rekeyed), (3, rekeyed_again)):
        with write_transaction(engine) as connection:
            for table in ("index_pointers", "index_lists", "index_nodes", "index_rejections", "index_keys"):
                connection.execute(text(f"DELETE FROM {table}"))
        for resource in (RESIDENT, HOUSEHOLD):
            for part in node.parts(resource, 4):
                fresh = PointerIndex(engine, tokens(version), clock, normalise)
                fresh.snapshot_part(NODE, node.state.outbox_id, part, allowed=node.allowed)
        assert rows(engine) == found


def test_no_token_of_the_old_version_is_left_in_any_table(engine: Engine, index: PointerIndex) -> None:
    published(index)
    old = [tokens(1).derive(SCHEME, person).value for person in PEOPLE[:9]]
    assert all(token in everything(engine) for token in old), "the search finds what is there"
    rekey(engine, 2)
    assert not [token for token in old if token in everything(engine)]


def test_a_vacuum_after_the_rotation_leaves_no_old_token_in_the_file(tmp_path: Path, clock: FixedClock) -> None:
    path = tmp_path / "gateway.db"
    engine = open_database(f"sqlite:///{path}")
    node = IndexNode(NODE, (RESIDENT,))
    people = [resident_id(f"110105{1940 + n % 60}0{1 + n % 9}{10 + n % 18}{n:03}") for n in range(900)]
    for person in people:
        node.put(RESIDENT, person)
    node.connect(PointerIndex(engine, tokens(1), clock, normalise))
    old = [tokens(1).derive(SCHEME, person).value for person in people]
    with engine.connect() as connection:
        # Pages that are full have to be split later, and splitting leaves copies behind.
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM"))
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    assert all(token in path.read_bytes() for token in old), "the search finds what is there"
    rekey(engine, 2, limit=100)
    engine.dispose()
    with closing(sqlite3.connect(path)) as base:
        base.execute("VACUUM")
    assert [file.name for file in tmp_path.iterdir()] == ["gateway.db"]
    assert not [token for token in old if token in path.read_bytes()]


def test_every_record_is_found_exactly_once_at_every_step(engine: Engine, index: PointerIndex) -> None:
    published(index)
    both = SubjectTokens({1: KEYS[1], 2: KEYS[2]}, 2)
    reader = PointerIndex(engine, both, FixedClock(), normalise)
    begin(engine, 2)
    work = PointerRekeying(engine, both)
    step = Step(0, b"")
    while step.after is not None:
        for person in PEOPLE[:9]:
            found = reader.find_all((RESIDENT, HOUSEHOLD), both.derive_every(SCHEME, person))
            assert isinstance(found[RESIDENT], Found)
            assert found[HOUSEHOLD] == (Ambiguous() if person == PEOPLE[0] else Missing())
        step = work.step(step.after, 2)


def test_a_look_up_whose_tokens_are_older_than_the_key_asks_for_the_newer_ones_too(
    engine: Engine, index: PointerIndex
) -> None:
    published(index)
    asked = tokens(1).derive_every(SCHEME, PEOPLE[0])
    living = tokens(1)
    reader = PointerIndex(engine, living, FixedClock(), normalise)
    living.learn(KEYS, 3)
    rekey(engine, 2)
    assert isinstance(reader.find(RESIDENT, asked), Found)
    rekey(engine, 3)
    assert isinstance(reader.find(RESIDENT, asked), Found)


def test_a_process_without_the_new_version_never_answers_that_there_is_no_record(
    engine: Engine, index: PointerIndex
) -> None:
    node = published(index)
    assert index.find(RESIDENT, tokens(1).derive_every(SCHEME, PEOPLE[11])) == Missing()
    begin(engine, 2)
    for person in (PEOPLE[0], PEOPLE[11]):
        with pytest.raises(KeyMovedOn) as refused:
            index.find(RESIDENT, tokens(1).derive_every(SCHEME, person))
        assert refused.value.code is Code.INTERNAL
    node.put(RESIDENT, PEOPLE[10])
    with pytest.raises(KeyMovedOn):
        index.apply(NODE, node.state.outbox_id, node.state.outbox, allowed=node.allowed)
    with pytest.raises(KeyMovedOn):
        index.snapshot_part(NODE, node.state.outbox_id, node.parts(RESIDENT, 3)[0], allowed=node.allowed)
    assert not index.needs_snapshot(NODE, node.state.outbox_id, node.state.last_sequence, node.allowed)


def test_tokens_made_just_before_the_rotation_are_written_under_the_new_version(
    engine: Engine, index: PointerIndex
) -> None:
    node = published(index)
    living = tokens(1)

    def normalise_while_the_key_changes(scheme: str, identifier: str) -> str:
        # The first delta's token is made under version 1, the others' under version 2.
        canonical = normalise(scheme, identifier)
        if identifier == PEOPLE[10]:
            living.learn({1: KEYS[1], 2: KEYS[2]}, 2)
            rekey(engine, 2)
        return canonical

    late = PointerIndex(engine, living, FixedClock(), normalise_while_the_key_changes)
    for person in PEOPLE[9:12]:
        node.put(RESIDENT, person)
    node.remove(HOUSEHOLD, next(iter(node.state.records[HOUSEHOLD])))
    late.apply(NODE, node.state.outbox_id, node.state.outbox, allowed=node.allowed)
    assert late.oldest_key_version() == 2
    for person in PEOPLE:
        assert isinstance(late.find(RESIDENT, (tokens(2).derive(SCHEME, person),)), Found)
    assert isinstance(late.find(HOUSEHOLD, (tokens(2).derive(SCHEME, PEOPLE[0]),)), Found)


def test_changes_that_arrive_meanwhile_find_their_rows_and_are_never_undone(
    engine: Engine, index: PointerIndex
) -> None:
    node = published(index)
    both = SubjectTokens({1: KEYS[1], 2: KEYS[2]}, 2)
    living = PointerIndex(engine, both, FixedClock(), normalise)
    begin(engine, 2)
    work = PointerRekeying(engine, both)
    changed, removed = sorted(node.state.records[RESIDENT])[:2]
    done = []

    def change_in_between(connection: object, cursor: object, statement: str, *_: object) -> None:
        # Right after the candidates were read and before they are written.
        if "key_version <" in statement and not done:
            done.append(True)
            node.put(RESIDENT, PEOPLE[11], changed)
            node.remove(RESIDENT, removed)
            outbox = tuple(node.state.outbox)
            thread = threading.Thread(
                target=lambda: living.apply(NODE, node.state.outbox_id, outbox, allowed=node.allowed)
            )
            thread.start()
            thread.join()

    event.listen(engine, "after_cursor_execute", change_in_between)
    try:
        step = work.step(None)
    finally:
        event.remove(engine, "after_cursor_execute", change_in_between)
    assert done
    while step.after is not None:
        step = work.step(step.after)
    for person in PEOPLE:
        for resource in (RESIDENT, HOUSEHOLD):
            expected = node.expected(resource, person)
            found = living.find(resource, (both.derive(SCHEME, person),))
            assert isinstance(found, (Missing, Found, Ambiguous)[min(len(expected), 2)])
    assert living.oldest_key_version() == 2


def test_the_new_version_is_not_in_force_before_writers_of_the_old_one_are_done(
    engine: Engine, index: PointerIndex
) -> None:
    published(index)
    began = threading.Event()

    def rotate() -> None:
        begin(engine, 2)
        began.set()

    with write_transaction(engine) as connection:
        assert key_versions.oldest_written(connection) == 1
        thread = threading.Thread(target=rotate)
        thread.start()
        assert not began.wait(0.3)
    thread.join(10)
    assert began.is_set()


def test_a_rotation_that_ends_is_told_from_one_that_only_began(engine: Engine) -> None:
    begin(engine, 2)
    with write_transaction(engine) as connection:
        assert (key_versions.oldest_written(connection), key_versions.rotated(connection)) == (2, 1)
        key_versions.finish(connection, 2)
        key_versions.finish(connection, 1)
        key_versions.begin(connection, 1)
        assert (key_versions.oldest_written(connection), key_versions.rotated(connection)) == (2, 2)


def test_a_row_of_an_impossible_version_stops_the_work_and_changes_nothing(engine: Engine, index: PointerIndex) -> None:
    published(index)
    with write_transaction(engine) as connection:
        connection.execute(text("UPDATE index_pointers SET key_version = 0"))
    before = rows(engine)
    begin(engine, 2)
    with pytest.raises(UnknownKey):
        PointerRekeying(engine, tokens(2)).step(None)
    assert rows(engine) == before


async def test_look_ups_in_other_threads_find_everybody_during_a_rotation(engine: Engine, index: PointerIndex) -> None:
    published(index)
    living = tokens(1)
    reader = PointerIndex(engine, living, FixedClock(), normalise)
    ended = threading.Event()

    def look() -> int:
        asked = 0
        while not ended.is_set() or asked < 5:
            for person in PEOPLE[:9]:
                assert isinstance(reader.find(RESIDENT, living.derive_every(SCHEME, person)), Found)
                asked += 1
        return asked

    looking = [asyncio.create_task(asyncio.to_thread(look)) for _ in range(2)]
    living.learn({1: KEYS[1], 2: KEYS[2]}, 2)
    await asyncio.to_thread(rekey, engine, 2, 1)
    living.learn(KEYS, 3)
    await asyncio.to_thread(rekey, engine, 3, 1)
    ended.set()
    assert all(count > 5 for count in await asyncio.gather(*looking))


async def test_deltas_that_arrive_all_the_time_and_the_rotation_never_stop_each_other(
    engine: Engine, index: PointerIndex
) -> None:
    node = published(index)
    rng = random.Random(7)
    for number in range(300):
        node.put(RESIDENT, PEOPLE[number % 12])
    node.connect(index)
    living = tokens(1)
    writer = PointerIndex(engine, living, FixedClock(), normalise)
    ended = threading.Event()

    def send() -> int:
        sent = 0
        while not ended.is_set() or not sent:
            handles = sorted(node.state.records[RESIDENT])
            for handle in rng.sample(handles, 40):
                node.put(RESIDENT, rng.choice(PEOPLE), handle)
            node.remove(RESIDENT, handles[0])
            node.put(RESIDENT, rng.choice(PEOPLE))
            node.connect(writer)
            sent += 1
        return sent

    sending = asyncio.create_task(asyncio.to_thread(send))
    for version in range(2, 6):
        living.learn({number: bytes([number]) * 32 for number in range(1, version + 1)}, version)
        await asyncio.to_thread(rekey_all, engine, version)
    ended.set()
    assert await sending
    assert writer.oldest_key_version() == 5
    for person in PEOPLE:
        expected = node.expected(RESIDENT, person)
        with engine.connect() as connection:
            query = text("SELECT handle FROM index_pointers WHERE token = :token ORDER BY handle")
            kept = connection.execute(query, {"token": tokens(5).derive(SCHEME, person).value})
            found = [bytes(handle) for (handle,) in kept]
        # The household list holds the first person twice more.
        assert len(found) == len(expected) + (2 if person == PEOPLE[0] else 0)
        assert {handle for handle, _ in expected} <= set(found)


def rekey_all(engine: Engine, version: int) -> None:
    """As a rotation does it: passes until nothing is left, because rows that are being written are passed over."""
    begin(engine, version)
    work = PointerRekeying(engine, tokens(version))
    left = 1
    while left:
        step = work.step(None, 50)
        while step.after is not None:
            step = work.step(step.after, 50)
        with engine.connect() as connection:
            left = key_versions.count_older(connection, version)
