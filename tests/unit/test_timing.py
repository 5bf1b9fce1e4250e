"""The classifier of the timing test notices what is there and nothing else."""

import random

from tests.support.timing import classify


def pairs(shift_s: float, count: int = 4000) -> list[tuple[float, float]]:
    rng = random.Random(7)
    drift = [rng.gauss(0.006, 0.002) for _ in range(count)]
    return [(d + rng.gauss(0, 0.0004), d + rng.gauss(shift_s, 0.0004)) for d in drift]


def test_two_kinds_that_take_the_same_time_are_guessed() -> None:
    assert classify(pairs(0)).best < 0.53


def test_a_difference_is_noticed_whichever_kind_is_slower() -> None:
    for shift_s in (0.0002, -0.0002):
        scores = classify(pairs(shift_s))
        assert scores.paired > 0.6
        # Drift hides it from who looks at one latency alone, which is why pairs are compared.
        assert scores.alone < scores.paired


def test_kinds_that_never_overlap_are_told_apart_for_certain() -> None:
    assert classify([(1.0, 2.0), (1.1, 2.1)]) == (1.0, 1.0)


def test_equal_times_tell_nothing() -> None:
    assert classify([(1.0, 1.0)] * 10) == (0.5, 0.5)
