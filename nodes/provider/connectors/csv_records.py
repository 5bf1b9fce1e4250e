"""Cuts a CSV file (RFC 4180, any single-byte delimiter) into records with their place in the file.

Rules kept here: a record is found by bytes before it is decoded, so that one badly encoded row does not spoil the
rest. That is right in UTF-8 and GB18030, where the bytes of a quote and a line end never occur inside another
character (GB 18030-2022: trailing bytes are 0x30–0x39, 0x40–0x7E and 0x80–0xFE). A delimiter such as `|` can be a
trailing byte, so it is only looked for after decoding.

A stray quote would swallow the rows behind it: lines are joined to one record only when the result is a record of the
file's width; else the first line stands alone, good or bad, and reading goes on with the second.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

LONGEST_RECORD: Final = 1024 * 1024
"""Longest record in bytes."""
MOST_LINES: Final = 200
"""Most lines of one record."""
_BOM: Final = b"\xef\xbb\xbf"


class BadRecord(ValueError):
    """A record that cannot be read; the text is the rule."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One record's bytes.

    Args:
        line: Its first line in the file, from 1.
        offset: Where it starts, bytes.
        raw: Its bytes without the last line end; None when it is too long.
    """

    line: int
    offset: int
    raw: bytes | None


def pieces(stream: BinaryIO, fits: Callable[[bytes], bool]) -> Iterator[Piece]:
    """All records of a file, the header among them; empty lines are left out.

    Args:
        stream: The file at its beginning; it must be able to seek.
        fits: Whether several lines together are one record of this file.

    Yields:
        Records in order.
    """
    offset = len(_BOM) if stream.read(len(_BOM)) == _BOM else 0
    stream.seek(offset)
    line = 1
    while first := stream.readline(LONGEST_RECORD + 1):
        raw, lines = _joined(stream, first)
        if lines > 1 and (raw.count(b'"') % 2 or len(raw) > LONGEST_RECORD or not fits(raw.rstrip(b"\r\n"))):
            raw, lines = first, 1
            stream.seek(offset + len(first))
        if len(raw) > LONGEST_RECORD:
            yield Piece(line, offset, None)
            _skip_line(stream, raw)
        elif text := raw.rstrip(b"\r\n"):
            yield Piece(line, offset, text)
        offset, line = stream.tell(), line + lines


def _joined(stream: BinaryIO, first: bytes) -> tuple[bytes, int]:
    """A line and those after it, as long as a quote is open; how many lines they are."""
    raw, lines = first, 1
    while raw.count(b'"') % 2 and len(raw) <= LONGEST_RECORD and lines < MOST_LINES:
        more = stream.readline(LONGEST_RECORD + 1)
        if not more:
            break
        raw, lines = raw + more, lines + 1
    return raw, lines


def _skip_line(stream: BinaryIO, read: bytes) -> None:
    """Reads on to the end of a line that was longer than a record may be."""
    while read and not read.endswith(b"\n"):
        read = stream.readline(LONGEST_RECORD)


def cells(raw: bytes, encoding: str, delimiter: str) -> list[str]:
    """The cells of one record.

    Args:
        raw: From `pieces`.
        encoding: Of the file.
        delimiter: Between cells.

    Returns:
        Their text.

    Raises:
        BadRecord: With the rule it breaks.
    """
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        raise BadRecord(f"is not {encoding}") from None
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        raise BadRecord("is not valid CSV") from None
    if len(rows) != 1:
        raise BadRecord("is not valid CSV")
    return rows[0]
