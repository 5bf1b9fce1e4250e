"""The node's own database: durable or an error, one process, handles and sequence numbers that only grow."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nodes.errors import StateUnusable
from nodes.provider.config import Handles
from nodes.provider.connectors import BadRow
from nodes.provider.model import DeltaRejection
from nodes.provider.state import (
    Outbox,
    Records,
    Scans,
    State,
    open_reader,
    open_state,
)
from nodes.provider.state.records import PART, Seen

R = "civil.resident"
SCHEME = "cn.resident-id"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "node.sqlite"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    state = open_state(path)
    yield state
    state.close()


def seen(key: str, identifier: str = "A", digest: bytes = b"d1", updated_ms: int = 5) -> Seen:
    return Seen(key, identifier, digest, updated_ms)


def publish(state: State, *records: Seen, handles: Handles = Handles.RANDOM, listed: bool = True) -> int:
    return Records(state).publish(R, SCHEME, handles, records, listed=listed)


# Opening.


def test_its_files_are_private_and_a_second_process_is_refused(state: State, path: Path) -> None:
    assert {file.name: file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {
        file.name: 0 for file in path.parent.iterdir()
    }
    with pytest.raises(StateUnusable, match="another process uses it"):
        open_state(path)


def test_what_was_written_is_there_after_opening_again(path: Path) -> None:
    state = open_state(path)
    publish(state, seen("s:1"))
    before = Outbox(state).position()
    state.close()
    state.close()
    again = open_state(path)
    assert Outbox(again).position() == before
    assert before.last_sequence == 1
    again.close()


def test_the_outbox_says_up_to_where_it_has_forgotten(state: State) -> None:
    outbox = Outbox(state)
    assert outbox.position().acknowledged == 0
    publish(state, seen("s:1"), seen("s:2"), seen("s:3"))
    assert (outbox.position().last_sequence, outbox.position().acknowledged) == (3, 0)
    outbox.acknowledge(2, ())
    assert (outbox.position().last_sequence, outbox.position().acknowledged) == (3, 2)
    outbox.acknowledge(3, ())
    assert (outbox.position().last_sequence, outbox.position().acknowledged) == (3, 3)


def test_a_lost_state_is_another_outbox(path: Path) -> None:
    state = open_state(path)
    first = Outbox(state).position().outbox_id
    state.close()
    path.unlink()
    again = open_state(path)
    assert Outbox(again).position().outbox_id != first
    again.close()


def test_a_state_without_its_secret_or_with_a_readable_one_is_refused(path: Path) -> None:
    open_state(path).close()
    key = path.with_name("node.sqlite.key")
    key.chmod(0o640)
    with pytest.raises(StateUnusable, match="readable by others"):
        open_state(path)
    key.unlink()
    with pytest.raises(StateUnusable, match="missing"):
        open_state(path)


def test_what_is_not_a_state_is_refused(path: Path, tmp_path: Path) -> None:
    open_state(path).close()
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(StateUnusable, match="DatabaseError"):
        open_state(path)
    with pytest.raises(StateUnusable, match="no state"):
        open_reader(path)
    with pytest.raises(StateUnusable, match="no state"):
        open_reader(tmp_path / "none.sqlite")
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnusable, match="folder"):
        open_state(tmp_path / "file" / "node.sqlite")


def test_a_state_of_another_version_is_refused(path: Path) -> None:
    open_state(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StateUnusable, match="another version"):
        open_state(path)


# Writing.


def test_writes_that_wait_together_share_one_commit_and_one_that_fails_is_undone_alone(state: State) -> None:
    go, begun = threading.Event(), threading.Event()

    def hold(_connection: sqlite3.Connection) -> None:
        begun.set()
        assert go.wait(10)

    def good(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO rejected VALUES (x'01', 'X')")
        return connection.total_changes

    def bad(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO rejected VALUES (x'02', 'X')")
        connection.execute("INSERT INTO rejected VALUES (x'02', 'X')")

    first = state.submit(hold)
    assert begun.wait(10)
    futures = [state.submit(good), state.submit(bad)]
    go.set()
    first.result(10)
    assert isinstance(futures[0].result(10), int)
    with pytest.raises(sqlite3.IntegrityError):
        futures[1].result(10)
    assert state.reader().execute("SELECT handle FROM rejected").fetchall() == [(b"\x01",)]


def test_a_caller_that_gives_up_leaves_the_writer_running(state: State) -> None:
    """A cancelled write once ended the writer's thread, and then everything waited for ever."""
    held, go = threading.Event(), threading.Event()

    def hold(_connection: sqlite3.Connection) -> None:
        held.set()
        go.wait(5)

    running = state.submit(hold)
    held.wait(5)
    given_up = state.submit(lambda connection: connection.execute("INSERT INTO meta VALUES ('given up', 1)"))
    assert given_up.cancel()
    assert not running.cancel()
    go.set()
    running.result(5)
    assert state.submit(lambda connection: connection.execute("SELECT 1").fetchone()).result(5) == (1,)
    assert state.reader().execute("SELECT count(*) FROM meta WHERE name = 'given up'").fetchone() == (0,)


