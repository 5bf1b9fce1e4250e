"""Whatever a mask is given, it never shows the part that it is there to hide."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from policies.folding import fold
from policies.masks import mask_text
from policies.surnames import COMPOUND
from policies.vocabulary import Mask

HAN = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5) | st.sampled_from("㐀𠮷𫠉〇\U00031350\ue863")
GIVEN = st.text(HAN, min_size=1, max_size=4)
SINGLE = st.sampled_from("王李张陳趙欧司𠮷\ue863")
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("王·・ ０１２ＡＢ-（）转*"), max_size=40)
DIGITS = st.text(st.sampled_from("0123456789０１２３４５６７８９"), min_size=1, max_size=24)


def shown(masked: str) -> str:
    """What of a masked text is of the original."""
    return masked.replace("*", "")


@settings(max_examples=400)
@given(st.sampled_from(sorted(COMPOUND)) | SINGLE, GIVEN, st.sampled_from(["", " ", "\u3000", "\u200b"]))
def test_a_chinese_name_shows_its_surname_alone(surname: str, given_name: str, between: str) -> None:
    masked = mask_text(Mask.NAME, f"{surname}{between}{given_name}")
    if surname + given_name[0] in COMPOUND and len(given_name) > 1:
        surname += given_name[0]
    allowed = {surname, surname[0]}
    assert shown(masked) in allowed
    assert masked.count("*") >= len(surname + given_name) - len(surname) - 1
    assert masked.endswith("*")


@settings(max_examples=600)
@example("?伟")
@example("\ue863某某")
@given(ANYTHING)
def test_any_text_as_a_name_shows_at_most_a_surname_or_a_letter(text: str) -> None:
    visible = [c for c in shown(mask_text(Mask.NAME, text)) if not re.match(r"[\s·•‧・.'’-]", c)]
    assert len(visible) <= 2
    folded = "".join(c for c in fold(text) if not re.match(r"[\s·•‧・.'’*-]", c))
    assert folded.startswith("".join(visible))
    assert not visible or len(folded) > len(visible)


@settings(max_examples=600)
@example("+1 415 555 2671", Mask.PHONE)
@example("H12345678(A)", Mask.IDENTIFIER)
@given(
    ANYTHING.filter(lambda text: "*" not in fold(text)) | DIGITS,
    st.sampled_from([Mask.IDENTIFIER, Mask.PHONE, Mask.BANK_ACCOUNT, Mask.TEXT]),
)
def test_a_number_shows_only_its_ends_and_never_most_of_it(text: str, mask: Mask) -> None:
    masked = mask_text(mask, text)
    head, stars, tail = masked.partition("****")
    most = {
        Mask.IDENTIFIER: (3, 2),
        Mask.PHONE: (3, 4),
        Mask.BANK_ACCOUNT: (0, 4),
        Mask.TEXT: (1, 0),
    }[mask]
    assert stars
    assert len(head) <= most[0]
    assert len(tail) <= most[1]
    whole = [c for c in fold(text) if not c.isspace()]
    assert len(head) + len(tail) <= max(len(whole) * 2 / 3, 1)
    if mask is not Mask.TEXT:
        assert (head + tail).isalnum() or not head + tail


@given(DIGITS.filter(lambda digits: len(digits) == 18), st.sampled_from("0123456789Xx"))
def test_an_identity_number_never_shows_its_birth_date(digits: str, check: str) -> None:
    number = fold(digits[:17] + check)
    assert mask_text(Mask.IDENTIFIER, number) == f"{number[:3]}****{number[-2:]}"


ROADS = st.sampled_from(["路", "街", "巷", "村", "镇", "乡", "小区", "号楼", "弄", "社區", "市场"])


@settings(max_examples=400)
@given(
    st.sampled_from(
        ["北京市朝阳区", "江苏省南京市鼓楼区", "廣東省深圳市南山區", "新疆维吾尔自治区伊犁哈萨克自治州霍城县"]
    ),
    st.text(st.sampled_from("幸福安宁建国人民中山长征南北东西"), min_size=1, max_size=4),
    ROADS,
    st.integers(1, 9999),
)
def test_an_address_never_shows_street_estate_or_number(place: str, name: str, kind: str, number: int) -> None:
    masked = mask_text(Mask.ADDRESS, f"{place}{name}{kind}{number}号")
    assert masked == f"{place}****"


@settings(max_examples=400)
@given(ANYTHING)
def test_any_text_as_an_address_shows_a_beginning_that_ends_like_a_place_or_nothing(text: str) -> None:
    masked = mask_text(Mask.ADDRESS, text)
    assert masked.endswith("****")
    kept = masked[:-4]
    assert "".join(fold(text).split()).startswith(kept)
    assert not kept or kept[-1] in "省市区區县縣旗州盟"
    assert not re.search(r"[0-9A-Za-z]", kept)
