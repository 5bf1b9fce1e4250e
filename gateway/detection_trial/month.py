"""A month of the city, day by day, as the engine reads it: reads and reviews in the order of the log.

Days before the month serve for learning: nothing is planted in them, and what is found there does not count.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.detection.reads import Finding, Read, Review
from gateway.detection_trial.city import City
from gateway.detection_trial.drafts import Draft
from gateway.detection_trial.look_alikes import LookAlikes
from gateway.detection_trial.misuse import Misuse
from gateway.detection_trial.routine import Routine, weekday
from policies.civil_time import day_begins_ms

FIRST_DAY: Final = 20_454
"""Civil day on which the simulated learning begins: 2026-01-01; holidays are not simulated."""
LEARNING_DAYS: Final = 14
_SATURDAY: Final = 5
_FULL: Final = 50_000
_EACH: Final = 4
"""Cases of each kind of misuse in a month at full size."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large.

    Attributes:
        seed: Draws everything.
        reads_per_day: On an ordinary working day.
        days: Of the month.
    """

    seed: int
    reads_per_day: int = 50_000
    days: int = 30


class Month:
    """A simulated month.

    Args:
        scale: How large, and from which seed.
    """

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.city = City(scale.seed, scale.reads_per_day)
        self.first_day = FIRST_DAY + LEARNING_DAYS
        self.days = range(self.first_day, self.first_day + scale.days)
        closing = [day for day in self.days if weekday(day) < _SATURDAY][-4 - scale.seed % 8 :][:3]
        routine = Routine(self.city, scale.seed, frozenset(closing))
        alike = LookAlikes(self.city, routine, scale.seed, self.days)
        each = max(1, round(_EACH * scale.reads_per_day / _FULL))
        misuse = Misuse(self.city, routine, scale.seed, self.days, each)
        self._routine, self._alike, self._misuse = routine, alike, misuse
        self.kinds = misuse.kinds
        self.labelled: dict[int, tuple[int, str]] = {}
        """Entry of each planted read: its label and who read. For scoring, and never for the engine."""
        self._reviews: list[tuple[int, int, Finding]] = []
        self._next = 0

    def stream(self) -> Iterator[tuple[int, list[Read | Review]]]:
        """Each day with what the log gets, learning first."""
        for day in range(FIRST_DAY, self.days.stop):
            drafts = self._routine.day(day)
            if day >= self.first_day:
                drafts += self._alike.day(day)
                drafts += self._misuse.day(day)
            yield day, self._logged(day, drafts)

    def _logged(self, day: int, drafts: list[Draft]) -> list[Read | Review]:
        drafts.sort(key=lambda draft: draft.time_ms)
        ends = day_begins_ms(day + 1)
        logged: list[Read | Review] = []
        for draft in drafts:
            self._due(logged, min(draft.time_ms, ends))
            logged.append(self._read(draft))
        self._due(logged, ends)
        return logged

    def _due(self, logged: list[Read | Review], until_ms: int) -> None:
        while self._reviews and self._reviews[0][0] < until_ms:
            time_ms, asked, finding = heapq.heappop(self._reviews)
            logged.append(Review(self._next, time_ms, asked, finding))
            self._next += 1

    def _read(self, draft: Draft) -> Read:
        asked, entry = self._next, self._next + 1
        self._next += 2
        official = draft.official
        for after_ms, finding in draft.reviews:
            heapq.heappush(self._reviews, (draft.time_ms + after_ms, asked, finding))
        if draft.label >= 0:
            self.labelled[entry] = (draft.label, official.hash)
        habit = official.habit
        return Read(
            entry,
            asked,
            draft.time_ms,
            habit.department,
            f"spiffe://city.example/department/{habit.department}/system/{habit.system}",
            official.hash,
            draft.person,
            draft.purpose,
            draft.case,
            draft.outcome,
            draft.reason,
            draft.emergency,
            draft.asks,
        )
