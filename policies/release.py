"""Turns a source's raw value into the canonical text of the form in which it is released.

Rules kept here: fails closed. A value that does not fit its declared type is refused (`BadValue`, which never holds the
value); a mask that does not recognise what it is given hides all of it.

What it does not do: it does not decide whether a form may be released; that was decided before a record was read.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Final

from policies.masks import mask_text
from policies.vocabulary import DataType, Form, Mask

MAX_VALUE: Final = 16_384
"""Longest value, characters."""
_MAX_DIGITS: Final = 64
_LONGEST_WORD: Final = 256
"""Longest text that may be a date, a number or a truth value, with any spelling; normalising a longer one costs."""

_DATES: Final = (
    re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})"),
    # A date column read as a time stamp: accepted only at midnight, because anything else is not a date.
    re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ]00:00(?::00(?:\.0{1,9})?)?(?:Z|\+00:00)?)?"),
    re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})"),
    re.compile(r"([0-9]{4})\.([0-9]{1,2})\.([0-9]{1,2})"),
    re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日"),
)
_INTEGER: Final = re.compile(r"([+-]?)(\d+|\d{1,3}(?:,\d{3})+)")
_DECIMAL: Final = re.compile(r"([+-]?)(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d+))?")
_BOOLEANS: Final = {
    "是": "true",
    "否": "false",
    "有": "true",
    "无": "false",
    "1": "true",
    "0": "false",
    "true": "true",
    "false": "false",
    "t": "true",
    "f": "false",
    "yes": "true",
    "no": "false",
    "y": "true",
    "n": "false",
}


class BadValue(ValueError):
    """A value cannot be released in this form.

    Args:
        rule: The rule that is broken; never the value.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def apply_form(form: Form, data_type: DataType, mask: Mask | None, raw: str | None) -> str:
    """The text that is released for one field.

    Args:
        form: The form decided; `predicate` is answered by `policies.predicates`.
        data_type: The field's declared type.
        mask: The field's mask; needed for the form `masked`.
        raw: The source's value; None or blank when the record has no value in this field.

    Returns:
        `exists`: "true" or "false"; `year`: YYYY; `masked`: masked text; `value`: canonical text.

    Raises:
        BadValue: If there is no value (except for `exists`), or it does not fit the type, or the form does not fit.
    """
    if form is Form.EXISTS:
        return "true" if raw is not None and raw.strip() else "false"
    if raw is None or not raw.strip():
        raise BadValue("there is no value")
    value = canonicalise(data_type, raw)
    if form is Form.VALUE:
        return value
    if form is Form.YEAR and data_type is DataType.DATE:
        return value[:4]
    if form is Form.MASKED and data_type is DataType.STRING and mask is not None:
        return mask_text(mask, value)
    raise BadValue(f"the form {form} does not fit the field")


def canonicalise(data_type: DataType, raw: str) -> str:
    """The canonical text of a value.

    Args:
        data_type: The declared type.
        raw: The source's text, not blank.

    Returns:
        string: as is, outer white space removed; date: YYYY-MM-DD; integer and decimal: plain digits; boolean: true
        or false. Full-width digits and signs are folded in all but strings.

    Raises:
        BadValue: If the text does not fit the type; its message never holds the text.
    """
    if len(raw) > MAX_VALUE:
        raise BadValue(f"must be at most {MAX_VALUE} characters")
    text = raw.strip()
    if not text:
        raise BadValue("there is no value")
    if data_type is DataType.STRING:
        return text
    if len(text) > _LONGEST_WORD:
        raise BadValue(f"must be at most {_LONGEST_WORD} characters")
    return _CANONICAL[data_type](unicodedata.normalize("NFKC", text).strip())


def _date(text: str) -> str:
    match = next((found for pattern in _DATES if (found := pattern.fullmatch(text))), None)
    if match is None:
        raise BadValue("must be a date such as 1990-01-31")
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        # The original error's text may carry part of the value.
        raise BadValue("must be a date that exists") from None


def _integer(text: str) -> str:
    match = _INTEGER.fullmatch(text)
    if match is None or not text.isascii() or len(text) > _MAX_DIGITS:
        raise BadValue("must be a whole number")
    return _signed(match[1], match[2], "")


def _decimal(text: str) -> str:
    match = _DECIMAL.fullmatch(text)
    if match is None or not text.isascii() or len(text) > _MAX_DIGITS:
        raise BadValue("must be a decimal number")
    return _signed(match[1], match[2], match[3] or "")


def _signed(sign: str, whole: str, fraction: str) -> str:
    """Plain digits: no plus sign, no leading zeros, no grouping; the fraction's digits are kept, they say precision."""
    digits = whole.replace(",", "").lstrip("0") or "0"
    body = f"{digits}.{fraction}" if fraction else digits
    return f"-{body}" if sign == "-" and body.strip("0.") else body


def _boolean(text: str) -> str:
    value = _BOOLEANS.get(text.casefold())
    if value is None:
        raise BadValue("must be true or false (是 or 否, 1 or 0)")
    return value


_CANONICAL: Final[dict[DataType, Callable[[str], str]]] = {
    DataType.DATE: _date,
    DataType.INTEGER: _integer,
    DataType.DECIMAL: _decimal,
    DataType.BOOLEAN: _boolean,
}
