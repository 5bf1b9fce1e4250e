"""Time as an argument: a node's logic receives a Clock and never calls the system clock itself."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_ms(self) -> int:
        """Unix time in milliseconds, UTC."""

    def monotonic_s(self) -> float:
        """Seconds on a clock that never jumps; only differences mean anything."""


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Unix time in milliseconds, UTC."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds on a clock that never jumps."""
        return time.monotonic()
