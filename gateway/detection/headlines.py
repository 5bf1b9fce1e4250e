"""Persons on the list about whom several officials ask within days, each with a case of its own or none: a headline."""

from typing import Final

from gateway.detection.actors import Actor, Suspect
from gateway.detection.reads import Read
from gateway.detection.rules import Rule, evidence
from gateway.detection.thresholds import Thresholds

DAYS: Final = 3
_POINTS: Final = 100
_WITH_CASE: Final = 70
_LEAST_WITHOUT: Final = 2


class Headlines:
    """Remembers who asked about persons on the list.

    Args:
        thresholds: As set.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._set = thresholds
        self._uses: dict[bytes, list[tuple[int, Actor, str, int]]] = {}

    def note(self, actor: Actor, read: Read, day: int) -> list[tuple[Actor, Suspect]]:
        """Note a read.

        Returns:
            Those who are part of a headline now and were not before.
        """
        uses = self._uses.setdefault(read.person, [])
        if not any(use[1] is actor for use in uses):
            uses.append((day, actor, read.case, read.entry))
        # Officials who work on one case are one.
        cases = {case or other.who.official for _, other, case, _ in uses}
        without = sum(not case for _, _, case, _ in uses)
        if len(cases) < self._set.watched_officials or without < _LEAST_WITHOUT:
            # Somebody who applies for much has many cases.
            return []
        found = []
        for used, other, case, entry in uses:
            suspect = other.suspects.get(read.person)
            if suspect is not None and Rule.WATCHED not in suspect.notes and entry > other.settled:
                points = self._set.weighed(Rule.WATCHED, _WITH_CASE if case else _POINTS)
                made = evidence(Rule.WATCHED, points, used, [entry], person=read.person)
                made.observed, made.threshold = len(cases), self._set.watched_officials
                suspect.notes[Rule.WATCHED] = made
                found.append((other, suspect))
        return found

    def forget(self, day: int) -> None:
        """Forget what is too old on a day."""
        kept = ((person, [use for use in uses if use[0] > day - DAYS]) for person, uses in self._uses.items())
        self._uses = {person: uses for person, uses in kept if uses}
