"""The demo's people and companies: invented, the same again for the same seed, and related to each other.

Rules kept: every identifier is valid (GB 11643, GB 32100), none is used twice and none can belong to a real person or
company (see `places`); households are plausible (children have parents of fitting age, live with them and carry a
parent's surname). Pure: no files, no clock; `today` is an argument.

What it does not do: it does not say which department knows whom; see `registers`.
"""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from gateway.cli.demo import names, places
from gateway.cli.demo.picks import Weighted, seeded
from gateway.cli.demo.places import Division
from policies.identifiers import resident_id, uscc

SEED: Final = 20260301
RESIDENTS: Final = 20_000
OUTSIDERS: Final = 900
COMPANIES: Final = 3_000
ADULT: Final = 18
_MAJORITY_FOR_MARRIAGE: Final = 22
_LEAVES_HOME: Final = 27
_SCHOOL_AGE: Final = 6
_ORGANISATION: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"

_HOUSEHOLDS: Final = Weighted(
    {"single": 24, "couple": 20, "child": 27, "children": 11, "three": 9, "parent": 5, "old": 4}
)
_TRADES: Final = (
    ("科技", "软件和信息技术服务业"),
    ("贸易", "批发业"),
    ("建筑工程", "房屋建筑业"),
    ("餐饮管理", "餐饮业"),
    ("机械制造", "通用设备制造业"),
    ("文化传媒", "文化艺术业"),
    ("物流", "道路运输业"),
    ("医疗器械", "专用设备制造业"),
    ("教育咨询", "教育"),
    ("纺织", "纺织业"),
)
_COMPANY_WORDS: Final = "瑞恒信达华盛博远鼎新泰和明德嘉诚众合天宇正源启航润丰弘毅金桥东方海联智创优品安顺"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody.

    Attributes:
        number: From 1, unique.
        identifier: GB 11643 identity number.
        name: Full name.
        sex: 男 or 女.
        born: Date of birth.
        ethnicity: For example 汉族.
        native_place: Province, or province and city.
        division: Division code of the address, GB/T 2260; empty for people who live elsewhere.
        address: Home address; empty for people who live elsewhere.
        household: Number of the household; empty for people who live elsewhere.
        relation: To the head of the household: 户主, 配偶, 子, 女, 父, 母; empty for people who live elsewhere.
        marital: 未婚, 已婚, 离婚 or 丧偶.
    """

    number: int
    identifier: str
    name: str
    sex: str
    born: date
    ethnicity: str
    native_place: str
    division: str
    address: str
    household: str
    relation: str
    marital: str

    def age(self, today: date) -> int:
        """Completed years."""
        return today.year - self.born.year - ((today.month, today.day) < (self.born.month, self.born.day))


@dataclass(frozen=True, slots=True)
class Company:
    """A company.

    Attributes:
        identifier: GB 32100 code.
        name: Registered name.
        representative: The legal representative; nobody represents two companies.
        division: Division code, GB/T 2260.
        address: Registered address.
        industry: GB/T 4754 class, by name.
        status: 存续, 注销 or 吊销.
        capital: Registered capital, ten thousand yuan.
        established: Date of registration.
    """

    identifier: str
    name: str
    representative: Person
    division: str
    address: str
    industry: str
    status: str
    capital: int
    established: date


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody.

    Attributes:
        today: The day as of which ages are right.
        residents: People of the city, household by household; the first is the family of the demo's story, whose head
            represents the first company.
        outsiders: People who work, own or trade here and live elsewhere.
        companies: Companies registered here.
    """

    today: date
    residents: tuple[Person, ...]
    outsiders: tuple[Person, ...]
    companies: tuple[Company, ...]


def make_population(
    today: date,
    *,
    seed: int = SEED,
    residents: int = RESIDENTS,
    outsiders: int = OUTSIDERS,
    companies: int = COMPANIES,
) -> Population:
    """Invent people and companies.

    Args:
        today: The day as of which ages are right.
        seed: The same seed and day give the same people.
        residents: How many live in the city.
        outsiders: How many others have to do with it.
        companies: How many companies; at most as many as there are adults.

    Returns:
        The population.
    """
    people = _People(seeded(seed, "people"), today)
    people.family()
    while len(people.made) < residents:
        people.household()
    inside = tuple(people.made[:residents])
    people.made = []
    while len(people.made) < outsiders:
        people.outsider()
    outside = tuple(people.made)
    return Population(today, inside, outside, _companies(seeded(seed, "companies"), today, inside, outside, companies))


