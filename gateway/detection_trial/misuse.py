"""Planted misuse of every kind. How it is done (how often, with which cases, when) is drawn for each case and seed.

Rules kept here: what is planted uses the words, systems and officials of honest reads; only `label` says that it was,
and that stays here.
"""

from collections import defaultdict
from collections.abc import Callable
from random import Random
from typing import Final

from gateway.detection.reads import REFUSED, RELEASED, Finding
from gateway.detection_trial.city import HABITS, PEOPLE, City, Habit, Official
from gateway.detection_trial.drafts import Draft
from gateway.detection_trial.routine import HOUR_MS, Routine, weekday, works
from policies.civil_time import day_begins_ms

_SATURDAY: Final = 5
_REASONS: Final = (
    "NOT_IN_AGREEMENT",
    "PURPOSE_NOT_COVERED",
    "NO_AGREEMENT",
    "FORM_NOT_ALLOWED",
    "BASIS_NOT_COVERED",
    "CASE_REQUIRED",
)
_ASKS: Final = ("income", "history", "record", "health", "debts", "address", "photo")


class Misuse:
    """Plants cases of misuse.

    Args:
        city: The city.
        routine: Its honest days.
        seed: Draws everything.
        days: First day and the first that is over.
        each: How many cases of each kind.
    """

    def __init__(self, city: City, routine: Routine, seed: int, days: range, each: int) -> None:
        self._city, self._routine, self._days = city, routine, days
        self._random = Random(f"misuse {seed}")
        self._planned: dict[int, list[Draft]] = defaultdict(list)
        self._offices = [h for h in HABITS if h.officials and not h.nights]
        self._staffed = [h for h in HABITS if h.officials and h.case_share > 0.9]
        self._used: set[int] = set()
        self.kinds: list[str] = []
        """Kind of each case, by label."""
        kinds: dict[str, Callable[[int], None]] = {
            "curious about a colleague": self._colleague,
            "relatives": self._relatives,
            "ex-spouse over weeks": self._ex_spouse,
            "bulk at once": self._bulk,
            "bulk over weeks": self._drip,
            "credential used at night": self._night,
            "purpose creep": self._creep,
            "probing": self._probing,
            "emergency abused": self._emergency,
            "honeytoken touched": self._honeytoken,
            "persons on the list": self._famous,
        }
        for kind, plant in kinds.items():
            for _ in range(each):
                self.kinds.append(kind)
                plant(len(self.kinds) - 1)

    def day(self, day: int) -> list[Draft]:
        """What is planted on a day."""
        return self._planned.pop(day, [])

    def _official(self, habits: list[Habit]) -> Official:
        """Somebody who is there all the month and does nothing else that is planted."""
        while True:
            official = self._random.choice(self._city.staff[self._random.choice(habits).system])
            there = official.from_day <= self._days[0] and official.until_day >= self._days[-1]
            if there and id(official) not in self._used:
                self._used.add(id(official))
                return official

    def _workday(self, official: Official, first: int = 0, last: int = 0) -> int:
        """A day on which somebody is on duty."""
        days = [d for d in self._days[first : last or len(self._days)] if works(official, d)]
        return self._random.choice(days)

    def _put(self, label: int, day: int, draft: Draft) -> None:
        self._planned[day].append(draft._replace(label=label))

    def _case(self, official: Official, missing: float) -> str:
        """A made-up case, or none."""
        return "" if self._random.random() < missing else self._routine.new_case(official.habit)

    def _when(self, official: Official, day: int, evening: float) -> int:
        hours = (19, 20, 21, 22) if self._random.random() < evening and not official.habit.nights else None
        return self._routine.time(official, day, hours)

    def _looks(self, label: int, official: Official, number: int, times: int, missing: float, evening: float) -> None:
        """Looks one person up on several days."""
        days = [d for d in self._days if works(official, d)]
        for day in sorted(self._random.sample(days, min(times, len(days)))):
            case = self._case(official, missing)
            at = self._when(official, day, evening)
            for step in range(self._random.randint(1, 3)):
                purpose = self._random.choice(official.habit.purposes)
                draft = Draft(at + step * 40_000, official, self._city.ids[number], purpose, case, _ASKS[step])
                self._put(label, day, draft)

    def _colleague(self, label: int) -> None:
        official = self._official(self._staffed)
        among = sorted(self._city.department_people[official.habit.department] - {official.number})
        missing = self._random.choice((1.0, 1.0, 0.8, 0.5))
        for number in self._random.sample(among, self._random.randint(1, 3)):
            self._looks(label, official, number, self._random.randint(1, 3), missing, 0.3)

    def _relatives(self, label: int) -> None:
        official = self._official(self._staffed)
        missing = self._random.choice((1.0, 1.0, 0.8, 0.6))
        for number in self._random.sample(sorted(official.family), self._random.randint(1, 2)):
            self._looks(label, official, number, self._random.randint(1, 3), missing, 0.3)

    def _ex_spouse(self, label: int) -> None:
        official = self._official(self._staffed)
        number = self._random.choice(sorted(official.family))
        missing = self._random.choice((0.0, 0.0, 0.2, 0.4))
        self._looks(label, official, number, self._random.randint(4, 10), missing, self._random.uniform(0, 0.5))

    def _cases(self, official: Official) -> Callable[[], str]:
        """How somebody who reads many names cases: not at all, one and the same, a few, or a new one each time."""
        way = self._random.choice(("none", "none", "one", "one", "few", "new"))
        few = [self._routine.new_case(official.habit) for _ in range(1 if way == "one" else 4)]
        if way == "none":
            return lambda: ""
        if way == "new":
            return lambda: self._routine.new_case(official.habit)
        return lambda: self._random.choice(few)

    def _many(
        self, label: int, official: Official, day: int, people: int, begin_ms: int, pause_ms: float, purpose: str = ""
    ) -> None:
        case = self._cases(official)
        for _ in range(people):
            begin_ms += int(self._random.expovariate(1 / pause_ms))
            person = self._city.ids[self._random.randrange(PEOPLE)]
            used = purpose or official.habit.purposes[0]
            self._put(label, day, Draft(begin_ms, official, person, used, case(), "basic"))

    def _bulk(self, label: int) -> None:
        official = self._official(self._offices)
        day = self._workday(official)
        begin = day_begins_ms(day) + int(self._random.uniform(9, 15) * HOUR_MS)
        self._many(label, official, day, self._random.randint(150, 600), begin, self._random.uniform(3_000, 25_000))

    def _drip(self, label: int) -> None:
        official = self._official(self._offices)
        first = self._random.randrange(len(self._days) // 2)
        extra = self._random.uniform(0.8, 2.0)
        case = self._cases(official)
        for day in self._days[first : first + self._random.randint(10, 16)]:
            if works(official, day):
                for _ in range(round(official.rate * extra * self._random.uniform(0.7, 1.3))):
                    at = self._routine.time(official, day)
                    person = self._city.ids[self._random.randrange(PEOPLE)]
                    self._put(label, day, Draft(at, official, person, official.habit.purposes[0], case(), "basic"))

    def _night(self, label: int) -> None:
        official = self._official(self._offices)
        for _ in range(self._random.randint(1, 3)):
            day = self._random.choice(self._days)
            begin = day_begins_ms(day) + int(self._random.uniform(0.5, 4) * HOUR_MS)
            people = self._random.randint(20, 80)
            self._many(label, official, day, people, begin, self._random.uniform(4_000, 40_000))

    def _creep(self, label: int) -> None:
        habit = self._random.choice(self._offices)
        official = self._official([habit])
        purpose = self._random.choice([h.spare for h in HABITS if h is not habit])
        first = self._random.randrange(len(self._days) - 8)
        case = self._cases(official)
        for day in self._days[first : first + self._random.randint(3, 6)]:
            for _ in range(self._random.randint(4, 15)) if weekday(day) < _SATURDAY else ():
                person = self._city.ids[self._random.randrange(PEOPLE)]
                at = self._when(official, day, 0.1)
                self._put(label, day, Draft(at, official, person, purpose, case(), self._random.choice(_ASKS)))
        if not any(draft.label == label for drafts in self._planned.values() for draft in drafts):
            self._creep(label)

    def _probing(self, label: int) -> None:
        official = self._official(self._staffed)
        day = self._workday(official)
        at = self._routine.time(official, day)
        reasons = self._random.sample(_REASONS, self._random.randint(2, 5))
        for _ in range(self._random.randint(15, 60)):
            at += int(self._random.uniform(15_000, 120_000))
            person = self._city.ids[self._random.randrange(PEOPLE)]
            purpose = self._random.choice((*official.habit.purposes, official.habit.spare))
            refused = self._random.random() < 0.85
            purpose = purpose if refused else official.habit.purposes[0]
            case, asks = self._case(official, 0.3), self._random.choice(_ASKS)
            outcome, reason = (REFUSED, self._random.choice(reasons)) if refused else (RELEASED, "")
            self._put(label, day, Draft(at, official, person, purpose, case, asks, outcome, reason))

    def _emergency(self, label: int) -> None:
        official = self._official([h for h in HABITS if h.emergencies])
        found = self._random.random() < 0.5
        for _ in range(self._random.randint(2, 5)):
            day = self._workday(official, 0, -3)
            at = self._routine.time(official, day)
            person = self._city.ids[self._random.randrange(PEOPLE)]
            day_ms = 24 * HOUR_MS
            reviews = ((day_ms // 2, Finding.NOT_JUSTIFIED),) if found else ((day_ms, Finding.OVERDUE),)
            purpose, case = official.habit.purposes[0], self._case(official, 0.5)
            draft = Draft(at, official, person, purpose, case, "history", emergency="life_saving_care", reviews=reviews)
            self._put(label, day, draft)

    def _honeytoken(self, label: int) -> None:
        official = self._official([h for h in HABITS if h.officials])
        day = self._workday(official)
        for _ in range(self._random.randint(1, 2)):
            at = self._routine.time(official, day)
            outcome, reason = self._random.choice(((RELEASED, ""), (RELEASED, ""), (REFUSED, "NOT_IN_AGREEMENT")))
            person, case = self._random.choice(self._city.nobodies), self._case(official, 0.3)
            purpose = official.habit.purposes[0]
            self._put(label, day, Draft(at, official, person, purpose, case, "basic", outcome, reason))

    def _famous(self, label: int) -> None:
        """One official who looks up some on the list, or on the day of a headline several who look one up."""
        if self._random.random() < 0.4:
            number = self._random.choice(self._city.watched)
            day = self._random.choice([d for d in self._days if weekday(d) < _SATURDAY])
            for _ in range(self._random.randint(5, 9)):
                official = self._official(self._staffed)
                if works(official, day):
                    at, case = self._routine.time(official, day), self._case(official, 0.5)
                    draft = Draft(at, official, self._city.ids[number], official.habit.purposes[0], case, "history")
                    self._put(label, day, draft)
            return
        official = self._official(self._staffed)
        missing = self._random.choice((1.0, 1.0, 0.8, 0.5))
        for number in self._random.sample(self._city.watched, self._random.randint(1, 3)):
            self._looks(label, official, number, self._random.randint(1, 2), missing, 0.3)
