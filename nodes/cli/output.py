"""How commands print: tables for people, one JSON document with --json.

Rules kept here: whatever is printed for people loses the characters that drive a terminal, because values, names and
reasons come from other departments; a console that is no terminal is wide enough that no column is cut.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from policies.plain import printable, printable_json

PLAIN_WIDTH = 160


def console(stream: TextIO | None = None) -> Console:
    """A console on a stream.

    Args:
        stream: Standard output unless given.

    Returns:
        The console.
    """
    stream = stream or sys.stdout
    return Console(file=stream, width=None if stream.isatty() else PLAIN_WIDTH, highlight=False, soft_wrap=True)


def emit(value: Mapping[str, Any] | Sequence[Any], *, as_json: bool, human: Callable[[], None]) -> None:
    """Prints a result: as one JSON document, or for people.

    Args:
        value: The document.
        as_json: Which of the two.
        human: Prints it for people.
    """
    if as_json:
        sys.stdout.write(printable_json(value, indent=2) + "\n")
    else:
        human()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Prints a table. Cells are plain text: square brackets in them mean nothing.

    Args:
        title: Above the table.
        columns: The heads.
        rows: The cells.
    """
    drawn = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else Text(plain(cell)) for cell in row))
    console().print(drawn)


def say(text: str) -> None:
    """Prints a line for people.

    Args:
        text: The line; square brackets in it mean nothing.
    """
    console().print(plain(text), markup=False)


def complain(text: str) -> None:
    """Prints a line for people on standard error.

    Args:
        text: The line; square brackets in it mean nothing.
    """
    console(sys.stderr).print(plain(text), markup=False)


def plain(text: str) -> str:
    """Text without the characters that drive a terminal; line ends stay.

    Args:
        text: Any text.

    Returns:
        What may be printed.
    """
    return printable(text)


def moment(time_ms: int | None, unknown: str = "unknown") -> str:
    """A time for people, UTC to the second.

    Args:
        time_ms: Unix time in milliseconds; None and 0 when unknown.
        unknown: What to say then.

    Returns:
        The text.
    """
    if not time_ms:
        return unknown
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        # No calendar has it, so whoever stated it does not know.
        return unknown
