import pytest

from nodes.consumer.items import Item, read_items, record_items
from nodes.enrolment.errors import BadInput
from policies.vocabulary import Form, Necessity


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("civil.resident:name", Item("civil.resident", "name")),
        ("civil.resident:name=masked", Item("civil.resident", "name", Form.MASKED)),
        ("civil.resident:birth_date=year?", Item("civil.resident", "birth_date", Form.YEAR, Necessity.OPTIONAL)),
        ("civil.resident:name?", Item("civil.resident", "name", Form.VALUE, Necessity.OPTIONAL)),
    ],
)
def test_an_item_reads_from_text_and_writes_back_to_what_reads_the_same(text: str, item: Item) -> None:
    assert Item.parse(text) == item
    assert Item.parse(str(item)) == item


@pytest.mark.parametrize(
    "text",
    ["", "name", "civil.resident", "civil.resident:", "civil.resident:name=predicate", "a:b:c", "A:b", "a:b=value??"],
)
def test_text_that_is_no_item_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        Item.parse(text)


def test_a_request_has_one_to_sixty_four_items() -> None:
    many = [Item("a.b", f"f{i}") for i in range(65)]
    assert len(read_items(many[:64])) == 64
    with pytest.raises(BadInput):
        read_items(many)
    with pytest.raises(BadInput):
        read_items([])


def test_an_item_may_not_be_repeated_but_a_field_may_be_asked_in_two_forms() -> None:
    assert len(read_items(["a.b:c=value", "a.b:c=exists"])) == 2
    with pytest.raises(BadInput):
        read_items(["a.b:c=value", "a.b:c=value?"])


def test_a_locate_asks_optionally_whether_the_record_exists() -> None:
    assert record_items(["a.b"]) == (Item("a.b", "record", Form.EXISTS, Necessity.OPTIONAL),)
