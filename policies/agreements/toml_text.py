"""Reads TOML that somebody else wrote: bytes in, a table out, within bounded time.

Rules kept here: fails closed, and always with `BadToml`. Size, encoding and the length of keys are looked at before the
parser sees the text, because tomllib takes time that grows with the square of the parts of one dotted key (half a
minute for a file of 64 KiB), and lets errors other than its own out.

What it does not do: it does not know what the keys mean.
"""

import re
import tomllib
from decimal import Decimal
from typing import Any, Final

MAX_BYTES: Final = 65_536
MOST_PARTS: Final = 8
"""Most parts of a dotted key. Anything that looks like a longer one is refused, also inside a text."""

_PART: Final = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
# Each part is taken whole and only where it begins, so that the search takes time in proportion to the text.
_LONG_KEY: Final = re.compile(
    rf"""(?<![A-Za-z0-9_-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MOST_PARTS}}}""", re.ASCII | re.DOTALL
)
_LINE_IN_ERROR: Final = re.compile(r"\(at line (\d+)")


class BadToml(ValueError):
    """The bytes are no TOML that is read.

    Args:
        line: Line, from 1; None where there is none to point at.
        rule: The rule that is broken; never a part of the text.
    """

    def __init__(self, line: int | None, rule: str) -> None:
        super().__init__(rule)
        self.line = line
        self.rule = rule


def read_toml(raw: bytes, *, most: int = MAX_BYTES) -> tuple[dict[str, Any], str]:
    """The table and its text.

    Args:
        raw: UTF-8 TOML.
        most: How many bytes it may have.

    Returns:
        The table, with decimal numbers exactly as written (`Decimal`), and the decoded text.

    Raises:
        BadToml: With the line where there is one.
    """
    if len(raw) > most:
        raise BadToml(None, f"the file must be at most {most} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadToml(raw[: error.start].count(b"\n") + 1, "the file must be UTF-8") from None
    if long := _LONG_KEY.search(text):
        raise BadToml(text.count("\n", 0, long.start()) + 1, f"a key must have at most {MOST_PARTS} parts")
    try:
        # Decimal, because a constant such as 1000.50 means exactly that.
        return tomllib.loads(text, parse_float=Decimal), text
    except (ValueError, RecursionError, ArithmeticError) as error:
        # Besides its own, tomllib lets out plain ValueErrors (a number of 5 000 digits), RecursionErrors (deep nesting)
        # and what Decimal says of an exponent that it cannot hold.
        found = _LINE_IN_ERROR.search(str(error))
        raise BadToml(int(found[1]) if found else None, "the file must be TOML") from None
