"""What was used up: tickets, and an agreement's uses of a day.

Rules kept here: a ticket is taken once, also across a restart (`state.releases` keeps it; `UsedTickets` starts from
there); a use counts when it is taken, so a release that then fails still counts. Both fail closed.

It is used from the event loop's thread only.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

DAY_MS: Final = 86_400_000


class UsedTickets:
    """Remembers tickets until they have expired for certain.

    Args:
        used: Ids that were used before this start, kept for as long as this process runs.
    """

    def __init__(self, used: Iterable[bytes]) -> None:
        self._used = set(used)
        self._order: deque[tuple[int, bytes]] = deque()

    def take(self, ticket_id: bytes, forget_ms: int, now_ms: int) -> bool:
        """Takes a ticket.

        Args:
            ticket_id: Its id.
            forget_ms: From when on it would be refused as expired anyway, Unix ms.
            now_ms: Now, Unix ms.

        Returns:
            False when it was taken before.
        """
        while self._order and self._order[0][0] < now_ms:
            self._used.discard(self._order.popleft()[1])
        if ticket_id in self._used:
            return False
        self._used.add(ticket_id)
        self._order.append((forget_ms, ticket_id))
        return True


class DailyUses:
    """Counts the uses of each agreement in one day (UTC).

    Args:
        before: How many releases under an agreement were kept since a moment: asked once per agreement and day.
    """

    def __init__(self, before: Callable[[str, int], int]) -> None:
        self._before = before
        self._day = -1
        self._counts: dict[str, int] = {}

    def take(self, agreement: str, limit: int, now_ms: int) -> bool:
        """Takes one use.

        Args:
            agreement: Agreement id.
            limit: Most uses in a day.
            now_ms: Now, Unix ms.

        Returns:
            False when the day's uses are exhausted.
        """
        day = now_ms // DAY_MS
        if day != self._day:
            self._day, self._counts = day, {}
        count = self._counts.get(agreement)
        if count is None:
            count = self._before(agreement, day * DAY_MS)
        self._counts[agreement] = count
        if count >= limit:
            return False
        self._counts[agreement] = count + 1
        return True
