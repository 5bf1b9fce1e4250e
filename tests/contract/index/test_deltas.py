"""Deltas: every rule of the sequence, on each database."""

import pytest
from sqlalchemy import Engine, event, text

from gateway.errors import Code
from gateway.index.model import Ambiguous, BadSequence, Found, Missing, PointerDelta, Rejection
from gateway.index.pointer_index import PointerIndex
from policies.identifiers import normalise
from tests.support.index_node import BROKEN, PEOPLE, SCHEME, FixedClock, IndexNode, tokens

NODE = "spiffe://oncegate.test/department/civil/node/n1"
OUTBOX = b"outbox-1".ljust(16)
RESIDENT = "civil.resident"
ALLOWED = frozenset({RESIDENT, "civil.household"})


def handle(n: int) -> bytes:
    return n.to_bytes(16, "big")


def delta(sequence: int, person: int = 0, *, h: int | None = None, **changes: object) -> PointerDelta:
    values: dict[str, object] = {
        "sequence": sequence,
        "resource": RESIDENT,
        "handle": handle(person if h is None else h),
        "subject_scheme": SCHEME,
        "subject_identifier": PEOPLE[person],
        "version": sequence,
        "updated_ms": sequence * 10,
    }
    return PointerDelta(**{**values, **changes})  # type: ignore[arg-type]


def find(index: PointerIndex, person: int, resource: str = RESIDENT) -> object:
    return index.find(resource, tokens().derive_every(SCHEME, PEOPLE[person]))


def test_a_record_is_found_by_its_subject_after_its_delta(index: PointerIndex) -> None:
    assert find(index, 0) == Missing()
    assert index.apply(NODE, OUTBOX, [delta(1), delta(2, 1)], allowed=ALLOWED).through == 2
    assert find(index, 0) == Found(handle(0), 1, 10, NODE)
    assert find(index, 1) == Found(handle(1), 2, 20, NODE)
    assert find(index, 2) == Missing()
    assert find(index, 0, "civil.household") == Missing()


def test_typed_variants_of_an_identifier_lead_to_one_record(index: PointerIndex) -> None:
    typed = PEOPLE[0].lower().translate({ord("1"): "１"})
    index.apply(NODE, OUTBOX, [delta(1, subject_identifier=f" {typed} ")], allowed=ALLOWED)
    assert isinstance(find(index, 0), Found)


def test_two_records_of_one_subject_are_ambiguous_and_neither_is_guessed(index: PointerIndex) -> None:
    index.apply(NODE, OUTBOX, [delta(1), delta(2, 0, h=7)], allowed=ALLOWED)
    assert find(index, 0) == Ambiguous()
    index.apply(NODE, OUTBOX, [delta(3, 0, h=8)], allowed=ALLOWED)
    assert find(index, 0) == Ambiguous()


def test_several_resources_are_found_by_one_look_up(index: PointerIndex) -> None:
    index.apply(NODE, OUTBOX, [delta(1), delta(2, resource="civil.household")], allowed=ALLOWED)
    found = index.find_all(("civil.household", RESIDENT, "other.thing"), tokens().derive_every(SCHEME, PEOPLE[0]))
    assert {code: type(result) for code, result in found.items()} == {
        "civil.household": Found,
        RESIDENT: Found,
        "other.thing": Missing,
    }


def test_a_tombstone_takes_the_pointer_away(index: PointerIndex) -> None:
    index.apply(NODE, OUTBOX, [delta(1)], allowed=ALLOWED)
    gone = delta(2, tombstone=True, subject_scheme="", subject_identifier="")
    assert index.apply(NODE, OUTBOX, [gone], allowed=ALLOWED).rejections == ()
    assert find(index, 0) == Missing()
    assert index.pointers(NODE) == 0


def test_of_several_deltas_of_one_record_in_a_frame_the_last_counts(index: PointerIndex) -> None:
    gone = delta(2, tombstone=True)
    index.apply(
        NODE, OUTBOX, [delta(1), gone, delta(3, 1, h=0), delta(4, 2), delta(5, 2, tombstone=True)], allowed=ALLOWED
    )
    assert find(index, 0) == Missing()
    assert find(index, 1) == Found(handle(0), 3, 30, NODE)
    assert find(index, 2) == Missing()


