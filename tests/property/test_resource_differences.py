"""Whatever two descriptions are: they differ exactly when a change is told, and what is stored reads back the same."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.catalog.description import from_text, to_text
from policies.resource_diff import compare
from policies.resources import (
    BadResource,
    FieldDescription,
    LocalText,
    ResourceDescription,
    check_resource,
)
from policies.vocabulary import Classification, DataType, Form, Mask, Mode, SharingType
from tests.support.policy_cases import resource

TEXTS = st.sampled_from(["甲", "乙", "name", "Name {before}", "一 二"])
PATHS = st.lists(st.builds(LocalText, TEXTS, TEXTS), max_size=2).map(tuple)


@st.composite
def fields(draw: st.DrawFn, code: str) -> FieldDescription:
    data_type = draw(st.sampled_from(DataType))
    forms = draw(st.sets(st.sampled_from(Form), min_size=1))
    if data_type is not DataType.DATE:
        forms.discard(Form.YEAR)
    if data_type is not DataType.STRING:
        forms.discard(Form.MASKED)
    mask = draw(st.sampled_from(Mask)) if Form.MASKED in forms else None
    return FieldDescription(
        code,
        draw(TEXTS),
        draw(TEXTS),
        data_type,
        draw(st.sampled_from(Classification)),
        frozenset(forms or {Form.VALUE}),
        mask,
        draw(st.sampled_from(["", "法"])),
    )


@st.composite
def descriptions(draw: st.DrawFn) -> ResourceDescription:
    codes = draw(st.permutations(["a", "b", "c"]))[: draw(st.integers(1, 3))]
    sharing = draw(st.sampled_from(SharingType))
    return resource(
        name_zh=draw(TEXTS),
        abstract_en=draw(TEXTS),
        classification=Classification.SENSITIVE,
        sharing_type=sharing,
        sharing_terms="" if sharing is SharingType.UNCONDITIONAL else draw(TEXTS),
        duty=draw(TEXTS),
        purpose=draw(TEXTS),
        update_cycle=draw(st.sampled_from(["P1D", "P7D", "P1W", "PT24H"])),
        subject_schemes=draw(st.sampled_from([("cn.uscc",), ("cn.uscc", "cn.resident-id"), ("cn.resident-id",)])),
        unlisted=draw(st.booleans()),
        fields=tuple(draw(fields(code)) for code in codes),
        classification_path=draw(PATHS),
        modes=draw(st.frozensets(st.sampled_from(Mode), min_size=1)),
        related=tuple(draw(st.sampled_from([(), ("x.y",), ("x.y", "x.z"), ("x.z", "x.y")]))),
    )


@settings(max_examples=400, deadline=None)
@given(descriptions(), descriptions())
def test_descriptions_differ_exactly_when_a_change_is_told(one: ResourceDescription, two: ResourceDescription) -> None:
    changes = compare(one, two)
    assert (not changes) == (one.fingerprint == two.fingerprint) == (one == two)
    for change in changes:
        assert change.text.zh
        assert change.text.en


@settings(max_examples=200, deadline=None)
@given(descriptions())
def test_what_is_stored_reads_back_with_its_fingerprint(one: ResourceDescription) -> None:
    assert from_text(to_text(one)).fingerprint == one.fingerprint
    assert to_text(from_text(to_text(one))) == to_text(one)


@settings(max_examples=200, deadline=None)
@given(descriptions(), st.sampled_from(SharingType))
def test_no_door_takes_terms_that_are_missing(one: ResourceDescription, sharing: SharingType) -> None:
    bare = replace(one, sharing_type=sharing, sharing_terms="", duty="", purpose="")
    with pytest.raises(BadResource) as published:
        check_resource(bare)
    with pytest.raises(BadResource) as stored:
        from_text(to_text(bare))
    assert published.value.path == stored.value.path
    assert published.value.path == ("duty" if sharing is SharingType.UNCONDITIONAL else "sharing_terms")
