"""Agreements for emergencies: what their section says, what is below their floors, when a review is due."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from policies.agreements import BadAgreement, parse_agreement
from policies.agreements.compare import Effect, compare, is_narrower
from policies.agreements.contradictions import contradictions, meets
from policies.agreements.due import Calendar
from policies.agreements.emergency import MAX_USES_PER_DAY
from policies.emergencies import (
    MAX_STATEMENT,
    REASONS,
    BadEmergencies,
    BadEmergency,
    declared,
    parse_reasons,
)
from policies.purposes import PURPOSES
from policies.vocabulary import LegalBasis
from tests.support.policy_cases import AGREEMENT_TEXT

GOOD = {
    "reasons": '["life_saving_care", "missing_person"]',
    "uses_per_day": "5",
    "review_hours": "24",
    "notify_person": "true",
}
ORDINARY = AGREEMENT_TEXT.replace('legal_basis = "explicit_request"', 'legal_basis = "mandate"')
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def text(**changes: Any) -> str:
    """An agreement for emergencies; `changes` replace or (None) take away keys of its section."""
    section = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return ORDINARY + "\n[emergency]\n" + "".join(f"{key} = {value}\n" for key, value in section.items())


def test_the_section_is_read_and_forces_an_official() -> None:
    read = parse_agreement(text().encode())
    terms = read.emergency
    assert terms is not None
    assert terms.reasons == {"life_saving_care", "missing_person"}
    assert (terms.review_hours, terms.review_working_days, terms.law, terms.notify_after_days) == (24, None, "", 0)
    assert read.official_required
    assert read.uses_per_day == 5
    assert parse_agreement(ORDINARY.encode()).emergency is None


def test_the_smaller_number_of_uses_counts() -> None:
    few = text(uses_per_day="50").replace("uses_per_day = 1000", "uses_per_day = 7", 1)
    assert parse_agreement(few.encode()).uses_per_day == 7


def test_the_purpose_of_emergencies_is_for_agreements_with_the_section_alone() -> None:
    purposes = 'purposes = ["school_enrolment", "emergency_response"]'
    ordinary = re.sub(r"purposes = \[.*\]", purposes, ORDINARY)
    with pytest.raises(BadAgreement) as bad:
        parse_agreement(ordinary.encode())
    assert bad.value.key == "purposes"
    assert "emergency_response" in parse_agreement((ordinary + text().removeprefix(ORDINARY)).encode()).purposes
    assert PURPOSES["emergency_response"].bases == {LegalBasis.MANDATE}


BROKEN = [
    ({"reasons": "[]"}, "emergency.reasons"),
    ({"reasons": '["curiosity"]'}, "emergency.reasons"),
    ({"reasons": '["missing_person", "missing_person"]'}, "emergency.reasons"),
    ({"reasons": "true"}, "emergency.reasons"),
    ({"reasons": None}, "emergency.reasons"),
    ({"uses_per_day": None}, "emergency.uses_per_day"),
    ({"uses_per_day": "0"}, "emergency.uses_per_day"),
    ({"uses_per_day": str(MAX_USES_PER_DAY + 1)}, "emergency.uses_per_day"),
    ({"uses_per_day": "true"}, "emergency.uses_per_day"),
    ({"review_hours": None}, "emergency"),
    ({"review_working_days": "1"}, "emergency"),
    ({"review_hours": "721"}, "emergency.review_hours"),
    ({"review_hours": None, "review_working_days": "31"}, "emergency.review_working_days"),
    ({"notify_person": None}, "emergency.notify_person"),
    ({"notify_person": "false"}, "emergency.notify_person"),
    ({"notify_person": '"  "'}, "emergency.notify_person"),
    ({"notify_person": '"a\\u001bb"', "notify_after_days": "3"}, "emergency.notify_person"),
    ({"notify_person": '"《某法》"'}, "emergency.notify_after_days"),
    ({"notify_person": '"《某法》"', "notify_after_days": "0"}, "emergency.notify_after_days"),
    ({"notify_person": '"《某法》"', "notify_after_days": "367"}, "emergency.notify_after_days"),
    ({"notify_after_days": "3"}, "emergency.notify_after_days"),
    ({"surprise": "1"}, "emergency.surprise"),
]


@pytest.mark.parametrize(("changes", "key"), BROKEN)
def test_what_is_not_right_is_refused_with_its_key(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(BadAgreement) as caught:
        parse_agreement(text(**changes).encode())
    assert caught.value.key == key
    assert caught.value.line


def test_an_emergency_rests_on_a_mandate_and_needs_an_official() -> None:
    with pytest.raises(BadAgreement) as caught:
        parse_agreement(text().replace('"mandate"', '"consent"').encode())
    assert caught.value.key == "legal_basis"
    with pytest.raises(BadAgreement) as caught:
        parse_agreement(("official_required = false\n" + text()).encode())
    assert caught.value.key == "official_required"
    with pytest.raises(BadAgreement):
        parse_agreement(("emergency = 7\n" + ORDINARY).encode())


def test_a_review_is_due_in_hours_or_at_the_end_of_a_working_day() -> None:
    def terms(**changes: Any) -> Any:
        return parse_agreement(text(**changes).encode()).emergency

    # Friday 2026-01-02, noon in China.
    asked = int(datetime(2026, 1, 2, 4, tzinfo=UTC).timestamp()) * 1000
    assert terms().review_due_ms(asked, Calendar()) == asked + 24 * HOUR_MS
    days = terms(review_hours=None, review_working_days="2")
    assert days.review_due_ms(asked, Calendar()) == int(datetime(2026, 1, 6, 16, tzinfo=UTC).timestamp()) * 1000
    holiday = Calendar(holidays=frozenset({date(2026, 1, 5)}))
    assert days.review_due_ms(asked, holiday) == int(datetime(2026, 1, 7, 16, tzinfo=UTC).timestamp()) * 1000
    late = terms(notify_person='"《某法》"', notify_after_days="30")
    assert (terms().person_from_ms(asked), late.person_from_ms(asked)) == (asked, asked + 30 * DAY_MS)


def test_an_emergency_and_an_ordinary_agreement_never_meet_and_two_must_say_the_same() -> None:
    ordinary = parse_agreement(ORDINARY.encode())
    one = parse_agreement(text().encode())
    other = replace(one, id="other")
    assert not meets(ordinary, replace(other, official_required=False))
    assert contradictions(one, other) == ()
    stricter = replace(parse_agreement(text(review_hours="12").encode()), id="other")
    assert contradictions(one, stricter) == ("emergency",)
    # How many uses it allows is no duty, and where no reason is in both, no request could rest on either.
    assert contradictions(one, replace(parse_agreement(text(uses_per_day="9").encode()), id="other")) == ()
    apart = text(review_hours="12", reasons='["disaster_relief"]')
    assert not meets(one, replace(parse_agreement(apart.encode()), id="other"))


def test_taking_on_or_dropping_the_section_is_never_a_narrowing() -> None:
    ordinary = parse_agreement(ORDINARY.encode())
    emergency = parse_agreement(text().encode())
    for before, after in ((ordinary, emergency), (emergency, ordinary)):
        assert Effect.CHANGES in {change.effect for change in compare(before, after) if change.key == "emergency"}
        assert not is_narrower(before, after)


def test_two_texts_for_emergencies_are_compared_key_by_key() -> None:
    before = parse_agreement(text().encode())

    def effects(**changes: Any) -> dict[str, Effect]:
        after = parse_agreement(text(**changes).encode())
        return {change.key: change.effect for change in compare(before, after) if change.key.startswith("emergency")}

    assert effects(reasons='["missing_person"]') == {"emergency.reasons": Effect.NARROWS}
    assert effects(uses_per_day="9") == {"emergency.uses_per_day": Effect.WIDENS}
    assert effects(review_hours="1") == {"emergency.review_hours": Effect.NARROWS}
    # Hours against working days cannot be ordered by themselves: together they are no narrowing.
    other = effects(review_hours=None, review_working_days="2")
    assert set(other.values()) != {Effect.NARROWS}
    later = effects(notify_person='"《某法》"', notify_after_days="30")
    assert set(later.values()) == {Effect.CHANGES}


def test_every_reason_has_a_name_in_both_languages() -> None:
    assert REASONS
    assert all(reason.zh and reason.en and code == reason.code for code, reason in REASONS.items())


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "format = 'other'",
        "format = 'oncegate.emergencies/1'",
        "format = 'oncegate.emergencies/1'\n[Bad]\nzh='a'\nen='b'",
        "format = 'oncegate.emergencies/1'\n[a]\nzh='a'",
        "format = 'oncegate.emergencies/1'\n[a]\nzh=' '\nen='b'",
        "[",
    ],
)
def test_a_vocabulary_that_is_malformed_is_refused(broken: str) -> None:
    with pytest.raises(BadEmergencies):
        parse_reasons(broken)


def test_a_declaration_is_bounded_and_printable() -> None:
    said = declared("life_saving_care", "急" * MAX_STATEMENT)
    assert said.statement
    assert "急" not in repr(said)
    assert declared("life_saving_care", "全角　空格").statement
    for code, statement, field in (
        ("x", "y", "reason"),
        ("life_saving_care", "", "statement"),
        ("life_saving_care", "急" * (MAX_STATEMENT + 1), "statement"),
        ("life_saving_care", "a\u200bb", "statement"),
        ("life_saving_care", "\u3164\u2800", "statement"),
        ("life_saving_care", "a\ud800", "statement"),
    ):
        with pytest.raises(BadEmergency) as caught:
            declared(code, statement)
        assert caught.value.field == field
