"""The error table is total, and a refusal shows only what the table says."""

import re

import pytest

from gateway.errors import PUBLIC, Code, Refused, Status, bad_request

HAN = re.compile(r"[一-鿿]")


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_public_text_in_chinese_and_english(code: Code) -> None:
    public = PUBLIC[code]
    assert HAN.search(public.zh)
    assert public.en.isascii()
    assert len(public.en) > 5
    assert public.status in Status


def test_the_table_has_no_entry_without_a_code() -> None:
    assert set(PUBLIC) == set(Code)


def test_a_refusal_takes_its_public_text_from_the_table_and_not_from_its_detail() -> None:
    refusal = Refused(Code.BAD_SIGNATURE, "internal words")
    assert "internal words" not in refusal.public.en
    assert refusal.reason == "BAD_SIGNATURE"


def test_a_more_exact_reason_brings_its_own_texts_and_keeps_the_status() -> None:
    refusal = Refused(Code.WITHHELD, reason="NOT_IN_AGREEMENT", texts=("协议未包含", "Not in the agreement"))
    assert refusal.reason == "NOT_IN_AGREEMENT"
    assert refusal.public.status is Status.PERMISSION_DENIED
    assert refusal.public.zh == "协议未包含"


def test_a_bad_request_names_field_and_rule() -> None:
    refusal = bad_request("items[0].form", "must be a form")
    assert [(v.field, v.rule) for v in refusal.violations] == [("items[0].form", "must be a form")]
    assert refusal.public.status is Status.INVALID_ARGUMENT
