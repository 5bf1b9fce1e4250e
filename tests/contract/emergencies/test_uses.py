"""The register of emergency uses on every database."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine

from gateway.emergencies.findings import Outcome
from gateway.emergencies.summary import Summary
from gateway.emergencies.tables import USES
from gateway.emergencies.uses import (
    EmergencyUse,
    EmergencyUses,
    NewUse,
    State,
    blocked,
    note_overdue,
    note_review,
    note_uses,
)
from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from tests.support.index_node import FixedClock

HOUR_MS = 3_600_000
PERSON, OTHER = b"p" * 16, b"o" * 16


@pytest.fixture
def uses(engine: Engine, clock: FixedClock) -> EmergencyUses:
    with write_transaction(engine) as connection:
        connection.execute(USES.delete())
    return EmergencyUses(engine, clock)


def new(clock: FixedClock, **changes: object) -> NewUse:
    now = clock.now_ms()
    use = NewUse(
        person_id=PERSON,
        provider="civil",
        consumer="education",
        system="spiffe://gov.test/department/education/system/school",
        resource="civil.resident",
        agreement_id="civil-emergency",
        agreement_revision=1,
        reason="life_saving_care",
        asked_ms=now,
        due_ms=now + HOUR_MS,
        person_from_ms=now,
        law="",
    )
    return replace(use, **changes)  # type: ignore[arg-type]


def note(engine: Engine, *noted: NewUse, entry: int = 7) -> None:
    with write_transaction(engine) as connection:
        note_uses(connection, entry, noted)


def review(connection: Connection, use: EmergencyUse, outcome: Outcome, due_ms: int = 0) -> bool:
    return note_review(connection, use.use_id, outcome, 1, 50, follow_up_due_ms=due_ms)


def ids(found: Sequence[EmergencyUse]) -> list[bytes]:
    return [use.use_id for use in found]


def test_a_use_is_kept_as_it_was_noted(engine: Engine, uses: EmergencyUses, clock: FixedClock) -> None:
    note(engine, new(clock), entry=42)
    [use] = uses.list(State.ALL)
    assert (use.use, use.entry, use.outcome, use.reviewed_ms, use.steward_read_ms) == (new(clock), 42, None, 0, 0)
    assert (use.overdue_entry, use.review_entry) == (-1, -1)
    assert not use.late(clock.now_ms())
    assert use.late(clock.now_ms() + HOUR_MS)


def test_uses_are_listed_by_state_party_and_page(engine: Engine, uses: EmergencyUses, clock: FixedClock) -> None:
    for number in range(5):
        note(engine, new(clock, provider="tax" if number == 3 else "civil", due_ms=clock.now_ms() + number))
        clock.at_ms += 1
    whole = uses.list(State.ALL)
    first = uses.list(State.ALL, limit=2)
    rest = uses.list(State.ALL, after=(first[-1].use.asked_ms, first[-1].use_id))
    assert ids(first) + ids(rest) == ids(whole)
    assert len(uses.list(State.ALL, provider="civil")) == 4
    assert uses.list(State.ALL, consumer="tourism") == ()
    assert len(uses.list(State.OVERDUE)) == 3
    with write_transaction(engine) as connection:
        assert review(connection, whole[0], Outcome.JUSTIFIED)
        assert review(connection, whole[1], Outcome.FOLLOW_UP, clock.now_ms() + HOUR_MS)
    assert ids(uses.list(State.OPEN)) == ids(whole)[1:]
    assert ids(uses.list(State.OVERDUE)) == [whole[2].use_id]


def test_a_use_of_the_same_moment_is_on_exactly_one_page(
    engine: Engine, uses: EmergencyUses, clock: FixedClock
) -> None:
    note(engine, *(new(clock) for _ in range(7)))
    seen, after = [], None
    while page := uses.list(State.ALL, after=after, limit=3):
        seen += ids(page)
        after = (page[-1].use.asked_ms, page[-1].use_id)
    assert len(seen) == len(set(seen)) == 7


def test_a_review_is_final_unless_it_is_to_be_followed_up(
    engine: Engine, uses: EmergencyUses, clock: FixedClock
) -> None:
    note(engine, new(clock))
    [use] = uses.list(State.ALL)
    said = []
    for outcome in (Outcome.FOLLOW_UP, Outcome.FOLLOW_UP, Outcome.NOT_JUSTIFIED, Outcome.JUSTIFIED):
        with write_transaction(engine) as connection:
            said.append(review(connection, use, outcome))
    assert said == [True, False, True, False]
    assert uses.require(use.use_id, "civil").outcome is Outcome.NOT_JUSTIFIED


def test_a_follow_up_has_a_date_of_its_own_is_late_behind_it_and_stops_what_follows(
    engine: Engine, uses: EmergencyUses, clock: FixedClock
) -> None:
    note(engine, new(clock))
    [use] = uses.list(State.ALL)
    clock.at_ms += HOUR_MS
    with write_transaction(engine) as connection:
        assert note_overdue(connection, use.use_id, 60)
        assert review(connection, use, Outcome.FOLLOW_UP, clock.now_ms() + HOUR_MS)
        assert not blocked(connection, "civil-emergency", "education", clock.now_ms())
    assert uses.late_and_not_noted(10) == uses.list(State.OVERDUE) == ()
    clock.at_ms += HOUR_MS
    [again] = uses.late_and_not_noted(10)
    assert again.late(clock.now_ms())
    assert uses.list(State.OVERDUE) == (again,)
    with write_transaction(engine) as connection:
        assert blocked(connection, "civil-emergency", "education", clock.now_ms())
        assert note_overdue(connection, use.use_id, 61)
        assert review(connection, use, Outcome.JUSTIFIED)
        assert not blocked(connection, "civil-emergency", "education", clock.now_ms())
    assert uses.list(State.OVERDUE) == ()


def test_a_lateness_is_noted_once_and_never_of_what_was_reviewed(
    engine: Engine, uses: EmergencyUses, clock: FixedClock
) -> None:
    note(engine, new(clock), new(clock))
    assert uses.late_and_not_noted(10) == ()
    clock.at_ms += HOUR_MS
    one, two = uses.late_and_not_noted(10)
    with write_transaction(engine) as connection:
        assert note_overdue(connection, one.use_id, 60)
        assert not note_overdue(connection, one.use_id, 61)
        review(connection, two, Outcome.JUSTIFIED)
        assert not note_overdue(connection, two.use_id, 63)
    assert uses.late_and_not_noted(10) == ()
    assert uses.require(one.use_id, "civil").overdue_entry == 60


def test_only_late_unreviewed_uses_of_the_consumer_under_the_agreement_stop_it(
    engine: Engine, uses: EmergencyUses, clock: FixedClock
) -> None:
    note(engine, new(clock))
    due = clock.now_ms() + HOUR_MS
    [use] = uses.list(State.ALL)
    with engine.connect() as connection:
        assert not blocked(connection, "civil-emergency", "education", due - 1)
        assert blocked(connection, "civil-emergency", "education", due)
        assert not blocked(connection, "civil-emergency", "health", due)
        assert not blocked(connection, "other", "education", due)
    with write_transaction(engine) as connection:
        review(connection, use, Outcome.NOT_JUSTIFIED)
    with engine.connect() as connection:
        assert not blocked(connection, "civil-emergency", "education", due)


def test_the_person_sees_own_uses_from_their_day_on(engine: Engine, uses: EmergencyUses, clock: FixedClock) -> None:
    note(engine, new(clock), new(clock, person_id=OTHER))
    note(engine, new(clock, law="《某法》", person_from_ms=clock.now_ms() + HOUR_MS))
    assert len(uses.of_person(PERSON, 10)) == 1
    assert len(uses.of_person(OTHER, 10)) == 1
    assert uses.of_person(b"x" * 16, 10) == ()
    clock.at_ms += HOUR_MS
    assert len(uses.of_person(PERSON, 10)) == 2


def test_a_summary_counts_by_parties_agreement_and_reason(
    engine: Engine, uses: EmergencyUses, clock: FixedClock
) -> None:
    note(engine, *(new(clock) for _ in range(4)))
    note(engine, new(clock, provider="tax", agreement_id="tax-emergency", law="《某法》", person_from_ms=1 << 50))
    note(engine, new(clock, asked_ms=clock.now_ms() - 1, reason="missing_person"))
    one, two, three, _ = uses.list(State.ALL, provider="civil")[1:]
    with write_transaction(engine) as connection:
        assert review(connection, one, Outcome.JUSTIFIED)
        assert review(connection, two, Outcome.NOT_JUSTIFIED)
        assert review(connection, three, Outcome.FOLLOW_UP, clock.now_ms() + 2 * HOUR_MS)
    uses.mark_read([one.use_id])
    assert uses.unsettled() == (4, 0)
    clock.at_ms += HOUR_MS
    assert uses.unsettled() == (4, 3)
    asked = clock.now_ms() - HOUR_MS
    assert uses.summary(asked, asked + 1) == (
        Summary("civil", "education", "civil-emergency", "life_saving_care", 4, 1, 1, 2, 1, 3, 0),
        Summary("tax", "education", "tax-emergency", "life_saving_care", 1, 0, 0, 1, 1, 1, 1),
    )
    assert [row.reason for row in uses.summary(asked - 1, asked)] == ["missing_person"]
    assert uses.summary(asked + 1, asked + 2) == ()


def test_the_first_reading_counts_and_another_departments_use_is_not_found(
    engine: Engine, uses: EmergencyUses, clock: FixedClock
) -> None:
    note(engine, new(clock))
    [use] = uses.list(State.ALL)
    first = clock.now_ms()
    uses.mark_read([use.use_id])
    clock.at_ms += 1
    uses.mark_read([use.use_id])
    uses.mark_read([])
    assert uses.require(use.use_id, "civil").steward_read_ms == first
    assert uses.resource_of(use.use_id) == "civil.resident"
    with pytest.raises(Refused, match="emergency use"):
        uses.resource_of(b"x" * 16)
    with pytest.raises(Refused) as refused:
        uses.require(use.use_id, "tax")
    assert refused.value.code is Code.NOT_FOUND


def test_a_finding_that_no_review_makes_is_none_and_hides_no_other(
    engine: Engine, uses: EmergencyUses, clock: FixedClock
) -> None:
    note(engine, new(clock), new(clock, person_id=OTHER))
    first, second = uses.list(State.OPEN)
    with write_transaction(engine) as connection:
        connection.execute(USES.update().where(USES.c.use_id == first.use_id).values(outcome="nothing_wrong"))
        connection.execute(USES.update().where(USES.c.use_id == second.use_id).values(outcome="justified"))
    assert [use.use_id for use in uses.list(State.OPEN)] == [first.use_id]
    assert len(uses.list(State.ALL)) == 2
    with engine.connect() as connection:
        assert blocked(connection, "civil-emergency", "education", clock.now_ms() + HOUR_MS)
    with write_transaction(engine) as connection:
        assert note_review(connection, first.use_id, Outcome.JUSTIFIED, clock.now_ms(), 9, follow_up_due_ms=0)
    assert uses.list(State.OPEN) == ()
