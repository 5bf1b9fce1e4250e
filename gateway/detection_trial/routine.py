"""Honest days: cases from morning to evening, in shifts or by batch, with what people follow up, forget and mistype."""

from collections import defaultdict
from random import Random
from typing import Final

from gateway.detection.reads import REFUSED, Finding
from gateway.detection_trial.city import PEOPLE, City, Habit, Official
from gateway.detection_trial.drafts import Draft
from policies.civil_time import day_begins_ms

HOUR_MS: Final = 3_600_000
DAY_HOURS: Final = range(24)
_SATURDAY: Final = 5
_THURSDAY: Final = 3
"""1970-01-01 was a Thursday."""
_ASKS: Final = ("basic", "address", "status", "history", "income")
_ROTA: Final = 4
_SHIFTS: Final = (range(7, 15), range(15, 23), (23, 0, 1, 2, 3, 4, 5, 6))
_TYPING: Final = 0.007
_LATE_REVIEW: Final = 0.06


def weekday(day: int) -> int:
    """0 is Monday."""
    return (day + _THURSDAY) % 7


def works(official: Official, day: int) -> bool:
    """Whether somebody is on duty."""
    if not official.from_day <= day < official.until_day:
        return False
    if official.habit.nights:
        # Two shifts of each kind in turn, then two days off.
        return (day + official.shift) % 8 < 6
    return not official.habit.officials or weekday(day) < _SATURDAY


class Routine:
    """Makes honest days.

    Args:
        city: The city.
        seed: Draws everything.
        month_end: Civil days at a month's end.
    """

    def __init__(self, city: City, seed: int, month_end: frozenset[int]) -> None:
        self._city = city
        self._random = Random(f"routine {seed}")
        self._month_end = month_end
        self._follow: dict[int, list[tuple[Official, bytes, str, str]]] = defaultdict(list)
        self._cases = 0
        self.extra: dict[tuple[int, int], float] = {}
        """Of an official (by identity) on a day, how many times the usual."""

    def day(self, day: int) -> list[Draft]:
        """The reads of a day, in no order."""
        drafts: list[Draft] = []
        for official, person, purpose, case in self._follow.pop(day, ()):
            if works(official, day):
                self._case(drafts, official, day, person, purpose, case)
        busy = self._random.uniform(0.9, 1.1) * (1.15 if weekday(day) == 0 else 1.0)
        for habit_staff in self._city.staff.values():
            for official in habit_staff:
                if works(official, day):
                    self._work(drafts, official, day, busy)
        return drafts

    def new_case(self, habit: Habit) -> str:
        """A case number of a system."""
        self._cases += 1
        return f"{habit.system[:2].upper()}-{self._cases:07d}"

    def time(self, official: Official, day: int, hours: tuple[int, ...] | None = None) -> int:
        """A moment of an official's working day, Unix ms."""
        random = self._random
        habit = official.habit
        if hours is not None:
            hour = random.choice(hours)
        elif habit.nights:
            hour = random.choice(_SHIFTS[(day + official.shift) % 8 // 2])
        else:
            hour = random.choices(DAY_HOURS, habit.hours)[0]
            if official.late and random.random() < official.late / 8:
                hour = random.choice((18, 19, 20))
        return day_begins_ms(day) + hour * HOUR_MS + int(random.random() * HOUR_MS)

    def _work(self, drafts: list[Draft], official: Official, day: int, busy: float) -> None:
        random, habit = self._random, official.habit
        rate = official.rate * busy * self.extra.get((id(official), day), 1.0)
        if day in self._month_end:
            rate *= habit.month_end
        task = self.new_case(habit) if not habit.officials else ""
        for _ in range(max(0, round(random.gauss(rate, rate**0.5 * 1.3)))):
            person = self._city.ids[int(random.random() * PEOPLE)]
            purpose = habit.purposes[random.random() < 0.25]
            case = task or self.new_case(habit)
            self._case(drafts, official, day, person, purpose, case)

    def _case(self, drafts: list[Draft], official: Official, day: int, person: bytes, purpose: str, case: str) -> None:
        """One case: a few reads about one person, now and then with an error, perhaps to be followed up."""
        random, habit = self._random, official.habit
        at = self.time(official, day)
        forgets = random.random() < (1 - habit.case_share) * official.careless or not habit.case_share
        named = "" if forgets else case
        chance = random.random()
        if habit.emergencies and chance < habit.emergencies / 1000:
            drafts.append(self._emergency(official, person, purpose, named, at))
            return
        if chance > 1 - _TYPING:
            drafts.append(Draft(at, official, b"", purpose, named, "basic", REFUSED, "BAD_IDENTIFIER"))
            at += 30_000
        for step in range(1 + (chance < 0.45) + (chance < 0.15)):
            drafts.append(Draft(at, official, person, purpose, named, _ASKS[step]))
            at += 20_000 + int(random.random() * 200_000)
        if random.random() < habit.follow:
            later = day + random.choice((1, 2, 3, 5, 7, 7, 9, 14))
            again = self.new_case(habit) if habit.visits else case
            self._follow[later].append((official, person, purpose, again))

    def _emergency(self, official: Official, person: bytes, purpose: str, case: str, at: int) -> Draft:
        """A genuine emergency; its review is justified, and now and then late."""
        random = self._random
        if random.random() < _LATE_REVIEW:
            late = 24 * HOUR_MS
            done = late + int(random.uniform(0.5, 3) * 24 * HOUR_MS)
            reviews: tuple[tuple[int, Finding], ...] = ((late, Finding.OVERDUE), (done, Finding.JUSTIFIED))
        else:
            reviews = ((int(random.uniform(1, 20) * HOUR_MS), Finding.JUSTIFIED),)
        return Draft(at, official, person, purpose, case, "basic", emergency="life_saving_care", reviews=reviews)
