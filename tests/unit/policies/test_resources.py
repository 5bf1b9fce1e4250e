"""A resource description keeps every rule or is refused as a whole."""

from dataclasses import replace

import pytest

from policies.resources import BadResource, LocalText, ResourceDescription, check_resource, update_cycle_ms
from policies.vocabulary import Classification, DataType, Form, Mask, Mode, SharingType
from tests.support.policy_cases import field, resource


def with_field(**changes: object) -> ResourceDescription:
    return resource(fields=(field("name"), field("extra", **changes)))


BROKEN = [
    (resource(code="resident"), "code"),
    (resource(code="Civil.resident"), "code"),
    (resource(code="civil." + "r" * 123), "code"),
    (resource(provider="civil affairs"), "provider"),
    (resource(name_zh=" "), "name.zh"),
    (resource(name_en=""), "name.en"),
    (resource(name_en="n" * 201), "name.en"),
    (resource(abstract_zh=""), "abstract.zh"),
    (resource(abstract_en="a" * 2001), "abstract.en"),
    (resource(sharing_terms=" "), "sharing_terms"),
    (resource(sharing_terms="t" * 2001), "sharing_terms"),
    (resource(sharing_type=SharingType.NOT_SHARED, sharing_terms=""), "sharing_terms"),
    (resource(sharing_type=SharingType.UNCONDITIONAL), "sharing_terms"),
    (resource(sharing_type=SharingType.UNCONDITIONAL, sharing_terms="", duty="", purpose="p"), "duty"),
    (resource(sharing_type=SharingType.UNCONDITIONAL, sharing_terms="", duty="d", purpose=" "), "purpose"),
    (resource(duty="d" * 2001), "duty"),
    (resource(purpose="p" * 2001), "purpose"),
    (resource(modes=frozenset()), "modes"),
    (resource(classification_path=(LocalText("人口", "Population"), LocalText("", "x"))), "classification_path[1].zh"),
    (resource(classification_path=(LocalText("人口", " "),)), "classification_path[0].en"),
    (resource(classification_path=(LocalText("人", "p"),) * 9), "classification_path"),
    (resource(related=("social.insurance", "Nonsense")), "related[1]"),
    (resource(related=("civil.resident",)), "related[0]"),
    (resource(related=("a.b", "a.b")), "related[1]"),
    (resource(related=tuple(f"a.b{n}" for n in range(33))), "related"),
    (resource(name_zh="居民\x1b[2J"), "name.zh"),
    (resource(sharing_terms="a\nb"), "sharing_terms"),
    (with_field(authority="a" * 201), "fields[1].authority"),
    (with_field(authority="a\tb"), "fields[1].authority"),
    (resource(update_cycle="daily"), "update_cycle"),
    (resource(subject_schemes=()), "subject_schemes"),
    (resource(subject_schemes=("cn.uscc", "cn.uscc")), "subject_schemes"),
    (resource(subject_schemes=("cn.uscc", "cn.passport")), "subject_schemes[1]"),
    (resource(fields=()), "fields"),
    (resource(fields=tuple(field(f"f{n}") for n in range(257))), "fields"),
    (resource(fields=(field("name"), field("name"))), "fields[1].code"),
    (resource(classification=Classification.INTERNAL), "classification"),
    (with_field(code="Extra"), "fields[1].code"),
    (with_field(code="record"), "fields[1].code"),
    (with_field(name_zh=""), "fields[1].name.zh"),
    (with_field(name_en="n" * 201), "fields[1].name.en"),
    (with_field(forms=frozenset()), "fields[1].forms"),
    (with_field(forms=frozenset({Form.YEAR}), mask=None), "fields[1].forms"),
    (with_field(data_type=DataType.DATE), "fields[1].forms"),
    (with_field(mask=None), "fields[1].forms"),
    (with_field(forms=frozenset({Form.VALUE}), mask=Mask.NAME), "fields[1].mask"),
]


@pytest.mark.parametrize(("described", "path"), BROKEN)
def test_a_broken_rule_is_told_with_its_path(described: ResourceDescription, path: str) -> None:
    with pytest.raises(BadResource) as caught:
        check_resource(described)
    assert caught.value.path == path
    assert path in str(caught.value)


def test_a_description_that_keeps_every_rule_is_accepted() -> None:
    check_resource(resource())
    check_resource(
        resource(sharing_type=SharingType.UNCONDITIONAL, sharing_terms="", duty="户籍管理", purpose="办理事项")
    )
    check_resource(
        resource(
            classification_path=(LocalText("人口", "Population"),),
            modes=frozenset(Mode),
            related=("social.insurance", "civil.marriage"),
            fields=(field("name", authority="《户口登记条例》"),),
        )
    )
    check_resource(resource(sharing_type=SharingType.NOT_SHARED, sharing_terms="《某法》第八条"))


def test_every_resource_has_its_record_only_in_the_form_exists() -> None:
    record = resource().field("record")
    assert record is not None
    assert record.forms == {Form.EXISTS}
    assert record.classification is Classification.SENSITIVE
    assert resource().field("name") == field("name", mask=Mask.NAME)
    assert resource().field("nonsense") is None


def test_a_fingerprint_covers_the_whole_description_and_nothing_else() -> None:
    first = resource()
    assert first.fingerprint == resource().fingerprint
    narrower = tuple(replace(one, forms=one.forms - {Form.VALUE}) for one in first.fields)
    changed = [
        replace(first, sharing_type=SharingType.NOT_SHARED),
        replace(first, subject_schemes=("cn.uscc",)),
        replace(first, fields=first.fields[:1]),
        replace(first, fields=narrower),
        replace(first, unlisted=True),
        replace(first, classification=Classification.CONFIDENTIAL),
        replace(first, classification_path=(LocalText("人口", "Population"),)),
        replace(first, duty="d"),
        replace(first, purpose="d"),
        replace(first, modes=frozenset({Mode.BULK})),
        replace(first, related=("a.b",)),
        replace(first, fields=(replace(first.fields[0], authority="law"), *first.fields[1:])),
    ]
    assert len({one.fingerprint for one in [first, *changed]}) == 13
    assert (
        replace(first, modes=frozenset(Mode)).fingerprint == replace(first, modes=frozenset([*Mode][::-1])).fingerprint
    )


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("P1D", 86_400_000),
        ("PT6H", 21_600_000),
        ("PT15M", 900_000),
        ("PT30S", 30_000),
        ("P1W", 604_800_000),
        ("P1M", 31 * 86_400_000),
        ("P1Y", 366 * 86_400_000),
        ("P1DT12H", 129_600_000),
    ],
)
def test_an_update_cycle_is_read_in_milliseconds(text: str, milliseconds: int) -> None:
    assert update_cycle_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1D", "P0D", "P-1D", "P1.5D", "P1H", "p1d", "P１D", "P1D "])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(BadResource):
        update_cycle_ms(text)
