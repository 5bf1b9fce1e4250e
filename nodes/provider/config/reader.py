"""Reads typed values out of a TOML table and collects every mistake instead of stopping at the first.

Rules kept here: a mistake names file, line, key and the rule, never the value; a key that nobody asked for is a
mistake too, so that a misspelt option cannot silently do nothing.
"""

import string
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path as FilePath
from typing import TypeVar

from nodes.errors import Mistake
from nodes.provider.config.positions import Path, key_lines, line_of

E = TypeVar("E", bound=StrEnum)
LARGEST_FILE = 4 * 1024 * 1024
_BETWEEN_CELLS = frozenset(string.punctuation) - {'"'} | {"\t"}


class Mistakes:
    """The mistakes of one file.

    Args:
        file: Name of the file, as it shall be shown.
        lines: From `key_lines`.
    """

    def __init__(self, file: str, lines: Mapping[Path, int]) -> None:
        self.file = file
        self._lines = lines
        self.found: list[Mistake] = []

    def add(self, path: Path, rule: str) -> None:
        """Notes one mistake."""
        self.found.append(Mistake(self.file, line_of(self._lines, path), dotted(path), rule))

    def in_order(self) -> tuple[Mistake, ...]:
        """All mistakes by line; each only once."""
        return tuple(sorted(dict.fromkeys(self.found), key=lambda m: m.line or 0))


def dotted(path: Path) -> str:
    """A path as people write it: `resources[0].fields[2].type`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def read_toml(file: FilePath) -> tuple[dict[str, object], Mistakes]:
    """Reads a file.

    Args:
        file: UTF-8 TOML.

    Returns:
        Its tables (empty when the file cannot be read) and the collector, which then holds the reason.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except OSError:
        return {}, _broken(file, None, "cannot be read")
    if len(raw) > LARGEST_FILE:
        return {}, _broken(file, None, "is larger than 4 MiB")
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        return {}, _broken(file, raw.count(b"\n", 0, error.start) + 1, "is not UTF-8")
    try:
        return tomllib.loads(text), Mistakes(file.name, key_lines(text))
    except tomllib.TOMLDecodeError as error:
        # The exception's own text may quote the file; only its place is taken.
        place = str(error).rpartition("(at line ")[2].partition(",")[0]
        line = int(place) if place.isdigit() else text.count("\n") + 1
        return {}, _broken(file, line, "is not valid TOML from here on")


def _broken(file: FilePath, line: int | None, rule: str) -> Mistakes:
    mistakes = Mistakes(file.name, {})
    mistakes.found.append(Mistake(file.name, line, "", rule))
    return mistakes


