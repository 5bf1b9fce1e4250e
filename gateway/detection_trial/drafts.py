"""A read that is not yet in the log: when, who, about whom, and whether it was planted."""

from typing import NamedTuple

from gateway.detection.reads import RELEASED, Finding
from gateway.detection_trial.city import Official


class Draft(NamedTuple):
    """A read to come.

    Attributes:
        time_ms: When, Unix ms.
        official: Who.
        person: Whom it is about; empty when it was not established.
        purpose: What for.
        case: The case, or empty.
        asks: What was asked for.
        outcome: What became of it.
        reason: Of a refusal.
        emergency: The declared emergency, or empty.
        label: Number of the planted misuse; -1 for none. The engine never sees it.
        reviews: What will be said about the emergency, and after how many ms.
    """

    time_ms: int
    official: Official
    person: bytes
    purpose: str
    case: str
    asks: str = "basic"
    outcome: str = RELEASED
    reason: str = ""
    emergency: str = ""
    label: int = -1
    reviews: tuple[tuple[int, Finding], ...] = ()
