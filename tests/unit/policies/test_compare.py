"""What widens, narrows or changes between two texts, and that nothing counts as narrower unless it provably is."""

from dataclasses import fields, replace
from types import MappingProxyType

import pytest

from policies.agreements import Agreement
from policies.agreements.compare import _NEUTRAL, _RULES, Effect, compare, is_narrower
from policies.agreements.consent_terms import ConsentTerms
from policies.consent_words import Fetch, Frequency, Mode, Proof, Unit
from policies.predicates import Operator, Predicate
from policies.vocabulary import Form, LegalBasis, SharingType
from tests.support.policy_cases import agreement

ADULT = Predicate("adult", "birth_date", Operator.AGE_AT_LEAST, ("18",))
ASKED = MappingProxyType({"adult": ADULT})
KEPT = {"retention_days": 30, "predicates": ASKED}
BASE = agreement(**KEPT)
VALUE, MASKED, YEAR = Form.VALUE, Form.MASKED, Form.YEAR


def items(**forms: set[Form]) -> MappingProxyType:
    return MappingProxyType({name: frozenset(some) for name, some in forms.items()})


NARROWER = [
    {"systems": frozenset({"archive"})},
    {"purposes": frozenset({"school_enrolment"})},
    {"valid_from_ms": BASE.valid_from_ms + 1},
    {"valid_until_ms": BASE.valid_until_ms - 1},
    {"official_required": True},
    {"uses_per_day": 999},
    {"retention_days": 29},
    {"condition": "仅限义务教育入学登记"},
    {"sharing_type": SharingType.CONDITIONAL},
    {"impact_assessment": "PIA-2025-7"},
    {"items": items(name={MASKED}, birth_date={YEAR}, record={Form.EXISTS})},
    {"items": items(name={VALUE, MASKED})},
    {"predicates": {}},
]
NOT_NARROWER = [
    {},
    {"revision": 4},
    {"systems": frozenset({"archive", "enrolment", "third"})},
    {"systems": frozenset({"third"})},
    {"purposes": frozenset({"tax_assessment"})},
    {"valid_from_ms": BASE.valid_from_ms - 1},
    {"valid_until_ms": BASE.valid_until_ms + 1},
    {"case_required": False},
    {"uses_per_day": 1001},
    {"retention_days": 31},
    {"retention_days": None},
    {"legal_basis": LegalBasis.CONSENT},
    {"consumer_key": "sha256:" + "c" * 64},
    {"provider_key": "sha256:" + "c" * 64},
    {"items": items(name={VALUE, MASKED, Form.EXISTS}, birth_date={YEAR}, record={Form.EXISTS})},
    {"items": items(name={VALUE}, birth_date={VALUE}, record={Form.EXISTS})},
    {"items": items(name={VALUE}, birth_date={YEAR}, address={VALUE})},
    {"predicates": {"adult": replace(ADULT, constants=("21",))}},
    {"predicates": {**ASKED, "old": Predicate("old", "birth_date", Operator.AGE_AT_LEAST, ("60",))}},
]


@pytest.mark.parametrize("changes", NARROWER, ids=" ".join)
def test_what_only_takes_away_is_narrower_and_its_opposite_is_not(changes: dict) -> None:
    narrow = agreement(**{**KEPT, **changes})
    assert is_narrower(BASE, narrow)
    assert not is_narrower(narrow, BASE)
    assert {change.effect for change in compare(BASE, narrow)} == {Effect.NARROWS}


@pytest.mark.parametrize("changes", NOT_NARROWER, ids=" ".join)
def test_what_adds_or_merely_changes_is_not_narrower(changes: dict) -> None:
    assert not is_narrower(BASE, agreement(**{**KEPT, **changes}))


def test_one_widening_among_narrowings_is_enough() -> None:
    for narrow in NARROWER:
        if "uses_per_day" not in narrow:
            assert not is_narrower(BASE, agreement(**{**KEPT, **narrow, "uses_per_day": 5000}))


def test_another_condition_or_assessment_cannot_be_ordered() -> None:
    for key in ("condition", "impact_assessment"):
        one, other = agreement(**{key: "one"}), agreement(**{key: "other"})
        assert [change.effect for change in compare(one, other)] == [Effect.CHANGES]
        assert not is_narrower(one, other)


def test_every_field_that_differs_is_told_by_its_key_with_both_sides() -> None:
    told = compare(BASE, agreement(**KEPT, uses_per_day=10, items=items(name={MASKED})))
    assert [(change.key, change.before, change.after) for change in told] == [
        ("uses_per_day", "1000", "10"),
        ("items.birth_date", "year", ""),
        ("items.name", "masked, value", "masked"),
        ("items.record", "exists", ""),
    ]


TERMS = ConsentTerms("同意书", "Notice", Mode.VIEW, Fetch.ONCE, None, 30, 90, Proof.REQUIRED, frozenset({"guardian"}))


@pytest.mark.parametrize(
    ("changes", "key", "effect"),
    [
        ({"max_days": 7}, "consent.max_days", Effect.NARROWS),
        ({"max_days": 31}, "consent.max_days", Effect.WIDENS),
        ({"data_life_days": 1}, "consent.data_life_days", Effect.NARROWS),
        ({"relations": frozenset()}, "consent.relations", Effect.NARROWS),
        ({"notice_zh": "另一份"}, "consent.notice_zh", Effect.CHANGES),
        ({"frequency": Frequency(Unit.DAY, 1, 2)}, "consent.frequency", Effect.CHANGES),
    ],
)
def test_a_table_of_its_own_is_compared_key_by_key(changes: dict, key: str, effect: Effect) -> None:
    before, after = agreement(consent=TERMS), agreement(consent=replace(TERMS, **changes))
    assert [(change.key, change.effect) for change in compare(before, after)] == [(key, effect)]
    for other in (before, after):
        (told,) = compare(agreement(), other)
        assert (told.key, told.effect) == ("consent", Effect.CHANGES)
        assert "max_days: " in told.after


def test_a_key_without_a_rule_of_its_own_is_a_change() -> None:
    unordered = {f.name for f in fields(Agreement)} - _NEUTRAL - set(_RULES)
    assert {"legal_basis", "provider_key", "consumer", "id"} <= unordered
    for name in unordered:
        other = agreement(**{**KEPT, name: "something else"})
        assert [change.effect for change in compare(BASE, other)] == [Effect.CHANGES], name


def test_a_question_less_narrows_one_more_widens_and_another_one_is_a_change() -> None:
    adult = Predicate("adult", "birth_date", Operator.AGE_AT_LEAST, ("18",))
    older = Predicate("adult", "birth_date", Operator.AGE_AT_LEAST, ("17",))
    with_it, without, other = (agreement(predicates=some) for some in ({"adult": adult}, {}, {"adult": older}))
    told = [(one.key, one.effect, one.before, one.after) for one in compare(with_it, without)]
    assert told == [("predicates.adult", Effect.NARROWS, "birth_date age_at_least(18)", "")]
    assert [one.effect for one in compare(without, with_it)] == [Effect.WIDENS]
    assert [one.effect for one in compare(with_it, other)] == [Effect.CHANGES]
