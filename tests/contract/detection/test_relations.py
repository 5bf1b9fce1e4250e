"""Answered relations and open questions on every database."""

import pytest
from sqlalchemy import Engine, select

from gateway.detection.relations import Answer, KnowsNothing, Pair, Relation
from gateway.detection.stored_relations import StoredRelations, Wanted
from gateway.detection.tables import QUESTIONS, RELATIONS
from gateway.detection.tokens import Tokens
from gateway.storage.database import write_transaction
from policies.civil_time import DAY_MS
from tests.support.index_node import FixedClock

NURSE, CLERK = "a" * 32, "b" * 32
PERSON, OTHER = b"p" * 16, b"o" * 16
ALL = frozenset(Relation)


@pytest.fixture
def relations(engine: Engine, clock: FixedClock) -> StoredRelations:
    with write_transaction(engine) as connection:
        connection.execute(RELATIONS.delete())
        connection.execute(QUESTIONS.delete())
    return StoredRelations(engine, Tokens(b"k" * 32), clock, budget=3, kept_days=90)


def want(engine: Engine, relations: StoredRelations, *wanted: Wanted) -> None:
    with write_transaction(engine) as connection:
        relations.want(connection, wanted)


def answer(engine: Engine, relations: StoredRelations, *answers: Answer, entry: int = 9) -> None:
    with write_transaction(engine) as connection:
        relations.record(connection, entry, answers)


def test_an_answer_is_known_until_it_is_too_old_and_a_pair_nobody_answered_about_is_left_out(
    engine: Engine, clock: FixedClock, relations: StoredRelations
) -> None:
    asked, silent = Pair(NURSE, PERSON), Pair(CLERK, PERSON)
    answer(engine, relations, Answer(asked, ALL, {Relation.FAMILY, Relation.SAME_SURNAME}))
    assert relations.known([asked, silent]) == {asked: {Relation.FAMILY, Relation.SAME_SURNAME}}
    clock.at_ms += 90 * DAY_MS
    assert relations.known([asked]) == {}
    with write_transaction(engine) as connection:
        relations.forget(connection)
        assert connection.execute(select(RELATIONS)).all() == []


def test_that_nothing_holds_is_an_answer_and_what_was_not_answered_does_not_hold(
    engine: Engine, relations: StoredRelations
) -> None:
    none, half = Pair(NURSE, PERSON), Pair(NURSE, OTHER)
    answer(engine, relations, Answer(none, ALL, set()), Answer(half, {Relation.COLLEAGUE}, {Relation.FAMILY}))
    assert relations.known([none, half]) == {none: frozenset(), half: frozenset()}


def test_questions_come_most_suspicious_first_within_the_day_and_go_once_answered(
    engine: Engine, clock: FixedClock, relations: StoredRelations
) -> None:
    pairs = [Pair(NURSE, bytes([n]) * 16) for n in range(5)]
    want(engine, relations, *(Wanted(pair, 10 + n, 10 * n) for n, pair in enumerate(pairs)))
    want(engine, relations, Wanted(pairs[0], 99, 35), Wanted(pairs[4], 98, 5))
    assert [(one.entry, one.suspicion) for one in relations.wanted(10)] == [(14, 40), (99, 35), (13, 30)]
    answer(engine, relations, Answer(pairs[4], ALL, set()))
    assert [one.entry for one in relations.wanted(10)] == [99, 13]
    clock.at_ms += DAY_MS
    assert [one.entry for one in relations.wanted(10)] == [99, 13, 12]
    assert [one.entry for one in relations.wanted(1)] == [99]


def test_what_is_kept_names_neither_the_official_nor_the_person(engine: Engine, relations: StoredRelations) -> None:
    want(engine, relations, Wanted(Pair(NURSE, PERSON), 1, 50))
    answer(engine, relations, Answer(Pair(CLERK, OTHER), ALL, ALL))
    with engine.connect() as connection:
        rows = [*connection.execute(select(QUESTIONS)), *connection.execute(select(RELATIONS))]
    kept = repr([tuple(row) for row in rows]).encode()
    assert all(one not in kept for one in (NURSE.encode(), CLERK.encode(), PERSON, OTHER))
    assert Tokens(b"k" * 32).pair(Pair("a", b"bc")) != Tokens(b"k" * 32).pair(Pair("ab", b"c"))


def test_without_an_office_that_asks_nothing_is_known() -> None:
    assert KnowsNothing().known([Pair(NURSE, PERSON)]) == {}


def test_a_pair_whose_answer_still_counts_is_not_asked_about_again_whoever_wants_it(
    engine: Engine, clock: FixedClock, relations: StoredRelations
) -> None:
    pair = Pair(NURSE, PERSON)
    answer(engine, relations, Answer(pair, ALL, frozenset()))
    want(engine, relations, Wanted(pair, 1, 50))
    assert relations.wanted(9) == []
    clock.at_ms += 90 * DAY_MS
    assert [question.entry for question in relations.wanted(9)] == [1]