class Table:
    """One table of the file. Every getter notes a mistake and returns its default when the value does not fit.

    Args:
        values: The table.
        path: Where it stands.
        mistakes: Where mistakes go.
    """

    def __init__(self, values: Mapping[str, object], path: Path, mistakes: Mistakes) -> None:
        self._values = values
        self.path = path
        self._mistakes = mistakes
        self._asked: set[str] = set()

    def wrong(self, key: str, rule: str) -> None:
        """Notes a mistake at a key of this table; an empty key means the table itself."""
        self._mistakes.add((*self.path, key) if key else self.path, rule)

    def wrong_at(self, inside: Path, rule: str) -> None:
        """Notes a mistake somewhere inside this table."""
        self._mistakes.add((*self.path, *inside), rule)

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._values

    def keys(self) -> Sequence[str]:
        """All keys of this table."""
        return list(self._values)

    def _get(self, key: str, *, required: bool) -> object:
        self._asked.add(key)
        value = self._values.get(key)
        if value is None and required:
            self.wrong(key, "is required")
        return value

    def text(self, key: str, *, required: bool = False, longest: int = 2000) -> str:
        """A text without control characters; empty when it is not given."""
        value = self._get(key, required=required)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.isprintable():
            self.wrong(key, "must be a text without control characters")
            return ""
        if len(value) > longest:
            self.wrong(key, f"must have at most {longest} characters")
            return ""
        if required and not value.strip():
            self.wrong(key, "must not be empty")
        return value

    def character(self, key: str, default: str) -> str:
        """One ASCII character that stands between cells: a punctuation mark or a tab, no quote and no space."""
        value = self._get(key, required=False)
        if value is None:
            return default
        if not isinstance(value, str) or value not in _BETWEEN_CELLS:
            self.wrong(key, "must be one character such as , or ; or | or a tab")
            return default
        return value

    def number(self, key: str, default: int, *, least: int, most: int) -> int:
        """A whole number between two bounds, both included."""
        value = self._get(key, required=False)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(key, f"must be a whole number from {least} to {most}")
            return default
        return value

    def share(self, key: str, default: float) -> float:
        """A share from 0 to 1."""
        value = self._get(key, required=False)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            self.wrong(key, "must be a share from 0 to 1")
            return default
        return float(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self._get(key, required=False)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(key, "must be true or false")
            return default
        return value

    def one_of(self, key: str, kind: type[E], default: E | None = None) -> E | None:
        """One word of a vocabulary; required when there is no default."""
        value = self._get(key, required=default is None)
        if value is None:
            return default
        return self._word(key, value, kind) or default

    def _word(self, key: str, value: object, kind: type[E]) -> E | None:
        words = [str(word) for word in kind]
        if isinstance(value, str) and value in words:
            return kind(value)
        self.wrong(key, f"must be one of {', '.join(words)}")
        return None

    def words(self, key: str, kind: type[E]) -> frozenset[E]:
        """A list of words of a vocabulary, at least one."""
        value = self._get(key, required=True)
        if value is None:
            return frozenset()
        if not isinstance(value, list) or not value:
            self.wrong(key, f"must be a list of {', '.join(str(word) for word in kind)}")
            return frozenset()
        found = [self._word(key, word, kind) for word in value]
        return frozenset(word for word in found if word is not None)

    def some_words(self, key: str, kind: type[E], default: frozenset[E]) -> frozenset[E]:
        """A list of words of a vocabulary; the default when it is not given."""
        return self.words(key, kind) if self.has(key) else default

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty when it is not given."""
        value = self._get(key, required=False)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(part, str) and part for part in value):
            self.wrong(key, "must be a list of texts")
            return ()
        return tuple(value)

    def text_map(self, key: str) -> dict[str, str]:
        """A table from text to text; empty when it is not given."""
        value = self._get(key, required=False)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
            self.wrong(key, "must be a table from text to text")
            return {}
        return dict(value)

    def both(self, key: str) -> tuple[str, str]:
        """A text in Chinese and English, `{ zh = "…", en = "…" }`; both are required."""
        inner = self.table(key, required=True)
        if inner is None:
            return "", ""
        result = inner.text("zh", required=True), inner.text("en", required=True)
        inner.close()
        return result

    def table(self, key: str, *, required: bool = False) -> "Table | None":
        """A table inside this one."""
        value = self._get(key, required=required)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(key, "must be a table")
            return None
        return Table(value, (*self.path, key), self._mistakes)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """A list of texts in Chinese and English; empty when it is not given."""
        found = []
        for inner in self.tables(key) if self.has(key) else []:
            found.append((inner.text("zh", required=True), inner.text("en", required=True)))
            inner.close()
        return tuple(found)

    def tables(self, key: str) -> "list[Table]":
        """A list of tables, at least one."""
        value = self._get(key, required=True)
        if value is None:
            return []
        if not isinstance(value, list) or not value or not all(isinstance(part, dict) for part in value):
            self.wrong(key, "must be a list of tables, at least one")
            return []
        return [Table(part, (*self.path, key, index), self._mistakes) for index, part in enumerate(value)]

    def close(self) -> None:
        """Notes every key that was not asked for."""
        for key in self._values:
            if key not in self._asked:
                self.wrong(key, "is not known here")
