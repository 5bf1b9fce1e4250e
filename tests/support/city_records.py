"""The records of the test city: three people, what the civil registry and the housing authority know about them."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from policies.identifiers import resident_id

# Three people whom civil knows; housing knows the first two.
ALICE = resident_id("11010519491231002")
BO = resident_id("44052419880101001")
CHEN = resident_id("11010519900307123")
NOBODY = resident_id("11010519800101999")
NAMES = {ALICE: "欧阳静好", BO: "李博文", CHEN: "陈某某"}
PEOPLE = {
    ALICE: ("欧阳静好", "1949-12-31", "北京市朝阳区幸福路一号"),
    BO: ("李博文", "1988-01-01", "汕头市龙湖区和平街二号"),
    CHEN: ("陈某某", "1990-03-07", "北京市朝阳区安宁里三号"),
}

CIVIL = """
format = "oncegate.resources/1"
[sources.people]
kind = "sql"
url = "sqlite:///source.db"
table = "residents"
[[resources]]
code = "civil.resident"
name = { zh = "居民信息", en = "Resident" }
abstract = { zh = "居民基本信息", en = "Facts about residents" }
classification = "confidential"
sharing_type = "conditional"
sharing_terms = "仅用于政务服务"
update_cycle = "P1D"
source = "people"
key = "id"
subject = { scheme = "cn.resident-id", column = "id_no" }
updated = "updated_at"
[[resources.fields]]
code = "name"
column = "name"
name = { zh = "姓名", en = "Name" }
type = "string"
classification = "confidential"
forms = ["exists", "predicate", "masked", "value"]
mask = "name"
[[resources.fields]]
code = "birth_date"
column = "born"
name = { zh = "出生日期", en = "Date of birth" }
type = "date"
classification = "confidential"
forms = ["predicate", "year", "value"]
[[resources.fields]]
code = "address"
column = "address"
name = { zh = "住址", en = "Address" }
type = "string"
classification = "confidential"
forms = ["masked", "value"]
mask = "address"
"""

HOUSING = """
format = "oncegate.resources/1"
[sources.homes]
kind = "sql"
url = "sqlite:///source.db"
table = "homes"
[[resources]]
code = "housing.property"
name = { zh = "不动产", en = "Property" }
abstract = { zh = "不动产登记", en = "Registered property" }
classification = "confidential"
sharing_type = "conditional"
sharing_terms = "仅用于政务服务"
update_cycle = "P1D"
source = "homes"
key = "id"
subject = { scheme = "cn.resident-id", column = "owner" }
[[resources.fields]]
code = "location"
column = "location"
name = { zh = "坐落", en = "Location" }
type = "string"
classification = "confidential"
forms = ["value"]
[[resources.fields]]
code = "area"
column = "area"
name = { zh = "面积", en = "Area" }
type = "decimal"
classification = "internal"
forms = ["value"]
"""


def fill_civil(path: Path, people: Mapping[str, Sequence[str]] | None = None) -> None:
    """The civil registry's table."""
    rows = [(n, i, *p) for n, (i, p) in enumerate((people or PEOPLE).items(), 1)]
    with sqlite3.connect(path) as base:
        base.execute(
            "create table residents (id integer primary key, id_no text, name text, born text, address text,"
            " updated_at text default '2026-01-02T03:04:05+00:00')"
        )
        base.executemany("insert into residents (id, id_no, name, born, address) values (?,?,?,?,?)", rows)
    base.close()


def fill_housing(path: Path, owners: Sequence[str] = (ALICE, BO)) -> None:
    """The housing authority's table."""
    with sqlite3.connect(path) as base:
        base.execute("create table homes (id integer primary key, owner text, location text, area text)")
        rows = [(n, owner, f"幸福路{n}号", "88.50") for n, owner in enumerate(owners, 1)]
        base.executemany("insert into homes values (?,?,?,?)", rows)
    base.close()
