"""What the log needs from whoever wires it."""

from collections.abc import Callable
from typing import Protocol

PromiseEncoder = Callable[[int, bytes, bytes], bytes]
"""Writes a promise's body from leaf index, leaf hash and request digest."""


class Clock(Protocol):
    """Tells the time (the gateway's clock fits)."""

    def now_ms(self) -> int:
        """Unix time in milliseconds, UTC."""

    def monotonic_s(self) -> float:
        """Seconds on a clock that never jumps."""
