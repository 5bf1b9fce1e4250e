"""Released text as a typed value.

`exists` and `predicate` give a bool, `year` an int, `masked` the text, `value` what the field's data type says. A text
that does not fit its form and type is refused rather than guessed at.
"""

import re
from datetime import date
from decimal import Decimal

from policies.vocabulary import DataType, Form

Value = str | int | bool | date | Decimal
"""What a released field holds."""

_YEAR = re.compile(r"[0-9]{4}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INTEGER = re.compile(r"-?[0-9]{1,38}")
_DECIMAL = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,38})?")
_BOOLEAN = {"true": True, "false": False}


def read_value(form: Form, data_type: DataType, text: str) -> Value:
    """Reads a released text.

    Args:
        form: The form released.
        data_type: The field's data type.
        text: As the node wrote it (proto AnswerField.text).

    Returns:
        The value.

    Raises:
        ValueError: The text does not fit; the message holds no value.
    """
    if form in {Form.EXISTS, Form.PREDICATE}:
        return _boolean(text)
    if form is Form.YEAR:
        return int(_match(_YEAR, text))
    if form is Form.MASKED or data_type is DataType.STRING:
        return text
    if data_type is DataType.DATE:
        return _date(text)
    if data_type is DataType.INTEGER:
        return int(_match(_INTEGER, text))
    if data_type is DataType.DECIMAL:
        return Decimal(_match(_DECIMAL, text))
    return _boolean(text)


def _match(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError("the text does not fit its form and type")
    return text


def _boolean(text: str) -> bool:
    try:
        return _BOOLEAN[text]
    except KeyError:
        raise ValueError("a boolean is true or false") from None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(_match(_DATE, text))
    except ValueError:
        raise ValueError("a date is YYYY-MM-DD") from None
