"""Logs in tiles for tests: files as a folder would hold them, honest or changed, and the tools of whoever forges them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.leaves import leaf_data
from keys.log.merkle import leaf_hash, root_of
from keys.log.notes import NoteSigner
from keys.log.tiles import ENTRIES, WIDTH, Tile, bundles_of, join_entries, tiles_of
from tests.support.ledgers import NOTE_KEY, ORIGIN


@dataclass(frozen=True)
class Tiled:
    """A log in tiles, in memory: content by name."""

    files: dict[str, bytes]

    def write(self, folder: Path) -> Path:
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    def with_file(self, name: str, content: bytes | None) -> "Tiled":
        """With other content under a name; None takes the file away."""
        files = {other: kept for other, kept in self.files.items() if other != name}
        return replace(self, files=files if content is None else {**files, name: content})

    @property
    def note(self) -> str:
        return self.files["checkpoint"].decode()


@cache
def entry(number: int, salt: int = 0) -> bytes:
    """What a leaf stands for."""
    seed = f"{salt} {number}".encode()
    return leaf_data(sha256(b"a" + seed).digest(), sha256(b"p" + seed).digest())


def entries(size: int) -> list[bytes]:
    """What the leaves of an honest log stand for."""
    return [entry(number) for number in range(size)]


def head_of(log: Sequence[bytes], signer: NoteSigner = NOTE_KEY) -> str:
    """The signed head of a log."""
    return sign_checkpoint(signer, Checkpoint(ORIGIN, len(log), root_of([leaf_hash(one) for one in log])))


def tiled(log: Sequence[bytes], note: str | None = None) -> Tiled:
    """A log in tiles, with its own signed head or another one."""
    level, files = [leaf_hash(one) for one in log], {"checkpoint": (note or head_of(log)).encode()}
    levels: list[list[bytes]] = []
    while level:
        levels.append(level)
        level = [root_of(level[start : start + WIDTH]) for start in range(0, len(level) - WIDTH + 1, WIDTH)]
    for tile in tiles_of(len(log)):
        files[tile.path] = b"".join(_part(levels[tile.level], tile))
    for bundle in bundles_of(len(log)):
        files[bundle.path] = join_entries(_part(log, bundle))
    return Tiled(files)


def place_of(index: int, size: int, level: int = ENTRIES) -> Tile:
    """The tile or bundle in which an entry of a log of that size stands."""
    number = index // WIDTH
    return Tile(level, number, min(WIDTH, size - number * WIDTH))


def _part(row: Sequence[bytes], tile: Tile) -> list[bytes]:
    start = tile.index * WIDTH
    return list(row[start : start + tile.width])
