"""How much may be asked about one field of one person without seeing it: counted with the entry that lets it be asked.

Rules kept here: a department asks at most so many *distinct* predicates about one field of one person in a sliding
period, whatever its agreements are called and however often they are revised; asking the same one again is no new
knowledge about what does not change, and is not held against it. Guesses (`equals`, `same_as`) are counted by the day
of civil time, each of them, those with a second person for that one too. Counts are numbers of the log (docs/adr/0120):
exact under concurrency and over restarts, and under keyed names, so that they outlive an erasure without saying about
whom they are. Fails closed: what cannot be counted is not asked.

What it does not do: it does not count repeats of a request, which release nothing anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.audit.counters import Book, Count
from gateway.audit.errors import RiderRefused
from gateway.settings import Limits
from policies.civil_time import DAY_MS, civil_day, next_day_ms
from policies.predicates import WITH_OPERAND, Operator, Predicate
from policies.reasons import Reason

_KEPT_MS: Final = 7 * DAY_MS
"""How long a number is kept when nobody should ask for it any more: clocks are set back."""
_SEP: Final = "\0"


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """How much may be asked.

    Attributes:
        distinct: Distinct predicates about one field of one person, for one department.
        period_days: In so many days.
        guesses_per_day: Comparisons (`equals`) of one field of one person in a day, for one department.
    """

    distinct: int = 3
    period_days: int = 366
    guesses_per_day: int = 5


NOBODY: Final[Mapping[tuple[str, str], str]] = MappingProxyType({})
"""No second person."""

STRICTEST: Final = GuessLimits()
"""What holds where nothing is set."""


@dataclass(frozen=True, slots=True)
class DistinctPredicates:
    """One predicate among the distinct ones that a department asks about one field of one person.

    Each place has two numbers: what was asked last in it, and when. A place is free again after the period.

    Attributes:
        about: Department, person, resource and field.
        asked: `Predicate.digest`.
        places: How many distinct ones there may be.
        period_ms: How long one counts after it was last asked.
    """

    about: tuple[str, ...]
    asked: bytes
    places: int
    period_ms: int

    def names(self, _time_ms: int) -> Sequence[str]:
        """See `Count`."""
        return tuple(name for pair in self._places() for name in pair)

    def take(self, book: Book, time_ms: int) -> None:
        """See `Count`."""
        mark = 1 + (int.from_bytes(self.asked[:8]) >> 2)
        held = [(what, when, book.value(what), book.value(when)) for what, when in self._places()]
        standing = [place for place in held if place[2] and place[3] > time_ms - self.period_ms]
        place = next((one for one in standing if one[2] == mark), None)
        place = place or next((one for one in held if one not in standing), None)
        if place is None:
            free_ms = min(when for _, _, _, when in standing) + self.period_ms
            raise RiderRefused(Reason.PREDICATES_EXHAUSTED, max(1, free_ms - time_ms))
        forget_ms = time_ms + self.period_ms + _KEPT_MS
        book.put(place[0], mark, forget_ms)
        book.put(place[1], time_ms, forget_ms)

    def _places(self) -> Iterator[tuple[str, str]]:
        for number in range(self.places):
            stem = _SEP.join(("predicate", *self.about, str(number)))
            yield f"{stem}{_SEP}what", f"{stem}{_SEP}when"


@dataclass(frozen=True, slots=True)
class Guess:
    """One comparison of one field of one person on a day of civil time.

    Attributes:
        about: Who compares, person, resource and field.
        per_day: How many there may be.
        reason: Told to who comes after that.
    """

    about: tuple[str, ...]
    per_day: int
    reason: str = Reason.GUESSES_EXHAUSTED

    def names(self, time_ms: int) -> Sequence[str]:
        """See `Count`."""
        return (_SEP.join(("guesses", *self.about, str(civil_day(time_ms)))),)

    def take(self, book: Book, time_ms: int) -> None:
        """See `Count`."""
        [name] = self.names(time_ms)
        taken, left_ms = book.value(name), next_day_ms(time_ms)
        if taken >= self.per_day:
            raise RiderRefused(self.reason, left_ms)
        book.put(name, taken + 1, time_ms + left_ms + _KEPT_MS)


def guess_limits(limits: Limits) -> GuessLimits:
    """The limits that the settings ask for."""
    return GuessLimits(limits.predicates_per_field, limits.predicate_days, limits.guesses_per_day)


def guesses_of(
    department: str,
    person_id: bytes,
    asked: Mapping[str, Sequence[Predicate]],
    limits: GuessLimits,
    seconds: Mapping[tuple[str, str], str] = NOBODY,
) -> tuple[Count, ...]:
    """What a request counts for its predicates.

    Args:
        department: Who asks.
        person_id: About whom.
        asked: The predicates that are asked, by resource.
        limits: How many there may be.
        seconds: By resource and field, with whom a `same_as` compares: digests of identifiers, for names of counters
            alone, of which the log keeps keyed hashes.
    """
    counts: list[Count] = []
    for resource, predicates in asked.items():
        for predicate in predicates:
            about = (department, person_id.hex(), resource, predicate.field)
            period_ms = limits.period_days * DAY_MS
            counts.append(DistinctPredicates(about, predicate.digest, limits.distinct, period_ms))
            if predicate.operator in WITH_OPERAND:
                counts.append(Guess(about, limits.guesses_per_day))
            if predicate.operator is Operator.SAME_AS:
                # The second person is protected as the first is, whether or not there is a record of either.
                second = seconds[resource, predicate.field]
                also = (department, "second", second, resource, predicate.field)
                counts.append(Guess(also, limits.guesses_per_day))
    return tuple(counts)
