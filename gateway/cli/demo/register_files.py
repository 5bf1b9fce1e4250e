"""Writes the demo's registers the way departments keep them: SQLite, a GB18030 CSV file, PostgreSQL.

Rules kept: broken rows are broken on purpose and reported with their line and rule; nothing else is. The same registers
give the same files. Each department's resource file (`resources/DEPARTMENT.toml`) is found beside its data.
"""

import csv
import io
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from sqlalchemy import create_engine

from gateway.cli.demo.registers import Insured, Registers

DEPARTMENTS: Final = ("civil", "social", "housing", "market")
CIVIL_FILE: Final = "residents.db"
SOCIAL_FILE: Final = "social-insurance.csv"
MARKET_FILE: Final = "companies.db"
RESOURCES_FILE: Final = "resources.toml"
HOUSING_URL: Final = "HOUSING_DATABASE_URL"
"""Environment variable in which the housing department's node finds its database."""

_SEX: Final = {"男": "1", "女": "2"}  # GB/T 2261.1
_MARITAL: Final = {"未婚": "10", "已婚": "20", "丧偶": "30", "离婚": "40"}  # GB/T 2261.2
_TIME: Final = "%Y-%m-%d %H:%M:%S"
_BATCH_LINES: Final = 1000

_CIVIL_TABLE: Final = """
CREATE TABLE residents (
    id INTEGER PRIMARY KEY,
    id_no TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    sex TEXT NOT NULL,
    birth_date TEXT NOT NULL,
    ethnicity TEXT NOT NULL,
    nationality TEXT NOT NULL,
    native_place TEXT NOT NULL,
    division_code TEXT NOT NULL,
    address TEXT NOT NULL,
    household_no TEXT NOT NULL,
    household_relation TEXT NOT NULL,
    marital_status TEXT NOT NULL,
    updated_at TEXT NOT NULL
)
"""
_MARKET_TABLE: Final = """
CREATE TABLE companies (
    uscc TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    representative_name TEXT NOT NULL,
    representative_id_no TEXT NOT NULL UNIQUE,
    division_code TEXT NOT NULL,
    address TEXT NOT NULL,
    industry TEXT NOT NULL,
    status TEXT NOT NULL,
    registered_capital TEXT NOT NULL,
    established TEXT NOT NULL,
    updated_at TEXT NOT NULL
)
"""
_HOUSING_TABLE: Final = """
CREATE TABLE property_registrations (
    registration_no text PRIMARY KEY,
    owner_id_no text NOT NULL UNIQUE,
    owner_name text NOT NULL,
    address text NOT NULL,
    area numeric(8, 2) NOT NULL,
    property_use text NOT NULL,
    mortgaged boolean NOT NULL,
    registered_on date NOT NULL,
    updated_at timestamptz NOT NULL
)
"""
_SOCIAL_HEADER: Final = (
    "个人编号",
    "身份证号",
    "姓名",
    "出生日期",
    "参保状态",
    "缴费月数",
    "缴费基数",
    "单位名称",
    "统一社会信用代码",
    "首次参保日期",
    "最近更新",
)


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that was written broken on purpose.

    Attributes:
        line: Line of the file, from 1.
        rule: What is wrong with it.
    """

    line: int
    rule: str


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        rows: Number of good rows by department.
        broken: Rows of the social insurance register that are broken on purpose.
        resources: Each department's resource file.
    """

    rows: Mapping[str, int]
    broken: tuple[BrokenRow, ...]
    resources: Mapping[str, Path]


def write_all(registers: Registers, folder: Path, housing_url: str) -> Written:
    """Write all four registers, each in a folder of its own named after its department, with its resource file.

    Args:
        registers: What to write.
        folder: Where the four folders go; none of them may be there yet.
        housing_url: SQLAlchemy URL of the housing department's empty database.

    Returns:
        What was written.
    """
    homes = {department: folder / department for department in DEPARTMENTS}
    for home in homes.values():
        home.mkdir(mode=0o700, parents=True)
    insured, broken = write_social(registers, homes["social"])
    rows = {
        "civil": write_civil(registers, homes["civil"]),
        "social": insured,
        "housing": write_housing(registers, housing_url),
        "market": write_market(registers, homes["market"]),
    }
    return Written(rows, broken, {name: install_resources(name, home) for name, home in homes.items()})


def install_resources(department: str, folder: Path) -> Path:
    """Put a department's resource file into a folder, beside the data it speaks of.

    Args:
        department: civil, social, housing or market.
        folder: Where the department's data is.

    Returns:
        The file.
    """
    target = folder / RESOURCES_FILE
    target.write_bytes(files(__package__).joinpath("resources", f"{department}.toml").read_bytes())
    return target


def write_civil(registers: Registers, folder: Path) -> int:
    """The civil registry's SQLite file.

    Args:
        registers: What to write.
        folder: Where; the file must not be there yet.

    Returns:
        Number of rows.
    """
    rows = (
        (
            person.number,
            person.identifier,
            person.name,
            _SEX[person.sex],
            person.born.isoformat(),
            person.ethnicity,
            "中国",
            person.native_place,
            person.division,
            person.address,
            person.household,
            person.relation,
            _MARITAL[person.marital],
            updated.strftime(_TIME),
        )
        for person, updated in registers.residents
    )
    return _sqlite(folder / CIVIL_FILE, _CIVIL_TABLE, "residents", rows)


