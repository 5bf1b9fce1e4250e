"""A node's own count of predicates: distinct ones in a period, comparisons in a day, exact, and the same work for none."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nodes.errors import StateUnusable
from nodes.provider.config import GuessLimits
from nodes.provider.state import Guesses, State, open_state
from nodes.provider.state.guesses import DECOY, Asked
from policies.civil_time import DAY_MS, day_begins_ms

NOW_MS = day_begins_ms(20_000)
"""The first moment of a civil day."""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = open_state(tmp_path / "node.sqlite")
    yield state
    state.close()


@pytest.fixture
def guesses(state: State) -> Guesses:
    return Guesses(state, GuessLimits())


def asked(
    what: int = 1, *, key: str = "i:1", field: str = "born", consumer: str = "school", guess: bool = False
) -> Asked:
    return Asked("civil.resident", key, field, consumer, bytes([what]) * 16, guess)


def one(guesses: Guesses, what: Asked, now_ms: int = NOW_MS) -> bool:
    [allowed] = guesses.take([what], now_ms)
    return allowed


def test_fifteen_questions_do_not_find_a_birth_date(guesses: Guesses) -> None:
    assert [one(guesses, asked(what)) for what in range(15)] == [True] * 3 + [False] * 12
    assert one(guesses, asked(2)), "the same question again is nothing new"
    for other in (asked(9, key="i:2"), asked(9, field="died"), asked(9, consumer="police")):
        assert one(guesses, other)


def test_a_place_is_free_again_after_the_period_and_not_before(guesses: Guesses) -> None:
    for what in range(3):
        assert one(guesses, asked(what), NOW_MS + what)
    later = NOW_MS + 366 * DAY_MS
    assert not one(guesses, asked(3), later - 1)
    assert one(guesses, asked(1), later - 1)
    assert one(guesses, asked(3), later)
    assert not one(guesses, asked(4), later + 1), "the second was asked again meanwhile, the third still counts"
    assert one(guesses, asked(4), later + 2)


def test_comparisons_run_out_and_come_back_at_the_next_midnight(guesses: Guesses) -> None:
    assert [one(guesses, asked(guess=True)) for _ in range(7)] == [True] * 5 + [False] * 2
    assert not one(guesses, asked(guess=True), NOW_MS + DAY_MS - 1)
    assert one(guesses, asked(guess=True), NOW_MS + DAY_MS)


def test_of_many_at_once_exactly_as_many_as_allowed_are_answered(guesses: Guesses) -> None:
    with ThreadPoolExecutor(8) as pool:
        groups = [[asked(guess=True), asked(what, key="i:2")] for what in range(40)]
        answers = list(pool.map(lambda group: guesses.take(group, NOW_MS), groups))
    assert sum(first for first, _ in answers) == 5
    assert sum(second for _, second in answers) == 3


def test_counts_outlive_a_restart(tmp_path: Path) -> None:
    granted = 0
    for _ in range(4):
        state = open_state(tmp_path / "node.sqlite")
        granted += sum(Guesses(state, GuessLimits()).take([asked(guess=True)] * 2, NOW_MS))
        state.close()
    assert granted == 5


def test_where_there_is_no_record_nothing_runs_out_and_no_record_loses_a_question(guesses: Guesses) -> None:
    assert all(one(guesses, asked(what, key=DECOY, guess=True)) for what in range(20))
    assert one(guesses, asked(1))


def test_what_does_not_count_any_more_is_forgotten(guesses: Guesses, state: State) -> None:
    assert one(guesses, asked(guess=True))
    assert one(guesses, asked(key="i:2"), NOW_MS + 400 * DAY_MS)
    rows = state.reader().execute("SELECT record FROM guesses UNION SELECT record FROM guess_days").fetchall()
    assert rows == [("i:2",)]


def test_what_cannot_be_counted_is_not_answered(guesses: Guesses, state: State, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "node.sqlite") as base:
        base.execute("CREATE TRIGGER full BEFORE INSERT ON guesses BEGIN SELECT RAISE(ABORT, 'full'); END")
    base.close()
    with pytest.raises((StateUnusable, sqlite3.IntegrityError)):
        one(guesses, asked())
