"""Background work after the vault was set to another suite: moves the fields, a few at a time, until none is left.

Rules kept: the log gets counts only; fields that do not open are logged and left, since trying again does not help.
"""

import asyncio
from typing import Final, Protocol

import structlog

from gateway.bootstrap.turns import Sleep, every_turn
from keys.errors import BadEnvelope

_TOLD_EVERY: Final = 100
"""Transactions between two lines of the log."""

_log = structlog.get_logger("oncegate.gateway")


class Resealed(Protocol):
    """A vault; `gateway.vault.profile.Vault` is one."""

    def reseal(self, limit: int) -> int:
        """Move at most so many fields; 0 when none is left."""

    def left_to_reseal(self) -> int:
        """How many fields are left."""


async def move_fields(vault: Resealed, sleep: Sleep = asyncio.sleep) -> None:
    """Move every field to the suite that is set; returns when none is left or when those that are left do not open.

    Args:
        vault: The vault; its calls block and run beside the event loop.
        sleep: Waits so many seconds.
    """
    moved = calls = 0

    def turn(limit: int) -> int:
        nonlocal moved, calls
        more = vault.reseal(limit)
        moved, calls = moved + more, calls + 1
        if more and calls % _TOLD_EVERY == 1:
            _log.info("vault fields moved", moved=moved, left=vault.left_to_reseal())
        return more

    try:
        await every_turn("reseal", turn, BadEnvelope, sleep)
    except BadEnvelope:
        _log.error("vault fields cannot be moved", moved=moved)
        return
    if moved:
        _log.info("vault fields moved", moved=moved, left=0)
