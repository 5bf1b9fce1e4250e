"""Finds the line of every key in a TOML text: `tomllib` tells values but not places.

The text must already have been read by `tomllib`, so this reader does not check syntax; for a text that is not TOML
the lines are meaningless, but it always ends. It follows TOML 1.0: tables, arrays of tables, dotted and quoted keys,
inline tables, arrays over several lines and the four kinds of strings.
"""

import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the root."""


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of a key, or of the nearest table around it; None when the file does not name it at all.

    Args:
        lines: From `key_lines`.
        path: Where the value stands or should stand.

    Returns:
        A line number from 1.
    """
    for length in range(len(path), 0, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
    return None


def key_lines(text: str) -> dict[Path, int]:
    """The line of every key, table header and list element.

    Args:
        text: A TOML text.

    Returns:
        Line numbers from 1, by path.
    """
    return _Reader(text).read()


class _Reader:
    """One pass over a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}

    def read(self) -> dict[Path, int]:
        """Reads the whole text."""
        table: Path = ()
        while self._skip_blank():
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _peek(self, length: int = 1) -> str:
        return self._text[self._at : self._at + length]

    def _step(self, count: int = 1) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def _skip_blank(self) -> bool:
        """Skips space, line ends and comments; false at the end of the text."""
        while self._at < len(self._text):
            char = self._peek()
            if char == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif char.isspace():
                self._step()
            else:
                return True
        return False

    def _header(self) -> Path:
        many = self._peek(2) == "[["
        self._step(2 if many else 1)
        line = self._line
        names = self._keys(stop="]")
        self._step(2 if many else 1)
        path: Path = ()
        for position, name in enumerate(names):
            path = (*path, name)
            last = position == len(names) - 1
            if last and many:
                index = self._counts.get(path, 0)
                self._counts[path] = index + 1
                self._lines.setdefault(path, line)
                path = (*path, index)
            elif path in self._counts:
                path = (*path, self._counts[path] - 1)
            self._lines.setdefault(path, line)
        return path

    def _keys(self, stop: str) -> list[str]:
        """A dotted key, up to but without the stop character."""
        names: list[str] = []
        word = ""
        while self._at < len(self._text) and (char := self._peek()) != stop:
            if char in "\"'":
                start = self._at
                self._string()
                word += _unquoted(self._text[start : self._at])
            elif char == ".":
                names.append(word)
                word = ""
                self._step()
            else:
                word += "" if char.isspace() else char
                self._step()
        return [*names, word]

    def _pair(self, table: Path) -> None:
        line = self._line
        path = table
        for name in self._keys(stop="="):
            path = (*path, name)
            self._lines.setdefault(path, line)
        self._step()
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        char = self._peek()
        if char and char in "\"'":
            self._string()
        elif char == "[":
            self._array(path)
        elif char == "{":
            self._inline(path)
        else:
            while self._at < len(self._text) and self._peek() not in ",]}#\n":
                self._at += 1

    def _array(self, path: Path) -> None:
        self._step()
        index = 0
        while self._skip_blank() and self._peek() != "]":
            if self._peek() == ",":
                self._step()
                continue
            before = self._at
            self._lines[(*path, index)] = self._line
            self._value((*path, index))
            index += 1
            if self._at == before:  # Not TOML; go on, so that the reader ends.
                self._step()
        self._step()

    def _inline(self, path: Path) -> None:
        self._step()
        while self._skip_blank() and self._peek() != "}":
            if self._peek() == ",":
                self._step()
            else:
                self._pair(path)
        self._step()

    def _string(self) -> None:
        """Skips a string of any of the four kinds."""
        quote = self._peek(3) if self._peek(3) in ('"""', "'''") else self._peek()
        self._step(len(quote))
        while self._at < len(self._text) and not self._text.startswith(quote, self._at):
            self._step(2 if self._peek() == "\\" and quote[0] == '"' else 1)
        self._step(len(quote))
        while len(quote) == 3 and self._peek() == quote[0]:  # noqa: PLR2004 - up to two quotes may stand before the closing three
            self._step()


def _unquoted(quoted: str) -> str:
    """A quoted key without its quotes and escapes."""
    try:
        return str(tomllib.loads(f"key = {quoted}")["key"])
    except tomllib.TOMLDecodeError:
        return quoted
