"""Hard negatives: what looks like misuse to a rule and is honest work. At least one for each rule.

The docstring of each says which rule it is hard for.
"""

from random import Random
from typing import Final

from gateway.detection.reads import REFUSED
from gateway.detection_trial.city import HABITS, PEOPLE, City, Official, address
from gateway.detection_trial.drafts import Draft
from gateway.detection_trial.routine import HOUR_MS, Routine, weekday, works
from policies.civil_time import day_begins_ms

_EVENING: Final = (18, 19, 20, 21)
_SATURDAY: Final = 5


class LookAlikes:
    """Adds hard negatives to honest days.

    Args:
        city: The city.
        routine: Its honest days.
        seed: Draws everything.
        days: First day and the first that is over.
    """

    def __init__(self, city: City, routine: Routine, seed: int, days: range) -> None:
        self._city, self._routine, self._days = city, routine, days
        self._random = random = Random(f"look-alikes {seed}")
        self._size = max(1, round(city.reads_per_day / 10_000))
        self._offices = [h for h in HABITS if h.officials and not h.nights]
        self._campaign = (random.choice(self._offices), random.choice(days[8:-12]))
        pilot = random.choice([h for h in self._offices if h is not self._campaign[0]])
        self._pilot = (pilot, random.choice(days[8:-8]), random.sample(city.staff[pilot.system], 2))
        alone = random.choice([h for h in self._offices if h not in {self._campaign[0], pilot}])
        self._alone = (alone, random.choice(days[8:-8]), random.choice(city.staff[alone.system]))
        self._flood = (random.choice(self._offices), random.choice([d for d in days[3:-3] if weekday(d) < _SATURDAY]))
        self._outage = (random.choice(self._offices), random.choice([d for d in days[3:-3] if weekday(d) < _SATURDAY]))
        self._moves()
        self._stand_ins()

    def day(self, day: int) -> list[Draft]:
        """What is added to a day."""
        drafts: list[Draft] = []
        for _ in range(2 * self._size):
            self._relative(drafts, day)
        for _ in range(3 * self._size):
            self._neighbour(drafts, day)
        for _ in range(self._size):
            self._household(drafts, day)
            self._patient_comes_again(drafts, day)
            self._somebody_on_the_list(drafts, day)
        if self._random.random() < 0.3 * self._size:
            self._class_list(drafts, day)
        if self._random.random() < 0.4 * self._size:
            self._late_evening(drafts, day)
        if self._random.random() < 0.15 * self._size:
            self._stubborn_program(drafts, day)
        self._campaigns(drafts, day)
        self._flood_night(drafts, day)
        self._expired(drafts, day)
        return drafts

    def _moves(self) -> None:
        """Hard for bulk and off-hours: officials who are new or move to another system, without days of their own."""
        for habit in self._offices:
            staff = self._city.staff[habit.system]
            for _ in range(max(1, len(staff) // 40)):
                newcomer = self._city.hire(self._random, habit)
                newcomer.rate = self._random.uniform(0.8, 1.3) * staff[0].rate
                newcomer.from_day = self._random.choice(self._days)
                staff.append(newcomer)
            mover = self._random.choice(staff)
            other = self._random.choice(self._offices)
            if mover.from_day < self._days[0] and other is not habit:
                moved = self._city.hire(self._random, other)
                moved.number, moved.family = mover.number, mover.family
                moved.rate, moved.from_day = mover.rate, self._random.choice(self._days)
                mover.until_day = moved.from_day
                self._city.staff[other.system].append(moved)

    def _stand_ins(self) -> None:
        """Hard for bulk and sustained: who does a sick colleague's work as well, for one or two weeks."""
        for _ in range(2 * self._size):
            official = self._official()
            first = self._random.choice(self._days[:-6])
            for day in range(first, first + self._random.randint(5, 12)):
                self._routine.extra[id(official), day] = self._random.uniform(1.6, 2.1)

    def _official(self) -> Official:
        return self._random.choice(self._city.staff[self._random.choice(self._offices).system])

    def _on_duty(self, day: int) -> Official | None:
        official = self._official()
        return official if works(official, day) else None

    def _proper(self, drafts: list[Draft], official: Official, day: int, person: bytes) -> None:
        habit = official.habit
        at, case = self._routine.time(official, day), self._routine.new_case(habit)
        times = range(self._random.randint(1, 3))
        drafts += [Draft(at + step * 90_000, official, person, habit.purposes[0], case) for step in times]

    def _relative(self, drafts: list[Draft], day: int) -> None:
        """Hard for relation: a relative or a colleague is the applicant, and the case is a real one."""
        official = self._on_duty(day)
        if official is None:
            return
        colleagues = sorted(self._city.department_people[official.habit.department])
        among = sorted(official.family) if self._random.random() < 0.5 else colleagues
        number = self._random.choice(among)
        if number != official.number:
            self._proper(drafts, official, day, self._city.ids[number])

    def _neighbour(self, drafts: list[Draft], day: int) -> None:
        """Hard for same address: clients from the big block where the official lives, now and then without a case."""
        official = self._on_duty(day)
        if official is None or address(official.number) >= PEOPLE // 3:
            return
        number = address(official.number) * 360 + self._random.randrange(360)
        if number in official.family or number == official.number:
            return
        if self._random.random() < 0.1:
            at = self._routine.time(official, day)
            drafts.append(Draft(at, official, self._city.ids[number], official.habit.purposes[0], ""))
        else:
            self._proper(drafts, official, day, self._city.ids[number])

    def _household(self, drafts: list[Draft], day: int) -> None:
        """Hard for shared cases: one case for a family, and hard for repeated: read again as it goes on."""
        official = self._on_duty(day)
        if official is None:
            return
        first = self._random.randrange(PEOPLE - 6)
        at, case = self._routine.time(official, day), self._routine.new_case(official.habit)
        for n in range(self._random.randint(3, 6)):
            person = self._city.ids[first + n]
            drafts.append(Draft(at + n * 45_000, official, person, official.habit.purposes[0], case))

    def _class_list(self, drafts: list[Draft], day: int) -> None:
        """Hard for shared cases and fast: one case for a class of pupils or a block of tenants, read at one go."""
        official = self._on_duty(day)
        if official is None:
            return
        at, case = self._routine.time(official, day), self._routine.new_case(official.habit)
        for n in range(self._random.randint(15, 35)):
            person = self._city.ids[self._random.randrange(PEOPLE)]
            drafts.append(Draft(at + n * 25_000, official, person, official.habit.purposes[1], case))

    def _patient_comes_again(self, drafts: list[Draft], day: int) -> None:
        """Hard for repeated: a chronic patient, each visit a case, seen by one and the same official every few days."""
        for official in self._random.sample(self._city.staff["hospital"], 2):
            if works(official, day):
                person = self._city.ids[(official.number + 7_000 + self._random.randrange(3)) % PEOPLE]
                self._proper(drafts, official, day, person)

    def _somebody_on_the_list(self, drafts: list[Draft], day: int) -> None:
        """Hard for watched: somebody on the list applies for something, and two officials work on that case."""
        number = self._random.choice(self._city.watched)
        habit = self._random.choice(self._offices)
        case = self._routine.new_case(habit)
        for official in self._random.sample(self._city.staff[habit.system], 2):
            if works(official, day):
                at = self._routine.time(official, day)
                drafts.append(Draft(at, official, self._city.ids[number], habit.purposes[0], case))

    def _late_evening(self, drafts: list[Draft], day: int) -> None:
        """Hard for off-hours: a deadline, worked off with cases until late or on a Saturday."""
        official = self._official()
        if not official.from_day <= day < official.until_day:
            return
        hours = _EVENING if weekday(day) < _SATURDAY else (9, 10, 11, 12)
        for _ in range(self._random.randint(6, 25)):
            at = self._routine.time(official, day, hours)
            person = self._city.ids[self._random.randrange(PEOPLE)]
            drafts.append(
                Draft(at, official, person, official.habit.purposes[0], self._routine.new_case(official.habit))
            )

    def _stubborn_program(self, drafts: list[Draft], day: int) -> None:
        """Hard for refusals: a program that tries one and the same refused request again and again."""
        official = self._on_duty(day)
        if official is None:
            return
        at, case = self._routine.time(official, day), self._routine.new_case(official.habit)
        person = self._city.ids[self._random.randrange(PEOPLE)]
        reason = self._random.choice(("CONSENT_EXPIRED", "RATE_EXCEEDED", "CASE_REQUIRED"))
        for n in range(self._random.randint(12, 60)):
            purpose = official.habit.purposes[0]
            drafts.append(Draft(at + n * 20_000, official, person, purpose, case, "basic", REFUSED, reason))

    def _campaigns(self, drafts: list[Draft], day: int) -> None:
        """Hard for new purpose and bulk: a campaign of a whole office, and a pilot of two officials, with cases."""
        habit, first = self._campaign
        pilot, began, two = self._pilot
        for official in self._city.staff[habit.system] if first <= day < first + 10 else ():
            if works(official, day) and self._random.random() < 0.7:
                self._for_purpose(drafts, official, day, habit.spare, round(official.rate * 0.7))
        for official in two if began <= day < began + 6 else ():
            if works(official, day):
                self._for_purpose(drafts, official, day, pilot.spare, self._random.randint(3, 8))

        tried, once, one = self._alone
        if once <= day < once + 3 and works(one, day):
            # Somebody tries the new purpose out before the others take it up.
            self._for_purpose(drafts, one, day, tried.spare, self._random.randint(1, 2))

    def _for_purpose(self, drafts: list[Draft], official: Official, day: int, purpose: str, people: int) -> None:
        for _ in range(people):
            at = self._routine.time(official, day)
            person = self._city.ids[self._random.randrange(PEOPLE)]
            drafts.append(Draft(at, official, person, purpose, self._routine.new_case(official.habit)))

    def _flood_night(self, drafts: list[Draft], day: int) -> None:
        """Hard for off-hours: one night in which a third of an office works for those who lost their homes."""
        habit, night = self._flood
        for official in self._city.staff[habit.system] if day == night else ():
            if works(official, day) and self._random.random() < 0.35:
                for _ in range(self._random.randint(5, 20)):
                    at = self._routine.time(official, day, (19, 20, 21, 22, 23))
                    person = self._city.ids[self._random.randrange(PEOPLE)]
                    case = self._routine.new_case(habit)
                    drafts.append(Draft(at, official, person, habit.purposes[0], case))

    def _expired(self, drafts: list[Draft], day: int) -> None:
        """Hard for refusals: an agreement runs out, and a whole office is refused for two hours."""
        habit, when = self._outage
        for official in self._city.staff[habit.system] if day == when else ():
            if works(official, day):
                for n in range(self._random.randint(4, 18)):
                    at = day_begins_ms(day) + 10 * HOUR_MS + int(self._random.random() * 2 * HOUR_MS)
                    person = self._city.ids[self._random.randrange(PEOPLE)]
                    purpose = habit.purposes[n % 2]
                    asks = ("basic", "address", "status")[n % 3]
                    case = self._routine.new_case(habit)
                    drafts.append(Draft(at, official, person, purpose, case, asks, REFUSED, "AGREEMENT_EXPIRED"))