class _People:
    def __init__(self, rng: random.Random, today: date) -> None:
        self._rng = rng
        self._today = today
        self._identifiers = _Unused()
        self._households = 0
        self._count = 0
        self._rare = iter(names.rare_names())
        self.made: list[Person] = []

    def family(self) -> None:
        """The family of the demo's story: two parents and a child about to start school."""
        home = self._home()
        head, _ = self._couple(home, 31, 38)
        home.surname = _surname_of(head)
        sex = self._sex()
        born = self._years_ago(_SCHOOL_AGE) - timedelta(days=self._rng.randint(1, 300))
        self._person(home, sex, born, "子" if sex == "男" else "女", "未婚", moved=0)

    def household(self) -> None:
        """One household, its head first."""
        rng = self._rng
        home = self._home()
        kind = _HOUSEHOLDS.pick(rng)
        if kind == "single":
            self._single(home)
        elif kind == "old":
            self._couple(home, 66, 88)
        elif kind == "couple":
            self._couple(home, 24, 65)
        elif kind == "parent":
            head = self._person(home, self._sex(), self._age(28, 48), "户主", "离婚")
            self._children(home, head, head, 1)
        else:
            head, spouse = self._couple(home, 27, 52)
            self._children(home, head, spouse, 2 if kind == "children" else 1)
            if kind == "three":
                self._grandparent(home, head)

    def outsider(self) -> None:
        """Somebody who lives elsewhere."""
        home = _Home(places.division(self._rng), "", "", names.ethnicity(self._rng))
        self._person(home, self._sex(), self._age(22, 63), "", "已婚", moved=0.9)

    def _home(self) -> "_Home":
        rng = self._rng
        self._households += 1
        home = _Home(places.division(rng), f"{places.CITY_CODE}{self._households:06d}", "", names.ethnicity(rng))
        home.address = places.home(rng, home.division)
        return home

    def _single(self, home: "_Home") -> None:
        born = self._age(20, 86)
        age = self._today.year - born.year
        marital = "未婚" if age < 35 else "丧偶" if age > 70 else self._rng.choice(("未婚", "离婚"))  # noqa: PLR2004
        self._person(home, self._sex(), born, "户主", marital)

    def _couple(self, home: "_Home", youngest: int, oldest: int) -> tuple[Person, Person]:
        born = self._age(youngest, oldest)
        head = self._person(home, "男" if self._rng.random() < 0.8 else "女", born, "户主", "已婚")  # noqa: PLR2004
        other = "女" if head.sex == "男" else "男"
        spouse_born = min(
            born + timedelta(days=self._rng.randint(-1500, 1500)), self._years_ago(_MAJORITY_FOR_MARRIAGE)
        )
        return head, self._person(home, other, spouse_born, "配偶", "已婚", own_surname=True)

    def _children(self, home: "_Home", head: Person, spouse: Person, count: int) -> None:
        younger = max(head.born, spouse.born)
        father = head if head.sex == "男" else spouse
        home.surname = _surname_of(father if self._rng.random() < 0.93 else spouse)  # noqa: PLR2004 - a share
        earliest = max(younger + timedelta(days=22 * 365), self._years_ago(_LEAVES_HOME))
        latest = min(younger + timedelta(days=40 * 365), self._today - timedelta(days=30))
        for _ in range(count):
            if latest <= earliest:
                return
            born = earliest + timedelta(days=self._rng.randrange((latest - earliest).days))
            sex = self._sex()
            self._person(home, sex, born, "子" if sex == "男" else "女", "未婚", moved=0.02)
            # Brothers and sisters are at least a year and a half apart.
            earliest = born + timedelta(days=550)

    def _grandparent(self, home: "_Home", head: Person) -> None:
        sex = self._sex()
        born = head.born - timedelta(days=self._rng.randint(22 * 365, 34 * 365))
        home.surname = _surname_of(head) if sex == "男" else ""
        self._person(home, sex, born, "父" if sex == "男" else "母", "丧偶")

    def _person(
        self,
        home: "_Home",
        sex: str,
        born: date,
        relation: str,
        marital: str,
        *,
        moved: float = 0.2,
        own_surname: bool = False,
    ) -> Person:
        rng = self._rng
        self._count += 1
        code, native_place = places.first_registered(rng, home.division, moved)
        surname = names.surname(rng, home.ethnicity) if own_surname or not home.surname else home.surname
        name, ethnicity = surname + names.given(rng, sex, born.year), home.ethnicity
        if native_place == places.XINJIANG:
            name, ethnicity = names.uyghur(rng, sex), names.UYGHUR
        elif self._count % 200 == 0 and not home.surname:
            name = next(self._rare, name)
        lives_here = bool(home.number)
        made = Person(
            number=self._count,
            identifier=self._identifier(code, born, sex),
            name=name,
            sex=sex,
            born=born,
            ethnicity=ethnicity,
            native_place=native_place,
            division=home.division.code if lives_here else "",
            address=home.address,
            household=home.number,
            relation=relation,
            marital=marital,
        )
        self.made.append(made)
        return made

    def _identifier(self, code: str, born: date, sex: str) -> str:
        """GB 11643: division, birth date, sequence (odd for men, even for women), check character."""
        while True:
            sequence = 2 * self._rng.randrange(1, 497) + (1 if sex == "男" else 0)
            made = resident_id(f"{code}{born:%Y%m%d}{sequence:03d}")
            if self._identifiers.take(made):
                return made

    def _sex(self) -> str:
        return "男" if self._rng.random() < 0.51 else "女"  # noqa: PLR2004 - a share

    def _age(self, youngest: int, oldest: int) -> date:
        """A birth date that makes somebody that old today."""
        return self._years_ago(self._rng.randint(youngest, oldest)) - timedelta(days=self._rng.randrange(365))

    def _years_ago(self, years: int) -> date:
        # The 28th exists in every month: 29 February has no anniversary in most years.
        return self._today.replace(year=self._today.year - years, day=min(self._today.day, 28))


