"""Takes typed values out of a service item's tables and says in which line and key one is wrong.

Rules kept here: texts are short and show as what they are (no control or direction characters), since they are printed
on other people's terminals; an error names line, key and rule, never the value.
"""

from dataclasses import dataclass
from typing import Any, Final

from policies.plain import is_plain
from policies.reasons import Text
from policies.toml_reader import BadFile, TableReader

MAX_TITLE: Final = 200
MAX_TEXT: Final = 500


class BadService(BadFile):
    """A service item's file is refused."""


@dataclass(frozen=True, slots=True)
class ServiceReader(TableReader):
    """Reads one table of a file."""

    error = BadService

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
