"""What was used up: tickets, and how often and how fast an agreement was used.

Rules kept here: a ticket is taken once, also across a restart (`state.releases` keeps it; `UsedTickets` starts from
there). A use counts when it is taken, so a release that then fails still counts for as long as the node runs; it is
durable in the transaction that keeps the proof of its release, so after a restart as many are used up as were released,
exactly. Both fail closed. The limits are those of the department's own copy of the agreement.

It is used from the event loop's thread only. It does not count subjects: a node knows no person across records.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from policies.agreements import Agreement
from policies.civil_time import civil_day
from policies.limits import arrive
from policies.reasons import Reason

UNDER_WAY_MS: Final = 10_000
"""How long a ticket may be under way from the gateway, which held it against the same rate when it was asked for."""


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


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an agreement, to be kept with the release that it is for.

    Args:
        day: The civil day on which it counts (`policies.limits`).
        next_us: The rate's theoretical arrival time after it, Unix microseconds.
    """

    day: int
    next_us: int


@dataclass(slots=True)
class _Numbers:
    day: int
    taken: int
    next_us: int


class AgreementUses:
    """Holds an agreement's uses against its limits.

    Args:
        kept: Uses of an agreement on a civil day and its rate's newest theoretical arrival time, as kept with
            releases: asked once per agreement and day.
    """

    def __init__(self, kept: Callable[[str, int], tuple[int, int]]) -> None:
        self._kept = kept
        self._numbers: dict[str, _Numbers] = {}

    def take(self, agreement: Agreement, now_ms: int) -> Use | Reason:
        """Takes one use.

        Args:
            agreement: The department's own copy.
            now_ms: Now, Unix ms.

        Returns:
            The use; or why there is none: USES_EXHAUSTED, RATE_EXCEEDED.
        """
        day = civil_day(now_ms)
        numbers = self._numbers.get(agreement.id)
        if numbers is None or numbers.day != day:
            taken, next_us = self._kept(agreement.id, day)
            # What this process took and has not kept yet counts for the rate as well.
            next_us = next_us if numbers is None else max(next_us, numbers.next_us)
            numbers = self._numbers[agreement.id] = _Numbers(day, taken, next_us)
        if numbers.taken >= agreement.uses_per_day:
            return Reason.USES_EXHAUSTED
        arrival = arrive(numbers.next_us, now_ms, agreement.rate_per_minute, slack_ms=UNDER_WAY_MS)
        if not arrival.conforms:
            return Reason.RATE_EXCEEDED
        numbers.taken += 1
        numbers.next_us = arrival.next_us
        return Use(day, arrival.next_us)
