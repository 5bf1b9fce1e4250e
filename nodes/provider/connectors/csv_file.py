"""Reads a CSV file with a header line, by key, without loading it whole.

Rules kept here: a good row is served and a bad one is noted with its line; a key that stands in two rows serves
neither. What is kept in memory is where each record starts, never its content. A file that was replaced or changed is
noticed (inode, size, time), and records are read from the very file that the places were taken from.
"""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nodes.errors import SourceFailed
from nodes.provider.config import CsvSource, ProvidedResource
from nodes.provider.connectors.csv_records import BadRecord, Piece, cells, pieces
from nodes.provider.connectors.rows import BadRow, Row, Unreadable, encode_key

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a record is: first line, first byte, number of bytes."""

    line: int
    offset: int
    length: int


class _Index:
    """The places of one state of the file, with the file held open for as long as a thread reads from it."""

    def __init__(self, stream: BinaryIO, stamp: Stamp) -> None:
        self._file = os.dup(stream.fileno())
        self.stamp = stamp
        self.width = 0
        self.columns: dict[str, int] = {}
        self.places: dict[str, _Place] = {}
        self.bad: list[BadRow] = []

    def __del__(self) -> None:
        os.close(self._file)

    def read(self, place: _Place) -> bytes:
        """A record's bytes; safe from several threads, because nothing is moved."""
        return os.pread(self._file, place.length, place.offset)


class CsvConnector:
    """A `Connector` for one resource.

    Args:
        source: The file.
        resource: The resource.
    """

    def __init__(self, source: CsvSource, resource: ProvidedResource) -> None:
        self._source = source
        self._columns = resource.columns
        self._key = resource.key
        self._lock = threading.Lock()
        self._index: _Index | None = None

    def probe(self) -> None:
        """See `Connector`."""
        self._current()

    def scan(self) -> Iterator[Row | BadRow]:
        """See `Connector`."""
        index = self._current()
        yield from index.bad
        for place in index.places.values():
            yield self._row(index, place)

    def read_many(self, keys: Sequence[str]) -> Mapping[str, Row]:
        """See `Connector`."""
        index = self._current()
        found: dict[str, Row] = {}
        for key in keys:
            place = index.places.get(key)
            if place is not None:
                found[key] = self._row(index, place)
        return found

    def _row(self, index: _Index, place: _Place) -> Row:
        try:
            return self._parse(index, index.read(place))
        except (BadRecord, Unreadable, OSError):
            # It was good when the places were taken: the file was changed in place since then.
            raise SourceFailed(f"{self._source.name}: the file was changed while it was read") from None

    def _parse(self, index: _Index, raw: bytes) -> Row:
        found = cells(raw, self._source.encoding, self._source.delimiter)
        if len(found) != index.width:
            raise BadRecord(f"has {len(found)} cells, expected {index.width}")
        values = {name: found[at].strip() or None for name, at in index.columns.items()}
        return Row(encode_key(values[self._key]), values)

    def _current(self) -> _Index:
        """The index of the file as it is now."""
        with self._lock:
            try:
                stamp = _stamp(self._source.path)
                if self._index is None or self._index.stamp != stamp:
                    self._index = self._build()
            except OSError as error:
                raise SourceFailed(f"{self._source.name}: cannot be read ({type(error).__name__})") from None
            return self._index

    def _build(self) -> _Index:
        with self._source.path.open("rb") as stream:
            stat = os.fstat(stream.fileno())
            index = _Index(stream, (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns))
            records = pieces(stream, lambda raw: self._fits(index, raw))
            self._header(index, next(records, None))
            twice: set[str] = set()
            for piece in records:
                self._place(index, piece, twice)
        return index

    def _fits(self, index: _Index, raw: bytes) -> bool:
        """Whether lines that a quote joins are one record: of the header's width, or the header itself."""
        try:
            width = len(cells(raw, self._source.encoding, self._source.delimiter))
        except BadRecord:
            return False
        return index.width in (0, width)

    def _header(self, index: _Index, piece: Piece | None) -> None:
        name = self._source.name
        if piece is None or piece.raw is None:
            raise SourceFailed(f"{name}: line 1 must be a header")
        try:
            header = [cell.strip() for cell in cells(piece.raw, self._source.encoding, self._source.delimiter)]
        except BadRecord as error:
            raise SourceFailed(f"{name}: line {piece.line}: the header {error}") from None
        missing = [column for column in self._columns if column not in header]
        if missing:
            raise SourceFailed(f"{name}: columns missing: {', '.join(missing)}")
        if any(header.count(column) > 1 for column in self._columns):
            raise SourceFailed(f"{name}: line {piece.line}: a column stands twice in the header")
        index.width = len(header)
        index.columns = {column: header.index(column) for column in self._columns}

    def _place(self, index: _Index, piece: Piece, twice: set[str]) -> None:
        if piece.raw is None:
            index.bad.append(BadRow(piece.line, "is longer than 1 MiB"))
            return
        try:
            key = self._parse(index, piece.raw).key
        except (BadRecord, Unreadable) as error:
            index.bad.append(BadRow(piece.line, str(error)))
            return
        if key in twice:
            index.bad.append(BadRow(piece.line, "the key stands in another row too", key))
            return
        earlier = index.places.pop(key, None)
        if earlier is None:
            index.places[key] = _Place(piece.line, piece.offset, len(piece.raw))
            return
        twice.add(key)
        for line in (earlier.line, piece.line):
            index.bad.append(BadRow(line, "the key stands in another row too", key))


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
