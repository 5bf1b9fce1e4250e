"""Waiting until a test city's log has published what it holds."""

import asyncio

from keys.log.checkpoints import open_checkpoint
from keys.log.notes import NoteVerifier
from tests.support.city import TRUST_DOMAIN, City

ORIGIN = f"{TRUST_DOMAIN}/ledger"
"""The log's name in its first epoch."""


async def published(city: City, within_s: float = 15.0) -> str:
    """The checkpoint that covers everything recorded until now; on a free machine it comes within a second."""
    loop = asyncio.get_running_loop()
    size, deadline = city.parts.ledger.size(), loop.time() + within_s
    verifier = NoteVerifier(city.parts.ledger_key)
    while True:
        note = city.parts.ledger.checkpoint()
        if open_checkpoint(note, verifier, city.parts.ledger.origin).size >= size:
            return note
        if loop.time() > deadline:
            raise AssertionError(f"no checkpoint within {within_s} s")
        await asyncio.sleep(0.05)
