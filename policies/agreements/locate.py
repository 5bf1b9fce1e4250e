"""Finds the line of a key in TOML text, because tomllib does not tell it.

What it does not do: it does not parse TOML. It is used only after tomllib has, to make an error easier to find; a wrong
or missing line never changes what is accepted.
"""

import re
from typing import Final

_HEADER: Final = re.compile(r"\s*\[\[\s*([A-Za-z0-9_.-]+)\s*\]\]")
_TABLE: Final = re.compile(r"\s*\[\s*([A-Za-z0-9_.-]+)\s*\]")
_KEY: Final = re.compile(r"""\s*["']?([A-Za-z0-9_-]+)["']?\s*[=.]""")
_SHOWN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def shown(key: str) -> str:
    """A key of a file as an error may show it, which is told to the other party and at terminals.

    Args:
        key: Any key.

    Returns:
        The key, or "?" when it is long or has characters that no key of the format has.
    """
    return key if _SHOWN.fullmatch(key) else "?"


def key_lines(text: str) -> dict[str, int]:
    """The line, from 1, of each key.

    Args:
        text: TOML with keys at the top, in tables and in arrays of tables.

    Returns:
        Line by key; a key of the second `[[items]]` is called `items[1].key`, the header itself `items[1]`; a key of
        `[consent]` is called `consent.key`.
    """
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    prefix = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            name = header[1]
            index = counts.get(name, 0)
            counts[name] = index + 1
            lines.setdefault(name, number)
            lines[f"{name}[{index}]"] = number
            prefix = f"{name}[{index}]."
        elif table := _TABLE.match(line):
            lines.setdefault(table[1], number)
            prefix = f"{table[1]}."
        elif key := _KEY.match(line):
            lines.setdefault(prefix + key[1], number)
    return lines
