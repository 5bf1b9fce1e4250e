"""The demo's population: valid, unique, invented, plausible, and the same again."""

from collections import Counter
from datetime import date, timedelta

import pytest

from gateway.cli.demo.places import DIVISIONS
from gateway.cli.demo.population import Population, make_population
from policies.identifiers import normalise
from policies.masks import mask_text
from policies.vocabulary import Mask

TODAY = date(2026, 3, 1)


@pytest.fixture(scope="module")
def population() -> Population:
    return make_population(TODAY)


def test_it_has_the_size_of_a_small_city(population: Population) -> None:
    assert (len(population.residents), len(population.outsiders), len(population.companies)) == (20_000, 900, 3_000)


def test_every_identifier_is_valid_and_none_is_used_twice(population: Population) -> None:
    people = [person.identifier for person in (*population.residents, *population.outsiders)]
    companies = [company.identifier for company in population.companies]
    assert all(normalise("cn.resident-id", identifier) == identifier for identifier in people)
    assert all(normalise("cn.uscc", identifier) == identifier for identifier in companies)
    assert len(set(people)) == len(people)
    assert len(set(companies)) == len(companies)
    assert len({company.name for company in population.companies}) == len(companies)


def test_an_identifier_tells_the_birth_date_and_sex_of_its_person(population: Population) -> None:
    for person in (*population.residents, *population.outsiders):
        assert person.identifier[6:14] == f"{person.born:%Y%m%d}"
        assert (int(person.identifier[16]) % 2 == 1) == (person.sex == "男")


def test_no_identifier_can_be_a_real_persons_because_its_division_is_unassigned(population: Population) -> None:
    assert {person.identifier[2:4] for person in (*population.residents, *population.outsiders)} == {"88"}
    assert {company.identifier[4:6] for company in population.companies} == {"88"}


def test_the_same_seed_and_day_give_the_same_people_and_another_seed_others() -> None:
    small = {"residents": 300, "outsiders": 30, "companies": 40}
    first = make_population(TODAY, seed=7, **small)
    assert make_population(TODAY, seed=7, **small) == first
    assert make_population(TODAY, seed=8, **small) != first


def test_addresses_stand_in_divisions_of_the_city_and_the_mask_keeps_no_more_than_those(population: Population) -> None:
    names = {division.code: division.name for division in DIVISIONS}
    for person in population.residents[:2000]:
        county = f"浙江省云泽市{names[person.division]}"
        assert person.address.startswith(county)
        assert mask_text(Mask.ADDRESS, person.address) == f"{county}****"


def test_nobody_is_born_in_the_future_or_older_than_anyone(population: Population) -> None:
    ages = [person.age(TODAY) for person in (*population.residents, *population.outsiders)]
    assert min(ages) == 0
    assert 80 < max(ages) < 106
    assert all(person.age(TODAY) >= 18 for person in population.outsiders)


def test_children_live_with_a_parent_of_fitting_age_whose_surname_they_mostly_carry(population: Population) -> None:
    households: dict[str, list] = {}
    for person in population.residents:
        households.setdefault(person.household, []).append(person)
    named_after_a_parent = Counter()
    for members in households.values():
        assert [member.relation for member in members].count("户主") == 1
        assert len({member.address for member in members}) == 1
        parents = [member for member in members if member.relation in {"户主", "配偶"}]
        for child in (member for member in members if member.relation in {"子", "女"}):
            youngest = max(parent.born for parent in parents)
            assert timedelta(days=21 * 365) < child.born - youngest < timedelta(days=41 * 365)
            assert child.marital == "未婚"
            named_after_a_parent[any(child.name[0] == parent.name[0] for parent in parents)] += 1
    assert named_after_a_parent[True] > 0.95 * named_after_a_parent.total()
    assert named_after_a_parent.total() > 4000


def test_names_include_what_trips_registers_over(population: Population) -> None:
    everyone = [person.name for person in (*population.residents, *population.outsiders)]
    assert any("·" in name for name in everyone), "a middle point"
    assert any(len(name.encode("gb18030")) > 2 * len(name) for name in everyone), "a four-byte character"
    assert any(name.startswith("欧阳") for name in everyone), "a surname of two characters"
    assert Counter(name[0] for name in everyone).most_common(1)[0][0] in {"王", "李", "张"}


def test_nobody_represents_two_companies_and_every_representative_is_an_adult(population: Population) -> None:
    representatives = [company.representative for company in population.companies]
    assert len({person.identifier for person in representatives}) == len(representatives)
    for company in population.companies:
        assert company.representative.age(TODAY) >= 22
        assert company.established < TODAY
        assert company.established > company.representative.born + timedelta(days=17 * 365)
