"""What follows from a withdrawal by itself: recipients are told to erase.

Rules kept: recipients are told a few seconds after the end, when no release that had begun before can still be
recorded: each department with the releases that the access log says it got under this consent. The notice and the mark
that it was given are one transaction, so it is given once, whatever ends in between.

It erases nothing itself: copies at departments are theirs to erase, and the access log keeps the history.
"""

import asyncio
from typing import Final

from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.clock import Clock
from gateway.sharing.consents import Consents, StoredConsent
from gateway.vault.notices import CONSENT, add_notices
from policies.consent_words import DAY_MS

SETTLED_MS: Final = 3_000
"""How long after its end a consent's releases are looked up: what was on its way out is recorded by then."""
_AT_ONCE: Final = 50
_PAGE: Final = 500


class ConsentUpkeep:
    """Tells recipients.

    Args:
        consents: Which ended.
        ledger: Who received what.
        clock: Now.
        notice_days: How long a department has to erase what it received.
    """

    def __init__(self, consents: Consents, ledger: SqlLedger, clock: Clock, notice_days: int) -> None:
        self._consents = consents
        self._ledger = ledger
        self._clock = clock
        self._notice_ms = notice_days * DAY_MS

    async def tell(self) -> int:
        """Tell the recipients of consents that ended.

        Returns:
            For how many consents somebody was told.
        """
        return await asyncio.to_thread(self._tell)

    def _tell(self) -> int:
        ended = self._consents.to_tell(self._clock.now_ms() - SETTLED_MS, _AT_ONCE)
        for stored in ended:
            consent, released = stored.consent, self._released(stored)
            now_ms = self._clock.now_ms()
            newest_ms = max((at_ms for _, at_ms in released), default=now_ms)
            # Not later than the data would have had to go anyway, and not in the past.
            due_ms = max(now_ms, min(now_ms + self._notice_ms, newest_ms + consent.data_life_days * DAY_MS))
            recipients = {consent.consumer: [index for index, _ in released]} if released else {}
            with self._consents.transaction() as connection:
                if self._consents.told(connection, consent.id):
                    add_notices(connection, consent.id, recipients, created_ms=now_ms, due_ms=due_ms, kind=CONSENT)
        return len(ended)

    def _released(self, stored: StoredConsent) -> list[tuple[int, int]]:
        """Index and time of the releases under a consent, oldest first, as the access log has them."""
        found: list[tuple[int, int]] = []
        cursor, digest = "", stored.consent.digest.hex()
        while True:
            page = self._ledger.accesses(stored.person_id, cursor=cursor, limit=_PAGE)
            for access in page.accesses:
                if access.outcome != str(Kind.RELEASED) or access.department != stored.consent.consumer:
                    continue
                if self._ledger.entry(access.leaf_index).account.get("consent") == digest:
                    found.append((access.leaf_index, access.time_ms))
            older = bool(page.accesses) and page.accesses[-1].time_ms < stored.created_ms
            if not page.next_cursor or older:
                return sorted(found)
            cursor = page.next_cursor
