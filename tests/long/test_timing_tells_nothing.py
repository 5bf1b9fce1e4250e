"""Promise 7: by time, too, a record that is withheld, or has no value, cannot be told from none.

Real processes, real sockets, one caller with one call in flight, which is the best that an observer can have. Every
person is asked about once, so that nothing is remembered of the one kind and not of the other. A positive control, a
node that takes 200 µs longer where it has no record, shows that the classifier would notice.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nodes.consumer import AsyncClient
from policies.identifiers import resident_id
from tests.support.city import CIVIL, HOUSING, PURPOSE, City, fill_civil, fill_housing
from tests.support.processes import CityProcesses
from tests.support.timing import Scores, classify

PAIRS = 5_000
CONTROL_PAIRS = 2_000
WARM_UP = 200
CONTROL_US = 200
# The aim: a classifier may be no better than this, and the control must be noticed by as much.
BEST_GUESS = 0.55
SEED = 20262
# Everybody is asked about in one day.
EVERYBODY = {"uses_per_day": "100000", "subjects_per_day": "100000"}

pytestmark = [pytest.mark.alone, pytest.mark.long]


NAME, LOCATION = "civil.resident:name=value", "housing.property:location=value"


@dataclass
class People:
    """Who is asked about.

    Attributes:
        withheld: People whose record the provider withholds.
        empty: People whose record has nothing in the field.
        unknown: People whom no register knows.
    """

    withheld: list[str]
    empty: list[str]
    unknown: list[str]

    @classmethod
    def make(cls, withheld: int, empty: int) -> "People":
        rng = random.Random(SEED)
        made: dict[str, None] = {}
        while len(made) < 2 * (withheld + empty):
            born = f"{rng.randrange(1940, 2005)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}"
            made[resident_id(f"110105{born}{rng.randrange(1000):03}")] = None
        people = list(made)
        return cls(people[:withheld], people[withheld : withheld + empty], people[withheld + empty :])


@pytest.mark.domain_check(number=15)
async def test_what_is_withheld_missing_or_not_there_takes_the_same_time(tmp_path: Path) -> None:
    people = People.make(2 * (PAIRS + WARM_UP) + CONTROL_PAIRS + WARM_UP + 2, PAIRS + WARM_UP)
    city = await set_up(tmp_path, people)
    slow = tmp_path / "slow.txt"
    slow.write_text("\n".join(people.unknown), encoding="utf-8")
    unknown, withheld, empty = iter(people.unknown), iter(people.withheld), iter(people.empty)
    processes = CityProcesses(city, ("civil", "housing"))
    try:
        for name in processes.names:
            processes.start(name)
        async with city.client() as client:
            await answering(client, NAME, next(withheld))
            listed = await scores(client, NAME, zip(withheld, unknown, strict=False), PAIRS)
            valueless = await scores(client, NAME, zip(empty, unknown, strict=False), PAIRS)
            unlisted = await scores(client, LOCATION, zip(withheld, unknown, strict=False), PAIRS)
            processes.kill("housing")
            processes.replace("housing", "tests.support.slow_node", str(CONTROL_US), str(slow))
            processes.start("housing")
            await answering(client, LOCATION, next(withheld))
            control = await scores(client, LOCATION, zip(withheld, unknown, strict=False), CONTROL_PAIRS)
    finally:
        processes.end()
    print(
        f"\nAUC against no record, {PAIRS} pairs each: withheld {listed}, withheld and unlisted {unlisted},"
        f" without a value {valueless}; with {CONTROL_US} µs planted, {CONTROL_PAIRS} pairs: {control}"
    )
    assert listed.best <= BEST_GUESS
    assert unlisted.best <= BEST_GUESS
    assert valueless.best <= BEST_GUESS
    assert control.best > BEST_GUESS


async def set_up(folder: Path, people: People) -> City:
    """Two registers that know the same people: one with pointers in the index, one without."""
    city = City(folder)
    try:
        await city.start_gateway()
        city.register_departments()
        keys = ", ".join(f'"{number}"' for number in range(1, len(people.withheld) + 1))
        civil = await city.make_node("civil", CIVIL, node_toml=f'[withhold.records]\n"civil.resident" = [{keys}]\n')
        known = dict.fromkeys(people.withheld, ("测试", "1988-01-01", "北京市朝阳区"))
        known |= dict.fromkeys(people.empty, ("", "1988-01-01", "北京市朝阳区"))
        fill_civil(civil.path / "source.db", known)
        unlisted = HOUSING.replace('update_cycle = "P1D"', 'update_cycle = "P1D"\nunlisted = true')
        rules = f'[withhold.records]\n"housing.property" = [{keys}]\n'
        housing = await city.make_node("housing", unlisted, node_toml=rules)
        fill_housing(housing.path / "source.db", list(known))
        await city.enrol("education", "system", "school")
        for department in ("civil", "housing"):
            await city.start_node(department)
        await city.synced("civil", len(people.empty), 120)
        await city.synced("housing", 0, 120)
        city.agree("civil", "civil.resident", {"name": ["value"]}, **EVERYBODY)
        city.agree("housing", "housing.property", {"location": ["value"]}, **EVERYBODY)
    finally:
        await city.close()
    for department in ("civil", "housing"):
        # Comparing the sources as often as a node does by default, not every second as the tests' city wants it.
        settings = city.member_home(department, "registry") / "node.toml"
        settings.write_text(settings.read_text(encoding="utf-8").replace("sync_every_s = 1\n", ""), encoding="utf-8")
    return city


async def answering(client: AsyncClient, item: str, who: str) -> None:
    """Wait until the register answers."""
    end = time.monotonic() + 60
    while True:
        try:
            if (await ask(client, item, who)) is not None:
                return
        except Exception:
            if time.monotonic() > end:
                raise
        await asyncio.sleep(0.3)


async def ask(client: AsyncClient, item: str, who: str) -> float | None:
    """Seconds of one call; None when the register was silent."""
    prepared = client.prepare(subject=("cn.resident-id", who), purpose=PURPOSE, basis="mandate", items=[item])
    started = time.perf_counter()
    answer = await client.send(prepared)
    taken = time.perf_counter() - started
    assert all(row.text is None for row in answer.rows)
    return taken if answer.complete else None


async def scores(client: AsyncClient, item: str, people: Iterator[tuple[str, str]], count: int) -> Scores:
    """Ask about pairs in random order, one call at a time."""
    rng = random.Random(SEED)
    pairs = []
    for number in range(-WARM_UP, count):
        pair = next(people)
        order = [0, 1]
        rng.shuffle(order)
        taken = [0.0, 0.0]
        for which in order:
            seconds = await ask(client, item, pair[which])
            assert seconds is not None
            taken[which] = seconds
        if number >= 0:
            pairs.append((taken[0], taken[1]))
    return classify(pairs)
