"""Every word of the profile has a text in both languages."""

import pytest

from gateway.audit.kinds import ACCESSES
from gateway.cli import profile_texts
from gateway.cli.own_access import OUTCOMES
from gateway.cli.source import ARRIVALS
from gateway.rpc.services.profile import MARKS
from gateway.rpc.services.source import ARRIVALS as SENT
from gateway.vault.corrections import CorrectionStatus
from gateway.vault.provenance import FieldStatus, Mark, Source, Superseded, UnavailableReason
from gateway.vault.views import Arrival
from nodes.cli.language import WORDS
from oncegate.v1 import profile_pb2, source_pb2
from policies.vocabulary import FieldMark


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (profile_texts.SOURCES, Source),
        (profile_texts.STATUSES, FieldStatus),
        (profile_texts.UNAVAILABLE, UnavailableReason),
        (profile_texts.SUPERSEDED, Superseded),
        (profile_texts.CORRECTIONS, CorrectionStatus),
    ],
)
def test_every_word_has_a_text_in_both_languages(texts: dict[str, str], words: type[Source]) -> None:
    assert set(texts) == {str(word) for word in words}
    assert all(" / " in text for text in texts.values())


def test_every_kind_that_a_person_sees_has_a_text() -> None:
    assert set(OUTCOMES) >= {str(kind) for kind in ACCESSES}


def test_every_mark_and_source_that_reaches_a_department_has_a_text_there() -> None:
    assert {f"mark.{mark}" for mark in FieldMark} <= WORDS.keys()
    assert {f"source.{source}" for source in Source if source is not Source.NOT_APPLICABLE} <= WORDS.keys()


def test_every_word_on_the_wire_is_known() -> None:
    assert set(MARKS.values()) == set(Mark)
    assert set(MARKS) == set(profile_pb2.ProfileMark.values()) - {0}
    assert set(SENT) == set(Arrival)
    assert set(SENT.values()) == set(ARRIVALS) == set(source_pb2.Arrival.values()) - {0}


def test_an_age_that_is_not_known_is_never_shown_as_fresh() -> None:
    assert profile_texts.age_text(0, 5) == "unknown / 未知"
    assert profile_texts.age_text(1, 86_400_001) == "1 d / 天"
    assert "expired" in profile_texts.validity_text(1, 2)