@dataclass(slots=True)
class _Home:
    division: Division
    number: str
    address: str
    ethnicity: str
    surname: str = ""


def _surname_of(person: Person) -> str:
    return (
        person.name[:2]
        if person.name[:2] in {"欧阳", "上官", "司徒", "诸葛", "皇甫", "令狐", "尉迟"}
        else person.name[0]
    )


def _companies(
    rng: random.Random, today: date, inside: tuple[Person, ...], outside: tuple[Person, ...], count: int
) -> tuple[Company, ...]:
    head, *others = (person for person in inside if _may_represent(person, today))
    foreign = min(len(outside) // 3, count // 8)
    representatives = [head, *rng.sample(others, count - foreign - 1), *outside[:foreign]]
    trade_names, organisations = _Unused(), _Unused()
    made: list[Company] = []
    for representative in representatives:
        here = places.division(rng)
        trade, industry = rng.choice(_TRADES)
        words = "".join(rng.sample(_COMPANY_WORDS, 2))
        while not trade_names.take(words + trade):
            words += rng.choice(_COMPANY_WORDS)
        organisation = "".join(rng.choices(_ORGANISATION, k=9))
        while not organisations.take(organisation):
            organisation = "".join(rng.choices(_ORGANISATION, k=9))
        oldest = min(25 * 365, (today - representative.born).days - ADULT * 365)
        made.append(
            Company(
                # GB 32100: 9 industry and commerce, 1 enterprise, division, organisation code, check character.
                identifier=uscc(f"91{here.code}{organisation}"),
                name=f"{places.CITY.removesuffix('市')}{words}{trade}有限公司",
                representative=representative,
                division=here.code,
                address=places.office(rng, here),
                industry=industry,
                status=rng.choices(("存续", "注销", "吊销"), (88, 9, 3))[0] if made else "存续",
                capital=rng.choice((10, 50, 100, 200, 500, 1000, 3000)),
                established=today - timedelta(days=rng.randrange(30, max(31, oldest))),
            )
        )
    return tuple(made)


def _may_represent(person: Person, today: date) -> bool:
    return _MAJORITY_FOR_MARRIAGE <= person.age(today) <= 75  # noqa: PLR2004 - who plausibly runs a company


class _Unused:
    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, text: str) -> bool:
        """Takes a text; false when somebody has it already."""
        if text in self._taken:
            return False
        self._taken.add(text)
        return True
