"""The rules by their names, and what a piece of evidence is."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

KEPT_ENTRIES: Final = 50
"""Entries of one piece of evidence that are named one by one; of more, the first, the last and the number count."""


class Rule(StrEnum):
    """What evidence comes from. docs/detection.md lists each with its settings (tested)."""

    BULK = "bulk"
    """Many different people in a day, against the own days, the peers' and what happens to all of them today."""
    SUSTAINED = "sustained"
    """More different people over a week than in the weeks before."""
    FAST = "fast"
    """Many requests in a minute."""
    OFF_HOURS = "off_hours"
    """At hours at which neither this official nor the peers work."""
    RELATION = "relation"
    """About a relative, a colleague or somebody of the own household."""
    WATCHED = "watched"
    """About somebody on the audit office's list."""
    NEW_PURPOSE = "new_purpose"
    """For a purpose that the system had not asked for."""
    NO_CASE = "no_case"
    """Without a case, where the peers name one."""
    SHARED_CASE = "shared_case"
    """One case named for many people."""
    REFUSALS = "refusals"
    """Refused often and for different reasons: trying out what is possible."""
    EMERGENCY = "emergency"
    """A declared emergency that nobody reviewed in time, or that was found not justified."""
    HONEYTOKEN = "honeytoken"
    """About somebody who does not exist."""
    REPEATED = "repeated"
    """One person again and again, on different days, with changing cases."""


class Severity(StrEnum):
    """How much an alert asks for."""

    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(slots=True)
class Evidence:
    """Why something is suspicious: one rule, the entries, and the numbers it was compared with.

    Attributes:
        rule: The rule.
        points: How much it adds.
        day: Civil day of the newest entry.
        entries: Indexes, oldest first, at most `KEPT_ENTRIES`.
        first: Index of the first entry.
        last: Index of the last.
        count: How many entries.
        observed: What was counted.
        own: The official's own baseline; -1 when there is none.
        own_days: From how many days of the official.
        peers: The peers' baseline; -1 when there is none.
        peers_days: From how many days of officials, or requests.
        threshold: What the setting allowed.
        person: Whom it is about, when it is about one person.
        detail: A word that the text names: a relation, a purpose, a list, a finding.
    """

    rule: Rule
    points: int
    day: int
    first: int
    last: int
    count: int = 1
    entries: list[int] = field(default_factory=list)
    observed: int = 0
    own: int = -1
    own_days: int = 0
    peers: int = -1
    peers_days: int = 0
    threshold: int = 0
    person: bytes = b""
    detail: str = ""

    @property
    def focus(self) -> tuple[Rule, bytes, str]:
        """What makes it another piece of evidence: of the same focus the newest counts."""
        return (self.rule, self.person, self.detail if self.rule is Rule.RELATION else "")


def evidence(rule: Rule, points: int, day: int, indexes: list[int], **numbers: int | str | bytes) -> Evidence:
    """Evidence about some entries, oldest first; there is at least one."""
    made = Evidence(rule, points, day, indexes[0], indexes[-1], len(indexes), indexes[:KEPT_ENTRIES])
    for name, value in numbers.items():
        setattr(made, name, value)
    return made
