"""Every promise that a node acted on is checked once, in order, over restarts, however many there are."""

from pathlib import Path

import pytest

from nodes.enrolment.errors import HomeInvalid
from nodes.enrolment.home import Home
from nodes.provider.state import open_state
from nodes.watch.promises import Due, PromisesDue
from tests.integration.consumer.test_serve import promise_body
from tests.support.exchange_gateway import ExchangeGateway
from tests.unit.node_cli.test_receipts import keep_releases


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return ExchangeGateway.create().consumer_home(tmp_path / "home", agreements=False)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "node.sqlite"


def keep(state: Path, *indexes: int) -> None:
    opened = open_state(state)
    for index in indexes:
        keep_releases(opened, promise_body(index, bytes([index]) * 32), index)
    opened.close()


def numbers(due: list[Due]) -> list[int]:
    return [one.promised.leaf_index for one in due]


def test_nothing_is_due_before_the_first_release(home: Home, state: Path) -> None:
    assert PromisesDue(home, state).due() == []


def test_what_was_found_kept_is_not_due_again_and_what_came_later_is(home: Home, state: Path) -> None:
    keep(state, 3, 4, 5)
    due = PromisesDue(home, state).due()
    assert numbers(due) == [3, 4, 5]
    assert not PromisesDue(home, state).settle(due, 5)
    # The last one waits for a checkpoint; another process goes on from here.
    assert numbers(PromisesDue(home, state).due()) == [5]
    keep(state, 6, 7)
    again = PromisesDue(home, state)
    assert numbers(again.due()) == [5, 6, 7]
    again.settle(again.due(), 8)
    assert PromisesDue(home, state).due() == []


def test_one_that_waits_holds_up_the_mark_and_not_the_check(home: Home, state: Path) -> None:
    keep(state, 9, 4)
    book = PromisesDue(home, state)
    assert not book.settle(book.due(), 5)
    assert numbers(book.due()) == [9, 4]


def test_more_than_fit_one_look_are_checked_one_look_after_the_other(home: Home, state: Path) -> None:
    keep(state, 1, 2, 3)
    book = PromisesDue(home, state, at_once=2)
    assert book.settle(book.due(), 10)
    assert numbers(book.due()) == [3]
    assert not book.settle(book.due(), 10)


def test_a_state_that_was_made_anew_is_checked_from_its_beginning(home: Home, state: Path) -> None:
    keep(state, 1, 2, 3)
    book = PromisesDue(home, state)
    book.settle(book.due(), 10)
    for path in state.parent.glob("node.sqlite*"):
        path.unlink()
    keep(state, 20)
    assert numbers(book.due()) == [20]
    keep(state, 21, 22, 23)
    assert numbers(book.due()) == [20, 21, 22, 23]


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"format": "x", "checked": 1, "leaf_hash": ""}'])
def test_a_damaged_mark_is_not_taken_for_all_checked(home: Home, state: Path, damage: str) -> None:
    keep(state, 1)
    (home.path / "ledger-promises.json").write_text(damage)
    with pytest.raises(HomeInvalid):
        PromisesDue(home, state).due()
