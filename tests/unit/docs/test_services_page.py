"""docs/services.md: its example is read, and its tables are those of the code."""

import re

from policies.services import Standing, State, parse_service
from policies.services.lint import FINDINGS
from policies.services.words import FALLBACKS
from tests.unit.docs.pages import read, table

PAGE = read("docs/services.md")


def test_the_example_is_a_service_item() -> None:
    [example] = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert parse_service(example.encode()).code == "housing-fund-withdrawal"


def test_every_finding_is_listed_with_its_severity() -> None:
    rows = table(PAGE, "finding | severity | meaning")
    assert [(row[0], row[1]) for row in rows] == [(str(code), str(FINDINGS[code][0])) for code in FINDINGS]


def test_every_way_to_stand_is_listed() -> None:
    assert [row[0] for row in table(PAGE, "requirement | meaning")] == [str(one) for one in Standing]
    assert [row[0] for row in table(PAGE, "application | meaning")] == [str(one) for one in State]


def test_every_way_to_go_on_is_named() -> None:
    assert all(f"`{one}`" in PAGE for one in FALLBACKS)
