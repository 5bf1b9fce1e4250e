"""Whoever is alone never waits; under load a commit waits a moment for company, and no longer than company takes."""

import threading
import time

from gateway.audit.entries import EntryDraft
from gateway.audit.intake import ENOUGH, GATHER_S, Intake
from gateway.audit.waiting import Waiting

MOST = 64


def put(intake: Intake, count: int) -> list[Waiting]:
    """Queue so many entries."""
    waiting = [Waiting(EntryDraft("asked", {"number": number}), 1) for number in range(count)]
    for one in waiting:
        intake.put(one)
    return waiting


def test_entries_come_out_in_order_and_at_most_one_batch_at_once() -> None:
    intake = Intake(MOST)
    waiting = put(intake, MOST + 3)
    assert intake.take(None) == (waiting[:MOST], False)
    assert intake.take(None) == (waiting[MOST:], False)
    assert intake.take(0.0) == ([], False)


def test_one_caller_after_another_never_waits_for_company() -> None:
    intake = Intake(MOST, gather_s=60)
    for _ in range(3):
        waiting = put(intake, 1)
        began = time.perf_counter()
        assert intake.take(None) == (waiting, False)
        assert time.perf_counter() - began < 60


def test_after_several_together_one_waits_for_company_but_not_for_long() -> None:
    intake = Intake(MOST)
    put(intake, 4)
    intake.take(None)
    waiting = put(intake, 1)
    began = time.perf_counter()
    assert intake.take(None) == (waiting, False)
    assert time.perf_counter() - began >= GATHER_S * 0.9


def test_the_wait_is_over_as_soon_as_there_is_company_enough() -> None:
    intake = Intake(MOST, gather_s=60)
    put(intake, 4)
    intake.take(None)
    first = put(intake, 1)
    rest: list[Waiting] = []
    later = threading.Timer(0.05, lambda: rest.extend(put(intake, ENOUGH)))
    later.start()
    began = time.perf_counter()
    batch, _ = intake.take(None)
    took = time.perf_counter() - began
    later.join()
    assert batch == [*first, *rest][: len(batch)]
    assert len(batch) >= ENOUGH
    assert took < 60


def test_under_load_more_company_is_waited_for() -> None:
    intake = Intake(MOST, gather_s=0.05)
    put(intake, 4 * ENOUGH)
    intake.take(None)
    put(intake, 2 * ENOUGH)
    began = time.perf_counter()
    intake.take(None)
    assert time.perf_counter() - began >= 0.045


def test_a_stop_is_behind_everything_that_was_put_before_it() -> None:
    intake = Intake(MOST)
    waiting = put(intake, 3)
    intake.stop()
    assert intake.take(None) == (waiting, True)


def test_what_waits_can_be_told_at_once_and_a_stop_is_still_taken() -> None:
    intake = Intake(MOST)
    waiting = put(intake, 3)
    intake.stop()
    told: list[Waiting] = []
    intake.drain_into(told)
    assert told == waiting
    assert intake.take(None) == ([], True)
