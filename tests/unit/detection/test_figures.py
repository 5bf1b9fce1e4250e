"""What detection finds in simulated months that were not used for tuning, and that nothing leaks what was planted."""

import inspect
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

import gateway.detection
from gateway.detection.reads import Read
from gateway.detection_trial.figures import HELD_OUT, TUNING, Trial
from gateway.detection_trial.month import Month, Scale


def test_a_small_held_out_month_is_told_far_better_than_by_chance() -> None:
    figures = Trial(Scale(HELD_OUT[0], 2_000, 21)).run()
    assert figures.recall >= 0.7
    assert figures.precision >= 0.7
    assert figures.recall > len(figures.busiest.found) / len(figures.kinds)
    assert figures.alerts.right > 5 * figures.sampled.right


@pytest.mark.long
def test_at_full_size_recall_precision_and_alerts_a_day_are_what_is_promised() -> None:
    figures = Trial(Scale(HELD_OUT[0], 50_000, 30)).run()
    assert figures.reads / figures.scale.days > 33_000, "weekends have fewer"
    assert figures.recall >= 0.9
    assert figures.precision >= 0.8
    assert figures.per_day + figures.below / figures.scale.days <= 10


def test_seeds_for_tuning_and_for_measuring_are_different_ones() -> None:
    assert not set(TUNING) & set(HELD_OUT)


def test_every_kind_of_misuse_is_planted_and_has_no_word_of_its_own() -> None:
    month = Month(Scale(7, 2_000, 21))
    assert len(set(month.kinds)) == 11
    honest: Counter[tuple[str, str]] = Counter()
    planted: Counter[tuple[str, str]] = Counter()
    for _, logged in month.stream():
        for read in logged:
            if isinstance(read, Read):
                words = planted if read.entry in month.labelled else honest
                said = {"department": read.department, "system": read.system, "case": read.case[:3]}
                words.update({**said, "outcome": read.outcome, "emergency": read.emergency}.items())
    assert {label for label, _ in month.labelled.values()} == set(range(len(month.kinds)))
    assert set(planted) <= set(honest)


def test_no_rule_mentions_the_simulation() -> None:
    folder = Path(inspect.getfile(gateway.detection)).parent
    assert not [path.name for path in folder.glob("*.py") if "detection_trial" in path.read_text(encoding="utf-8")]


def test_the_same_seed_gives_the_same_month_and_another_seed_another() -> None:
    first, again, other = (list(islice(Month(Scale(seed, 2_000, 21)).stream(), 16))[15] for seed in (3, 3, 4))
    assert first == again
    assert first != other
