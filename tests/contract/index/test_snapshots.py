"""Snapshots: staged, switched at once, and placed in the outbox's sequence, on each database."""

import pytest
from sqlalchemy import Engine, text

from gateway.errors import Code, Refused
from gateway.index.model import BadSequence, BadSnapshot, Found, Missing, PointerDelta, SnapshotApplied, SnapshotPart
from gateway.index.pointer_index import PointerIndex
from policies.identifiers import normalise
from tests.support.index_node import BROKEN, PEOPLE, SCHEME, FixedClock, IndexNode, rekey, tokens

NODE = "spiffe://oncegate.test/department/civil/node/n1"
RESIDENT = "civil.resident"
HOUSEHOLD = "civil.household"


def find(index: PointerIndex, person: int, resource: str = RESIDENT, key: int = 1) -> object:
    return index.find(resource, tokens(key).derive_every(SCHEME, PEOPLE[person]))


def published(index: PointerIndex, people: int = 5, resources: tuple[str, ...] = (RESIDENT,)) -> IndexNode:
    node = IndexNode(NODE, resources)
    for person in PEOPLE[:people]:
        node.put(RESIDENT, person)
    node.connect(index)
    assert index.pointers(NODE) == people
    return node


def send(index: PointerIndex, node: IndexNode, part: SnapshotPart) -> SnapshotApplied | None:
    return index.snapshot_part(node.name, node.state.outbox_id, part, allowed=node.allowed)


def test_a_snapshot_replaces_the_list_at_its_last_part_and_drops_what_is_missing(index: PointerIndex) -> None:
    node = published(index)
    node.lose_state()
    node.state.records[RESIDENT].pop(next(iter(node.state.records[RESIDENT])))
    *first, last = node.parts(RESIDENT, 2)
    before = find(index, 1)
    for part in first:
        assert send(index, node, part) is None
        assert find(index, 1) == before
        assert index.pointers(NODE) == 5
    applied = send(index, node, last)
    assert applied == SnapshotApplied(last.snapshot_id, node.state.last_sequence, ())
    assert find(index, 0) == Missing()
    assert isinstance(find(index, 1), Found)
    assert find(index, 1) != before
    assert index.pointers(NODE) == 4


def test_replaced_pointers_are_deleted_with_the_nodes_next_calls(index: PointerIndex, engine: Engine) -> None:
    node = published(index)
    node.lose_state()
    node.connect(index)
    node.put(RESIDENT, PEOPLE[6])
    node.connect(index)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM index_pointers")).scalar() == 6
        assert connection.execute(text("SELECT count(*) FROM index_lists")).scalar() == 1


def test_a_node_that_was_never_seen_needs_a_snapshot_only_if_it_has_counted(index: PointerIndex) -> None:
    assert not index.needs_snapshot(NODE, b"o" * 16, 0, (RESIDENT,))
    assert index.needs_snapshot(NODE, b"o" * 16, 1, (RESIDENT,))


def test_a_node_in_step_needs_no_snapshot(index: PointerIndex) -> None:
    node = published(index)
    assert not index.needs_snapshot(NODE, node.state.outbox_id, node.state.last_sequence, node.allowed)
    assert not index.needs_snapshot(NODE, node.state.outbox_id, node.state.last_sequence + 3, node.allowed)


def test_a_new_resource_needs_a_snapshot(index: PointerIndex) -> None:
    node = published(index)
    assert index.needs_snapshot(NODE, node.state.outbox_id, node.state.last_sequence, (RESIDENT, HOUSEHOLD))


def test_a_node_that_lost_its_state_needs_a_snapshot(index: PointerIndex) -> None:
    node = published(index)
    assert index.needs_snapshot(NODE, b"another outbox id", node.state.last_sequence)


def test_a_node_that_went_back_in_time_loses_no_later_change(index: PointerIndex) -> None:
    node = published(index, 3)
    old = node.backup()
    node.put(RESIDENT, PEOPLE[3])
    node.put(RESIDENT, PEOPLE[4])
    node.connect(index)
    node.restore(old)
    # The hello is the only moment at which the step back is visible: afterwards it counts on past the old position.
    assert index.needs_snapshot(NODE, node.state.outbox_id, node.state.last_sequence)
    for person in PEOPLE[5:9]:
        node.put(RESIDENT, person)
    assert node.state.last_sequence > 5
    assert index.needs_snapshot(NODE, node.state.outbox_id, node.state.last_sequence)
    node.connect(index)
    assert index.pointers(NODE) == 7
    assert isinstance(find(index, 5), Found)
    assert find(index, 3) == Missing()


