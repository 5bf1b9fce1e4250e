"""The search is the same on every database: what is found, in which order, page by page, whatever is typed."""

import pytest

from gateway.catalog.catalog import Catalog
from gateway.catalog.search import Search
from gateway.errors import Code, Refused
from tests.support.parties import DOMAIN, description

NODE = f"spiffe://{DOMAIN}/department/civil/node/n1"
TAX_NODE = f"spiffe://{DOMAIN}/department/tax/node/n1"

RESIDENT = description("civil.resident", "civil")
MARRIAGE = description(
    "civil.marriage",
    "civil",
    name_zh="婚姻登记",
    name_en="Marriages",
    abstract_zh="婚姻",
    abstract_en="Who married whom",
)
PAYER = description(
    "tax.payer", "tax", name_zh="纳税人", name_en="Taxpayers", abstract_zh="居民纳税", abstract_en="Taxes of residents"
)


@pytest.fixture(autouse=True)
def _published(catalog: Catalog) -> None:
    catalog.publish(NODE, "civil", [RESIDENT, MARRIAGE])
    catalog.publish(TAX_NODE, "tax", [PAYER])


def codes(search: Search, query: str, **options: object) -> list[str]:
    return [hit.code for hit in search(query, **options).found]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("婚姻", ["civil.marriage"]),
        ("婚", ["civil.marriage"]),
        ("居民", ["civil.resident", "tax.payer"]),
        ("RESIDENTS", ["civil.resident", "tax.payer"]),
        ("resident 纳税", ["tax.payer"]),
        ("civil.marriage", ["civil.marriage"]),
        ("civil", ["civil.marriage", "civil.resident"]),
        ("ｍａｒｒｉａｇｅ", ["civil.marriage"]),
        ("居民 婚姻", []),
        ("不动产", []),
    ],
)
def test_everything_that_is_typed_must_occur_and_the_best_comes_first(
    search: Search, query: str, expected: list[str]
) -> None:
    assert codes(search, query) == expected


def test_only_one_providers_resources_are_found_when_asked(search: Search) -> None:
    assert codes(search, "居民", provider="tax") == ["tax.payer"]
    assert codes(search, "居民 纳税", provider="tax") == ["tax.payer"]
    assert codes(search, "居民", provider="health") == []


def test_what_changed_is_found_as_it_is_now_and_what_was_withdrawn_not_at_all(catalog: Catalog, search: Search) -> None:
    catalog.publish(TAX_NODE, "tax", [description("tax.payer", "tax", name_zh="企业", abstract_zh="企业")])
    assert codes(search, "企业") == ["tax.payer"]
    assert codes(search, "纳税") == []
    catalog.publish(TAX_NODE, "tax", [])
    assert codes(search, "企业") == []
    catalog.publish(TAX_NODE, "tax", [description("tax.payer", "tax", name_zh="企业", abstract_zh="企业")])
    assert codes(search, "企业") == ["tax.payer"]


def test_pages_give_everything_once_in_order(catalog: Catalog, search: Search) -> None:
    many = [
        description(f"civil.r{number:03d}", "civil", abstract_en="plain " * (1 + number % 3), name_zh="名册")
        for number in range(57)
    ]
    catalog.publish(NODE, "civil", many)
    whole = search("名册", limit=100).found
    assert [hit.score for hit in whole] == sorted((hit.score for hit in whole), reverse=True)
    found, cursor = [], ""
    while True:
        page = search("名册", cursor=cursor, limit=10)
        found += page.found
        cursor = page.next_cursor
        if not cursor:
            break
    assert tuple(found) == whole
    assert len({hit.code for hit in found}) == 57


HOSTILE = [
    "居民' OR 1=1 --",
    "resident\x00payer",
    '"居民" AND NEAR(',
    "居民*",
    "居民 %",
    "x'; DROP TABLE catalog_terms; --",
    "居" * 64,
    "\u202e居民\u200b",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5",
    "😀居民",
]


@pytest.mark.parametrize("query", HOSTILE)
def test_whatever_is_typed_is_only_looked_for(search: Search, query: str) -> None:
    codes(search, query)
    assert codes(search, "婚姻") == ["civil.marriage"]


def test_marks_between_words_do_not_matter(search: Search) -> None:
    assert codes(search, "“居民”，(纳税)") == ["tax.payer"]
    assert codes(search, "居民*%") == ["civil.resident", "tax.payer"]


@pytest.mark.parametrize("cursor", ["1", "-", "x-civil.resident", "1-CIVIL", "9" * 13 + "-a.b", "1-a' OR 1=1"])
def test_a_page_token_of_ones_own_is_refused(search: Search, cursor: str) -> None:
    with pytest.raises(Refused) as refused:
        search("居民", cursor=cursor)
    assert refused.value.code is Code.BAD_REQUEST


def test_a_rare_term_counts_more_than_a_common_one(catalog: Catalog, search: Search) -> None:
    many = [description(f"civil.r{number}", "civil", name_en="plain plain") for number in range(20)]
    one = description("civil.odd", "civil", name_zh="其他", name_en="odd", abstract_en="plain odd")
    two = description("civil.plain", "civil", name_zh="其他", name_en="plain", abstract_en="odd plain")
    catalog.publish(NODE, "civil", [*many, one, two])
    assert codes(search, "odd plain") == ["civil.odd", "civil.plain"]
