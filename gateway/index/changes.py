"""The net effect of many deltas on lists: of several deltas of one record only the last counts.

Rules kept: a record that is rejected or gone loses its pointer; a rejection disappears as soon as its record is indexed
or gone. Works inside the caller's transaction.
"""

from sqlalchemy import Connection

from gateway.errors import Code
from gateway.index import rejections
from gateway.index.intake import Outcome
from gateway.index.model import Delta, Rejection
from gateway.index.statements import HandleKey, PointerRow, put_pointers, remove_pointers


class Changes:
    """Collects the last outcome of each record and writes them all at once."""

    def __init__(self) -> None:
        self._rows: dict[HandleKey, PointerRow | None] = {}
        self._rejected: dict[HandleKey, Code] = {}

    def add(self, list_id: int, delta: Delta, outcome: Outcome) -> None:
        """One more delta.

        Args:
            list_id: The list that it changes.
            delta: The delta.
            outcome: What it comes to.
        """
        handle = delta.handle
        key = (list_id, handle)
        if outcome is None:
            self._rows[key] = None
        elif isinstance(outcome, Rejection):
            self._rows[key] = None
            self._rejected[key] = outcome.reason
            return
        else:
            self._rows[key] = (outcome.value, list_id, handle, outcome.version, delta.version, delta.updated_ms)
        if self._rejected:
            self._rejected.pop(key, None)

    def write(self, connection: Connection) -> None:
        """Bring the lists to the state after all of it.

        Args:
            connection: An open write transaction.
        """
        put_pointers(connection, [row for row in self._rows.values() if row is not None])
        remove_pointers(connection, [key for key, row in self._rows.items() if row is None])
        rejections.clear(connection, self._rows.keys() - self._rejected.keys())
        rejections.keep(connection, self._rejected)
