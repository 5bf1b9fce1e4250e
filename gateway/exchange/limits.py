"""How often an agreement may be used: counted with the `asked` entry that uses it (docs/adr/0120).

Rules kept here: a use, a new subject and the rate of every agreement that a request draws on are counted together, in
the transaction that writes its `asked` entry, or none of them is; so the numbers are exact whatever happens. What waits
longest is told first: a caller who has used up the day learns nothing by slowing down. Fails closed.

The other limits of an exchange (of a consent, of tries) are counts like these; whoever has them makes their `Count`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.audit.counters import Book, Count
from gateway.audit.errors import RiderRefused
from gateway.errors import Code, Refused
from policies.agreements import Agreement
from policies.civil_time import DAY_MS, civil_day, day_begins_ms, next_day_ms
from policies.limits import arrive
from policies.reasons import TEXT, Reason

_KEPT_MS: Final = 2 * DAY_MS
"""How long past its day a number is kept that decides about a subject: a clock may be set back."""
_TOLD_MS: Final = 30 * DAY_MS
"""How long past its day a sum is kept, which explanations tell."""
_SEP: Final = "\0"
_NAMES: Final = 1024
"""Names of each kind that are kept: those of the agreements in use today are asked for at every request, twice."""


@dataclass(frozen=True, slots=True)
class AgreementUse:
    """One use of an agreement, about one subject.

    Args:
        agreement: In force.
        subject: The subject's random id, hex.
    """

    agreement: Agreement
    subject: str

    def names(self, time_ms: int) -> Sequence[str]:
        """See `Count`."""
        return (
            uses_name(self.agreement.id, civil_day(time_ms)),
            subjects_name(self.agreement.id, civil_day(time_ms)),
            self._seen(time_ms),
            rate_name(self.agreement.id),
        )

    def take(self, book: Book, time_ms: int) -> None:
        """See `Count`."""
        day = civil_day(time_ms)
        forget_ms = day_begins_ms(day + 1) + _KEPT_MS
        self._count(
            book, uses_name(self.agreement.id, day), self.agreement.uses_per_day, Reason.USES_EXHAUSTED, time_ms
        )
        seen = self._seen(time_ms)
        if not book.value(seen):
            name, most = subjects_name(self.agreement.id, day), self.agreement.subjects_per_day
            self._count(book, name, most, Reason.SUBJECTS_EXHAUSTED, time_ms)
            book.put(seen, 1, forget_ms)
        rate = rate_name(self.agreement.id)
        arrival = arrive(book.value(rate), time_ms, self.agreement.rate_per_minute)
        if not arrival.conforms:
            raise RiderRefused(Reason.RATE_EXCEEDED, arrival.wait_ms)
        book.put(rate, arrival.next_us, forget_ms)

    def _count(self, book: Book, name: str, most: int, reason: Reason, time_ms: int) -> None:
        taken = book.value(name)
        if taken >= most:
            raise RiderRefused(reason, next_day_ms(time_ms))
        book.put(name, taken + 1, told_until_ms(time_ms))

    def _seen(self, time_ms: int) -> str:
        return _SEP.join(("agreement-seen", self.agreement.id, str(civil_day(time_ms)), self.subject))


def told_until_ms(at_ms: int) -> int:
    """Until when the sums of a moment's civil day are kept, Unix ms."""
    return day_begins_ms(civil_day(at_ms) + 1) + _TOLD_MS


@lru_cache(maxsize=_NAMES)
def uses_name(agreement: str, day: int) -> str:
    """Name of the counter of an agreement's uses on a civil day."""
    return _SEP.join(("agreement-uses", agreement, str(day)))


@lru_cache(maxsize=_NAMES)
def subjects_name(agreement: str, day: int) -> str:
    """Name of the counter of the different subjects asked about on a civil day."""
    return _SEP.join(("agreement-subjects", agreement, str(day)))


@lru_cache(maxsize=_NAMES)
def rate_name(agreement: str) -> str:
    """Name of the number that keeps an agreement's rate: the theoretical arrival time, Unix microseconds."""
    return _SEP.join(("agreement-rate", agreement))


def uses_of(agreements: Sequence[Agreement], person_id: bytes) -> tuple[Count, ...]:
    """One use of each agreement that a request draws on.

    Args:
        agreements: As decided.
        person_id: The subject's random id.
    """
    return tuple(AgreementUse(agreement, person_id.hex()) for agreement in agreements)


def refused_by(limit: RiderRefused) -> Refused:
    """What a caller is told whose request a count refused.

    Args:
        limit: The refusal, whose reason is one of `policies.reasons`.
    """
    text = TEXT[Reason(limit.reason)]
    # What never comes back is a refusal like any other; what does is told with the time to wait.
    code = Code.WITHHELD if limit.retry_after_ms is None else Code.OVERLOADED
    return Refused(
        code,
        f"limit {limit.reason}",
        reason=limit.reason,
        texts=(text.zh, text.en),
        retry_after_ms=limit.retry_after_ms,
    )
