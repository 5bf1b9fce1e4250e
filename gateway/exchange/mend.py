"""Closes what a crash left open.

An `asked` entry without an outcome gets `abandoned`, so that every question has an end. Nothing was released for
such an entry: an answer leaves only after its outcome is durable (promise 1).
"""

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.ledger import SqlLedger
from gateway.clock import Clock
from gateway.exchange.record import Record
from gateway.settings import Limits

# Beyond the longest deadline: time for the outcome itself to be written.
_GRACE_MS = 10_000


class Mend:
    """Finds and closes dangling questions.

    Args:
        ledger: The log.
        record: Writes the outcomes.
        limits: How long a request may run.
        clock: Now.
    """

    def __init__(self, ledger: SqlLedger, record: Record, limits: Limits, clock: Clock) -> None:
        self._ledger = ledger
        self._record = record
        self._limits = limits
        self._clock = clock

    async def at_start(self) -> int:
        """Close everything that an earlier process left open; none of it can still be running.

        Returns:
            How many entries were closed.
        """
        return await self._close(self._clock.now_ms() + 1)

    async def running(self) -> int:
        """Close what has been open for longer than any request may run.

        Returns:
            How many entries were closed.
        """
        return await self._close(self._clock.now_ms() - self._limits.deadline_max_ms - _GRACE_MS)

    async def _close(self, before_ms: int) -> int:
        closed = 0
        for asked in self._ledger.dangling(before_ms):
            said = dict(asked.account)
            kept: dict[str, Json] = {
                key: said[key]
                for key in ("department", "system", "purpose", "legal_basis", "case", "emergency", "service")
                if key in said
            }
            await self._record.write(
                EntryDraft(
                    kind="abandoned",
                    accountability={**kept, "request": asked.leaf_index, "items": [], "reason": "BROKEN_OFF"},
                    # The person who saw the question sees its end, unless the person part was erased meanwhile.
                    person=asked.personal,
                    about=None if asked.personal is None else bytes.fromhex(str(asked.personal["person"])),
                )
            )
            closed += 1
        return closed
