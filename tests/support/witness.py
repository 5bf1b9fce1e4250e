"""A log in memory that asks witnesses, and what a witness needs in tests: a memory that is none, a clock, bodies."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.merkle import consistency_path, leaf_hash, root_of
from keys.log.notes import NoteSigner
from nodes.witness.errors import Overtaken, StateInvalid
from nodes.witness.store import NOTHING_YET, Head

ORIGIN = "log.example/city"
LOG_SEED = sha256(b"log").digest()
WITNESS_SEED = sha256(b"witness").digest()
NOW_S = 1_780_000_000


class MemoryHeads:
    """Heads in a dictionary; the second implementation of the contract."""

    def __init__(self) -> None:
        self._heads: dict[str, Head] = {}
        self._epochs: dict[str, str] = {}

    def enrol(self, origin: str) -> None:
        self._heads.setdefault(origin, NOTHING_YET)

    def origins(self) -> list[str]:
        return sorted(self._heads)

    def newest(self, origin: str) -> Head:
        if origin not in self._heads:
            raise StateInvalid("nothing is remembered of this log; a witness does not begin again by itself")
        return self._heads[origin]

    def advance(self, origin: str, before: Head, after: Head) -> None:
        if after.size < before.size:
            raise StateInvalid("a head is never replaced by a smaller one")
        if self._heads.get(origin) != before or origin in self._epochs:
            raise Overtaken("another head was kept meanwhile")
        self._heads[origin] = after

    def begin(self, ended: str, newest: Head, begun: str, number: int, note: str) -> None:
        del number
        if self.newest(ended) != newest or ended in self._epochs or begun in self._heads:
            raise Overtaken("another head was kept meanwhile")
        self._epochs[ended] = note
        self._heads[begun] = NOTHING_YET

    def epochs(self) -> list[str]:
        return list(self._epochs.values())


@dataclass
class MemoryLog:
    """A log of a few leaves that signs whatever it is told to.

    Args:
        leaves: Their hashes.
        origin: The log's name.
        signer: Its key.
    """

    leaves: list[bytes] = field(default_factory=list)
    origin: str = ORIGIN
    signer: NoteSigner = field(default_factory=lambda: NoteSigner(ORIGIN, LOG_SEED))

    def grow(self, count: int, word: str = "") -> "MemoryLog":
        """Adds leaves; another word makes another history."""
        start = len(self.leaves)
        self.leaves += [leaf_hash(f"{word}{number}".encode()) for number in range(start, start + count)]
        return self

    def fork(self, at: int, size: int) -> "MemoryLog":
        """A log of the same key that shares only the first leaves."""
        return MemoryLog(self.leaves[:at], self.origin, self.signer).grow(size - at, "other")

    def head(self, size: int | None = None) -> Checkpoint:
        size = len(self.leaves) if size is None else size
        return Checkpoint(self.origin, size, root_of(self.leaves[:size]))

    def note(self, size: int | None = None) -> str:
        return sign_checkpoint(self.signer, self.head(size))

    def proof(self, old: int, size: int | None = None) -> list[bytes]:
        size = len(self.leaves) if size is None else size
        return list(consistency_path(self.leaves[:size], old, size))

    def body(self, old: int, size: int | None = None) -> bytes:
        """An honest request for a cosignature."""
        return body(old, self.proof(old, size), self.note(size))


def body(old: int | str, proof: Sequence[bytes], note: str) -> bytes:
    """The body of add-checkpoint."""
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof), "", note]
    return "\n".join(lines).encode()
