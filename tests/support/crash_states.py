"""Every state in which a power cut may leave a folder, from the journal that `file_journal.c` wrote.

The model is the adversary that POSIX allows: what was synced is there; of everything written since the last sync of
its file, any part may be missing, a write may be torn, and a file that was made, renamed or removed may still be as it
was until its folder is synced. Files are objects (inodes), names point to them.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_HEADER = struct.Struct("<BHQI")
_SECTOR = 512


@dataclass(frozen=True)
class Op:
    """One thing the process did, or (`A`) one thing it was promised."""

    kind: str
    path: str
    offset: int
    data: bytes


def read_journal(journal: Path) -> list[Op]:
    raw = journal.read_bytes()
    ops, at = [], 0
    while at < len(raw):
        kind, path_length, offset, size = _HEADER.unpack_from(raw, at)
        at += _HEADER.size
        path = raw[at : at + path_length].decode()
        at += path_length
        ops.append(Op(chr(kind), path, offset, raw[at : at + size]))
        at += size
    return ops


@dataclass(eq=False)
class _File:
    durable: bytes = b""
    pending: list[Op] = field(default_factory=list)


@dataclass(frozen=True)
class CrashState:
    """A folder after a crash.

    Attributes:
        files: Content by name.
        promises: What had been promised before the crash.
        why: Which operations were done, and what was lost.
    """

    files: dict[str, bytes]
    promises: tuple[bytes, ...]
    why: str


class Disk:
    """Replays a journal and tells, after each step, what may be on the disk.

    Args:
        base: Content of the folder when the journal began; taken as synced.
        folder: Its path in the journal.
    """

    def __init__(self, base: dict[str, bytes], folder: str) -> None:
        self._names = {name: _File(content) for name, content in base.items()}
        self._durable_names = dict(self._names)
        self._folder = folder.rstrip("/")
        self._promises: list[bytes] = []

    def apply(self, op: Op) -> None:
        name = op.path.removeprefix(self._folder).lstrip("/")
        if op.kind == "A":
            self._promises.append(op.data)
        elif op.kind == "S" and not name:
            self._durable_names = dict(self._names)
        elif op.kind == "S":
            synced = self._names[name]
            synced.durable, synced.pending = _content(synced.durable, synced.pending), []
        elif op.kind == "C":
            self._names[name] = _File()
        elif op.kind in "WT":
            self._names[name].pending.append(op)
        elif op.kind == "U":
            del self._names[name]
        elif op.kind == "R":
            to = op.data.decode().removeprefix(self._folder).lstrip("/")
            self._names[to] = self._names.pop(name)
        else:
            raise AssertionError(op.kind)

    def states(self, chance: random.Random, samples: int) -> Iterator[CrashState]:
        """What a crash may leave now: all or nothing lost, losses around a few of the writes, mixed ones.

        Every step is asked about, so over a run each write is looked at many times.

        Args:
            chance: Chooses the writes and the mixtures.
            samples: How many writes to look at, and how many mixtures.
        """
        promises = tuple(self._promises)

        def state(names: dict[str, _File], keep: dict[_File, list[Op]], why: str) -> CrashState:
            files = {name: _content(file.durable, keep.get(file, [])) for name, file in names.items()}
            return CrashState(files, promises, why)

        everything = {file: list(file.pending) for file in (*self._names.values(), *self._durable_names.values())}
        pending = [(file, place) for file, ops in everything.items() for place in range(len(ops))]
        for told, names in (("names synced", self._durable_names), ("names as seen", self._names)):
            yield state(names, {}, f"{told}, every unsynced write lost")
            yield state(names, everything, f"{told}, no write lost")
        for file, place in chance.sample(pending, min(samples, len(pending))):
            without = everything | {file: everything[file][:place] + everything[file][place + 1 :]}
            yield state(self._names, without, f"only unsynced write {place} lost")
            yield state(self._names, {file: [everything[file][place]]}, f"only unsynced write {place} kept")
            yield state(self._names, everything | {file: everything[file][:place]}, f"writes from {place} on lost")
            torn = everything[file][place]
            if torn.kind == "W" and len(torn.data) > _SECTOR:
                half = Op("W", torn.path, torn.offset, torn.data[: _SECTOR * chance.randrange(1, 8)])
                yield state(self._names, everything | {file: [*everything[file][:place], half]}, f"write {place} torn")
        for _ in range(samples if len(pending) > 1 else 0):
            kept = {file: [op for op in ops if chance.random() < 0.5] for file, ops in everything.items()}
            yield state(chance.choice([self._names, self._durable_names]), kept, "a random part lost")


def _content(durable: bytes, ops: list[Op]) -> bytes:
    content = bytearray(durable)
    for op in ops:
        if op.kind == "T":
            del content[op.offset :]
            content.extend(bytes(op.offset - len(content)))
            continue
        if len(content) < op.offset:
            content.extend(bytes(op.offset - len(content)))
        content[op.offset : op.offset + len(op.data)] = op.data
    return bytes(content)