def write_market(registers: Registers, folder: Path) -> int:
    """Market regulation's SQLite file.

    Args:
        registers: What to write.
        folder: Where; the file must not be there yet.

    Returns:
        Number of rows.
    """
    rows = (
        (
            company.identifier,
            company.name,
            company.representative.name,
            company.representative.identifier,
            company.division,
            company.address,
            company.industry,
            company.status,
            str(company.capital),
            company.established.isoformat(),
            updated.strftime(_TIME),
        )
        for company, updated in registers.companies
    )
    return _sqlite(folder / MARKET_FILE, _MARKET_TABLE, "companies", rows)


def write_social(registers: Registers, folder: Path) -> tuple[int, tuple[BrokenRow, ...]]:
    """Social insurance's CSV file, GB18030, with the habits of such exports and some broken rows.

    Dates stand in three notations, a final X is written small, some numbers in full-width digits.

    Args:
        registers: What to write.
        folder: Where.

    Returns:
        Number of good rows, and the broken ones.
    """
    lines = [_line(_SOCIAL_HEADER)]
    lines += (_line(_social(row)) for row in registers.insured)
    broken: list[BrokenRow] = []
    # Spread over the file: a reader that stops at the first broken row would lose most of the good ones.
    step = max(1, len(registers.insured) // (len(registers.broken) + 1))
    for count, (raw, rule) in enumerate(_broken(registers.broken), start=1):
        at = 1 + count * step
        lines.insert(at, raw)
        broken.append(BrokenRow(at + 1, rule))
    (folder / SOCIAL_FILE).write_bytes(b"".join(lines))
    return len(registers.insured), tuple(broken)


def write_housing(registers: Registers, url: str) -> int:
    """The housing department's PostgreSQL table.

    Args:
        registers: What to write.
        url: SQLAlchemy URL of an empty database, driver pg8000.

    Returns:
        Number of rows.
    """
    text = io.StringIO()
    csv.writer(text).writerows(
        (
            entry.number,
            entry.owner.identifier,
            entry.owner.name,
            entry.address,
            entry.area,
            entry.use,
            entry.mortgaged,
            entry.registered.isoformat(),
            f"{entry.updated.strftime(_TIME)}+08:00",
        )
        for entry in registers.properties
    )
    engine = create_engine(url)
    try:
        raw = engine.raw_connection()
        with closing(raw), closing(raw.cursor()) as cursor:
            cursor.execute(_HOUSING_TABLE)
            # The driver's own argument: one stream instead of a statement per row.
            copy = "COPY property_registrations FROM STDIN WITH (FORMAT csv)"
            cursor.execute(copy, stream=io.BytesIO(text.getvalue().encode()))  # type: ignore[call-arg]
            raw.commit()
    finally:
        engine.dispose()
    return len(registers.properties)


def _sqlite(path: Path, table: str, name: str, rows: Iterable[Sequence[object]]) -> int:
    path.touch(mode=0o600, exist_ok=False)
    marks = ", ".join("?" * table.count(" NOT NULL")) + ", ?"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(table)
        # One column of each table is its key and carries no NOT NULL.
        return connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows).rowcount  # noqa: S608 - constants


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode("gb18030")


def _social(row: Insured) -> list[str]:
    person = row.person
    identifier = person.identifier.replace("X", "x")
    if int(row.number) % 200 == 0:
        identifier = identifier.translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    since = row.since
    return [
        row.number,
        identifier,
        person.name,
        f"{person.born:%Y%m%d}",
        row.status,
        str(row.months),
        f"{row.base:,.2f}" if row.base >= 10_000 else str(row.base),  # noqa: PLR2004 - grouped as spreadsheets do
        row.employer.name if row.employer else "",
        row.employer.identifier if row.employer else "",
        f"{since.year}年{since.month}月{since.day}日",
        f"{row.updated:%Y/%m/%d %H:%M:%S}",
    ]


def _broken(rows: Sequence[Insured]) -> list[tuple[bytes, str]]:
    """One row for each way to be broken; the last two share a number."""
    few, many, foreign, check, empty, one, two = (_social(row) for row in rows)
    digit = check[1]
    check[1] = digit[:-1] + ("0" if digit[-1] != "0" else "1")
    empty[0] = ""
    two[0] = one[0]
    return [
        (_line(few[:-3]), "has too few cells"),
        (_line([*many, "备注"]), "has too many cells"),
        (_line(foreign).replace(foreign[2].encode("gb18030"), b"\xff\xfe"), "is not GB18030"),
        (_line(check), "the identity number's check character is wrong"),
        (_line(empty), "has no number of its own"),
        (_line(one), "shares its number with another row"),
        (_line(two), "shares its number with another row"),
    ]
