"""How often something may happen: a bucket that fills with time.

Rules kept: time is an argument; a peer that behaves never notices; an empty bucket says no (fails closed).
"""


class Allowance:
    """A bucket of permissions.

    Args:
        burst: How many may be used at once.
        per_s: How many come back each second.
        now_s: Monotonic time, seconds.
    """

    __slots__ = ("_burst", "_left", "_per_s", "_updated_s")

    def __init__(self, burst: float, per_s: float, now_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._left = burst
        self._updated_s = now_s

    def take(self, now_s: float) -> bool:
        """Use one; False when none is left.

        Args:
            now_s: Monotonic time, seconds.
        """
        self._left = min(self._burst, self._left + max(0.0, now_s - self._updated_s) * self._per_s)
        self._updated_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def full(self, now_s: float) -> bool:
        """Whether nothing was used lately, so that the bucket need not be kept.

        Args:
            now_s: Monotonic time, seconds.
        """
        return self._left + (now_s - self._updated_s) * self._per_s >= self._burst
