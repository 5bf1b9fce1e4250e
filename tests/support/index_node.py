"""A node as the pointer index sees it: records, an outbox with sequences, snapshots; it can forget, go back and repeat.

It is honest about its records and careless about everything else. What the index holds must end up equal to `expected`.
"""

import copy
from dataclasses import dataclass, field

from sqlalchemy import Engine

from gateway.index import key_versions
from gateway.index.model import PointerDelta, SnapshotPart
from gateway.index.pointer_index import PointerIndex
from gateway.index.rekey import PointerRekeying
from gateway.storage.database import write_transaction
from keys.subjects import SubjectTokens
from policies.identifiers import BadIdentifier, normalise, resident_id

SCHEME = "cn.resident-id"
PEOPLE = tuple(resident_id(f"11010519{50 + n:02d}0{1 + n % 9}1{n % 10}00{n % 10}") for n in range(12))
BROKEN = "110105194912310021"


class FixedClock:
    """A clock that stands still until told otherwise."""

    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_s(self) -> float:
        return self.at_ms / 1000


def tokens(current: int = 1) -> SubjectTokens:
    """Subject tokens with every key up to the current one."""
    return SubjectTokens({version: bytes([version]) * 32 for version in range(1, current + 1)}, current)


def rekey(engine: Engine, version: int, limit: int = 3) -> int:
    """Re-key all pointers as a rotation does; the number of rows."""
    with write_transaction(engine) as connection:
        key_versions.begin(connection, version)
    work = PointerRekeying(engine, tokens(version))
    moved, step = 0, work.step(None, limit)
    while step.after is not None:
        moved, step = moved + step.moved, work.step(step.after, limit)
    with engine.connect() as connection:
        assert not key_versions.count_older(connection, version)
    return moved


@dataclass
class State:
    """What a node keeps on disk."""

    outbox_id: bytes
    last_sequence: int = 0
    trimmed: int = 0
    records: dict[str, dict[bytes, tuple[str, int]]] = field(default_factory=dict)
    outbox: list[PointerDelta] = field(default_factory=list)


class IndexNode:
    """One node with its resources.

    Args:
        name: SPIFFE id.
        resources: Codes it offers, all listed.
    """

    def __init__(self, name: str, resources: tuple[str, ...]) -> None:
        self.name = name
        self.allowed = frozenset(resources)
        self._made = 0
        self.state = State(self._random())
        self.state.records = {resource: {} for resource in resources}

    def _random(self) -> bytes:
        self._made += 1
        return f"{self.name[-4:]:>4}{self._made:012d}".encode()

    def put(self, resource: str, identifier: str, handle: bytes | None = None) -> bytes:
        """A record appears, or changes its subject."""
        handle = handle or self._random()
        version = self.state.records[resource].get(handle, ("", 0))[1] + 1
        self.state.records[resource][handle] = (identifier, version)
        self._append(resource, handle, identifier, version)
        return handle

    def remove(self, resource: str, handle: bytes) -> None:
        """A record disappears."""
        _, version = self.state.records[resource].pop(handle)
        self._append(resource, handle, "", version + 1)

    def _append(self, resource: str, handle: bytes, identifier: str, version: int) -> None:
        self.state.last_sequence += 1
        scheme = SCHEME if identifier else ""
        self.state.outbox.append(
            PointerDelta(
                self.state.last_sequence, resource, handle, scheme, identifier, version, version * 1000, not identifier
            )
        )

    def lose_state(self) -> None:
        """The disk was lost: a new outbox, new handles, everything published again."""
        before = self.state.records
        self.state = State(self._random(), records={resource: {} for resource in before})
        for resource, records in before.items():
            for identifier, _ in records.values():
                self.put(resource, identifier)

    def backup(self) -> State:
        """A copy of the disk."""
        return copy.deepcopy(self.state)

    def restore(self, state: State) -> None:
        """The copy came back: sequences are counted again that were used before."""
        self.state = copy.deepcopy(state)

    def acknowledged(self, through: int) -> None:
        """The gateway holds everything up to here."""
        self.state.outbox = [delta for delta in self.state.outbox if delta.sequence > through]
        self.state.trimmed = max(self.state.trimmed, through)

    def parts(self, resource: str, size: int, snapshot_id: bytes | None = None) -> list[SnapshotPart]:
        """The resource's records as they are now, in parts of `size`."""
        snapshot_id = snapshot_id or self._random()
        entries = [
            PointerDelta(0, resource, handle, SCHEME, identifier, version, version * 1000)
            for handle, (identifier, version) in sorted(self.state.records[resource].items())
        ]
        pieces = [tuple(entries[at : at + size]) for at in range(0, len(entries), size)] or [()]
        return [
            SnapshotPart(
                snapshot_id,
                resource,
                number,
                piece,
                last=number == len(pieces) - 1,
                total=len(entries),
                as_of_sequence=self.state.last_sequence,
            )
            for number, piece in enumerate(pieces)
        ]

    def needs_snapshot(self, index: PointerIndex) -> bool:
        """What is found out at the hello; a node also sees that its own outbox no longer reaches back far enough."""
        state = self.state
        if index.needs_snapshot(self.name, state.outbox_id, state.last_sequence, self.allowed):
            return True
        known = index.outbox(self.name)
        return known is not None and known.acknowledged < state.trimmed

    def connect(self, index: PointerIndex, part_size: int = 3) -> None:
        """Hello, the snapshots that are needed, then everything that waits."""
        if self.needs_snapshot(index):
            for resource in sorted(self.allowed):
                for part in self.parts(resource, part_size):
                    applied = index.snapshot_part(self.name, self.state.outbox_id, part, allowed=self.allowed)
                if applied is not None:
                    self.acknowledged(applied.through)
        known = index.outbox(self.name)
        if known is not None and known.outbox_id == self.state.outbox_id:
            self.acknowledged(known.acknowledged)
        if self.state.outbox:
            applied_deltas = index.apply(
                self.name, self.state.outbox_id, tuple(self.state.outbox), allowed=self.allowed
            )
            self.acknowledged(applied_deltas.through)

    def expected(self, resource: str, identifier: str) -> list[tuple[bytes, int]]:
        """Handle and version of every record about this subject."""
        return [
            (handle, version)
            for handle, (subject, version) in self.state.records[resource].items()
            if _canonical(subject) == identifier
        ]

    def countable(self) -> int:
        """How many records can be indexed."""
        return sum(bool(_canonical(s)) for records in self.state.records.values() for s, _ in records.values())


def _canonical(identifier: str) -> str:
    try:
        return normalise(SCHEME, identifier)
    except BadIdentifier:
        return ""
