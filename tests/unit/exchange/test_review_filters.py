"""What is typed as a condition of a search names nobody on the log, in no spelling, and nothing in it is a wildcard."""

from collections.abc import Callable

import pytest

from gateway.audit.review.facets import Facet
from gateway.errors import Refused
from gateway.exchange.review_filters import checked, checked_why
from policies.identifiers import resident_id

NUMBER = resident_id("11010519490101001")
ENDING_IN_X = next(one for n in range(100) if (one := resident_id(f"110105194901{n % 28 + 1:02}{n:03}")).endswith("X"))
DIGITS = {"full width": 0xFF10, "Arabic": 0x660, "Devanagari": 0x966, "Thai": 0xE50, "mathematical": 0x1D7CE}
BETWEEN = [
    ".",
    "/",
    "_",
    "·",
    ",",
    "，",
    "、",
    "|",
    " ",
    "\u00a0",
    "\u200b",
    "\u202e",
    "\u0301",
    "\ufe0f",
    "\u3164",
    "🙂",
    "-",
    "—",
]


def spelled(zero: int) -> str:
    return "".join(chr(zero + int(digit)) for digit in NUMBER)


SPELLINGS = [
    NUMBER,
    *(spelled(zero) for zero in DIGITS.values()),
    *(between.join((NUMBER[:6], NUMBER[6:14], NUMBER[14:])) for between in BETWEEN),
    *("".join(digit + between for digit in NUMBER) for between in ("\u200b", "\u0301", ".")),
    f"2026{NUMBER}7",
    *(ENDING_IN_X[:-1] + x for x in "XxＸХΧ×"),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_resident_number_is_refused_in_every_spelling_and_never_told_back(spelling: str) -> None:
    tried: list[Callable[[], str]] = [
        lambda: checked(Facet.CASE, spelling),
        lambda: checked_why(f"投诉 {spelling}，紧急"),
    ]
    for attempt in tried:
        with pytest.raises(Refused) as caught:
            attempt()
        assert NUMBER not in str(caught.value)
        assert spelling not in str(caught.value.violations)


@pytest.mark.parametrize(
    "text",
    ["2026-0001", "入学-2026-7", "tel. 010 6512 3456, 2026/11/26 13:50", "110105 is a code and 19490101 a day of 0013"],
)
def test_other_numbers_pass(text: str) -> None:
    assert checked(Facet.CASE, text) == checked_why(text) == text


@pytest.mark.parametrize(
    "hostile", ["a\0b", "x" * 10_000_000, "\ud800", "ﷺ" * 256, "e" + "\u0301" * 300, "\x1b[2J", "\u202e"]
)
@pytest.mark.parametrize("facet", [Facet.CASE, Facet.DEPARTMENT, Facet.RULE, Facet.FIELD, Facet.SYSTEM, Facet.OUTCOME])
def test_what_is_no_value_is_refused_with_field_and_rule(facet: Facet, hostile: str) -> None:
    with pytest.raises(Refused) as caught:
        checked(facet, hostile)
    [violation] = caught.value.violations
    assert violation.field == {Facet.CASE: "case_reference"}.get(facet, str(facet))
    assert hostile not in violation.rule


@pytest.mark.parametrize("wildcard", ["%", "_", "*", "' OR 1=1 --", "t%", "tax\u0430"])
def test_a_wildcard_a_statement_or_a_look_alike_is_refused_or_stands_for_itself(wildcard: str) -> None:
    assert checked(Facet.CASE, wildcard) == wildcard
    with pytest.raises(Refused):
        checked(Facet.DEPARTMENT, wildcard)
