"""Background work after the vault was set to another suite: moves the fields, a few at a time, until none is left.

Rules kept: people and departments come first, so it pauses after every transaction; the log gets counts only. A failure
is logged by type and tried again later; fields that do not open are logged and left, since trying again does not help.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog

from keys.errors import BadEnvelope

_AT_ONCE: Final = 100
_PAUSE_S: Final = 0.05
_AGAIN_S: Final = 30.0
_TOLD_EVERY: Final = 100
"""Transactions between two lines of the log."""

_log = structlog.get_logger("oncegate.gateway")


class Resealed(Protocol):
    """A vault; `gateway.vault.profile.Vault` is one."""

    def reseal(self, limit: int) -> int:
        """Move at most so many fields; 0 when none is left."""

    def left_to_reseal(self) -> int:
        """How many fields are left."""


async def move_fields(vault: Resealed, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Move every field to the suite that is set; returns when none is left or when those that are left do not open.

    Args:
        vault: The vault; its calls block and run beside the event loop.
        sleep: Waits so many seconds.
    """
    moved = calls = 0
    while True:
        try:
            more = await asyncio.to_thread(vault.reseal, _AT_ONCE)
            moved, calls = moved + more, calls + 1
            if not more:
                break
            if calls % _TOLD_EVERY == 1:
                _log.info("vault fields moved", moved=moved, left=await asyncio.to_thread(vault.left_to_reseal))
        except BadEnvelope:
            _log.error("vault fields cannot be moved", moved=moved)
            return
        except Exception as error:  # noqa: BLE001 - one failed turn must not end the work
            _log.error("background work failed", work="reseal", error=type(error).__name__)
            await sleep(_AGAIN_S)
            continue
        await sleep(_PAUSE_S)
    if moved:
        _log.info("vault fields moved", moved=moved, left=0)
