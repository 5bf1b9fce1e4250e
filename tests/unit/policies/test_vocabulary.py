"""Words and reasons: closed, total and in both languages."""

import re

import pytest

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
