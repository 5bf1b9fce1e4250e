"""When two records have one value."""

import pytest

from policies.equality import same_value
from policies.predicates import (
    BadPredicate,
    Need,
    Operator,
    Predicate,
    answer,
    checked_constants,
    checked_need,
)
from policies.release import BadValue
from policies.vocabulary import DataType, Form, Mask

S, D = DataType.STRING, DataType.DATE


@pytest.mark.parametrize(
    ("data_type", "mask", "one", "other"),
    [
        (S, None, "幸福路1号", "幸福路１号"),
        (S, Mask.ADDRESS, "幸福 路1号", "幸福路1号"),
        (S, None, " a  b ", "a b"),
        (D, None, "1990-03-07", "19900307"),
        (DataType.DECIMAL, None, "88.50", "88.5"),
    ],
)
def test_spellings_of_one_value_are_the_same(data_type: DataType, mask: Mask | None, one: str, other: str) -> None:
    assert same_value(data_type, mask, one, other) == "true"
    assert same_value(data_type, mask, other, one) == "true"


@pytest.mark.parametrize(
    ("data_type", "one", "other"),
    [
        (S, "a", "b"),
        (S, None, None),
        (S, "", ""),
        (S, " ", "\u3000"),
        (S, "a", None),
        (D, "yesterday", "yesterday"),
        (D, "1990-03-07", "1990-03-08"),
        (S, "\ud800", ""),
    ],
)
def test_what_is_different_or_missing_or_no_value_is_not_the_same(
    data_type: DataType, one: str | None, other: str | None
) -> None:
    assert same_value(data_type, None, one, other) == "false"
    assert same_value(data_type, None, other, one) == "false"


def test_same_as_has_no_constants_and_takes_an_operand() -> None:
    assert checked_constants(Operator.SAME_AS, []) == ()
    with pytest.raises(BadPredicate):
        checked_constants(Operator.SAME_AS, ["a"])
    said = {"name": "", "operator": Operator.SAME_AS, "constants": (), "accepted": ()}
    assert checked_need(Form.PREDICATE, **said, committed=True) == Need("", Operator.SAME_AS)  # type: ignore[arg-type]
    with pytest.raises(BadPredicate):
        checked_need(Form.PREDICATE, **said, committed=False)  # type: ignore[arg-type]
    assert str(Need("", Operator.SAME_AS)) == "same_as"


def test_same_as_is_never_answered_about_one_record_alone() -> None:
    with pytest.raises(BadValue):
        answer(Predicate("p", "f", Operator.SAME_AS, ()), S, None, "a", now_ms=0, operand="a")
