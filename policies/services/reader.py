"""Takes typed values out of a service item's tables and says in which line and key one is wrong.

Rules kept here: texts are short and show as what they are (no control or direction characters), since they are printed
on other people's terminals; an error names line, key and rule, never the value.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from policies.agreements.locate import shown
from policies.plain import is_plain
from policies.reasons import Text

MAX_TITLE: Final = 200
MAX_TEXT: Final = 500

_Word = TypeVar("_Word", bound=StrEnum)


class BadService(ValueError):
    """A service item's file is refused.

    Args:
        line: Line in the file, from 1; None where there is none to point at.
        key: The key, for example `requirements[1].lists`; empty when the file as a whole is meant.
        rule: The rule that is broken; never the value that broke it.
    """

    def __init__(self, line: int | None, key: str, rule: str) -> None:
        where = f"line {line}: " if line else ""
        super().__init__(f"{where}{key}: {rule}" if key else f"{where}{rule}")
        self.line = line
        self.key = key
        self.rule = rule


@dataclass(frozen=True, slots=True)
class ServiceReader:
    """Reads one table of a file.

    Args:
        table: The table.
        lines: Line by key, of the whole file.
        prefix: Where the table stands, such as `evidence[0].`.
    """

    table: Mapping[str, Any]
    lines: Mapping[str, int]
    prefix: str = ""

    def bad(self, key: str, rule: str) -> BadService:
        """The error about one key; it points to the nearest line that is known."""
        path = self.prefix + key
        around = self.prefix.rstrip(".")
        line = self.lines.get(path) or self.lines.get(around) or self.lines.get(around.partition(".")[0])
        return BadService(line, path, rule)

    def only(self, required: Collection[str], optional: Collection[str] = ()) -> None:
        """Refuse unknown and missing keys.

        Raises:
            BadService: One is unknown or missing.
        """
        for key in self.table:
            if key not in required and key not in optional:
                raise self.bad(shown(key), "is not a known key")
        for key in sorted(required):
            if key not in self.table:
                raise self.bad(key, "is missing")

    def text(self, key: str, most: int) -> str:
        """A text that is not empty.

        Raises:
            BadService: It is none, too long, or has characters that do not show.
        """
        value = self.table[key]
        if not isinstance(value, str) or not value.strip() or len(value) > most or not is_plain(value):
            raise self.bad(key, f"must be a text of 1 to {most} printable characters")
        return value

    def pair(self, key: str, most: int) -> Text:
        """A text in both languages, `{ zh = "…", en = "…" }`.

        Raises:
            BadService: A language is missing, or a text is none.
        """
        both = self.inner(key)
        both.only({"zh", "en"})
        return Text(both.text("zh", most), both.text("en", most))

    def match(self, key: str, pattern: re.Pattern[str]) -> str:
        """A text of a shape.

        Raises:
            BadService: It is none.
        """
        value = self.table[key]
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.bad(key, f"must be a text that matches {pattern.pattern}")
        return value

    def number(self, key: str, most: int) -> int:
        """A whole number from 1.

        Raises:
            BadService: It is none, or too high.
        """
        value = self.table[key]
        # bool is a kind of int in Python; `version = true` is refused.
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self.bad(key, f"must be a whole number from 1 to {most}")
        return value

    def flag(self, key: str) -> bool:
        """True or false.

        Raises:
            BadService: It is neither.
        """
        value = self.table[key]
        if not isinstance(value, bool):
            raise self.bad(key, "must be true or false")
        return value

    def word(self, key: str, words: type[_Word]) -> _Word:
        """A word of a closed list.

        Raises:
            BadService: It is not in the list.
        """
        try:
            return words(self.table[key])
        except (ValueError, TypeError):
            raise self.bad(key, f"must be one of {', '.join(words)}") from None

    def listed(self, key: str, most: int) -> tuple[str, ...]:
        """Texts, none twice.

        Raises:
            BadService: It is no list, empty, too long, or repeats one.
        """
        return self.distinct(key, self.table[key], most)

    def distinct(self, key: str, value: Any, most: int) -> tuple[str, ...]:
        """As `listed`, for a value inside the key's own."""
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise self.bad(key, f"must list 1 to {most}")
        if not all(isinstance(one, str) and one.strip() and len(one) <= MAX_TEXT and is_plain(one) for one in value):
            raise self.bad(key, f"must list only texts of 1 to {MAX_TEXT} printable characters")
        if len(set(value)) != len(value):
            raise self.bad(key, "must not repeat an entry")
        return tuple(value)

    def inner(self, key: str) -> "ServiceReader":
        """A table inside this one.

        Raises:
            BadService: It is none.
        """
        value = self.table[key]
        if not isinstance(value, dict):
            raise self.bad(key, "must be a table")
        return ServiceReader(value, self.lines, f"{self.prefix}{key}.")

    def each(self, key: str, most: int) -> "list[ServiceReader]":
        """The tables of an array.

        Raises:
            BadService: It is none, empty or too long.
        """
        value = self.table[key]
        if (
            not isinstance(value, list)
            or not 1 <= len(value) <= most
            or not all(isinstance(one, dict) for one in value)
        ):
            raise self.bad(key, f"must be 1 to {most} tables")
        return [ServiceReader(one, self.lines, f"{self.prefix}{key}[{index}].") for index, one in enumerate(value)]
