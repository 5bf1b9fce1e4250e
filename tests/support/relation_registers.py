"""Registers of the audit office's city: households, addresses and surnames of residents, and where officials work."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from tests.support.city import ALICE, BO, CHEN, CIVIL

SHARED = 'type = "string"\nclassification = "confidential"\nforms = ["predicate"]\n'
REGISTER = CIVIL.replace('forms = ["masked", "value"]\nmask = "address"', 'forms = ["predicate", "value"]') + "".join(
    f'[[resources.fields]]\ncode = "{code}"\ncolumn = "{code}"\nname = {{ zh = "{zh}", en = "{en}" }}\n{SHARED}'
    for code, zh, en in (("household_id", "户号", "Household"), ("surname", "姓氏", "Surname"))
)
STAFF = (
    """
format = "oncegate.resources/1"
[sources.staff]
kind = "sql"
url = "sqlite:///source.db"
table = "staff"
[[resources]]
code = "housing.staff"
name = { zh = "工作人员", en = "Staff" }
abstract = { zh = "机关工作人员", en = "Staff of departments" }
classification = "confidential"
sharing_type = "conditional"
sharing_terms = "仅用于审计"
update_cycle = "P1D"
source = "staff"
key = "id"
subject = { scheme = "cn.resident-id", column = "id_no" }
[[resources.fields]]
code = "office"
column = "office"
name = { zh = "所在部门", en = "Department" }
"""
    + SHARED
)
# The official is Bo: of Alice's family and address, Chen's colleague, and nothing to a neighbour of the same name.
PEOPLE = [
    (1, ALICE, "李静好", "1949-12-31", "幸福路一号", "H1", "李"),
    (2, BO, "李博文", "1988-01-01", "幸福路一号", "H1", "李"),
    (3, CHEN, "陈某某", "1990-03-07", "安宁里三号", "H2", "陈"),
]
WORKS = [(1, BO, "education"), (2, CHEN, "education"), (3, ALICE, "tourism")]
ASKED = {"household_id": "family", "address": "same_address", "surname": "same_surname"}


def fill(path: Path, create: str, rows: Iterable[tuple[object, ...]]) -> None:
    rows = list(rows)
    with sqlite3.connect(path) as base:
        base.execute(create)
        table = create.split()[2]
        base.executemany(f"insert into {table} values ({','.join('?' * len(rows[0]))})", rows)
    base.close()


def same_as(field: str) -> dict[str, str]:
    return {"name": f'"same_{field}"', "field": f'"{field}"', "operator": '"same_as"'}
