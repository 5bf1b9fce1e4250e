"""Two versions of a resource: every difference is told, and what a consumer must know is marked."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from policies.resource_diff import BREAKING, TEXTS, Change, ChangeKind, compare, touched
from policies.resources import LocalText, ResourceDescription
from policies.vocabulary import Classification, DataType, Form, Mask, Mode, SharingType
from tests.support.policy_cases import agreement, field, resource

PAGE = Path(__file__).parents[3] / "docs" / "catalogue.md"
BASE = resource(
    classification_path=(LocalText("人口", "Population"),),
    duty="户籍管理",
    purpose="办理事项",
    related=("tax.payer",),
    subject_schemes=("cn.resident-id", "cn.uscc"),
    modes=frozenset({Mode.QUERY, Mode.BULK}),
    update_cycle="P7D",
)
NAME, BIRTH, HEALTH = BASE.fields


def fields(*changed: object) -> ResourceDescription:
    return replace(BASE, fields=changed)


CASES = [
    (fields(BIRTH, HEALTH), ChangeKind.FIELD_REMOVED, "name"),
    (fields(NAME, BIRTH, HEALTH, field("phone")), ChangeKind.FIELD_ADDED, "phone"),
    (fields(BIRTH, NAME, HEALTH), ChangeKind.FIELDS_REORDERED, ""),
    (fields(replace(NAME, forms=NAME.forms - {Form.VALUE}), BIRTH, HEALTH), ChangeKind.FORM_WITHDRAWN, "name"),
    (fields(NAME, replace(BIRTH, forms=BIRTH.forms | {Form.EXISTS}), HEALTH), ChangeKind.FORM_ADDED, "birth_date"),
    (fields(replace(NAME, mask=Mask.TEXT), BIRTH, HEALTH), ChangeKind.MASK_CHANGED, "name"),
    (fields(NAME, BIRTH, replace(HEALTH, data_type=DataType.INTEGER)), ChangeKind.TYPE_CHANGED, "health"),
    (
        fields(replace(NAME, classification=Classification.SENSITIVE), BIRTH, HEALTH),
        ChangeKind.CLASSIFICATION_RAISED,
        "name",
    ),
    (
        fields(NAME, BIRTH, replace(HEALTH, classification=Classification.INTERNAL)),
        ChangeKind.CLASSIFICATION_LOWERED,
        "health",
    ),
    (replace(BASE, sharing_type=SharingType.NOT_SHARED), ChangeKind.SHARING_TYPE_CHANGED, ""),
    (replace(BASE, sharing_terms="另一条件"), ChangeKind.SHARING_TERMS_CHANGED, ""),
    (replace(BASE, duty="其他"), ChangeKind.DUTY_CHANGED, ""),
    (replace(BASE, purpose="其他"), ChangeKind.PURPOSE_CHANGED, ""),
    (replace(BASE, subject_schemes=("cn.uscc",)), ChangeKind.SCHEME_REMOVED, ""),
    (replace(BASE, subject_schemes=(*BASE.subject_schemes, "cn.passport")), ChangeKind.SCHEME_ADDED, ""),
    (replace(BASE, subject_schemes=BASE.subject_schemes[::-1]), ChangeKind.SCHEMES_REORDERED, ""),
    (replace(BASE, modes=frozenset({Mode.QUERY})), ChangeKind.MODE_WITHDRAWN, ""),
    (replace(BASE, modes=frozenset(Mode)), ChangeKind.MODE_ADDED, ""),
    (replace(BASE, update_cycle="P1M"), ChangeKind.UPDATE_SLOWER, ""),
    (replace(BASE, update_cycle="P1D"), ChangeKind.UPDATE_CHANGED, ""),
    (replace(BASE, update_cycle="P1W"), ChangeKind.UPDATE_CHANGED, ""),
    (replace(BASE, unlisted=True), ChangeKind.LISTING_CHANGED, ""),
    (replace(BASE, name_en="People"), ChangeKind.NAME_CHANGED, ""),
    (replace(BASE, abstract_zh="摘要"), ChangeKind.ABSTRACT_CHANGED, ""),
    (replace(BASE, classification_path=()), ChangeKind.PATH_CHANGED, ""),
    (replace(BASE, related=()), ChangeKind.RELATED_CHANGED, ""),
    (fields(replace(NAME, authority="law"), BIRTH, HEALTH), ChangeKind.AUTHORITY_CHANGED, "name"),
    (replace(BASE, provider="tax"), ChangeKind.PROVIDER_CHANGED, ""),
]


@pytest.mark.parametrize(("after", "kind", "code"), CASES, ids=[str(case[1]) for case in CASES])
def test_each_kind_of_change_is_told_with_its_place(after: ResourceDescription, kind: ChangeKind, code: str) -> None:
    [change] = compare(BASE, after)
    assert (change.kind, change.field) == (kind, code)
    assert change.breaking == (kind in BREAKING)
    assert not re.search(r"[{}]", change.text.zh + change.text.en)
    assert not code or (code in change.text.zh and code in change.text.en)


def test_every_kind_can_happen_and_has_a_sentence() -> None:
    assert {kind for _, kind, _ in CASES} == set(ChangeKind) == set(TEXTS)


def test_the_same_description_has_no_changes() -> None:
    assert compare(BASE, replace(BASE)) == ()


def test_what_a_consumer_must_know_comes_first() -> None:
    after = replace(BASE, name_en="People", fields=(NAME, BIRTH), update_cycle="P1D")
    assert [change.breaking for change in compare(BASE, after)] == [True, False, False]


def test_words_are_told_in_the_language_of_the_sentence() -> None:
    text = Change(ChangeKind.FORM_WITHDRAWN, "name", "value").text
    assert text == ("信息项 name 的形式 原值 不再提供", "field name: the form value is no longer offered")
    raised = Change(ChangeKind.CLASSIFICATION_RAISED, "", "internal", "sensitive").text
    assert raised.zh == "分级由 内部 提高为 敏感"


def test_what_people_wrote_is_not_taken_for_a_template() -> None:
    text = Change(ChangeKind.NAME_CHANGED, "", "{before.__class__}", "{0}").text
    assert "{before.__class__}" in text.en
    assert "{0}" in text.zh


def test_an_agreement_is_touched_by_what_it_relies_on_and_by_nothing_else() -> None:
    held = agreement()
    assert "name" in held.items
    assert "health" not in held.items

    def numbers(after: ResourceDescription) -> tuple[int, ...]:
        found = touched(compare(BASE, after), [held])
        return found[0].changes if found else ()

    assert numbers(fields(BIRTH, HEALTH)) == (0,)
    assert numbers(fields(NAME, BIRTH)) == ()
    assert numbers(replace(BASE, sharing_terms="另一条件")) == (0,)
    assert numbers(replace(BASE, name_en="People")) == ()
    unlisted = next(form for form in NAME.forms if form not in held.items["name"])
    listed = next(form for form in NAME.forms if form in held.items["name"])
    assert numbers(fields(replace(NAME, forms=NAME.forms - {unlisted}), BIRTH, HEALTH)) == ()
    assert numbers(fields(replace(NAME, forms=NAME.forms - {listed}), BIRTH, HEALTH)) == (0,)
    both = fields(replace(NAME, data_type=DataType.INTEGER), BIRTH)
    assert numbers(both) == tuple(n for n, c in enumerate(compare(BASE, both)) if c.field == "name")


def test_the_page_says_of_every_kind_whether_it_is_breaking() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert table == {str(kind): "yes" if kind in BREAKING else "no" for kind in ChangeKind}
