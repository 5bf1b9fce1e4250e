"""Picking by weight and by share, the same again for the same seed."""

import random
from bisect import bisect
from collections.abc import Mapping
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


class Weighted(Generic[T]):
    """Things with weights.

    Args:
        weights: How often each is picked, relative to the others.
    """

    def __init__(self, weights: Mapping[T, float]) -> None:
        self._things = tuple(weights)
        self._bounds = list(accumulate(weights.values()))

    def pick(self, rng: random.Random) -> T:
        """One of them."""
        return self._things[bisect(self._bounds, rng.random() * self._bounds[-1], hi=len(self._things) - 1)]


def seeded(seed: int, purpose: str) -> random.Random:
    """Randomness of its own for one purpose, so that one part can change without changing the others.

    Args:
        seed: The demo's seed.
        purpose: What it is for.
    """
    return random.Random(f"{seed}/{purpose}")  # noqa: S311 - invented people, not secrets
