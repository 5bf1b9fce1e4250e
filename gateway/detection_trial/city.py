"""The city: its people with households and families, its departments with their systems, officials and rhythms.

Everything is drawn from a seed, and so are the habits themselves: how many name a case, how long nights are, how much
people follow up. All of it is invented.
"""

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from random import Random
from typing import Final

from gateway.detection.relations import Relation

PEOPLE: Final = 600_000
_FLAT: Final = 3
"""People of one flat."""
_BLOCK: Final = 360
_HOUSE: Final = 12
_BLOCKS_UNTIL: Final = PEOPLE // 3
"""So many live in big blocks."""
_SURNAMES: Final = 60
_OFFICIALS_PER_READ: Final = 1 / 24

OFFICE: Final = (0, 0, 0, 0, 0, 0, 0, 1, 8, 14, 15, 11, 4, 10, 14, 13, 9, 4, 1, 0, 0, 0, 0, 0)
DAY: Final = (2, 1, 1, 1, 1, 2, 4, 8, 12, 13, 12, 10, 8, 9, 11, 11, 10, 8, 6, 5, 5, 4, 4, 3)
BATCH: Final = (0, 20, 30, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Habit:
    """How a system is used.

    Attributes:
        share: Of all reads of the city.
        hours: Weight of each hour.
        nights: Whether it is used around the clock, in shifts, on every day.
        case_share: How many requests name a case.
        purposes: What for, the commonest first.
        spare: A purpose that its agreements allow and that nobody uses yet.
        visits: Whether each visit of a person is a case of its own.
        follow: How often a case goes on another day.
        officials: False for a system that runs by itself.
        month_end: How much more there is at a month's end.
        emergencies: Of a thousand requests.
    """

    department: str
    system: str
    share: float
    hours: tuple[int, ...]
    case_share: float
    purposes: tuple[str, ...]
    spare: str
    nights: bool = False
    visits: bool = False
    follow: float = 0.1
    officials: bool = True
    month_end: float = 1.0
    emergencies: float = 0.0


HABITS: Final = (
    Habit("civil", "counter", 0.16, OFFICE, 0.985, ("identity_check", "certificate_issue"), "population_survey"),
    Habit("tax", "assessment", 0.13, OFFICE, 0.97, ("tax_assessment", "refund"), "asset_tracing", month_end=2.6),
    Habit("housing", "registry", 0.1, OFFICE, 0.98, ("housing_eligibility", "transfer"), "debt_recovery"),
    Habit("education", "enrolment", 0.08, OFFICE, 0.96, ("school_enrolment", "grant"), "truancy_check"),
    Habit("welfare", "benefits", 0.12, OFFICE, 0.98, ("benefit_claim", "renewal"), "fraud_review", follow=0.3),
    Habit("welfare", "care", 0.06, OFFICE, 0.97, ("social_care", "guardianship"), "employment_check", follow=0.55),
    Habit(
        "health",
        "hospital",
        0.14,
        DAY,
        0.98,
        ("treatment", "billing"),
        "research",
        nights=True,
        visits=True,
        follow=0.35,
        emergencies=4.0,
    ),
    Habit("police", "station", 0.08, DAY, 0.6, ("investigation", "traffic"), "licensing", nights=True, emergencies=3.0),
    Habit(
        "insurance",
        "matching",
        0.07,
        BATCH,
        1.0,
        ("premium_check", "entitlement"),
        "arrears",
        officials=False,
        month_end=1.8,
    ),
    Habit("transport", "permits", 0.06, OFFICE, 0.0, ("parking_permit", "licence"), "toll_recovery", officials=False),
)
BASES: Final = 10


@dataclass(slots=True)
class Official:
    """Somebody who reads.

    Attributes:
        number: The person that the official is.
        hash: As the log shows it; empty for a system that runs by itself.
        habit: The system.
        rate: People on an ordinary day.
        from_day: First day.
        until_day: First day on which it is over.
        careless: How often the case is forgotten, as a factor.
        shift: Where in the rota, for those who work in shifts.
        late: How often a day ends late.
    """

    number: int
    hash: str
    habit: Habit
    rate: float
    from_day: int = -10_000
    until_day: int = 100_000
    careless: float = 1.0
    shift: int = 0
    late: float = 0.02
    family: frozenset[int] = field(default_factory=frozenset)


def person_id(number: int) -> bytes:
    """A person's random id."""
    return sha256(b"person" + number.to_bytes(4, "big")).digest()[:16]


@cache
def everybody() -> tuple[bytes, ...]:
    """The random ids of all people, by number; the same for every city."""
    return tuple(map(person_id, range(PEOPLE)))


class City:
    """A city with its people and officials.

    Args:
        seed: Draws everything.
        reads_per_day: How many reads an ordinary working day should have.
    """

    def __init__(self, seed: int, reads_per_day: int) -> None:
        random = Random(f"city {seed}")
        self.reads_per_day = reads_per_day
        self.forgetting = random.uniform(0.7, 1.4)
        self.night_share = random.uniform(0.7, 1.2)
        self.staff: dict[str, list[Official]] = {}
        self.ids = everybody()
        self._numbers: dict[bytes, int] = {}
        self.by_hash: dict[str, Official] = {}
        self.department_people: dict[str, set[int]] = {}
        for habit in HABITS:
            self.staff[habit.system] = self._hire(random, habit)
        self.watched = random.sample(range(PEOPLE), 40)
        self.nobodies = [person_id(PEOPLE + n) for n in range(30)]

    def _hire(self, random: Random, habit: Habit) -> list[Official]:
        reads = self.reads_per_day * habit.share
        if not habit.officials:
            return [Official(-1, "", habit, reads / 1.1)]
        count = max(6, round(reads * _OFFICIALS_PER_READ))
        hired = [self.hire(random, habit, shift) for shift in range(count)]
        # So that the day's reads come out, whoever is on duty.
        on_duty = 0.55 if habit.nights else 0.92
        factor = reads / 1.6 / (on_duty * sum(one.rate for one in hired))
        for one in hired:
            one.rate *= factor
        return hired

    def hire(self, random: Random, habit: Habit, shift: int = 0) -> Official:
        """Somebody new, with a family in the city."""
        number = random.randrange(PEOPLE)
        family = {number - number % _FLAT + n for n in range(_FLAT)} | {random.randrange(PEOPLE) for _ in range(4)}
        name = sha256(f"official {number} {habit.system}".encode()).hexdigest()[:32]
        made = Official(
            number,
            name,
            habit,
            random.lognormvariate(0, 0.35),
            careless=self.forgetting * (6.0 if random.random() < 0.02 else 1.0),
            shift=shift,
            late=random.choice((0.0, 0.02, 0.05, 0.15)),
            family=frozenset(family - {number}),
        )
        self.by_hash[name] = made
        self.department_people.setdefault(habit.department, set()).add(number)
        return made

    def number_of(self, person: bytes) -> int:
        """The person behind an id; -1 for nobody."""
        if not self._numbers:
            self._numbers = {one: number for number, one in enumerate(self.ids)}
        return self._numbers.get(person, -1)

    def relations(self, official: str, person: bytes) -> frozenset[Relation]:
        """What the registers would answer about an official and a person."""
        who, number = self.by_hash.get(official), self.number_of(person)
        if who is None or number < 0 or number == who.number:
            return frozenset()
        held: set[Relation] = set()
        if number in self.department_people[who.habit.department]:
            held.add(Relation.COLLEAGUE)
        if number in who.family:
            held.add(Relation.FAMILY)
        if address(number) == address(who.number):
            held.add(Relation.SAME_ADDRESS)
        if surname(number) == surname(who.number):
            held.add(Relation.SAME_SURNAME)
        return frozenset(held)


def address(number: int) -> int:
    """Where a person is registered: a big block, or a house."""
    return number // _BLOCK if number < _BLOCKS_UNTIL else _BLOCKS_UNTIL + number // _HOUSE


def surname(number: int) -> int:
    """A surname: most of a household have one, and some surnames are very common."""
    flat = number // _FLAT if number % _FLAT else number // _FLAT + PEOPLE
    drawn = int.from_bytes(sha256(b"surname" + flat.to_bytes(4, "big")).digest()[:4], "big")
    return drawn % 5 if drawn % 3 == 0 else drawn % _SURNAMES
