"""A simple way to look, done well: each day, officials whose counts stand out most from their own days.

Four counts a day (people, requests without a case, requests between 19 and 7 or at weekends, refusals), each as the
distance from the official's own mean in standard deviations, with at least one; the largest of the four counts.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from gateway.detection.reads import REFUSED, Read
from gateway.detection_trial.routine import HOUR_MS, weekday
from policies.civil_time import day_begins_ms

if TYPE_CHECKING:
    from gateway.detection_trial.figures import Score

_EVENING: Final = 19
_MORNING: Final = 7
_SATURDAY: Final = 5
_LEAST_DAYS: Final = 5


class Busiest:
    """Ranks officials' days.

    Args:
        first_day: Days before it only serve for learning.
    """

    def __init__(self, first_day: int) -> None:
        self._first_day = first_day
        self._sums: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
        self._ranked: list[tuple[float, str, tuple[int, int]]] = []

    def day(self, day: int, reads: Sequence[Read]) -> None:
        """Look at a day."""
        counts: dict[tuple[str, str], list[float]] = {}
        people: dict[tuple[str, str], set[bytes]] = defaultdict(set)
        begins, weekend = day_begins_ms(day), weekday(day) >= _SATURDAY
        for read in reads:
            who = (read.system, read.official)
            mine = counts.setdefault(who, [0.0] * 4)
            people[who].add(read.person)
            hour = (read.time_ms - begins) // HOUR_MS
            mine[1] += not read.case
            mine[2] += weekend or hour >= _EVENING or hour < _MORNING
            mine[3] += read.outcome == REFUSED
        for who, mine in counts.items():
            mine[0] = len(people[who])
            days = self._sums[who]
            if day >= self._first_day and who[1]:
                self._ranked.append((_distance(mine, days), who[1], (reads[0].entry, reads[-1].entry)))
            days.append(mine)

    def score(self, number: int, labelled: Mapping[int, tuple[int, str]], score: "Score") -> "Score":
        """Count what the most conspicuous days touch, as many as there were alerts."""
        by_official: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for entry, (label, official) in labelled.items():
            by_official[official].append((entry, label))
        for _, official, (first, last) in sorted(self._ranked, reverse=True)[:number]:
            touched = {label for entry, label in by_official.get(official, ()) if first <= entry <= last}
            score.shown += 1
            score.right += bool(touched)
            score.found |= touched
        return score


def _distance(mine: list[float], days: list[list[float]]) -> float:
    if len(days) < _LEAST_DAYS:
        return 0.0
    found = 0.0
    for n, count in enumerate(mine):
        mean = sum(day[n] for day in days) / len(days)
        spread = max(1.0, (sum((day[n] - mean) ** 2 for day in days) / len(days)) ** 0.5)
        found = max(found, (count - mean) / spread)
    return found
