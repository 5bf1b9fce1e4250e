"""What every connector gives: rows as text by column, bad rows with their place, and keys that keep their type.

Rules kept here: the text of a `BadRow` names a place and a rule, never a value. A key is text with a one-letter type
in front, so that an integer key is asked for as an integer and an index of the source is used.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Protocol
from uuid import UUID

LONGEST_KEY: Final = 512
_KEY_TYPES: Final = {"i": int, "s": str, "u": UUID, "d": Decimal}


class Unreadable(ValueError):
    """A cell whose type cannot be text, such as a BLOB."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a source.

    Args:
        key: The typed key (`encode_key`).
        values: Text by column; None when empty.
        unreadable: Columns whose cell could not be read as text.
    """

    key: str
    values: Mapping[str, str | None]
    unreadable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is not served.

    Args:
        line: Line of the file, from 1; None for a database.
        rule: What is wrong with it, without any value.
        key: The typed key when it is known, so that an earlier good row of the same key is not served either.
    """

    line: int | None
    rule: str
    key: str | None = None


class Connector(Protocol):
    """Reads one resource's records from its source. Its methods block; several threads may call them at once."""

    def probe(self) -> None:
        """Ask whether the source is there and has every column.

        Raises:
            SourceFailed: It is not, or columns are missing (their names are told).
        """

    def scan(self) -> Iterator[Row | BadRow]:
        """All records, in no particular order.

        Raises:
            SourceFailed: At any point; then what came before says nothing about what is gone.
        """

    def read_many(self, keys: Sequence[str]) -> Mapping[str, Row]:
        """The records with these keys; one that is absent, bad or there twice is left out.

        Raises:
            SourceFailed: The source cannot be read.
        """


def encode_key(value: object) -> str:
    """A source's key as typed text.

    Args:
        value: As the source gave it.

    Returns:
        For example `i:10023` or `s:K-7`.

    Raises:
        Unreadable: It is empty, too long or of another type.
    """
    match value:
        case bool():
            raise Unreadable("a key must be an integer, a text, a UUID or a decimal number")
        case int():
            text = f"i:{value}"
        case str() if value.strip():
            text = f"s:{value}"
        case UUID():
            text = f"u:{value}"
        case Decimal() if value.is_finite():
            text = f"d:{value}"
        case _:
            raise Unreadable("a key must be an integer, a text, a UUID or a decimal number")
    if len(text) > LONGEST_KEY:
        raise Unreadable(f"a key must have at most {LONGEST_KEY - 2} characters")
    return text


def decode_key(key: str) -> object:
    """A typed key as the source wants it."""
    return _KEY_TYPES[key[0]](key[2:])


def key_text(key: str) -> str:
    """A key as a person writes it, without its type."""
    return key[2:]


def as_text(value: object) -> str | None:
    """A cell as text.

    Args:
        value: As the source gave it.

    Returns:
        Text, or None for an empty cell. Dates are ISO 8601; a midnight without zone is its date.

    Raises:
        Unreadable: The type cannot be text.
    """
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | UUID():
            return str(value)
        case Decimal() if value.is_finite():
            return format(value, "f")
        case float() if math.isfinite(value):
            return format(Decimal(repr(value)), "f")
        case datetime():
            midnight = value.tzinfo is None and (value.hour, value.minute, value.second, value.microsecond) == (0,) * 4
            return value.date().isoformat() if midnight else value.isoformat()
        case date():
            return value.isoformat()
        case _:
            raise Unreadable("not a text, number, date or truth value")
