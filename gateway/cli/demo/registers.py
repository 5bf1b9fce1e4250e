"""Which department of the demo knows whom, and what it has written down: overlaps and gaps as in real registers.

* Civil registry: every resident, children too, and nobody else.
* Social insurance: most adults and pensioners, and commuters whom the civil registry does not know. Six people stand in
  it twice, so nobody can tell which record is meant; a few rows are broken.
* Housing: one owner for two of three households, and some owners who live elsewhere.
* Market regulation: companies, each with its legal representative, some of whom live elsewhere.

Pure: no files, no clock; the same population and seed give the same registers.
"""

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from gateway.cli.demo import places
from gateway.cli.demo.picks import seeded
from gateway.cli.demo.population import ADULT, Company, Person, Population

TWICE_INSURED: Final = 6
BROKEN_ROWS: Final = 7
PENSION_AGE: Final = 60
_USES: Final = ("住宅", "住宅", "住宅", "住宅", "商业服务", "车库")


@dataclass(frozen=True, slots=True)
class Insured:
    """A row of the social insurance register.

    Attributes:
        number: The register's own number of the person; a person who stands in it twice has two.
        person: Whom it is about.
        status: 正常参保, 暂停缴费, 终止参保 or 退休.
        months: Months paid.
        base: Monthly contribution base, yuan.
        employer: Where the person works, if anywhere.
        since: First insured.
        updated: When the row last changed, local time.
    """

    number: str
    person: Person
    status: str
    months: int
    base: Decimal
    employer: Company | None
    since: date
    updated: datetime


@dataclass(frozen=True, slots=True)
class Property:
    """A registered property.

    Attributes:
        number: Number of the title.
        owner: The one registered owner.
        address: Where it is.
        area: Square metres.
        use: What it may be used for.
        mortgaged: Whether a mortgage is registered.
        registered: Date of registration.
        updated: When the entry last changed, local time.
    """

    number: str
    owner: Person
    address: str
    area: Decimal
    use: str
    mortgaged: bool
    registered: date
    updated: datetime


@dataclass(frozen=True, slots=True)
class Story:
    """People with whom the demo can show something.

    Attributes:
        parent: Known to all four departments.
        child: The parent's child, about to start school; known to the civil registry only.
        twice: Stands twice in the social insurance register, once in the civil registry.
        commuter: Insured here, unknown to the civil registry.
        retired: Insured as a pensioner, owns and trades nothing.
        company: The parent's company.
    """

    parent: Person
    child: Person
    twice: Person
    commuter: Person
    retired: Person
    company: Company


@dataclass(frozen=True, slots=True)
class Registers:
    """What the four departments have written down.

    Attributes:
        residents: Civil registry, each with the time of the last change.
        insured: Social insurance, those who stand in it twice last.
        broken: People whose social insurance rows are written broken.
        properties: Housing.
        companies: Market regulation, each with the time of the last change.
        story: Whom to show.
    """

    residents: tuple[tuple[Person, datetime], ...]
    insured: tuple[Insured, ...]
    broken: tuple[Insured, ...]
    properties: tuple[Property, ...]
    companies: tuple[tuple[Company, datetime], ...]
    story: Story


def make_registers(population: Population, seed: int) -> Registers:
    """Spread a population over the departments.

    Args:
        population: From `make_population`, with at least some hundred residents and companies.
        seed: As for the population.

    Returns:
        The registers.

    Raises:
        LookupError: The population is too small for the story.
    """
    times = _Times(seeded(seed, "updates"), population.today)
    insured, broken = _insured(population, seeded(seed, "social"), times)
    properties = _properties(population, seeded(seed, "housing"), times)
    return Registers(
        residents=tuple((person, times.change(person.born)) for person in population.residents),
        insured=insured,
        broken=broken,
        properties=properties,
        companies=tuple((company, times.change(company.established)) for company in population.companies),
        story=_story(population, insured, properties),
    )


class _Times:
    """Times of changes: in the last three years, in office hours, before today."""

    def __init__(self, rng: random.Random, today: date) -> None:
        self._rng = rng
        self._today = today

    def change(self, not_before: date) -> datetime:
        days = max(1, min(3 * 365, (self._today - not_before).days))
        day = self._today - timedelta(days=self._rng.randint(1, days))
        return datetime.combine(day, time(self._rng.randint(8, 17), self._rng.randrange(60), self._rng.randrange(60)))


