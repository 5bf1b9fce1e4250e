import pytest

from nodes.consumer.items import Item, read_items, record_items
from nodes.enrolment.errors import BadInput
from policies.predicates import Need, Operator
from policies.vocabulary import Form, Necessity


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("civil.resident:name", Item("civil.resident", "name")),
        ("civil.resident:name=masked", Item("civil.resident", "name", Form.MASKED)),
        ("civil.resident:birth_date=year?", Item("civil.resident", "birth_date", Form.YEAR, Necessity.OPTIONAL)),
        ("civil.resident:name?", Item("civil.resident", "name", Form.VALUE, Necessity.OPTIONAL)),
        ("a.b:c=year|value", Item("a.b", "c", Form.YEAR, accepted=(Form.VALUE,))),
        ("a.b:c=equals", Item("a.b", "c", Form.PREDICATE, need=Need("", Operator.EQUALS))),
        ("a.b:c=predicate(adult)?", Item("a.b", "c", Form.PREDICATE, Necessity.OPTIONAL, Need("adult"))),
        (
            "a.b:c=age_at_least(18)|year|value?",
            Item(
                "a.b",
                "c",
                Form.PREDICATE,
                Necessity.OPTIONAL,
                Need("", Operator.AGE_AT_LEAST, ("18",)),
                (Form.YEAR, Form.VALUE),
            ),
        ),
        ("a.b:c=in(本科,硕士)", Item("a.b", "c", Form.PREDICATE, need=Need("", Operator.IN, ("本科", "硕士")))),
        ("a.b:c=ge(1990-01-31)", Item("a.b", "c", Form.PREDICATE, need=Need("", Operator.GE, ("1990-01-31",)))),
    ],
)
def test_an_item_reads_from_text_and_writes_back_to_what_reads_the_same(text: str, item: Item) -> None:
    assert Item.parse(text) == item
    assert Item.parse(str(item)) == item


@pytest.mark.parametrize(
    "text",
    ["", "name", "civil.resident", "civil.resident:", "civil.resident:name=predicate", "a:b:c", "A:b", "a:b=value??"]
    + [f"a.b:c={form}" for form in ("year(1)", "age_at_least", "age_at_least(0)", "age_at_least(18,19)", "in()")]
    + [
        f"a.b:c={form}"
        for form in ("ge(soon)", "equals(x)", "predicate", "predicate(a,b)", "year|", "|value", "le(1)2")
    ],
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


@pytest.mark.parametrize("second", ["a.b:c=value?", "a.b:c=exists", "a.b:c=age_at_least(18)"])
def test_a_field_is_asked_for_once_in_a_request(second: str) -> None:
    with pytest.raises(BadInput):
        read_items(["a.b:c=value", second])


@pytest.mark.parametrize(
    "item",
    [
        Item("a.b", "c", Form.VALUE, accepted=(Form.YEAR,)),
        Item("a.b", "c", Form.YEAR, accepted=(Form.VALUE, Form.VALUE)),
        Item("a.b", "c", Form.EXISTS, accepted=(Form.PREDICATE,)),
        Item("a.b", "c", Form.PREDICATE),
        Item("a.b", "c", Form.VALUE, need=Need("adult")),
        Item("a.b", "c", Form.VALUE, operand="x"),
        Item("a.b", "c", Form.PREDICATE, need=Need("", Operator.EQUALS)),
        Item("a.b", "c", Form.PREDICATE, need=Need("", Operator.EQUALS), operand=" "),
        Item("a.b", "c", Form.PREDICATE, need=Need("", Operator.EQUALS), operand="x" * 513),
        Item("a.b", "c", Form.PREDICATE, need=Need("", Operator.AGE_AT_LEAST, ("18",)), operand="x"),
        Item("a.b", "c", Form.PREDICATE, need=Need("adult", Operator.AGE_AT_LEAST, ("18",))),
        Item("a.b", "c", Form.PREDICATE, need=Need("", Operator.IN, ("b", "a"))),
        Item("a.b", "c", Form.PREDICATE, need=Need("Adult")),
    ],
)
def test_an_item_that_contradicts_itself_is_refused(item: Item) -> None:
    with pytest.raises(BadInput):
        read_items([item])


def test_what_an_equality_compares_with_shows_nowhere() -> None:
    item = Item.parse("a.b:c=equals").compared_with("某甲")
    assert read_items([item]) == (item,)
    assert "某甲" not in f"{item} {item!r}"


def test_a_locate_asks_optionally_whether_the_record_exists() -> None:
    assert record_items(["a.b"]) == (Item("a.b", "record", Form.EXISTS, Necessity.OPTIONAL),)
