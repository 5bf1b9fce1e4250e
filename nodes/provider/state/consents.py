"""Which consents ended or are paused, kept until their validity would have ended anyway.

Rules kept here: what ended is never overwritten; what has expired is forgotten, since an expired consent permits
nothing. Digests only: nothing here says whose consent it was.
"""

import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from nodes.provider.model import ConsentChange, Standing
from nodes.provider.state.database import State

GRACE_MS: Final = 86_400_000
"""How long past its validity a consent is still remembered: clocks differ."""


class ConsentState:
    """Standings of consents in the node's database.

    Args:
        state: The open database.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def load(self, now_ms: int) -> dict[bytes, Standing]:
        """Every standing that is remembered."""
        rows = self._state.reader().execute(
            "SELECT digest, standing FROM consents WHERE valid_until_ms > ?", (now_ms - GRACE_MS,)
        )
        return {row[0]: Standing(row[1]) for row in rows}

    def keep(self, changes: Sequence[ConsentChange], now_ms: int) -> "Future[None]":
        """Write standings.

        Args:
            changes: From the gateway, in order.
            now_ms: Now, Unix ms; what expired long ago is forgotten.

        Returns:
            Done when durable.
        """
        rows = [(change.digest, str(change.standing), change.valid_until_ms) for change in changes]

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM consents WHERE valid_until_ms <= ?", (now_ms - GRACE_MS,))
            connection.executemany(
                "INSERT INTO consents VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE SET standing = excluded.standing,"
                " valid_until_ms = excluded.valid_until_ms WHERE standing <> 'ended'",
                rows,
            )

        return self._state.submit(write)