def _insured(
    population: Population, rng: random.Random, times: _Times
) -> tuple[tuple[Insured, ...], tuple[Insured, ...]]:
    today = population.today
    working = [c for c in population.companies if c.status == "存续"]
    outsiders = population.outsiders
    third = len(outsiders) // 3
    commuters, unlucky = outsiders[third:-BROKEN_ROWS], outsiders[-BROKEN_ROWS:]
    parent, *others = population.residents
    residents = [parent] + [
        person
        for person in others
        if person.age(today) >= ADULT and rng.random() < (0.84 if person.age(today) < PENSION_AGE else 0.9)
    ]
    numbers = iter(rng.sample(range(1_000_000_000, 1_999_999_999), len(residents) + len(outsiders) + TWICE_INSURED))

    def insure(person: Person) -> Insured:
        age = person.age(today)
        retired = age >= PENSION_AGE
        status = "退休" if retired else rng.choices(("正常参保", "暂停缴费", "终止参保"), (86, 11, 3))[0]
        worked = timedelta(days=rng.randrange(30, max(31, (age - ADULT) * 365)))
        since = max(today - worked, person.born + timedelta(days=ADULT * 365))
        employer = rng.choice(working) if working and status == "正常参保" and rng.random() < 0.8 else None  # noqa: PLR2004
        return Insured(
            number=str(next(numbers)),
            person=person,
            status=status,
            months=min(480, (today - since).days // 30),
            base=Decimal(rng.randrange(482_100, 2_434_600)) / 100,
            employer=employer,
            since=since,
            updated=times.change(since),
        )

    rows = [insure(person) for person in (*residents, *commuters)]
    twice = [insure(person) for person in rng.sample(residents[1:], TWICE_INSURED)]
    return (*rows, *twice), tuple(insure(person) for person in unlucky)


def _properties(population: Population, rng: random.Random, times: _Times) -> tuple[Property, ...]:
    today = population.today
    parent, *others = population.residents
    owners = [parent]
    for person in others:
        if person.relation == "户主" and rng.random() < 0.66:  # noqa: PLR2004 - a share
            owners.append(person)
        elif person.relation == "配偶" and owners[-1].household == person.household and rng.random() < 0.3:  # noqa: PLR2004
            owners[-1] = person if owners[-1] is not parent else parent
    landlords = population.outsiders[-len(population.outsiders) // 4 : -BROKEN_ROWS]
    made = []
    for count, owner in enumerate((*owners, *landlords), start=1):
        registered = today - timedelta(days=rng.randrange(20, max(21, min(25 * 365, (owner.age(today) - 17) * 365))))
        use = rng.choice(_USES) if rng.random() < 0.3 else "住宅"  # noqa: PLR2004 - a share
        made.append(
            Property(
                number=f"浙({registered.year}){places.CITY}不动产权第{count:07d}号",
                owner=owner,
                address=owner.address or places.home(rng, places.division(rng)),
                area=Decimal(rng.randrange(3_800, 22_000)) / 100,
                use=use,
                mortgaged=rng.random() < 0.35,  # noqa: PLR2004 - a share
                registered=registered,
                updated=times.change(registered),
            )
        )
    return tuple(made)


def _story(population: Population, insured: tuple[Insured, ...], properties: tuple[Property, ...]) -> Story:
    parent = population.residents[0]
    own_or_trade = {entry.owner.identifier for entry in properties}
    own_or_trade |= {company.representative.identifier for company in population.companies}
    try:
        child = next(p for p in population.residents if p.household == parent.household and p.relation in {"子", "女"})
        commuter = next(row.person for row in insured if not row.person.household and row.status == "正常参保")
        retired = next(
            row.person for row in insured if row.status == "退休" and row.person.identifier not in own_or_trade
        )
    except StopIteration:
        raise LookupError("the population is too small for the demo's story") from None
    return Story(parent, child, insured[-1].person, commuter, retired, population.companies[0])
