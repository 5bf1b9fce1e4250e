"""An alert: everything that speaks against one who reads, in one place that grows.

Rules kept here: one alert at a time for one who reads; while it is open, what is added to the same suspicion makes it
grow and raises no second one. Its identity follows from who it is about and the entry at which it was raised, so that
two processes that read the same log raise the same alert.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Final

from gateway.detection.actors import Who
from gateway.detection.rules import Evidence, Rule, Severity

ID_SIZE: Final = 16
_HIGH_POINTS: Final = 150
_CRITICAL: Final = frozenset({Rule.HONEYTOKEN})
_MOST_PIECES: Final = 40
"""Pieces of evidence of one alert; what is stronger stays."""


class State(StrEnum):
    """How far an officer is with an alert."""

    OPEN = "open"
    LOOKING = "looking"
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"
    FALSE_ALARM = "false_alarm"


OPEN_STATES: Final = frozenset({State.OPEN, State.LOOKING})


@dataclass(slots=True)
class Alert:
    """Something an officer should look at.

    Attributes:
        id: 16 bytes.
        who: Who reads.
        day: Civil day on which it was raised.
        raised_ms: When, in the log's time, Unix ms.
        raised_at: Position of the entry at which it was raised.
        grown_ms: When something was last added.
        grown_at: Position of the newest entry that it names.
        points: Of the strongest suspicion: about one person, or about the work as a whole.
        evidence: By focus.
    """

    id: bytes
    who: Who
    day: int
    raised_ms: int
    raised_at: int
    grown_ms: int
    grown_at: int
    points: int = 0
    evidence: dict[tuple[Rule, bytes, str], Evidence] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """Critical when a person who does not exist was asked for or an emergency was not justified."""
        rules = {one.rule for one in self.evidence.values()}
        unjustified = any(one.rule is Rule.EMERGENCY and one.detail == "not_justified" for one in self.pieces)
        if rules & _CRITICAL or unjustified:
            return Severity.CRITICAL
        return Severity.HIGH if self.points >= _HIGH_POINTS else Severity.MEDIUM

    @property
    def pieces(self) -> list[Evidence]:
        """Its evidence, strongest first."""
        return sorted(self.evidence.values(), key=lambda one: (-one.points, one.rule, one.first, one.person))

    @property
    def rules(self) -> list[Rule]:
        """The rules, strongest first."""
        return list(dict.fromkeys(one.rule for one in self.pieces))

    @property
    def entries(self) -> list[int]:
        """Indexes of the entries that its evidence names one by one, oldest first."""
        return sorted({index for one in self.evidence.values() for index in one.entries})

    def grow(self, pieces: Iterable[Evidence], time_ms: int) -> bool:
        """Take evidence in.

        Returns:
            Whether it changed anything.
        """
        changed = False
        for one in pieces:
            known = self.evidence.get(one.focus)
            if known is not None and (known.points, known.last, known.count) >= (one.points, one.last, one.count):
                continue
            if known is not None and known.points > one.points:
                # What was worth more counts on; the newer entries are named all the same.
                known.last, known.count = max(known.last, one.last), max(known.count, one.count)
            else:
                self.evidence[one.focus] = one
            changed = True
        if not changed:
            return False
        for dropped in self.pieces[_MOST_PIECES:]:
            del self.evidence[dropped.focus]
        self.points = max(self.points, *sums(self.evidence.values()))
        self.grown_ms = max(self.grown_ms, time_ms)
        self.grown_at = max(one.last for one in self.evidence.values())
        return True


def sums(pieces: Iterable[Evidence]) -> list[int]:
    """Points about each person, and about the work as a whole; of one rule the strongest counts."""
    found: dict[bytes, dict[Rule, int]] = {}
    for one in pieces:
        points = found.setdefault(one.person, {})
        points[one.rule] = max(points.get(one.rule, 0), one.points)
    return [sum(points.values()) for points in found.values()] or [0]


def new_alert(who: Who, day: int, index: int, time_ms: int) -> Alert:
    """An alert without evidence, with the id that follows from who and where."""
    name = "\0".join((who.department, who.system, who.official, str(index)))
    return Alert(sha256(name.encode()).digest()[:ID_SIZE], who, day, time_ms, index, time_ms, index)
