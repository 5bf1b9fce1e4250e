"""A lane: bounded, coalescing, and blind to other lanes."""

import threading
from collections.abc import Sequence

from nodes.provider.config import Pool
from nodes.provider.lanes import ENOUGH_FOR_ANOTHER, MOST_TOGETHER, Lane


class Worker:
    """Notes groups; stands still until it may go on."""

    def __init__(self) -> None:
        self.groups: list[tuple[str, list[int]]] = []
        self.go = threading.Event()
        self.busy = threading.Semaphore(0)
        self.done = threading.Condition()

    def __call__(self, resource: str, group: Sequence[int]) -> None:
        self.busy.release()
        assert self.go.wait(10)
        with self.done:
            self.groups.append((resource, list(group)))
            self.done.notify()

    def wait_for(self, groups: int) -> None:
        """Until so many groups are done."""
        with self.done:
            assert self.done.wait_for(lambda: len(self.groups) >= groups, 10)


def test_what_waits_together_is_done_together_and_resources_take_turns() -> None:
    worker = Worker()
    lane = Lane("people", Pool(workers=1), worker)
    assert lane.add("a", [0]) == []
    assert worker.busy.acquire(timeout=10)
    numbers = list(range(1, MOST_TOGETHER + 3))
    lane.add("a", numbers[:40])
    lane.add("a", numbers[40:])
    lane.add("b", [900])
    lane.add("c", [901])
    worker.go.set()
    worker.wait_for(5)
    assert worker.groups == [
        ("a", [0]),
        ("a", numbers[:MOST_TOGETHER]),
        ("b", [900]),
        ("c", [901]),
        ("a", numbers[MOST_TOGETHER:]),
    ]
    lane.close()


def test_what_does_not_fit_is_given_back_at_once() -> None:
    worker = Worker()
    lane = Lane("people", Pool(workers=1, waiting=3), worker)
    lane.add("a", [0])
    assert worker.busy.acquire(timeout=10)
    assert lane.add("a", [1, 2, 3, 4, 5]) == [4, 5]
    assert lane.add("b", [6]) == [6]
    worker.go.set()
    worker.wait_for(2)
    assert lane.add("b", [7]) == []
    worker.wait_for(3)
    lane.close()
    assert [number for _, group in worker.groups for number in group] == [0, 1, 2, 3, 7]


def test_few_wait_for_the_thread_at_work_and_many_get_another() -> None:
    worker = Worker()
    lane = Lane("people", Pool(workers=2), worker)
    lane.add("a", [0])
    assert worker.busy.acquire(timeout=10)
    lane.add("b", list(range(ENOUGH_FOR_ANOTHER)))
    assert not worker.busy.acquire(timeout=0.05)
    lane.add("c", [1])
    assert worker.busy.acquire(timeout=10)
    worker.go.set()
    lane.close()


def test_a_thread_that_hangs_holds_up_few_only_for_a_moment() -> None:
    worker = Worker()
    lane = Lane("people", Pool(workers=2), worker)
    lane.add("a", [0])
    assert worker.busy.acquire(timeout=10)
    lane.add("b", [1])
    # A thread has taken something since: patience.
    assert lane.nudge(lane.taken - 1)
    assert not worker.busy.acquire(timeout=0.05)
    # Nobody has: another begins. With no thread left, nudging does nothing.
    assert lane.nudge(lane.taken)
    assert worker.busy.acquire(timeout=10)
    lane.add("c", [2])
    assert lane.nudge(lane.taken)
    assert not worker.busy.acquire(timeout=0.05)
    worker.go.set()
    worker.wait_for(3)
    assert not lane.nudge(lane.taken)
    lane.close()


def test_closing_ends_what_runs_and_does_not_begin_what_waits() -> None:
    worker = Worker()
    lane = Lane("people", Pool(workers=1), worker)
    lane.add("a", [0])
    assert worker.busy.acquire(timeout=10)
    lane.add("a", [1])
    closing = threading.Thread(target=lane.close)
    closing.start()
    while lane.waiting:
        pass
    worker.go.set()
    closing.join()
    assert worker.groups == [("a", [0])]
    assert lane.add("a", [2]) == [2]