def test_the_position_moves_only_when_every_listed_resource_has_its_snapshot(index: PointerIndex) -> None:
    node = IndexNode(NODE, (RESIDENT, HOUSEHOLD))
    for person in PEOPLE[:4]:
        node.put(RESIDENT, person)
        node.put(HOUSEHOLD, person)
    node.acknowledged(8)
    (one,) = node.parts(HOUSEHOLD, 9)
    applied = send(index, node, one)
    assert applied is not None
    assert applied.through == 0
    assert index.needs_snapshot(NODE, node.state.outbox_id, 8, node.allowed)
    (two,) = node.parts(RESIDENT, 9)
    applied = send(index, node, two)
    assert applied is not None
    assert applied.through == 8
    assert not index.needs_snapshot(NODE, node.state.outbox_id, 8, node.allowed)


def test_a_delta_that_the_snapshot_contains_is_left_out(index: PointerIndex) -> None:
    node = IndexNode(NODE, (RESIDENT, HOUSEHOLD))
    handle = node.put(RESIDENT, PEOPLE[0])
    node.put(RESIDENT, PEOPLE[1], handle)
    (part,) = node.parts(RESIDENT, 9)
    send(index, node, part)
    first = node.state.outbox[0]
    assert index.apply(NODE, node.state.outbox_id, [first], allowed=node.allowed).through == 1
    assert find(index, 0) == Missing()
    assert isinstance(find(index, 1), Found)


def test_the_sequence_of_a_lost_outbox_hides_no_delta_of_the_new_one(index: PointerIndex) -> None:
    node = published(index)
    node.lose_state()
    node.connect(index)
    assert index.outbox(NODE).acknowledged == 5  # type: ignore[union-attr]
    new = [PointerDelta(1, RESIDENT, b"h" * 16, SCHEME, PEOPLE[9], 1, 0)]
    assert index.apply(NODE, b"third outbox....", new, allowed=node.allowed).through == 1
    assert isinstance(find(index, 9), Found)


@pytest.mark.parametrize("order", [(1,), (0, 2), (0, 1, 1)])
def test_parts_that_do_not_follow_void_the_snapshot_and_the_live_list_stays(
    index: PointerIndex, order: tuple[int, ...]
) -> None:
    node = published(index)
    parts = node.parts(RESIDENT, 2)
    for number in order[:-1]:
        send(index, node, parts[number])
    for _ in range(2):
        with pytest.raises(BadSnapshot):
            send(index, node, parts[order[-1]])
    assert index.pointers(NODE) == 5


def test_parts_of_another_snapshot_or_outbox_void_the_snapshot(index: PointerIndex) -> None:
    node = published(index)
    first, second, _ = node.parts(RESIDENT, 2)
    send(index, node, first)
    with pytest.raises(BadSnapshot):
        send(index, node, node.parts(RESIDENT, 2)[1])
    send(index, node, first)
    with pytest.raises(BadSnapshot):
        index.snapshot_part(NODE, b"another outbox..", second, allowed=node.allowed)


def test_what_a_broken_stream_left_of_a_snapshot_is_discarded_at_the_next_hello(
    index: PointerIndex, engine: Engine
) -> None:
    node = published(index)
    first, second, _ = node.parts(RESIDENT, 2)
    send(index, node, first)
    assert not index.needs_snapshot(NODE, node.state.outbox_id, node.state.last_sequence)
    with pytest.raises(BadSnapshot):
        send(index, node, second)
    while index.clear(2):
        pass
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM index_pointers")).scalar() == 5


def test_part_zero_starts_again(index: PointerIndex) -> None:
    node = published(index)
    parts = node.parts(RESIDENT, 2)
    send(index, node, parts[0])
    send(index, node, parts[1])
    for part in node.parts(RESIDENT, 2):
        applied = send(index, node, part)
    assert applied is not None
    assert index.pointers(NODE) == 5


def test_a_wrong_total_voids_the_snapshot(index: PointerIndex) -> None:
    node = published(index)
    (part,) = node.parts(RESIDENT, 9)
    wrong = SnapshotPart(part.snapshot_id, RESIDENT, 0, part.entries[:2], True, 5, part.as_of_sequence)
    with pytest.raises(BadSnapshot):
        send(index, node, wrong)
    assert index.pointers(NODE) == 5


def test_a_snapshot_never_undoes_a_delta_that_was_acknowledged_meanwhile(index: PointerIndex) -> None:
    node = published(index)
    first, last = node.parts(RESIDENT, 3)
    send(index, node, first)
    node.put(RESIDENT, PEOPLE[8])
    index.apply(NODE, node.state.outbox_id, node.state.outbox, allowed=node.allowed)
    with pytest.raises(BadSnapshot):
        send(index, node, last)
    assert isinstance(find(index, 8), Found)


def test_the_last_part_may_come_again_when_its_acknowledgement_was_lost(index: PointerIndex) -> None:
    node = published(index)
    node.put(RESIDENT, BROKEN)
    node.acknowledged(6)
    for part in node.parts(RESIDENT, 4):
        applied = send(index, node, part)
    assert applied is not None
    assert applied.rejections
    assert send(index, node, part) == applied


