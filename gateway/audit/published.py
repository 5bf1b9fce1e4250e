"""What of the log is for everyone: the newest signed head and the tiles under it (C2SP tlog-tiles), hashes only.

An entry bundle holds what the tree's leaves stand for: two salted commitments each, from which nobody can tell or test
what an entry says. Nothing behind the newest head is given out, because nobody could check it yet.

All tiles follow from the stored rows, so there is no second copy of the tree that could contradict the first. Calls
read on pooled connections and block; from an event loop, use a thread.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Final

from sqlalchemy import Engine, select

from gateway.audit.bodies import Bodies, commitment_of, commitment_to
from gateway.audit.errors import AuditError, LedgerCorrupt, NoSuchEntry
from gateway.audit.store import ENTRIES as ROWS
from gateway.audit.store import read_checkpoint, read_hashes
from gateway.audit.tree import root_at, row_hashes
from keys.errors import BadCheckpoint, BadProof
from keys.log.checkpoints import parse_checkpoint
from keys.log.leaves import leaf_data
from keys.log.merkle import HASH_SIZE
from keys.log.notes import split_note
from keys.log.tiles import CHECKPOINT_PATH, ENTRIES, TILE_HEIGHT, Tile, bundles_of, is_covered, join_entries, parse_path
from keys.log.tiles import tiles_of as hash_tiles_of

_AT_ONCE: Final = 256


class OtherLog(AuditError):
    """The folder holds tiles of another log, or of one with another history."""


class Published:
    """Gives out heads and tiles.

    Args:
        engine: The database.
        bodies: Opens parts, of which only the commitments are given out.
        begins: Size of the head from which the log's newest epoch goes on, of which alone heads are given out.
    """

    def __init__(self, engine: Engine, bodies: Bodies, begins: int = -1) -> None:
        self._begins = begins
        self._engine = engine
        self._bodies = bodies

    def head(self) -> tuple[int, str]:
        """Size and signed note of the newest checkpoint.

        Raises:
            NoSuchEntry: None was published yet.
        """
        with self._engine.connect() as connection:
            found = read_checkpoint(connection, self._begins)
        if found is None:
            raise NoSuchEntry("no checkpoint was published yet")
        return found

    def read(self, path: str) -> bytes:
        """The content of one of the log's files, by its name.

        Args:
            path: Relative to the log's prefix.

        Raises:
            NoSuchEntry: There is none of that name, or not yet.
            LedgerCorrupt: What is stored does not fit.
        """
        size, note = self.head()
        if path == CHECKPOINT_PATH:
            return note.encode()
        try:
            tile = parse_path(path)
        except BadProof as error:
            raise NoSuchEntry("there is no such file") from error
        if not is_covered(tile, size):
            raise NoSuchEntry("there is no such tile yet")
        return self.tile(tile)

    def root(self, size: int) -> bytes:
        """The root of the first `size` entries.

        Raises:
            LedgerCorrupt: A tree hash is missing.
        """
        with self._engine.connect() as connection:
            try:
                return root_at(size, row_hashes(lambda index: read_hashes(connection, index)))
            except LookupError as error:
                raise LedgerCorrupt("a tree hash is missing", size=size) from error

    def tile(self, tile: Tile) -> bytes:
        """The content of a tile or entry bundle that the newest head covers.

        Raises:
            LedgerCorrupt: What is stored does not fit.
        """
        return self._bundle(tile) if tile.level == ENTRIES else self._hashes(tile)

    def _hashes(self, tile: Tile) -> bytes:
        """The hashes of complete subtrees, each out of the row that completed it."""
        level = TILE_HEIGHT * tile.level
        first = tile.index * _AT_ONCE
        wanted = [((place + 1) << level) - 1 for place in range(first, first + tile.width)]
        query = select(ROWS.c.leaf_index, ROWS.c.hashes).where(ROWS.c.leaf_index.in_(wanted))
        with self._engine.connect() as connection:
            kept = {int(index): bytes(hashes) for index, hashes in connection.execute(query).all()}
        hashes = [kept.get(index, b"")[level * HASH_SIZE : (level + 1) * HASH_SIZE] for index in wanted]
        for index, one in zip(wanted, hashes, strict=True):
            if len(one) != HASH_SIZE:
                raise LedgerCorrupt("a tree hash is missing", leaf_index=index)
        return b"".join(hashes)

    def _bundle(self, tile: Tile) -> bytes:
        """What each leaf stands for; opening a part checks it against its leaf hash."""
        query = (
            select(ROWS.c.leaf_index, ROWS.c.hashes, ROWS.c.accountability, ROWS.c.person)
            .where(ROWS.c.leaf_index >= tile.first_leaf, ROWS.c.leaf_index < tile.end_leaf)
            .order_by(ROWS.c.leaf_index)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        if [int(row.leaf_index) for row in rows] != list(range(tile.first_leaf, tile.end_leaf)):
            raise LedgerCorrupt("an entry is missing", leaf_index=tile.first_leaf)
        entries = []
        for row in rows:
            person = None if row.person is None else bytes(row.person)
            leaf = bytes(row.hashes[:HASH_SIZE])
            account, personal = self._bodies.open(int(row.leaf_index), leaf, bytes(row.accountability), person)
            entries.append(leaf_data(commitment_to(account), commitment_of(personal)))
        return join_entries(entries)


def write_tiles(published: Published, directory: Path) -> int:
    """Write the log's files into a folder that any web server can serve, or go on with such a folder.

    Tiles under the folder's own head stay as they are if that head is one of this log's: their content never changes.
    The head comes last, so that a reader of the folder never sees a head whose tiles are not there yet. Partial tiles
    of older heads stay, because somebody may be reading under such a head.

    Args:
        published: The log.
        directory: Made if it does not exist.

    Returns:
        The size of the log that is in the folder now.

    Raises:
        NoSuchEntry: No checkpoint was published yet.
        OtherLog: The folder's head is not one of this log's.
        LedgerCorrupt: What is stored does not fit.
        OSError: A file cannot be written.
    """
    size, note = published.head()
    there = _size_in(directory, published, size)
    for tile in _tiles(size):
        path = directory / tile.path
        if not (is_covered(tile, there) and path.exists()):
            _write(path, published.tile(tile))
    _write(directory / CHECKPOINT_PATH, note.encode())
    return size


def _size_in(directory: Path, published: Published, size: int) -> int:
    """The size of the log as it is in the folder; 0 when there is nothing finished."""
    try:
        note = (directory / CHECKPOINT_PATH).read_text(encoding="utf-8")
        there = parse_checkpoint(split_note(note)[0])
        ours = parse_checkpoint(split_note(published.head()[1])[0])
    except FileNotFoundError:
        return 0
    except (BadCheckpoint, UnicodeDecodeError) as error:
        raise OtherLog("the folder's head is malformed") from error
    # A folder that is ahead was written by a log that has lost its end since: nothing may be written over it.
    if there.origin != ours.origin or there.size > size or published.root(there.size) != there.root:
        raise OtherLog("the folder holds another log, or one with another history")
    return there.size


def _tiles(size: int) -> Iterator[Tile]:
    yield from bundles_of(size)
    yield from hash_tiles_of(size)


def _write(path: Path, content: bytes) -> None:
    """Complete before it has its name, so that nobody is served half a file; two at once do not meet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{token_hex(8)}.new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
