"""What goes into the pointer index and what comes out, as plain values.

Rules kept: an identifier is in memory only and never in a `repr`; `Ambiguous` and `Missing` are values of their own, so
that no caller can mistake "two records" for "one" (the same refusal outside, told apart in the ledger).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.errors import Code, Refused

HANDLE_BYTES = 16


class Delta(Protocol):
    """One change as a node tells it. Any value with these attributes will do; `PointerDelta` is the plain one."""

    @property
    def sequence(self) -> int:
        """Position in the node's outbox, from 1; 0 in a snapshot."""

    @property
    def resource(self) -> str:
        """Resource code."""

    @property
    def handle(self) -> bytes:
        """The node's opaque name of the record, 16 bytes."""

    @property
    def subject_scheme(self) -> str:
        """Scheme of the identifier; empty in a tombstone."""

    @property
    def subject_identifier(self) -> str:
        """Identifier, normalised here; empty in a tombstone."""

    @property
    def version(self) -> int:
        """Version of the record, kept as told: order comes from `sequence`."""

    @property
    def updated_ms(self) -> int:
        """When the source changed the record, Unix ms; 0 when unknown."""

    @property
    def tombstone(self) -> bool:
        """Whether the record is gone."""


class Part(Protocol):
    """Part of a full list of one resource. `SnapshotPart` is the plain one."""

    @property
    def snapshot_id(self) -> bytes:
        """The same in all parts, 16 bytes."""

    @property
    def resource(self) -> str:
        """Resource code."""

    @property
    def part(self) -> int:
        """Number of this part, from 0."""

    @property
    def entries(self) -> Sequence[Delta]:
        """Live records."""

    @property
    def last(self) -> bool:
        """Whether this is the last part."""

    @property
    def total(self) -> int:
        """In the last part, the number of entries in all parts."""

    @property
    def as_of_sequence(self) -> int:
        """In the last part, the outbox sequence as of which the list holds."""


@dataclass(frozen=True, slots=True)
class PointerDelta:
    """One change of the index; see `Delta` for the attributes."""

    sequence: int
    resource: str
    handle: bytes
    subject_scheme: str = ""
    subject_identifier: str = field(default="", repr=False)
    version: int = 0
    updated_ms: int = 0
    tombstone: bool = False


@dataclass(frozen=True, slots=True)
class SnapshotPart:
    """A part of a snapshot; see `Part` for the attributes."""

    snapshot_id: bytes
    resource: str
    part: int
    entries: tuple[PointerDelta, ...]
    last: bool = False
    total: int = 0
    as_of_sequence: int = 0


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was not indexed.

    Attributes:
        sequence: Sequence of the delta; 0 for a snapshot entry.
        handle: The node's name of the record.
        reason: BAD_IDENTIFIER, UNKNOWN_RESOURCE or BAD_FRAME (the handle is not 16 bytes).
    """

    sequence: int
    handle: bytes
    reason: Code


@dataclass(frozen=True, slots=True)
class Applied:
    """Deltas that are durable.

    Attributes:
        through: Every delta of the outbox up to here is durable.
        rejections: Those of the call that are not indexed.
    """

    through: int
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class SnapshotApplied:
    """A snapshot that is now in force.

    Attributes:
        snapshot_id: Which one.
        through: Every delta of the outbox up to here is durable, or contained in a snapshot in force.
        rejections: Entries of all its parts that are not indexed.
    """

    snapshot_id: bytes
    through: int
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class OutboxState:
    """A node's outbox as the gateway knows it.

    Attributes:
        outbox_id: The outbox whose deltas were applied last, 16 bytes.
        acknowledged: Every delta of it up to here is durable.
    """

    outbox_id: bytes
    acknowledged: int


@dataclass(frozen=True, slots=True)
class Found:
    """Exactly one pointer.

    Attributes:
        handle: The node's name of the record.
        version: The node's version of the record.
        updated_ms: When the source changed it, Unix ms; 0 when unknown (then its age is unknown, not fresh).
        node: SPIFFE id of the node that holds it.
    """

    handle: bytes
    version: int
    updated_ms: int
    node: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several pointers of one resource for one subject: nobody may guess which record is meant."""


@dataclass(frozen=True, slots=True)
class Missing:
    """No pointer."""


Lookup = Found | Ambiguous | Missing


class BadSequence(Refused):
    """Deltas that do not follow what is durable: applying them would lose what is between.

    The node's lists are no longer trusted after a gap: `needs_snapshot` names them until snapshots are in force.

    Args:
        expected: The sequence that may come next.
    """

    def __init__(self, expected: int) -> None:
        super().__init__(Code.BAD_FRAME, "deltas do not follow the acknowledged sequence")
        self.expected = expected


class BadSnapshot(Refused):
    """A snapshot that cannot come into force; what was staged of it is discarded and the live list stays.

    Args:
        rule: Which rule it broke, a fixed text.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(Code.BAD_FRAME, rule)
