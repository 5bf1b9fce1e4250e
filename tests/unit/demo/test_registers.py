"""Who stands in which register, and how the registers are written."""

import re
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from gateway.cli.demo.population import SEED, Population, make_population
from gateway.cli.demo.register_files import (
    CIVIL_FILE,
    DEPARTMENTS,
    MARKET_FILE,
    SOCIAL_FILE,
    install_resources,
    write_civil,
    write_market,
    write_social,
)
from gateway.cli.demo.registers import TWICE_INSURED, Registers, make_registers
from nodes.provider.config import load_offer
from nodes.provider.connectors.csv_file import CsvConnector
from nodes.provider.connectors.rows import BadRow
from nodes.provider.connectors.times import updated_ms
from policies.identifiers import BadIdentifier, normalise
from policies.release import canonicalise
from policies.vocabulary import DataType

TODAY = date(2026, 3, 1)


@pytest.fixture(scope="module")
def population() -> Population:
    return make_population(TODAY)


@pytest.fixture(scope="module")
def registers(population: Population) -> Registers:
    return make_registers(population, SEED)


def people(registers: Registers) -> dict[str, set[str]]:
    return {
        "civil": {person.identifier for person, _ in registers.residents},
        "social": {row.person.identifier for row in registers.insured},
        "housing": {entry.owner.identifier for entry in registers.properties},
        "market": {company.representative.identifier for company, _ in registers.companies},
    }


def test_registers_overlap_and_each_has_gaps(registers: Registers) -> None:
    known = people(registers)
    civil = known["civil"]
    shares = {
        "insured adults": len(known["social"] & civil) / len(civil),
        "owners": len(known["housing"] & civil) / len(civil),
        "representatives": len(known["market"] & civil) / len(civil),
    }
    assert 0.55 < shares["insured adults"] < 0.75
    assert 0.22 < shares["owners"] < 0.34
    assert 0.10 < shares["representatives"] < 0.16
    assert all(len(known[department] - civil) >= 150 for department in ("social", "housing", "market"))
    assert len(set.intersection(*known.values())) > 300
    assert len(civil - known["social"] - known["housing"] - known["market"]) > 3000


def test_only_the_civil_registry_knows_children(registers: Registers) -> None:
    children = {person.identifier for person, _ in registers.residents if person.age(TODAY) < 18}
    known = people(registers)
    assert len(children) > 3000
    assert not children & (known["social"] | known["housing"] | known["market"])


def test_an_identifier_stands_twice_only_for_a_few_people_in_social_insurance(registers: Registers) -> None:
    known = people(registers)
    assert len(known["civil"]) == len(registers.residents)
    assert len(known["housing"]) == len(registers.properties)
    assert len(known["market"]) == len(registers.companies)
    assert len(registers.insured) - len(known["social"]) == TWICE_INSURED
    assert len({row.number for row in registers.insured}) == len(registers.insured)


def test_the_people_of_the_story_are_what_they_are_said_to_be(registers: Registers) -> None:
    story, known = registers.story, people(registers)
    assert all(story.parent.identifier in known[department] for department in DEPARTMENTS)
    assert story.company.representative == story.parent
    assert story.child.household == story.parent.household
    assert story.child.relation in {"子", "女"}
    assert story.child.age(TODAY) == 6
    times = [row.person for row in registers.insured].count
    assert (times(story.parent), times(story.twice)) == (1, 2)
    assert story.twice.identifier in known["civil"]
    assert story.commuter.identifier in known["social"] - known["civil"]
    assert story.retired.identifier in known["social"] - known["housing"] - known["market"]


def test_the_same_population_gives_the_same_registers(population: Population, registers: Registers) -> None:
    assert make_registers(population, SEED) == registers
    assert make_registers(population, SEED + 1) != registers


def test_changes_happened_in_the_past(registers: Registers) -> None:
    times = [updated for _, updated in (*registers.residents, *registers.companies)]
    times += [row.updated for row in (*registers.insured, *registers.properties)]
    assert max(times).date() < TODAY
    assert all(person.born <= updated.date() for person, updated in registers.residents)


