"""The arithmetic of an agreement's rate, the same at the gateway and at a node.

The rate is kept by the generic cell rate algorithm in its virtual
scheduling form (ITU-T I.371 (03/2004), annex A; the same in ATM Forum Traffic Management 4.0, section 4.4.2): one
number says all that has to be remembered, the theoretical arrival time of the next use.

What it does not do: it keeps no numbers and knows no clock; whoever counts hands both in.
"""

from dataclasses import dataclass
from typing import Final

MINUTE_US: Final = 60_000_000
_SMALL_BURST: Final = 10
_BURST_S: Final = 10


def burst(per_minute: int) -> int:
    """How many uses may come at once: ten seconds' worth, and up to ten for small rates, but never over the rate."""
    return min(per_minute, max(_SMALL_BURST, per_minute * _BURST_S // 60))


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of one use.

    Args:
        conforms: Whether it keeps to the rate.
        next_us: The theoretical arrival time to remember; as it was when the use does not conform.
        wait_ms: When it would conform if nothing came in between, milliseconds; 0 when it does.
    """

    conforms: bool
    next_us: int
    wait_ms: int


def arrive(next_us: int, now_ms: int, per_minute: int, *, slack_ms: int = 0) -> Arrival:
    """Hold one use against a rate.

    In any stretch of time T, at most `burst + T · per_minute / 60 s` uses conform; so in the long run never more than
    the rate, and in one minute never more than it and one burst.

    Args:
        next_us: Theoretical arrival time so far, Unix microseconds; 0 at first.
        now_ms: Unix time in milliseconds, UTC.
        per_minute: The rate, at least 1.
        slack_ms: By how much uses may have bunched up on their way here since somebody held them against the same
            rate (the recommendation's cell delay variation tolerance), milliseconds.
    """
    # Rounded up, so that rounding never lets more through.
    interval_us = -(-MINUTE_US // per_minute)
    tolerance_us = (burst(per_minute) - 1) * interval_us + slack_ms * 1000
    now_us = now_ms * 1000
    # A conforming use leaves at most this; more means that the clock was set back, or the rate raised meanwhile.
    next_us = min(next_us, now_us + tolerance_us + interval_us)
    early_us = next_us - now_us - tolerance_us
    if early_us > 0:
        return Arrival(conforms=False, next_us=next_us, wait_ms=-(-early_us // 1000))
    return Arrival(conforms=True, next_us=max(next_us, now_us) + interval_us, wait_ms=0)