def test_a_record_that_changes_its_subject_leaves_the_old_one(index: PointerIndex) -> None:
    index.apply(NODE, OUTBOX, [delta(1)], allowed=ALLOWED)
    index.apply(NODE, OUTBOX, [delta(2, 1, h=0)], allowed=ALLOWED)
    assert find(index, 0) == Missing()
    assert find(index, 1) == Found(handle(0), 2, 20, NODE)


def test_what_was_acknowledged_before_is_ignored(index: PointerIndex) -> None:
    index.apply(NODE, OUTBOX, [delta(1), delta(2, 1)], allowed=ALLOWED)
    repeated = index.apply(NODE, OUTBOX, [delta(1, 5, h=0)], allowed=ALLOWED)
    assert repeated.through == 2
    assert isinstance(find(index, 0), Found)
    overlapping = index.apply(NODE, OUTBOX, [delta(2, 5, h=1), delta(3, 2)], allowed=ALLOWED)
    assert overlapping.through == 3
    assert isinstance(find(index, 1), Found)
    assert isinstance(find(index, 2), Found)


def test_a_gap_is_refused_nothing_is_applied_and_snapshots_are_needed(index: PointerIndex) -> None:
    index.apply(NODE, OUTBOX, [delta(1)], allowed=ALLOWED)
    assert not index.needs_snapshot(NODE, OUTBOX, 1)
    with pytest.raises(BadSequence) as refused:
        index.apply(NODE, OUTBOX, [delta(3, 2)], allowed=ALLOWED)
    assert refused.value.expected == 2
    assert find(index, 2) == Missing()
    assert index.outbox(NODE).acknowledged == 1  # type: ignore[union-attr]
    assert index.needs_snapshot(NODE, OUTBOX, 3)


@pytest.mark.parametrize("sequences", [(1, 3), (2, 1), (0, 1), (1, 1)])
def test_a_frame_whose_sequences_do_not_follow_each_other_is_refused(
    index: PointerIndex, sequences: tuple[int, int]
) -> None:
    with pytest.raises(BadSequence):
        index.apply(NODE, OUTBOX, [delta(s, n) for n, s in enumerate(sequences)], allowed=ALLOWED)
    assert index.pointers(NODE) == 0


def test_an_empty_frame_changes_nothing(index: PointerIndex) -> None:
    assert index.apply(NODE, OUTBOX, [], allowed=ALLOWED).through == 0
    assert index.outbox(NODE) is None


def test_a_node_touches_only_the_resources_it_may_publish(index: PointerIndex) -> None:
    applied = index.apply(NODE, OUTBOX, [delta(1, resource="tax.income"), delta(2, 1)], allowed=ALLOWED)
    assert applied.through == 2
    assert applied.rejections == (Rejection(1, handle(0), Code.UNKNOWN_RESOURCE),)
    assert find(index, 0, "tax.income") == Missing()
    assert isinstance(find(index, 1), Found)


def test_a_bad_identifier_is_rejected_and_the_others_are_indexed(index: PointerIndex) -> None:
    bad = delta(1, subject_identifier=BROKEN)
    unknown = delta(2, 2, subject_scheme="xx.unknown")
    short = delta(3, 3, handle=b"short")
    applied = index.apply(NODE, OUTBOX, [bad, unknown, short, delta(4, 1)], allowed=ALLOWED)
    assert [(r.sequence, r.reason) for r in applied.rejections] == [
        (1, Code.BAD_IDENTIFIER),
        (2, Code.BAD_IDENTIFIER),
        (3, Code.BAD_FRAME),
    ]
    assert index.pointers(NODE) == 1
    assert index.rejected(NODE) == {(RESIDENT, "BAD_IDENTIFIER"): 2, (RESIDENT, "BAD_FRAME"): 1}


def test_a_record_whose_identifier_turns_bad_loses_its_pointer(index: PointerIndex) -> None:
    index.apply(NODE, OUTBOX, [delta(1)], allowed=ALLOWED)
    index.apply(NODE, OUTBOX, [delta(2, subject_identifier=BROKEN)], allowed=ALLOWED)
    assert find(index, 0) == Missing()


def test_a_rejection_is_forgotten_once_the_record_is_indexed_or_gone(index: PointerIndex) -> None:
    bad = [delta(n + 1, n, subject_identifier=BROKEN) for n in range(3)]
    index.apply(NODE, OUTBOX, bad, allowed=ALLOWED)
    index.apply(NODE, OUTBOX, [delta(4, 0), delta(5, 1, tombstone=True)], allowed=ALLOWED)
    assert index.rejected(NODE) == {(RESIDENT, "BAD_IDENTIFIER"): 1}


