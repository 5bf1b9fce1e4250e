"""Index changes that wait for the gateway, and the full lists that it may ask for.

Rules kept here: sequence numbers have no gaps and are never reused; a change leaves only when the gateway said that it
is durable there.
"""

import sqlite3
from collections.abc import Iterator, Sequence

from nodes.provider.model import DeltaRejection, OutboxPosition, PointerDelta
from nodes.provider.state.database import State
from nodes.provider.state.records import PART


class Outbox:
    """Reads the `outbox` table and forgets what is acknowledged.

    Args:
        state: The open database.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def position(self) -> OutboxPosition:
        """Which outbox this is and how far it reaches."""
        # One statement, so that a change written meanwhile is in both numbers or in none.
        outbox_id, last, oldest = (
            self._state.reader()
            .execute(
                "SELECT (SELECT value FROM meta WHERE name = 'outbox_id'),"
                " (SELECT value FROM meta WHERE name = 'last_sequence'), (SELECT MIN(sequence) FROM outbox)"
            )
            .fetchone()
        )
        return OutboxPosition(outbox_id, last, last if oldest is None else oldest - 1)

    def pending(self, after: int, limit: int) -> list[PointerDelta]:
        """Changes with a sequence above `after`, in order, at most `limit`."""
        rows = self._state.reader().execute(
            "SELECT * FROM outbox WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit)
        )
        return [
            PointerDelta(sequence, resource, handle, scheme, identifier, version, updated_ms, bool(tombstone))
            for sequence, resource, handle, scheme, identifier, version, updated_ms, tombstone in rows
        ]

    def acknowledge(self, through: int, rejections: Sequence[DeltaRejection]) -> None:
        """Forgets changes up to `through` and notes the rejected ones.

        Args:
            through: Last sequence that is durable at the gateway.
            rejections: What it did not index.

        Raises:
            StateUnusable: The database cannot write.
        """

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM outbox WHERE sequence <= ?", (through,))
            connection.executemany(
                "INSERT OR REPLACE INTO rejected VALUES (?, ?)", [(r.handle, r.reason) for r in rejections]
            )

        self._state.write(write)

    def rejections(self) -> list[tuple[bytes, str]]:
        """Handles that the gateway did not index, with its reason codes: for the steward."""
        return self._state.reader().execute("SELECT handle, reason FROM rejected ORDER BY handle").fetchall()

    def snapshot(self, resource: str, scheme: str, *, listed: bool) -> tuple[int, Iterator[list[PointerDelta]]]:
        """A full list of one resource as of one sequence number.

        Args:
            resource: Resource code.
            scheme: Scheme of its identifiers.
            listed: Whether the gateway's index has it; else the list is empty.

        Returns:
            The sequence as of which it holds, and its parts. Changes that are newer may already be in it: they are sent
            again afterwards and do no harm, since versions only grow.
        """
        return self.position().last_sequence, self._parts(resource, scheme) if listed else iter(())

    def _parts(self, resource: str, scheme: str) -> Iterator[list[PointerDelta]]:
        after = ""
        while True:
            rows = (
                self._state.reader()
                .execute(
                    "SELECT key, handle, identifier, version, updated_ms FROM records"
                    " WHERE resource = ? AND live = 1 AND key > ? ORDER BY key LIMIT ?",
                    (resource, after, PART),
                )
                .fetchall()
            )
            if not rows:
                return
            after = rows[-1][0]
            yield [
                PointerDelta(0, resource, handle, scheme, identifier, version, updated_ms, tombstone=False)
                for _, handle, identifier, version, updated_ms in rows
            ]
