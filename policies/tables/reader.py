"""Takes typed values out of TOML tables and says in which line and key one is wrong."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from policies.toml_reader import BadFile, TableReader

_Word = TypeVar("_Word", bound=StrEnum)


class BadTable(BadFile):
    """A decision table, or a file that it names, is refused."""


@dataclass(frozen=True, slots=True)
class Reader(TableReader):
    """Reads one table of a file."""

    error = BadTable

    def text(self, key: str, *, most: int = 2000) -> str:
        """A text that is not empty.

        Raises:
            BadTable: It is none.
        """
        value = self.table[key]
        if not isinstance(value, str) or not value.strip() or len(value) > most:
            raise self.bad(key, f"must be a text of 1 to {most} characters")
        return value

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
