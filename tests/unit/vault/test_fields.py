"""The rules of each profile field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Code, Refused
from gateway.vault.fields import DESCRIPTIONS, PROFILE_RESOURCE, canonical, profile_resource
from policies.resources import check_resource


@pytest.mark.parametrize(
    ("field", "typed", "kept"),
    [
        ("phone", "13800138000", "13800138000"),
        ("phone", "１３８００１３８０００", "13800138000"),
        ("phone", "+86 138-0013-8000", "13800138000"),
        ("phone", "008613800138000", "13800138000"),
        ("phone", "(010) 6552-9988", "01065529988"),
        ("phone", "0755-82345678", "075582345678"),
        ("phone", "+44 20 7946 0958", "+442079460958"),
        ("phone", "\u200b13800138000\u202c", "13800138000"),
        ("email", "Wang.Fang@Example.COM", "Wang.Fang@example.com"),
        ("email", "ｗａｎｇ＠ｅｘａｍｐｌｅ．ｃｏｍ", "wang@example.com"),
        ("mailing_address", "  北京市朝阳区\u3000建国路８８号 ", "北京市朝阳区 建国路88号"),
        ("emergency_contact", "李娜，１３９ ０００１ ０００２", "李娜 13900010002"),
        ("emergency_contact", "欧阳修：010-65529988", "欧阳修 01065529988"),
        ("emergency_contact", "Anna Li +44 20 7946 0958", "Anna Li +442079460958"),
        ("bank_account", "6222 0212-3456 7890 123", "6222021234567890123"),
    ],
)
def test_spellings_of_one_value_become_one_text(field: str, typed: str, kept: str) -> None:
    assert canonical(field, typed) == kept
    assert canonical(field, kept) == kept


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("phone", ""),
        ("phone", "12345"),
        ("phone", "12800138000"),
        ("phone", "138001380001"),
        ("phone", "+86"),
        ("phone", "1380013800x"),
        ("phone", "١٣٨٠٠١٣٨٠٠٠"),
        ("email", "wang"),
        ("email", "wang@example"),
        ("email", "wang..fang@example.com"),
        ("email", ".wang@example.com"),
        ("email", "wang.@example.com"),
        ("email", "a@" + "b" * 63 + "." + "c" * 63 + "." + "d" * 63 + "." + "e" * 63),
        ("email", "two words@example.com"),
        ("mailing_address", "北京"),
        ("mailing_address", "路" * 201),
        ("emergency_contact", "李娜"),
        ("emergency_contact", "13900010002"),
        ("emergency_contact", "李娜 12345678"),
        ("bank_account", "1234567"),
        ("bank_account", "1" * 31),
        ("bank_account", "62220212345678901x"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused_in_both_languages_without_being_repeated(
    field: str, typed: str
) -> None:
    with pytest.raises(Refused) as refused:
        canonical(field, typed)
    assert refused.value.code is Code.BAD_REQUEST
    (violation,) = refused.value.violations
    assert violation.field == "value"
    assert any("\u4e00" <= c <= "\u9fff" for c in violation.rule)
    assert any(c.isascii() and c.isalpha() for c in violation.rule)
    assert not typed or typed not in str(refused.value)


def test_a_value_longer_than_the_limit_is_refused_before_anything_else() -> None:
    with pytest.raises(Refused, match="512"):
        canonical("phone", "1" * 513)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        canonical("nickname", "小王")
    assert refused.value.code is Code.UNKNOWN_FIELD


def test_every_described_field_has_a_rule_and_the_description_is_a_good_one() -> None:
    described = profile_resource("data-bureau")
    check_resource(described)
    assert described.code == PROFILE_RESOURCE
    assert described.provider == "data-bureau"
    for code in DESCRIPTIONS:
        with pytest.raises(Refused) as refused:
            canonical(code, "")
        assert refused.value.code is Code.BAD_REQUEST


@given(field=st.sampled_from(sorted(DESCRIPTIONS)), typed=st.text(max_size=80))
def test_normalising_twice_changes_nothing_and_only_refusals_are_raised(field: str, typed: str) -> None:
    try:
        kept = canonical(field, typed)
    except Refused:
        return
    assert canonical(field, kept) == kept
    assert len(kept) <= 512
