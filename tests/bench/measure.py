"""The two measurements, the same for both sides: calls a second with many in flight, and the median latency with one."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

Call = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Figures:
    """What was measured, one value a round."""

    calls_s: list[float] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)


async def calls_per_second(call: Call, seconds: float, in_flight: int) -> float:
    """Calls a second with so many always in flight. A failed call ends the measurement with its error."""
    end = time.perf_counter() + seconds
    done = 0

    async def worker() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await call()
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return done / (time.perf_counter() - started)


async def median_latency(call: Call, calls: int) -> float:
    """Median seconds of one call after another."""
    taken = []
    for _ in range(calls):
        started = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def ratio(ours: Sequence[float], yardstick: Sequence[float]) -> float:
    """Median over rounds of ours divided by the yardstick of the same round."""
    return statistics.median(a / b for a, b in zip(ours, yardstick, strict=True))
