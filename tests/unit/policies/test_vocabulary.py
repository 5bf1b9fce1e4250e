"""Words, reasons and purposes: closed, total and in both languages."""

import re

import pytest

from policies.purposes import PURPOSES, BadPurposes, known, parse_purposes
from policies.reasons import TEXT, Kind, Reason
from policies.vocabulary import Classification, Form


def test_forms_and_classifications_are_ranked_from_least_to_most() -> None:
    ranked = (Form.EXISTS, Form.PREDICATE, Form.YEAR, Form.MASKED, Form.VALUE)
    assert [form.rank for form in ranked] == [1, 2, 3, 4, 5]
    assert [level.rank for level in Classification] == [1, 2, 3, 4]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_kind_and_a_text_in_both_languages(reason: Reason) -> None:
    assert reason.kind in Kind
    assert reason.text is TEXT[reason]
    assert re.search(r"[\u4e00-\u9fff]", reason.text.zh)
    assert re.fullmatch(r"[A-Z][ -~]+", reason.text.en)
    assert re.fullmatch(r"[A-Z][A-Z_]*", reason.value)
    assert reason.value == reason.name


def test_no_two_reasons_read_alike() -> None:
    assert len({text.zh for text in TEXT.values()}) == len({text.en for text in TEXT.values()}) == len(Reason)


def test_the_purposes_that_services_start_from_are_registered_in_both_languages() -> None:
    for code in (
        "school_enrolment",
        "housing_fund_withdrawal",
        "minimum_living_allowance",
        "business_licence_change",
        "newborn_registration",
        "tax_assessment",
    ):
        assert known(code)
        assert re.search(r"[\u4e00-\u9fff]", PURPOSES[code].zh)
        assert PURPOSES[code].en.isascii()


def test_a_purpose_that_is_not_registered_is_not_known() -> None:
    assert not known("curiosity")
    assert not known("")


@pytest.mark.parametrize(
    "text",
    [
        "",
        'format = "oncegate.purposes/1"',
        'format = "oncegate.purposes/2"\n[a]\nzh = "一"\nen = "one"',
        'format = "oncegate.purposes/1"\n[a]\nzh = "一"',
        'format = "oncegate.purposes/1"\n[a]\nzh = "一"\nen = " "',
        'format = "oncegate.purposes/1"\n[a]\nzh = "一"\nen = 3',
        'format = "oncegate.purposes/1"\n[a]\nzh = "一"\nen = "one"\nfr = "un"',
        'format = "oncegate.purposes/1"\n[Upper]\nzh = "一"\nen = "one"',
        'format = "oncegate.purposes/1"\na = 3',
        "[",
    ],
)
def test_a_malformed_vocabulary_of_purposes_is_refused(text: str) -> None:
    with pytest.raises(BadPurposes):
        parse_purposes(text)