@pytest.mark.parametrize("seed", range(5))
def test_a_small_city_has_the_story_too(seed: int) -> None:
    small = make_population(date(2026, 2, 28), seed=seed, residents=1000, outsiders=60, companies=150)
    registers = make_registers(small, seed)
    story, known = registers.story, people(registers)
    assert all(story.parent.identifier in known[department] for department in DEPARTMENTS)
    assert story.child.age(small.today) == 6
    assert story.company.representative == story.parent
    assert story.company.status == "存续"


def test_a_population_without_the_story_is_refused() -> None:
    tiny = make_population(TODAY, residents=40, outsiders=8, companies=4)
    with pytest.raises(LookupError):
        make_registers(tiny, SEED)


def test_broken_rows_are_exactly_those_reported_and_every_other_row_is_served(
    registers: Registers, tmp_path: Path
) -> None:
    good, broken = write_social(registers, tmp_path)
    offer = load_offer(install_resources("social", tmp_path), "social", {})
    resource = offer.resources["social.insurance"]
    rows = list(CsvConnector(offer.sources["export"], resource).scan())
    bad = {row.line: row.rule for row in rows if isinstance(row, BadRow)}
    unpublished = set()
    served = [row for row in rows if not isinstance(row, BadRow)]
    for row in served:
        try:
            normalise("cn.resident-id", row.values["身份证号"] or "")
        except BadIdentifier:
            unpublished.add(row.key)
        assert updated_ms(row.values["最近更新"], resource.utc_offset) > 0
        assert canonicalise(DataType.DATE, row.values["出生日期"] or "")
        assert canonicalise(DataType.DATE, row.values["首次参保日期"] or "")
        assert canonicalise(DataType.DECIMAL, row.values["缴费基数"] or "")
    reported = {row.line: row.rule for row in broken}
    check = [line for line, rule in reported.items() if "check character" in rule]
    assert set(bad) == set(reported) - set(check)
    assert len(unpublished) == len(check) == 1
    assert len(served) - len(unpublished) == good == len(registers.insured)
    assert len(broken) == 7


def test_the_export_has_the_habits_of_such_exports(registers: Registers, tmp_path: Path) -> None:
    write_social(registers, tmp_path)
    raw = (tmp_path / SOCIAL_FILE).read_bytes()
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")
    text = raw.decode("gb18030", errors="replace")
    assert text.startswith("个人编号,身份证号,姓名,出生日期,参保状态,缴费月数,缴费基数,")
    assert re.search(r",\d{17}x,", text), "a small final x"
    assert re.search(r",[０-９]{17}", text), "full-width digits"
    assert re.search(r',"\d\d,\d{3}\.\d\d",', text), "grouped amounts"
    assert re.search(r"\d{4}年\d{1,2}月\d{1,2}日", text)
    assert "王㛃" in text or "陈䶮" in text


def test_writing_again_gives_the_same_export(registers: Registers, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    assert write_social(registers, tmp_path) == write_social(registers, tmp_path / "again")
    assert (tmp_path / SOCIAL_FILE).read_bytes() == (tmp_path / "again" / SOCIAL_FILE).read_bytes()


def test_the_sqlite_registers_hold_every_row_for_their_owner_only(registers: Registers, tmp_path: Path) -> None:
    assert write_civil(registers, tmp_path) == 20_000
    assert write_market(registers, tmp_path) == 3_000
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in (CIVIL_FILE, MARKET_FILE)} == {0o600}
    with closing(sqlite3.connect(tmp_path / CIVIL_FILE)) as connection:
        row = connection.execute(
            "SELECT name, sex, marital_status FROM residents WHERE id_no = ?", (registers.story.parent.identifier,)
        ).fetchone()
    assert row == (registers.story.parent.name, "1" if registers.story.parent.sex == "男" else "2", "20")
    with pytest.raises(FileExistsError):
        write_civil(registers, tmp_path)


@pytest.mark.parametrize("department", DEPARTMENTS)
def test_every_resource_file_is_accepted_by_a_node(department: str, tmp_path: Path) -> None:
    offer = load_offer(
        install_resources(department, tmp_path), department, {"HOUSING_DATABASE_URL": "postgresql+pg8000://x@y/z"}
    )
    assert offer.resources
    assert all(code.startswith(f"{department}.") for code in offer.resources)
    assert all(resource.description.provider == department for resource in offer.resources.values())
