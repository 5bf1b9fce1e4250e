"""Values leave in one canonical text, or not at all."""

import pytest

from policies.release import BadValue, apply_form, canonicalise
from policies.vocabulary import DataType, Form, Mask

CANONICAL = [
    (DataType.STRING, "  张三 ", "张三"),
    (DataType.STRING, "Ａ栋", "Ａ栋"),
    (DataType.DATE, "19900131", "1990-01-31"),
    (DataType.DATE, "1990-01-31", "1990-01-31"),
    (DataType.DATE, "1990-1-5", "1990-01-05"),
    (DataType.DATE, "1990/1/31", "1990-01-31"),
    (DataType.DATE, "1990.01.31", "1990-01-31"),
    (DataType.DATE, "1990年1月31日", "1990-01-31"),
    (DataType.DATE, "１９９０年１月３１日", "1990-01-31"),
    (DataType.DATE, "1990-01-31 00:00:00", "1990-01-31"),
    (DataType.DATE, "1990-01-31T00:00:00.000", "1990-01-31"),
    (DataType.DATE, "2000-02-29", "2000-02-29"),
    (DataType.INTEGER, "007", "7"),
    (DataType.INTEGER, "＋１，２３４", "1234"),
    (DataType.INTEGER, "-12", "-12"),
    (DataType.INTEGER, "-0", "0"),
    (DataType.DECIMAL, "12.50", "12.50"),
    (DataType.DECIMAL, "-0.00", "0.00"),
    (DataType.DECIMAL, "１２３４．５", "1234.5"),
    (DataType.DECIMAL, "1,234,567.8", "1234567.8"),
    (DataType.DECIMAL, "00.5", "0.5"),
    (DataType.BOOLEAN, "是", "true"),
    (DataType.BOOLEAN, "否", "false"),
    (DataType.BOOLEAN, "１", "true"),
    (DataType.BOOLEAN, "0", "false"),
    (DataType.BOOLEAN, "True", "true"),
    (DataType.BOOLEAN, "FALSE", "false"),
]
REFUSED = [
    (DataType.STRING, " "),
    (DataType.STRING, "x" * 16_385),
    (DataType.DATE, "1990-02-30"),
    (DataType.DATE, "19900230"),
    (DataType.DATE, "0000-01-01"),
    (DataType.DATE, "90-01-31"),
    (DataType.DATE, "31/01/1990"),
    (DataType.DATE, "1990-01-31 08:30:00"),
    (DataType.DATE, "1990-01/31"),
    (DataType.DATE, "unknown"),
    (DataType.DATE, "1990-01-31\n1"),
    (DataType.DATE, "١٩٩٠-٠١-٣١"),
    (DataType.INTEGER, "1.0"),
    (DataType.INTEGER, "1e3"),
    (DataType.INTEGER, "12,34"),
    (DataType.INTEGER, "٣"),
    (DataType.INTEGER, "9" * 65),
    (DataType.INTEGER, "一"),
    (DataType.DECIMAL, "1."),
    (DataType.DECIMAL, ".5"),
    (DataType.DECIMAL, "NaN"),
    (DataType.DECIMAL, "Infinity"),
    (DataType.DECIMAL, "1e9"),
    (DataType.BOOLEAN, "2"),
    (DataType.BOOLEAN, "maybe"),
]


@pytest.mark.parametrize(("data_type", "raw", "canonical"), CANONICAL)
def test_a_value_has_one_canonical_text(data_type: DataType, raw: str, canonical: str) -> None:
    assert canonicalise(data_type, raw) == canonical
    assert canonicalise(data_type, canonical) == canonical
    assert apply_form(Form.VALUE, data_type, None, raw) == canonical


@pytest.mark.parametrize(("data_type", "raw"), REFUSED)
def test_a_value_that_does_not_fit_its_type_is_refused_and_not_repeated(data_type: DataType, raw: str) -> None:
    with pytest.raises(BadValue) as caught:
        canonicalise(data_type, raw)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert len(raw.strip()) < 3 or raw.strip() not in str(caught.value).replace("1990-01-31", "")


def test_exists_tells_whether_there_is_a_value_and_nothing_more() -> None:
    assert apply_form(Form.EXISTS, DataType.DATE, None, "not even a date") == "true"
    assert apply_form(Form.EXISTS, DataType.STRING, None, "") == "false"
    assert apply_form(Form.EXISTS, DataType.STRING, None, "\u3000 ") == "false"
    assert apply_form(Form.EXISTS, DataType.STRING, None, None) == "false"


def test_year_tells_only_the_year() -> None:
    assert apply_form(Form.YEAR, DataType.DATE, None, "1990年1月31日") == "1990"


def test_masked_hides_the_identifying_part() -> None:
    assert apply_form(Form.MASKED, DataType.STRING, Mask.NAME, " 欧阳修 ") == "欧阳*"


@pytest.mark.parametrize(
    ("form", "data_type", "mask", "raw"),
    [
        (Form.YEAR, DataType.STRING, None, "1990"),
        (Form.MASKED, DataType.STRING, None, "张三"),
        (Form.MASKED, DataType.DATE, Mask.TEXT, "1990-01-31"),
        (Form.VALUE, DataType.STRING, None, None),
        (Form.MASKED, DataType.STRING, Mask.NAME, ""),
        (Form.YEAR, DataType.DATE, None, "soon"),
    ],
)
def test_a_form_that_does_not_fit_releases_nothing(
    form: Form, data_type: DataType, mask: Mask | None, raw: str | None
) -> None:
    with pytest.raises(BadValue):
        apply_form(form, data_type, mask, raw)
