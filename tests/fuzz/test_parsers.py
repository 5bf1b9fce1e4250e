"""Hostile bytes given to the parsers of secrets: only their own errors come out, and nothing forged gets in."""

import pytest

from tests.fuzz.inputs import mutations
from tests.fuzz.targets import TARGETS, Target

FORGEABLE = {"envelope header", "keyring"}
"""Targets that authenticate nothing by themselves: another good input is no forgery."""
INPUTS = 4_000
INPUTS_LONG = 2_000_000


def fuzz(name: str, target: Target, count: int, seed: int) -> int:
    """Feeds one target.

    Returns:
        How many inputs were refused.
    """
    refused = 0
    for raw in mutations(target.good, count // target.cost, seed):
        try:
            target.feed(raw)
        except target.raises:
            refused += 1
        except Exception as error:  # noqa: BLE001 - whatever else it is, it is the finding
            pytest.fail(f"{name}: {type(error).__name__} escapes for {raw.hex()}")
        else:
            assert raw in target.good or name in FORGEABLE, f"{name}: forged by {raw.hex()}"
    return refused


@pytest.mark.parametrize("name", TARGETS)
def test_a_good_input_is_accepted(name):
    for raw in TARGETS[name].good:
        TARGETS[name].feed(raw)


@pytest.mark.parametrize("name", TARGETS)
def test_only_a_parsers_own_errors_escape_it(name):
    target = TARGETS[name]
    refused = fuzz(name, target, INPUTS, seed=1)
    print(f"{name}: {refused} of {INPUTS // target.cost} inputs refused")
    assert refused > INPUTS // target.cost // 3


def test_the_inputs_are_the_same_each_time_and_differ_by_seed():
    seeds = TARGETS["envelope header"].good
    assert list(mutations(seeds, 50, 1)) == list(mutations(seeds, 50, 1)) != list(mutations(seeds, 50, 2))


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", TARGETS)
def test_only_a_parsers_own_errors_escape_it_for_long(name):
    for seed in range(2, 6):
        fuzz(name, TARGETS[name], INPUTS_LONG // 4, seed)
