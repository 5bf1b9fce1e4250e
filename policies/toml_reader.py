"""Takes typed values out of the tables of a TOML file and says in which line and key one is wrong.

What agreements, service items and decision tables have in common; each has an error of its own, and what it alone reads
(`policies.agreements.parse`, `policies.services.reader`, `policies.tables.reader`). Rules kept here: fails closed; an
error names line, key and rule, never the value, and a key only when it looks like one.

What it does not do: it does not parse TOML (`policies.agreements.toml_text` does, within bounded time).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self, TypeVar

from policies.agreements.locate import shown

_Word = TypeVar("_Word", bound=StrEnum)


class BadFile(ValueError):
    """A file is refused.

    Args:
        line: Line in the file, from 1; None where there is none to point at.
        key: The key, for example `items[1].forms`; empty when the file as a whole is meant.
        rule: The rule that is broken; never the value that broke it.
    """

    def __init__(self, line: int | None, key: str, rule: str) -> None:
        where = f"line {line}: " if line else ""
        super().__init__(f"{where}{key}: {rule}" if key else f"{where}{rule}")
        self.line = line
        self.key = key
        self.rule = rule


@dataclass(frozen=True, slots=True)
class TableReader:
    """Reads one table of a file.

    Args:
        table: The table.
        lines: Line by key, of the whole file.
        prefix: Where the table stands, such as `items[0].`; empty at the top.
    """

    table: Mapping[str, Any]
    lines: Mapping[str, int]
    prefix: str = ""

    error: ClassVar[type[BadFile]] = BadFile
    """What a broken rule raises."""

    def bad(self, key: str, rule: str) -> BadFile:
        """The error about one key; it points to the nearest line that is known."""
        path = self.prefix + key
        around = self.prefix.rstrip(".")
        # A key that is not there is looked for where its table begins.
        for place in (path, path.rpartition(".")[0], around, around.partition(".")[0]):
            if place in self.lines:
                return self.error(self.lines[place], path, rule)
        return self.error(None, path, rule)

    def only(self, required: Collection[str], optional: Collection[str] = ()) -> None:
        """Refuse unknown and missing keys.

        Raises:
            BadFile: One is unknown or missing.
        """
        for key in self.table:
            if key not in required and key not in optional:
                # The key is the file's own text: repeating it is what helps, and keys are not personal data.
                raise self.bad(shown(key), "is not a known key")
        for key in sorted(required):
            if key not in self.table:
                raise self.bad(key, "is missing")

    def match(self, key: str, pattern: re.Pattern[str]) -> str:
        """A text of a shape.

        Raises:
            BadFile: It is none.
        """
        value = self.table[key]
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.bad(key, f"must be a text that matches {pattern.pattern}")
        return value

    def number(self, key: str, most: int) -> int:
        """A whole number from 1.

        Raises:
            BadFile: It is none, or too high.
        """
        value = self.table[key]
        # bool is a kind of int in Python; `revision = true` is refused.
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self.bad(key, f"must be a whole number from 1 to {most}")
        return value

    def flag(self, key: str) -> bool:
        """True or false.

        Raises:
            BadFile: It is neither.
        """
        value = self.table[key]
        if not isinstance(value, bool):
            raise self.bad(key, "must be true or false")
        return value

    def word(self, key: str, words: type[_Word]) -> _Word:
        """A word of a closed list.

        Raises:
            BadFile: It is not in the list.
        """
        try:
            return words(self.table[key])
        except (ValueError, TypeError):
            raise self.bad(key, f"must be one of {', '.join(words)}") from None

    def inner(self, key: str) -> Self:
        """A table inside this one.

        Raises:
            BadFile: It is none.
        """
        value = self.table[key]
        if not isinstance(value, dict):
            raise self.bad(key, "must be a table")
        return type(self)(value, self.lines, f"{self.prefix}{key}.")

    def each(self, key: str, most: int) -> list[Self]:
        """The tables of an array.

        Raises:
            BadFile: It is none, empty or too long.
        """
        value = self.table[key]
        if (
            not isinstance(value, list)
            or not 1 <= len(value) <= most
            or not all(isinstance(one, dict) for one in value)
        ):
            raise self.bad(key, f"must be 1 to {most} tables")
        return [type(self)(one, self.lines, f"{self.prefix}{key}[{index}].") for index, one in enumerate(value)]
