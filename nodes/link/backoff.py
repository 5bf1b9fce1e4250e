"""How long to wait before the next try: doubling, jittered, bounded."""

from collections.abc import Callable

FIRST_S = 0.25
LONGEST_S = 30.0


class Backoff:
    """The pauses between failed tries.

    Args:
        uniform: Gives a number between 0 and 1; spreads the tries of many nodes after one outage of the gateway.
        first_s: The first pause, seconds.
        longest_s: The longest pause, seconds.
    """

    def __init__(self, uniform: Callable[[], float], first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._uniform = uniform
        self._first_s = first_s
        self._longest_s = longest_s
        self._failures = 0

    def reset(self) -> None:
        """A try succeeded."""
        self._failures = 0

    def next_s(self) -> float:
        """Seconds to wait now: between half and all of the doubled pause, at most the longest."""
        # 2**16 first pauses are beyond any sensible longest pause, and the power stays small.
        whole = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return whole * (0.5 + self._uniform() / 2)
