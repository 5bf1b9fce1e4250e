"""How the last comparison of each resource with its source went: for heartbeats and for the steward."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nodes.provider.connectors import BadRow
from nodes.provider.state.database import State

MOST_NOTES: Final = 1000
"""Bad rows of a resource that are kept with their line; all are counted."""


@dataclass(frozen=True, slots=True)
class ScanReport:
    """The last comparison of one resource.

    Args:
        resource: Resource code.
        synced_ms: When a comparison last succeeded, Unix ms; 0 when never.
        tried_ms: When one was last tried.
        failure: Why the last one failed; empty when it succeeded.
        good: Good rows of the last successful one.
        bad: Bad rows of it.
    """

    resource: str
    synced_ms: int
    tried_ms: int
    failure: str
    good: int
    bad: int


class Scans:
    """Reads and writes the `scans` and `notes` tables.

    Args:
        state: The open database.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def succeeded(self, resource: str, now_ms: int, good: int, bad: int, notes: Sequence[BadRow]) -> None:
        """Notes a comparison that went through.

        Args:
            resource: Resource code.
            now_ms: When it began, Unix ms: what changed later may not be seen.
            good: Number of good rows.
            bad: Number of bad rows.
            notes: The first of the bad rows.

        Raises:
            StateUnusable: The database cannot write.
        """

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO scans VALUES (?, ?, ?, '', ?, ?)", (resource, now_ms, now_ms, good, bad)
            )
            connection.execute("DELETE FROM notes WHERE resource = ?", (resource,))
            connection.executemany(
                "INSERT INTO notes VALUES (?, ?, ?)", [(resource, row.line, row.rule) for row in notes[:MOST_NOTES]]
            )

        self._state.write(write)

    def failed(self, resource: str, now_ms: int, failure: str) -> None:
        """Notes a comparison that did not count; what is published stays.

        Args:
            resource: Resource code.
            now_ms: When it began, Unix ms.
            failure: Why, free of values.

        Raises:
            StateUnusable: The database cannot write.
        """

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO scans VALUES (?, 0, ?, ?, 0, 0) ON CONFLICT (resource) DO UPDATE SET"
                " tried_ms = excluded.tried_ms, failure = excluded.failure",
                (resource, now_ms, failure),
            )

        self._state.write(write)

    def reports(self) -> dict[str, ScanReport]:
        """The last comparison of every resource, by code."""
        rows = self._state.reader().execute("SELECT * FROM scans")
        return {row[0]: ScanReport(*row) for row in rows}

    def notes(self, resource: str) -> list[BadRow]:
        """Bad rows of the last successful comparison, at most 1000."""
        rows = self._state.reader().execute(
            "SELECT line, rule FROM notes WHERE resource = ? ORDER BY line", (resource,)
        )
        return [BadRow(line, rule) for line, rule in rows]