def test_a_full_disk_fails_every_write_of_the_group_and_later_writes_go_on(state: State) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    state.write(fill)
    with pytest.raises(StateUnusable, match="cannot write"):
        publish(state, *(seen(f"s:{number}", digest=b"x" * 3000) for number in range(100)))
    assert Outbox(state).position().last_sequence == 0
    assert Records(state).live_count(R) == 0
    state.write(lambda connection: connection.execute("PRAGMA max_page_count = 100000"))
    assert publish(state, seen("s:1")) == 1


def test_a_reader_cannot_write_and_a_closed_state_takes_no_writes(path: Path) -> None:
    state = open_state(path)
    with pytest.raises(sqlite3.OperationalError):
        state.reader().execute("DELETE FROM meta")
    state.close()
    late = state.submit(lambda _connection: None)
    with pytest.raises(StateUnusable, match="closed"):
        late.result(1)


# Records and outbox.


def test_only_what_changed_is_published_and_versions_grow(state: State) -> None:
    assert publish(state, seen("s:1"), seen("s:2", "B")) == 2
    assert publish(state, seen("s:1"), seen("s:2", "B")) == 0
    assert publish(state, seen("s:1", digest=b"d2", updated_ms=6)) == 1
    deltas = Outbox(state).pending(0, 10)
    assert [(d.sequence, d.subject_identifier, d.version, d.updated_ms, d.tombstone) for d in deltas] == [
        (1, "A", 1, 5, False),
        (2, "B", 1, 5, False),
        (3, "A", 2, 6, False),
    ]
    assert deltas[0].handle == deltas[2].handle != deltas[1].handle
    assert {len(d.handle) for d in deltas} == {16}


def test_a_record_that_goes_and_comes_back_keeps_its_handle_and_its_version_grows(state: State) -> None:
    publish(state, seen("s:1"))
    Records(state).withdraw(R, ["s:1", "s:none"], listed=True)
    Records(state).withdraw(R, ["s:1"], listed=True)
    publish(state, seen("s:1"))
    deltas = Outbox(state).pending(0, 10)
    assert [(d.sequence, d.version, d.tombstone) for d in deltas] == [(1, 1, False), (2, 2, True), (3, 3, False)]
    assert len({d.handle for d in deltas}) == 1
    assert (deltas[1].subject_scheme, deltas[1].subject_identifier) == ("", "")