def test_rejections_of_every_part_are_told_with_the_last(index: PointerIndex) -> None:
    node = published(index)
    node.put(RESIDENT, BROKEN)
    node.put(RESIDENT, "")
    gone = PointerDelta(0, RESIDENT, b"tombstone.......", tombstone=True)
    foreign = PointerDelta(0, HOUSEHOLD, b"foreign.........", SCHEME, PEOPLE[0], 1, 0)
    entries = (*node.parts(RESIDENT, 99)[0].entries, gone, foreign)
    snapshot = b"s" * 16
    assert send(index, node, SnapshotPart(snapshot, RESIDENT, 0, entries[:4])) is None
    applied = send(index, node, SnapshotPart(snapshot, RESIDENT, 1, entries[4:], True, 9, 9))
    assert applied is not None
    assert sorted(r.reason for r in applied.rejections) == [
        Code.BAD_FRAME,
        Code.BAD_IDENTIFIER,
        Code.BAD_IDENTIFIER,
        Code.UNKNOWN_RESOURCE,
    ]
    assert index.pointers(NODE) == 5


def test_a_handle_that_comes_twice_in_a_snapshot_counts_once_and_last(index: PointerIndex) -> None:
    node = published(index, 1)
    twice = tuple(
        PointerDelta(0, RESIDENT, b"h" * 16, SCHEME, person, 1, 0) for person in (PEOPLE[1], BROKEN, PEOPLE[2])
    )
    applied = send(index, node, SnapshotPart(b"s" * 16, RESIDENT, 0, twice, True, 3, 1))
    assert applied is not None
    assert applied.rejections == ()
    assert index.pointers(NODE) == 1
    assert isinstance(find(index, 2), Found)


def test_an_empty_snapshot_empties_the_list(index: PointerIndex) -> None:
    node = published(index)
    node.state.records[RESIDENT].clear()
    (part,) = node.parts(RESIDENT, 3)
    assert send(index, node, part) is not None
    assert index.pointers(NODE) == 0


def test_a_snapshot_of_a_resource_that_is_not_the_nodes_is_refused(index: PointerIndex) -> None:
    node = published(index)
    with pytest.raises(Refused) as refused:
        send(index, node, SnapshotPart(b"s" * 16, "tax.income", 0, (), True, 0, 9))
    assert refused.value.code is Code.UNKNOWN_RESOURCE


def test_after_a_gap_snapshots_bring_the_node_back_into_step(index: PointerIndex) -> None:
    node = published(index)
    node.put(RESIDENT, PEOPLE[6])
    node.acknowledged(6)
    node.put(RESIDENT, PEOPLE[7])
    with pytest.raises(BadSequence):
        index.apply(NODE, node.state.outbox_id, node.state.outbox, allowed=node.allowed)
    node.connect(index)
    assert index.pointers(NODE) == 7
    assert not index.needs_snapshot(NODE, node.state.outbox_id, node.state.last_sequence, node.allowed)


def test_rotating_the_index_key_asks_for_no_snapshot_and_keeps_every_record_found_meanwhile(
    engine: Engine, index: PointerIndex, clock: FixedClock
) -> None:
    node = published(index)
    rotated = PointerIndex(engine, tokens(2), clock, normalise)
    node.put(RESIDENT, PEOPLE[7])
    rotated.apply(NODE, node.state.outbox_id, node.state.outbox, allowed=node.allowed)
    assert all(isinstance(find(rotated, person, key=2), Found) for person in (0, 4, 7))
    assert not rotated.needs_snapshot(NODE, node.state.outbox_id, 6)
    assert rotated.oldest_key_version() == 1
    assert rekey(engine, 2) == 5
    assert rotated.oldest_key_version() == 2
    assert not rotated.needs_snapshot(NODE, node.state.outbox_id, 6)
    only_new = tokens(2).derive(SCHEME, PEOPLE[0])
    assert isinstance(rotated.find(RESIDENT, (only_new,)), Found)


def test_a_snapshot_that_is_under_way_when_the_key_is_rotated_comes_into_force(
    engine: Engine, index: PointerIndex, clock: FixedClock
) -> None:
    node = published(index)
    first, *rest = node.parts(RESIDENT, 3)
    send(index, node, first)
    rotated = PointerIndex(engine, tokens(2), clock, normalise)
    rekey(engine, 2)
    assert [send(rotated, node, part) for part in rest][-1] is not None
    assert rotated.oldest_key_version() == 2
    assert all(isinstance(find(rotated, person, key=2), Found) for person in range(5))


def test_a_resource_that_the_node_offers_no_more_leaves_nobody_in_the_index(
    index: PointerIndex, engine: Engine
) -> None:
    node = published(index, resources=(RESIDENT, HOUSEHOLD))
    node.put(HOUSEHOLD, PEOPLE[0])
    node.connect(index)
    index.needs_snapshot(NODE, node.state.outbox_id, node.state.last_sequence, (HOUSEHOLD,))
    assert find(index, 0) == Missing()
    assert isinstance(find(index, 0, HOUSEHOLD), Found)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM index_pointers")).scalar() == 1
