"""What is indexed and what is asked for are cut alike, and nothing typed does harm."""

import pytest

from gateway.catalog.terms import MAX_QUERY, MAX_TERM, MAX_WEIGHT, asked, described
from gateway.errors import Code, Refused
from policies.resources import LocalText
from tests.support.policy_cases import field, resource


def finds(query: str, **changes: object) -> bool:
    return set(asked(query)) <= set(described(resource(**changes)))


@pytest.mark.parametrize(
    "query",
    [
        "人口",
        "人",
        "口基",
        "人口基本信息",
        "residents",
        "Resident",
        "RESIDENTS",
        "ｒｅｓｉｄｅｎｔｓ",
        "civil.resident",
        "CIVIL.RESIDENT",
        "civil",
        "birth_date",
        "birth date",
        "人口 residents",
        "人口，基本！",
        "basic data about residents",
    ],
)
def test_a_text_finds_itself_however_it_is_typed(query: str) -> None:
    assert finds(query)


@pytest.mark.parametrize("query", ["房产", "人口房产", "resid", "口人", "civil.residents", "tax.resident"])
def test_what_does_not_occur_is_not_found(query: str) -> None:
    assert not finds(query)


def test_traditional_characters_are_found_as_they_are_typed() -> None:
    assert finds("戶籍", name_zh="戶籍資料")
    assert not finds("戶籍", name_zh="户籍资料")


def test_rare_characters_and_digits_are_found() -> None:
    assert finds("𠮷野", name_zh="𠮷野家")
    assert finds("２０２４", name_zh="2024年度")
    assert finds("年度", name_zh="2024年度")
    assert finds("々", name_zh="佐々木")


@pytest.mark.parametrize(
    ("one", "many"),
    [("duty", "duties"), ("address", "addresses"), ("tax", "taxes"), ("record", "records"), ("branch", "branches")],
)
def test_an_english_plural_is_its_singular(one: str, many: str) -> None:
    assert asked(one) == asked(many)
    assert finds(many, name_en=f"the {one} of it")
    assert finds(one, name_en=f"the {many} of it")


@pytest.mark.parametrize("word", ["status", "class", "basis", "gas"])
def test_words_that_only_look_like_plurals_stay(word: str) -> None:
    assert asked(word) == (word,)


def test_everything_of_a_description_is_found() -> None:
    whole = resource(
        classification_path=(LocalText("法人库", "Companies"),),
        duty="市场监管",
        purpose="准入",
        sharing_terms="依申请",
        fields=(field("phone", name_zh="电话", authority="《登记条例》"),),
    )
    words = set(described(whole))
    for query in ("法人库", "companies", "市场监管", "准入", "依申请", "phone", "电话", "登记条例", "常住人口"):
        assert set(asked(query)) <= words, query


def test_a_code_counts_more_than_a_name_and_a_name_more_than_a_sentence() -> None:
    weights = described(resource(name_en="people", abstract_en="sentence"))
    assert weights["civil.resident"] > weights["people"] > weights["sentence"]
    assert max(described(resource(fields=tuple(field(f"f{n}") for n in range(200)))).values()) <= MAX_WEIGHT


@pytest.mark.parametrize("query", ["", "   ", "!!!", "\x00", "'; --", "%_*", "\u202e\u200b", "\ud800"])
def test_a_query_without_anything_to_look_for_is_refused(query: str) -> None:
    with pytest.raises(Refused) as refused:
        asked(query)
    assert refused.value.code is Code.BAD_REQUEST
    assert refused.value.violations[0].field == "query"


def test_a_query_is_bounded() -> None:
    with pytest.raises(Refused):
        asked("a" * (MAX_QUERY + 1))
    # U+FDFA becomes eighteen letters in four words under NFKC.
    assert len(asked("\ufdfa" * MAX_QUERY)) <= MAX_QUERY
    assert all(len(term) <= MAX_TERM for term in asked("\ufdfa" * MAX_QUERY))
    assert all(len(term) <= MAX_TERM for term in described(resource(name_en="n" * 200)))
    assert finds("n" * 64, name_en="n" * 200)