def test_a_record_that_is_gone_leaves_no_identifier_behind(state: State) -> None:
    publish(state, seen("s:1", "110101199003070011"))
    Records(state).withdraw(R, ["s:1"], listed=True)
    Outbox(state).acknowledge(2, [])
    tables = [row[0] for row in state.reader().execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in tables:
        assert "110101199003070011" not in str(state.reader().execute(f"SELECT * FROM {table}").fetchall())


def test_keyed_handles_are_the_same_after_the_state_was_lost_and_random_ones_are_not(path: Path) -> None:
    found: list[set[bytes]] = []
    for _ in range(2):
        state = open_state(path)
        publish(state, seen("s:1"), handles=Handles.KEYED)
        publish(state, seen("s:2"), handles=Handles.RANDOM)
        found.append({delta.handle for delta in Outbox(state).pending(0, 10)})
        state.close()
        path.unlink()
    assert len(found[0] & found[1]) == 1
    assert b"s:1" not in b"".join(found[0])


def test_sequences_go_on_after_everything_was_acknowledged_and_over_a_restart(path: Path) -> None:
    state = open_state(path)
    publish(state, seen("s:1"), seen("s:2"))
    outbox = Outbox(state)
    outbox.acknowledge(1, [DeltaRejection(1, b"h" * 16, "BAD_IDENTIFIER")])
    assert [delta.sequence for delta in outbox.pending(0, 10)] == [2]
    outbox.acknowledge(2, [])
    assert outbox.rejections() == [(b"h" * 16, "BAD_IDENTIFIER")]
    handle = next(
        iter(Records(state).by_handle(R, [row[0] for row in state.reader().execute("SELECT handle FROM records")]))
    )
    outbox.acknowledge(2, [DeltaRejection(2, handle, "BAD_IDENTIFIER")])
    key = state.reader().execute("SELECT key FROM records WHERE handle = ?", (handle,)).fetchone()[0]
    publish(state, seen(key, digest=b"mended"))
    assert outbox.rejections() == [(b"h" * 16, "BAD_IDENTIFIER")]
    outbox.acknowledge(3, [])
    state.close()
    again = open_state(path)
    publish(again, seen("s:3"))
    assert [delta.sequence for delta in Outbox(again).pending(0, 10)] == [4]
    again.close()


def test_an_unlisted_resource_puts_nothing_into_the_outbox(state: State) -> None:
    publish(state, seen("s:1"), listed=False)
    Records(state).withdraw(R, ["s:1"], listed=False)
    assert Outbox(state).position().last_sequence == 0
    as_of, parts = Outbox(state).snapshot(R, SCHEME, listed=False)
    assert (as_of, list(parts)) == (0, [])


def test_a_snapshot_holds_every_live_record_once(state: State) -> None:
    records = [seen(f"i:{number}", f"P{number}") for number in range(PART + 7)]
    publish(state, *records[:PART])
    publish(state, *records[PART:])
    Records(state).withdraw(R, ["i:3"], listed=True)
    as_of, parts = Outbox(state).snapshot(R, SCHEME, listed=True)
    entries = [entry for part in parts for entry in part]
    assert as_of == PART + 8
    assert {entry.subject_identifier for entry in entries} == {f"P{n}" for n in range(PART + 7)} - {"P3"}
    assert len(entries) == PART + 6
    assert {entry.sequence for entry in entries} == {0}


def test_handles_lead_to_live_records_and_tell_whether_the_subject_is_unique(state: State) -> None:
    publish(state, seen("s:1", "A"), seen("s:2", "B"), seen("s:3", "B"), seen("s:4", "C"))
    handles = {delta.subject_identifier + delta.handle.hex(): delta.handle for delta in Outbox(state).pending(0, 10)}
    records = Records(state)
    records.withdraw(R, ["s:4"], listed=True)
    found = records.by_handle(R, list(handles.values()))
    assert sorted((one.key, one.unique) for one in found.values()) == [("s:1", True), ("s:2", False), ("s:3", False)]
    assert records.by_handle("civil.other", list(handles.values())) == {}
    one, none = records.by_identifier(R, "A"), records.by_identifier(R, "C")
    assert one is not None
    assert (one.key, one.unique) == ("s:1", True)
    assert none is None
    two = records.by_identifier(R, "B")
    assert two is not None
    assert not two.unique


def test_digests_depend_on_every_value_its_place_and_the_nodes_secret(state: State, tmp_path: Path) -> None:
    records = Records(state)
    lists: list[list[str | None]] = [["a", "b"], ["ab", ""], ["a", None], ["a", ""], ["b", "a"], ["a"], []]
    digests = {records.digest(R, values) for values in lists}
    assert len(digests) == len(lists)
    assert records.digest(R, ["a"]) != records.digest("civil.other", ["a"])
    other = open_state(tmp_path / "other.sqlite")
    assert Records(other).digest(R, ["a"]) != records.digest(R, ["a"])
    other.close()


def test_records_of_resources_no_longer_offered_are_withdrawn_without_a_word(state: State) -> None:
    publish(state, seen("s:1"))
    assert Records(state).withdraw_other_resources([R]) == 0
    assert Records(state).withdraw_other_resources([]) == 1
    assert Records(state).live_count(R) == 0
    assert Outbox(state).position().last_sequence == 1


# Comparisons.


def test_a_failed_comparison_keeps_when_the_last_one_succeeded(state: State) -> None:
    scans = Scans(state)
    scans.failed(R, 5, "down")
    assert (scans.reports()[R].synced_ms, scans.reports()[R].failure) == (0, "down")
    scans.succeeded(R, 10, 3, 2, [BadRow(7, "has 2 cells, expected 3"), BadRow(None, "x")])
    scans.failed(R, 20, "down again")
    report = scans.reports()[R]
    assert (report.synced_ms, report.tried_ms, report.failure, report.good, report.bad) == (10, 20, "down again", 3, 2)
    assert [(note.line, note.rule) for note in scans.notes(R)] == [(None, "x"), (7, "has 2 cells, expected 3")]
    scans.succeeded(R, 30, 3, 0, [])
    assert scans.notes(R) == []
    assert scans.reports()[R].failure == ""


# What a look-up costs.


def steps(state: State, look_up: Callable[[], object]) -> int:
    """Instructions of SQLite's virtual machine that a look-up takes, in hundreds."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    state.reader().set_progress_handler(step, 10)
    look_up()
    state.reader().set_progress_handler(None, 10)
    return count


def test_a_look_up_costs_the_same_among_few_records_and_among_many(state: State) -> None:
    records = Records(state)
    costs = []
    for count in (40, 4000):
        publish(state, *(seen(f"i{number}", identifier=f"P{number}") for number in range(count)))
        handles = dict(state.reader().execute("SELECT key, handle FROM records"))
        costs.append(
            (
                steps(state, lambda handles=handles: records.by_handle(R, [handles["i7"]])),
                steps(state, lambda: records.by_identifier(R, "P7")),
                steps(state, lambda: records.decoy(R, bytes(16))),
            )
        )
    few, many = costs
    assert all(most <= 2 * least + 2 for least, most in zip(few, many, strict=True)), costs


def test_finding_a_decoy_costs_what_finding_a_record_costs(state: State) -> None:
    records = Records(state)
    publish(state, *(seen(f"i{number}", identifier=f"P{number}") for number in range(500)))
    (handle,) = state.reader().execute("SELECT handle FROM records WHERE key = 'i7'").fetchone()
    found = steps(state, lambda: records.by_handle(R, [handle]))
    decoy = steps(state, lambda: records.decoy(R, bytes(16)))
    assert abs(found - decoy) <= 3, (found, decoy)


def test_a_decoy_is_another_record_each_time(state: State) -> None:
    records = Records(state)
    publish(state, *(seen(f"i{number}", identifier=f"P{number}") for number in range(200)))
    assert len({records.decoy(R, os.urandom(16)) for _ in range(50)}) > 10
    # Behind the last handle it begins again at the first.
    assert records.decoy(R, b"\xff" * 16) is not None
    assert records.decoy("civil.other", bytes(16)) is None
