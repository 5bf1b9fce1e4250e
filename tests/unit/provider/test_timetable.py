"""Comparisons run at a steady pace, and one that goes wrong stops neither itself nor the others."""

import threading
from collections.abc import Callable

import pytest

from nodes.errors import StateUnusable
from nodes.provider.sync import Stopped
from nodes.provider.timetable import Timetable


class Runs:
    """A comparison that does as it is told and counts its runs."""

    def __init__(self, outcome: bool | Exception = True) -> None:
        self.outcome = outcome
        self.count = 0
        self.often = threading.Event()

    def run(self, *, stopping: Callable[[], bool], changed: Callable[[], None]) -> bool:
        self.count += 1
        if self.count >= 3:
            self.often.set()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        changed()
        return self.outcome


@pytest.mark.parametrize("outcome", [True, False, StateUnusable("cannot write"), RuntimeError("a mistake of ours")])
def test_a_comparison_is_run_again_whatever_came_of_it(outcome: bool | Exception) -> None:
    bad, good = Runs(outcome), Runs()
    told = threading.Event()
    timetable = Timetable({"people": [bad, good], "permits": [Runs()]}, 0.001, told.set)  # type: ignore[list-item]
    timetable.start()
    assert bad.often.wait(10)
    assert good.often.wait(10)
    assert told.is_set()
    timetable.stop()


def test_a_stopped_comparison_ends_its_thread() -> None:
    stopped = Runs(Stopped())
    timetable = Timetable({"people": [stopped]}, 0.001, lambda: None)  # type: ignore[list-item]
    timetable.start()
    timetable.stop()
    assert stopped.count <= 1


def test_a_timetable_that_was_never_started_can_be_stopped() -> None:
    Timetable({"people": [Runs()]}, 1, lambda: None).stop()  # type: ignore[list-item]
