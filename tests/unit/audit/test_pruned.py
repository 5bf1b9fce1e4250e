"""What an entry that prunes may say, and which kinds may be pruned."""

from typing import Any

import pytest

from gateway.audit.kinds import PRUNED, Kind
from gateway.audit.retention.rule import ALWAYS, TIMED
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.pruned import (
    FLOOR_MONTHS,
    HOLD_KIND,
    MONTH_MS,
    PRUNED_KIND,
    RELEASE_KIND,
    Pruned,
    read_pruning,
)
from gateway.setting_sections import Retention

NOW_MS = 1_800_000_000_000
SAID: dict[str, Any] = {
    "time_ms": NOW_MS, "ranges": [[0, 3], [5, 6]], "root": "00" * 32, "entries": 4, "newest_ms": NOW_MS - 6 * MONTH_MS,
    "months": 6,
}  # fmt: skip


def test_an_entry_that_keeps_to_its_rule_is_read() -> None:
    found = read_pruning(6, SAID)
    assert (found.below, [index for index in range(8) if found.covers(index)]) == (6, [0, 1, 2, 5])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"months": FLOOR_MONTHS - 1, "newest_ms": 0}, Fault.PRUNED_BEYOND_RULE),
        ({"newest_ms": SAID["newest_ms"] + 1}, Fault.PRUNED_BEYOND_RULE),
        ({"ranges": [[0, 3], [5, 7]], "entries": 5}, Fault.PRUNED_BEYOND_RULE),
        ({"entries": 5}, Fault.PRUNING_MALFORMED),
        ({"entries": True}, Fault.PRUNING_MALFORMED),
        ({"ranges": [[0, 3], [3, 4]]}, Fault.PRUNING_MALFORMED),
        ({"ranges": [[3, 0], [5, 6]]}, Fault.PRUNING_MALFORMED),
        ({"ranges": [[5, 6], [0, 3]]}, Fault.PRUNING_MALFORMED),
        ({"ranges": [[-1, 3]]}, Fault.PRUNING_MALFORMED),
        ({"ranges": []}, Fault.PRUNING_MALFORMED),
        ({"ranges": "all"}, Fault.PRUNING_MALFORMED),
        ({"ranges": [[0]]}, Fault.PRUNING_MALFORMED),
        ({"ranges": [[2 * n, 2 * n + 1] for n in range(2_001)], "entries": 2_001}, Fault.PRUNING_MALFORMED),
        ({"newest_ms": None}, Fault.PRUNING_MALFORMED),
        ({"months": 6.5}, Fault.PRUNING_MALFORMED),
    ],
)
def test_one_that_does_not_is_named(change: dict[str, Any], fault: Fault) -> None:
    with pytest.raises(VerificationFailed) as told:
        read_pruning(6, {**SAID, **change})
    assert (told.value.fault, told.value.first) == (fault, 6)


def test_a_hold_counts_from_its_entry_to_the_one_that_takes_it_back() -> None:
    def log(*said: tuple[int, str, dict[str, Any]]) -> Pruned:
        pruned = Pruned()
        for index, kind, body in said:
            pruned.read(index, kind, body)
        return pruned

    held: tuple[int, str, dict[str, Any]] = (10, HOLD_KIND, {"from": 2, "until": None})
    back: tuple[int, str, dict[str, Any]] = (11, RELEASE_KIND, {"hold": 10})
    for sound in (
        log((9, PRUNED_KIND, SAID), held),
        log(held, back, (12, PRUNED_KIND, SAID)),
        log((10, HOLD_KIND, {"from": 3, "until": 5}), (12, PRUNED_KIND, SAID)),
    ):
        sound.check()
    with pytest.raises(VerificationFailed) as told:
        log(held, (12, PRUNED_KIND, SAID), (13, RELEASE_KIND, {"hold": 10})).check()
    assert (told.value.fault, told.value.first) == (Fault.PRUNED_UNDER_HOLD, 2)
    for bad in ({"from": -1.5}, {"from": 2, "until": 2}, {"from": "0"}, {}):
        with pytest.raises(VerificationFailed, match="holding"):
            log((10, HOLD_KIND, bad))


def test_what_is_missing_is_covered_exactly() -> None:
    pruned = Pruned()
    for index in (0, 1, 2, 5):
        pruned.body_missing(index)
    pruned.read(6, PRUNED_KIND, SAID)
    pruned.check()
    assert pruned.entries == 4
    pruned.body_missing(6)
    with pytest.raises(VerificationFailed) as told:
        pruned.check()
    assert (told.value.fault, told.value.first) == (Fault.BODY_MISSING, 6)


def test_every_kind_is_kept_for_a_time_or_always() -> None:
    assert set(Kind) == ALWAYS | TIMED
    assert not ALWAYS & TIMED
    assert PRUNED not in set(Kind)


def test_the_settings_know_the_same_floor() -> None:
    assert Retention(months=FLOOR_MONTHS).months == FLOOR_MONTHS
    with pytest.raises(ValueError, match="greater than or equal"):
        Retention(months=FLOOR_MONTHS - 1)
