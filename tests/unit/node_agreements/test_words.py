"""Whatever a steward reads about a proposal has a word in Chinese and in English."""

from dataclasses import fields

from nodes.agreements.words import ACTS, EFFECTS, KEYS, STATUS, WORDS
from nodes.cli.language import Language
from nodes.cli.proposal_view import show_changes, text_facts
from policies.agreements import Agreement
from policies.agreements.compare import Change, Effect
from policies.agreements.workflow import Act, Status
from tests.support.policy_cases import agreement

CHINESE = range(0x4E00, 0x9FFF)


def test_every_act_status_and_effect_has_both_words() -> None:
    assert (set(ACTS), set(STATUS), set(EFFECTS)) == (set(Act), set(Status), set(Effect))
    for table in (ACTS, STATUS, EFFECTS, KEYS, WORDS):
        for text in table.values():
            assert any(ord(character) in CHINESE for character in text.zh), text
            assert text.en.isascii(), text


def test_everything_that_an_agreement_says_is_shown() -> None:
    said = {field.name.removesuffix("_ms") for field in fields(Agreement)} - {"digest", "raw"}
    assert set(text_facts(agreement())) == said
    assert set(KEYS) <= said


def test_a_key_that_has_no_word_is_shown_as_it_is_written(capsys) -> None:
    show_changes(WORDS["against_proposed"], [Change("new_key", Effect.CHANGES, "\x1b[2J甲", "乙")], Language.ZH)
    shown = capsys.readouterr().out
    assert "new_key" in shown
    assert "变更" in shown
    assert "\x1b" not in shown
