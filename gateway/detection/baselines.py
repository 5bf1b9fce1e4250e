"""What is usual: for each official by the own days, for each system by the days of all who use it.

Rules kept here: everything is counted in civil days and forgotten exactly `window_days` later, so that what is usual
follows from that stretch of the log alone: whoever reads it again comes to the same numbers. The peers of an official
are those who use the same system; a new official is measured by them, and so is one who moved to another system.
"""

from collections import Counter, deque
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

HOURS: Final = 24
_LEAST_SAMPLES: Final = 10
_LEAST_OFFICIALS: Final = 5
_LEAST_DAYS: Final = 2
_HIGH: Final = 95
_MIDDLE: Final = 50


class Done(NamedTuple):
    """What an official did on a day.

    Attributes:
        day: Civil day.
        people: Different people.
        reads: Requests.
        peak: Most requests in a minute.
        hours: One bit for each hour with a request.
        first: Index of the day's first entry.
        no_case: Requests without a case, where the peers name one.
        worked: Whether it was a working day.
    """

    day: int
    people: int
    reads: int
    peak: int
    hours: int
    first: int
    no_case: int
    worked: bool


class GroupDay:
    """What all users of a system did on a day."""

    __slots__ = (
        "case_people",
        "day",
        "hours",
        "no_case",
        "pairs",
        "peaks",
        "people",
        "reads",
        "refused",
        "repeated",
        "worked",
    )

    def __init__(self, day: int, *, worked: bool) -> None:
        self.day = day
        self.worked = worked
        self.reads = 0
        self.no_case = 0
        self.hours = [0] * HOURS
        self.people: list[int] = []
        self.peaks: list[int] = []
        self.case_people: list[int] = []
        self.refused: list[int] = []
        self.pairs = 0
        self.repeated: Counter[int] = Counter()


class Group:
    """A system with what is usual for those who use it.

    Attributes:
        today: The day that is running.
        rare: Off hours of a worked day and of another one, one bit each.
        cases_share: Percent of requests that name a case; 0 as long as there were too few.
        people_high: Of days of officials, the number of people that 95 of 100 do not exceed; -1 when too few.
        people_middle: Half of the days have at most so many.
        peak_high: The same for the peak in a minute.
        days_counted: Days of officials behind these.
        surge: Percent of their usual people that the middle one of the officials had on the day that ended last.
        week_surge: The same for a week against the days before it.
        case_people: Of days of officials, most people under one case that 95 of 100 do not exceed.
        refused_high: The same for refusals.
        purposes: Purpose to the last days on which the system asked for it.
        rare_today: Officials who worked at off hours today.
        active: How many officials did anything today.
        refused_today: Reason to the officials who were refused for it today.
    """

    __slots__ = (
        "active",
        "case_people",
        "cases_share",
        "days",
        "days_counted",
        "first_day",
        "known",
        "pairs",
        "peak_high",
        "people_high",
        "people_middle",
        "purpose_users",
        "purposes",
        "rare",
        "rare_today",
        "reads",
        "refused_high",
        "refused_today",
        "repeated",
        "surge",
        "today",
        "week_surge",
    )

    def __init__(self, today: GroupDay) -> None:
        self.today = today
        self.first_day = today.day
        self.days: deque[GroupDay] = deque()
        self.rare = [0, 0]
        self.cases_share = 0
        self.people_high = self.people_middle = self.peak_high = -1
        self.days_counted = 0
        self.reads = 0
        self.surge = self.week_surge = 100
        self.case_people = self.refused_high = 0
        self.pairs = 0
        self.repeated: Counter[int] = Counter()
        self.purposes: dict[str, list[int]] = {}
        self.known: dict[str, int] = {}
        self.purpose_users: dict[str, dict[str, int]] = {}
        self.rare_today: set[str] = set()
        self.active = 0
        self.refused_today: dict[str, set[str]] = {}

    def begin(self, today: GroupDay, between: list[GroupDay], window_days: int, off_hours_share: int) -> None:
        """Close the running day and begin another.

        Args:
            today: The day that begins.
            between: Days between the two, on which nobody read anything.
            window_days: For so many days things count.
            off_hours_share: See `Thresholds`.
        """
        day = today.day
        self.days.append(self.today)
        self.days.extend(between)
        while self.days and self.days[0].day < day - window_days:
            self.days.popleft()
        if self.days:
            self.first_day = self.days[0].day
        self.today = today
        self.rare_today = set()
        self.active = 0
        self.refused_today = {}
        self._count(off_hours_share)
        self._forget_purposes(day - window_days)

    def ended(self, done: Done, cases: Mapping[str, Collection[bytes]], refusals: int) -> None:
        """Count the day of one who used the system."""
        today = self.today
        today.people.append(done.people)
        today.peaks.append(done.peak)
        today.case_people.append(max(map(len, cases.values()), default=0))
        today.refused.append(refusals)

    def _count(self, off_hours_share: int) -> None:
        people = sorted(n for one in self.days for n in one.people)
        peaks = sorted(n for one in self.days for n in one.peaks)
        self.days_counted = len(people)
        self.people_high, self.people_middle = at(people, _HIGH), at(people, _MIDDLE)
        self.peak_high = at(peaks, _HIGH)
        self.case_people = max(0, at(sorted(n for one in self.days for n in one.case_people), _HIGH))
        self.refused_high = max(0, at(sorted(n for one in self.days for n in one.refused), _HIGH))
        self.reads = sum(one.reads for one in self.days)
        without = sum(one.no_case for one in self.days)
        self.cases_share = 100 * (self.reads - without) // self.reads if self.reads >= _LEAST_SAMPLES**2 else 0
        self.pairs = sum(one.pairs for one in self.days)
        self.repeated = Counter()
        for one in self.days:
            self.repeated.update(one.repeated)
        self.rare = [self._rare(off_hours_share, worked=False), self._rare(off_hours_share, worked=True)]

    def _rare(self, share: int, *, worked: bool) -> int:
        """Off hours: too few of the requests fall on them, and on their neighbours, on days of this sort."""
        if self.reads < _LEAST_SAMPLES**2:
            return 0
        days = [one for one in self.days if one.worked is worked]
        if len(days) < _LEAST_DAYS:
            # Nobody knows yet what is usual on such a day.
            return 0
        sums = [0] * HOURS
        for one in days:
            sums = [a + b for a, b in zip(sums, one.hours, strict=True)]
        return sum(1 << hour for hour in range(HOURS) if 10_000 * sums[hour] < share * self.reads)

    def _forget_purposes(self, before: int) -> None:
        for purpose, days in list(self.purposes.items()):
            self.purposes[purpose] = kept = [day for day in days if day >= before]
            users = self.purpose_users.get(purpose, {})
            for user in [user for user, day in users.items() if day < before]:
                del users[user]
            if not kept:
                del self.purposes[purpose]
                self.purpose_users.pop(purpose, None)


def at(ordered: list[int], percent: int) -> int:
    """The value that so many percent of a sample do not exceed; -1 when the sample is too small."""
    if len(ordered) < _LEAST_SAMPLES:
        return -1
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def middle(values: list[int]) -> int:
    """The middle one of percentages; 100 when there are too few to say."""
    return sorted(values)[len(values) // 2] if len(values) >= _LEAST_OFFICIALS else 100
