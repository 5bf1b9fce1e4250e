"""Takes typed values out of TOML tables and says in which line and key one is wrong."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

_Word = TypeVar("_Word", bound=StrEnum)


class BadTable(ValueError):
    """A decision table, or a file that it names, is refused.

    Args:
        line: Line from 1; None where there is none to point at.
        key: The key; empty when the file as a whole is meant.
        rule: The rule that is broken.
    """

    def __init__(self, line: int | None, key: str, rule: str) -> None:
        where = f"line {line}: " if line else ""
        super().__init__(f"{where}{key}: {rule}" if key else f"{where}{rule}")
        self.line = line
        self.key = key
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one table of a file; `prefix` is where it stands, `lines` knows the lines of keys."""

    table: Mapping[str, Any]
    lines: Mapping[str, int]
    prefix: str = ""

    def bad(self, key: str, rule: str) -> BadTable:
        """The error about one key."""
        path = self.prefix + key
        return BadTable(self.lines.get(path, self.lines.get(self.prefix.rstrip("."))), path, rule)

    def only(self, required: Collection[str], optional: Collection[str] = ()) -> None:
        """Refuse unknown and missing keys.

        Raises:
            BadTable: One is unknown or missing.
        """
        for key in self.table:
            if key not in required and key not in optional:
                raise self.bad(key, "is not a known key")
        for key in sorted(required):
            if key not in self.table:
                raise self.bad(key, "is missing")

    def text(self, key: str, *, most: int = 2000) -> str:
        """A text that is not empty.

        Raises:
            BadTable: It is none.
        """
        value = self.table[key]
        if not isinstance(value, str) or not value.strip() or len(value) > most:
            raise self.bad(key, f"must be a text of 1 to {most} characters")
        return value

    def flag(self, key: str) -> bool:
        """True or false.

        Raises:
            BadTable: It is neither.
        """
        value = self.table[key]
        if not isinstance(value, bool):
            raise self.bad(key, "must be true or false")
        return value

    def word(self, key: str, words: type[_Word]) -> _Word:
        """A word of a closed list.

        Raises:
            BadTable: It is not in the list.
        """
        try:
            return words(self.table[key])
        except ValueError:
            raise self.bad(key, f"must be one of {', '.join(words)}") from None

    def words(self, key: str, words: type[_Word]) -> frozenset[_Word]:
        """Several words of a closed list.

        Raises:
            BadTable: It is no list, or holds another word.
        """
        value = self.table[key]
        try:
            if isinstance(value, list):
                return frozenset(words(one) for one in value)
        except ValueError:
            pass
        raise self.bad(key, f"must be a list of {', '.join(words)}")

    def moment(self, key: str) -> int:
        """A moment, Unix ms.

        Raises:
            BadTable: It has no date, time and offset.
        """
        value = self.table[key]
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self.bad(key, "must be a date and time with an offset")
        return int(value.timestamp()) * 1000 + value.microsecond // 1000

    def inner(self, key: str) -> "Reader":
        """A table inside this one.

        Raises:
            BadTable: It is none.
        """
        value = self.table[key]
        if not isinstance(value, dict):
            raise self.bad(key, "must be a table")
        return Reader(value, self.lines, f"{self.prefix}{key}.")

    def each(self, key: str) -> "list[Reader]":
        """The tables of an array.

        Raises:
            BadTable: It is none, or empty.
        """
        value = self.table[key]
        if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
            raise self.bad(key, "must be one or more tables")
        return [Reader(one, self.lines, f"{self.prefix}{key}[{index}].") for index, one in enumerate(value)]