def test_rejections_are_told_again_when_a_frame_comes_again(index: PointerIndex) -> None:
    frame = [delta(1, subject_identifier=BROKEN)]
    first = index.apply(NODE, OUTBOX, frame, allowed=ALLOWED)
    assert index.apply(NODE, OUTBOX, frame, allowed=ALLOWED) == first


def test_nodes_do_not_touch_each_others_records(index: PointerIndex) -> None:
    other = NODE.replace("n1", "n2")
    index.apply(NODE, OUTBOX, [delta(1)], allowed=ALLOWED)
    index.apply(other, OUTBOX, [delta(1, tombstone=True)], allowed=ALLOWED)
    assert isinstance(find(index, 0), Found)
    index.apply(other, OUTBOX, [delta(2)], allowed=ALLOWED)
    assert find(index, 0) == Ambiguous()


def test_when_the_commit_fails_neither_deltas_nor_position_are_kept(engine: Engine, index: PointerIndex) -> None:
    index.apply(NODE, OUTBOX, [delta(1)], allowed=ALLOWED)

    def power_cut(_connection: object) -> None:
        raise OSError("power cut")

    event.listen(engine, "commit", power_cut)
    try:
        with pytest.raises(OSError, match="power cut"):
            index.apply(NODE, OUTBOX, [delta(2, 1)], allowed=ALLOWED)
    finally:
        event.remove(engine, "commit", power_cut)
    assert find(index, 1) == Missing()
    assert index.outbox(NODE).acknowledged == 1  # type: ignore[union-attr]
    index.apply(NODE, OUTBOX, [delta(2, 1)], allowed=ALLOWED)
    assert isinstance(find(index, 1), Found)


def test_when_the_node_lists_change_position_is_the_same_for_every_reader(
    engine: Engine, index: PointerIndex, clock: FixedClock
) -> None:
    index.apply(NODE, OUTBOX, [delta(1)], allowed=ALLOWED)
    again = PointerIndex(engine, tokens(), clock, normalise)
    assert again.outbox(NODE) == index.outbox(NODE)
    assert isinstance(find(again, 0), Found)


def test_no_identifier_is_kept_at_rest(engine: Engine, index: PointerIndex) -> None:
    marked = handle(0x0A1B2C3D)
    index.apply(NODE, OUTBOX, [delta(1, handle=marked), delta(2, 1, subject_identifier=BROKEN)], allowed=ALLOWED)
    with engine.connect() as connection:
        dump = b"".join(
            str(value).encode() if not isinstance(value, (bytes, memoryview)) else bytes(value)
            for table in ("index_pointers", "index_lists", "index_nodes", "index_rejections")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
            for value in row
        )
    assert marked in dump, "the search must be able to find what is there"
    assert PEOPLE[0].encode() not in dump
    assert BROKEN.encode() not in dump
    assert PEOPLE[0] not in repr(delta(1))


def test_synced_time_is_kept_never_goes_back_and_never_lies_in_the_future(engine: Engine, clock: FixedClock) -> None:
    index = PointerIndex(engine, tokens(), clock, normalise)
    assert index.synced(NODE) == 0
    index.mark_synced(NODE, 5_000)
    index.mark_synced(NODE, 4_000)
    assert PointerIndex(engine, tokens(), clock, normalise).synced(NODE) == 5_000
    index.mark_synced(NODE, clock.at_ms + 60_000)
    assert index.synced(NODE) == clock.at_ms
    assert index.outbox(NODE) is None


def test_a_removed_node_is_found_no_more_and_its_rows_are_cleared(index: PointerIndex, engine: Engine) -> None:
    node = IndexNode(NODE, (RESIDENT,))
    for person in PEOPLE[:7]:
        node.put(RESIDENT, person)
    node.connect(index)
    assert index.pointers(NODE) == 7
    index.remove_node(NODE)
    assert find(index, 0) == Missing()
    assert index.outbox(NODE) is None
    cleared = [index.clear(3) for _ in range(5)]
    assert cleared == [3, 3, 2, 0, 0]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM index_pointers")).scalar() == 0
