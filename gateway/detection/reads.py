"""What detection looks at: reads, one for each request that came to an end, and what reviews of emergencies found.

A read holds what the log's entry says, and nothing of what was released. Civil days and hours are those of the
exchange (UTC+8).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

REFUSED: Final = "refused"
RELEASED: Final = "released"


class Read(NamedTuple):
    """One request and what became of it.

    Attributes:
        entry: Position of the entry that says what became of it.
        asked: Position of its question; -1 when it was refused before it was one.
        time_ms: When, Unix ms.
        department: Who asked.
        system: SPIFFE id of the system that asked.
        official: Keyed hash of the official; empty for none.
        person: Random id of the person it is about; empty when that was not established.
        purpose: Registered purpose.
        case: Case reference; empty for none.
        outcome: Kind of the entry: released, refused, abandoned, replayed.
        reason: Of a refusal; empty for none.
        emergency: Code of the declared emergency; empty for none.
        asks: What was asked for, as one word: resource, field and form of every item.
    """

    entry: int
    asked: int
    time_ms: int
    department: str
    system: str
    official: str
    person: bytes
    purpose: str
    case: str
    outcome: str
    reason: str
    emergency: str
    asks: str


class Finding(StrEnum):
    """What the log says about the review of an emergency."""

    OVERDUE = "overdue"
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True)
class Review:
    """An entry about the review of an emergency.

    Attributes:
        index: Position of the entry.
        time_ms: When, Unix ms.
        asked: Position of the question that was asked in the emergency.
        finding: What it says.
    """

    index: int
    time_ms: int
    asked: int
    finding: Finding
