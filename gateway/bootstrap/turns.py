"""Background work on stored rows, a few at a time beside a serving gateway.

Rules kept: people and departments come first, so there is a pause after every turn; a failure is logged by type, never
by text, and tried again later.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

_AT_ONCE: Final = 100
_PAUSE_S: Final = 0.05
_AGAIN_S: Final = 30.0

_log = structlog.get_logger("oncegate.gateway")

Sleep = Callable[[float], Awaitable[None]]


async def every_turn(work: str, step: Callable[[int], int], final: type[Exception], sleep: Sleep) -> int:
    """Take turns until one finds nothing left to do.

    Args:
        work: What it is called in the log.
        step: One turn: at most so many rows; returns how many, 0 when none is left. It blocks, and runs beside the
            event loop.
        final: What trying again does not help.
        sleep: Waits so many seconds.

    Returns:
        How many rows all turns did.

    Raises:
        Exception: Of the type `final`, as `step` raised it.
    """
    done = 0
    while True:
        try:
            more = await asyncio.to_thread(step, _AT_ONCE)
        except final:
            raise
        except Exception as error:  # noqa: BLE001 - one failed turn must not end the work
            _log.error("background work failed", work=work, error=type(error).__name__)
            await sleep(_AGAIN_S)
            continue
        if not more:
            return done
        done += more
        await sleep(_PAUSE_S)


async def forever(name: str, every_s: float, work: Callable[[], Awaitable[Any]]) -> None:
    """Do something again and again; a failure is logged by type and tried again at the next turn.

    Args:
        name: What it is called in the log.
        every_s: Pause between two turns, in seconds.
        work: One turn.
    """
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - one failed turn must not end the work
            _log.error("background work failed", work=name, error=type(error).__name__)
        await asyncio.sleep(every_s)
