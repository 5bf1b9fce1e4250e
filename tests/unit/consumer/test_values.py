from datetime import date
from decimal import Decimal

import pytest

from nodes.consumer.values import Value, read_value
from policies.vocabulary import DataType, Form


@pytest.mark.parametrize(
    ("form", "data_type", "text", "value"),
    [
        (Form.EXISTS, DataType.STRING, "true", True),
        (Form.EXISTS, DataType.DATE, "false", False),
        (Form.YEAR, DataType.DATE, "1949", 1949),
        (Form.MASKED, DataType.INTEGER, "1**", "1**"),
        (Form.VALUE, DataType.STRING, "王小明", "王小明"),
        (Form.VALUE, DataType.DATE, "1949-12-31", date(1949, 12, 31)),
        (Form.VALUE, DataType.INTEGER, "-12", -12),
        (Form.VALUE, DataType.DECIMAL, "12.50", Decimal("12.50")),
        (Form.VALUE, DataType.BOOLEAN, "false", False),
    ],
)
def test_released_text_becomes_a_typed_value(form: Form, data_type: DataType, text: str, value: Value) -> None:
    read = read_value(form, data_type, text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("form", "data_type", "text"),
    [
        (Form.EXISTS, DataType.STRING, "yes"),
        (Form.YEAR, DataType.DATE, "49"),
        (Form.VALUE, DataType.DATE, "19491231"),
        (Form.VALUE, DataType.DATE, "1949-02-30"),
        (Form.VALUE, DataType.INTEGER, "1e5"),
        (Form.VALUE, DataType.DECIMAL, "NaN"),
        (Form.VALUE, DataType.BOOLEAN, "True"),
        (Form.VALUE, DataType.INTEGER, "９"),
    ],
)
def test_text_that_does_not_fit_is_refused_without_being_repeated(form: Form, data_type: DataType, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_value(form, data_type, text)
    assert text not in str(caught.value)
