import pytest

from nodes.cli.language import WORDS, Language, language_of, word
from nodes.consumer.answer import RowStatus
from policies.vocabulary import Classification, Form, SharingType


@pytest.mark.parametrize(
    ("chosen", "environment", "language"),
    [
        (None, {}, Language.EN),
        (None, {"LANG": "zh_CN.UTF-8"}, Language.ZH),
        (None, {"LANG": "de_DE.UTF-8"}, Language.EN),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, Language.EN),
        (None, {"LANG": "en_US", "LC_MESSAGES": "zh_TW"}, Language.ZH),
        (Language.EN, {"LANG": "zh_CN.UTF-8"}, Language.EN),
        (Language.ZH, {}, Language.ZH),
    ],
)
def test_the_language_is_the_one_asked_for_else_the_environments(
    chosen: Language | None, environment: dict[str, str], language: Language
) -> None:
    assert language_of(chosen, environment) is language


def test_every_code_that_is_shown_has_a_word_and_every_word_both_languages() -> None:
    for form in Form:
        assert word(f"form.{form}", Language.ZH)
    for sharing in SharingType:
        assert word(f"sharing.{sharing}", Language.ZH)
    for level in Classification:
        assert word(f"classification.{level}", Language.ZH)
    for status in RowStatus:
        assert status is RowStatus.RELEASED or word(f"status.{status}", Language.EN)
    assert all(bool(text.zh) == bool(text.en) for text in WORDS.values())
