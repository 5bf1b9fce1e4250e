"""Who reads: an official through a system, or a system that names no official, with the running day and the own days.

Rules kept here: an official at another system is another actor, with baselines of its own; what lies before the window
is forgotten to the day.
"""

from collections import deque
from typing import Final, NamedTuple

from gateway.detection.baselines import HOURS, Done, Group
from gateway.detection.rules import Evidence, Rule

_ALL_HOURS: Final = (1 << HOURS) - 1
DAY_SHIFT: Final = 96
"""Where the day stands in the number that is kept of the newest read of a person: day, entry, sum of the case."""
_LEAST_READS: Final = 50
_OWN_DAYS: Final = 5
"""Fewer own days than this are no baseline."""


class Who(NamedTuple):
    """An actor's name.

    Attributes:
        department: The department.
        system: SPIFFE id of the system.
        official: Keyed hash; empty when the system names none.
    """

    department: str
    system: str
    official: str


class Suspect:
    """What was noticed about one person's reads by one actor.

    Attributes:
        marks: By rule, day and index of each read that showed it, oldest first.
        last_day: Of the newest mark.
        relations: As answered; None while nobody did.
        asked: With how many points an answer was last wanted.
        entry: Newest entry.
    """

    __slots__ = ("asked", "entry", "last_day", "marks", "notes", "relations")

    def __init__(self) -> None:
        self.marks: dict[Rule, list[tuple[int, int]]] = {}
        self.last_day = 0
        self.relations: frozenset[str] | None = None
        self.asked = 0
        self.entry = -1
        self.notes: dict[Rule, Evidence] = {}

    def prune(self, before: int) -> None:
        """Forget marks of days before this one."""
        for rule, marks in list(self.marks.items()):
            if marks[0][0] < before:
                self.marks[rule] = kept = [mark for mark in marks if mark[0] >= before]
                if not kept:
                    del self.marks[rule]

    def forget_through(self, index: int) -> None:
        """Forget marks up to an entry."""
        marks = {rule: [mark for mark in marks if mark[1] > index] for rule, marks in self.marks.items()}
        self.marks = {rule: kept for rule, kept in marks.items() if kept}
        self.notes = {rule: note for rule, note in self.notes.items() if note.last > index}


class Actor:
    """One who reads. See the module; the running day's counts are those since `begin`."""

    __slots__ = (
        "cases",
        "day",
        "evidence",
        "first",
        "forgets",
        "group",
        "history",
        "hours",
        "in_minute",
        "last",
        "minute",
        "no_case",
        "overdue",
        "own_days",
        "own_high",
        "own_middle",
        "own_peak",
        "peak",
        "people",
        "purposes",
        "rare",
        "rare_reads",
        "reads",
        "refusals",
        "related",
        "repeats",
        "seen",
        "settled",
        "suspects",
        "unjustified",
        "watched",
        "who",
        "wide",
    )

    def __init__(self, who: Who, group: Group) -> None:
        self.who = who
        self.group = group
        self.day = -1
        self.history: deque[Done] = deque()
        self.evidence: dict[tuple[Rule, bytes, str], Evidence] = {}
        self.suspects: dict[bytes, Suspect] = {}
        self.seen: dict[bytes, int] = {}
        self.repeats: dict[bytes, list[tuple[int, int, int]]] = {}
        self.rare = 0
        self.own_days = 0
        self.own_high = self.own_middle = self.own_peak = -1
        self.settled = -1
        self.last = -1
        self.forgets = 0
        self.wide: dict[str, dict[bytes, tuple[int, int]]] = {}
        self.watched: dict[bytes, int] = {}
        self.related: dict[bytes, int] = {}
        self.purposes: dict[str, list[tuple[int, int]]] = {}
        self.overdue: list[int] = []
        self.unjustified: list[int] = []
        self._clear()

    def _clear(self) -> None:
        self.people: set[bytes] = set()
        self.reads = 0
        self.no_case: list[int] = []
        self.rare_reads: list[tuple[int, int]] = []
        self.refusals: list[tuple[int, str, str]] = []
        self.cases: dict[str, dict[bytes, tuple[int, int]]] = {}
        self.hours = 0
        self.minute = -1
        self.in_minute = 0
        self.peak = 0
        self.first = -1

    def end(self) -> None:
        """End the running day; what was done on it is one of the own days from now on."""
        self.wide |= {case: people for case, people in self.cases.items() if len(people) > 1}
        self.history.append(
            Done(
                self.day,
                len(self.people),
                self.reads,
                self.peak,
                self.hours,
                self.first,
                len(self.no_case),
                self.group.today.worked,
            )
        )

    def begin(self, day: int, window_days: int) -> None:
        """Begin a day: forget what is too old and see what is usual by now."""
        while self.history and self.history[0].day < day - window_days:
            self.history.popleft()
        self.day = day
        self._clear()
        self._baseline()

    def _baseline(self) -> None:
        own = self.history
        self.own_days = len(own)
        if len(own) >= _OWN_DAYS:
            people = sorted(done.people for done in own)
            self.own_high, self.own_middle = people[-1], people[len(people) // 2]
            self.own_peak = max(done.peak for done in own)
            worked = 0
            for done in own:
                if done.worked is self.group.today.worked:
                    worked |= done.hours
            # The hours beside those at which one usually works are no off hours.
            around = worked | worked << 1 | worked >> 1 | worked >> (HOURS - 1) | worked << (HOURS - 1)
        else:
            self.own_high = self.own_middle = self.own_peak = -1
            around = 0
        reads = sum(done.reads for done in own)
        self.forgets = 100 * sum(done.no_case for done in own) // reads if reads >= _LEAST_READS else 0
        group = self.group
        self.rare = group.rare[group.today.worked] & ~around & _ALL_HOURS

    def people_under(self, case: str, since: int) -> dict[bytes, tuple[int, int]]:
        """People who were read under a case lately, before today: day and entry of each."""
        known = self.wide.get(case)
        return {} if known is None else {person: at for person, at in known.items() if at[0] >= since}

    def forget_through(self, index: int) -> None:
        """Forget what speaks against this one up to an entry."""
        self.settled = max(self.settled, index)
        self.evidence = {focus: piece for focus, piece in self.evidence.items() if piece.last > index}
        self.no_case = [one for one in self.no_case if one > index]
        self.rare_reads = [one for one in self.rare_reads if one[0] > index]
        self.refusals = [one for one in self.refusals if one[0] > index]
        self.purposes = {name: [one for one in reads if one[1] > index] for name, reads in self.purposes.items()}
        for cases in (self.cases, self.wide):
            for case, people in cases.items():
                cases[case] = {person: at for person, at in people.items() if at[1] > index}
        self.repeats = {person: [one for one in days if one[1] > index] for person, days in self.repeats.items()}
        self.overdue = [one for one in self.overdue if one > index]
        self.unjustified = [one for one in self.unjustified if one > index]
        for person, suspect in list(self.suspects.items()):
            suspect.forget_through(index)
            if not suspect.marks and not suspect.notes:
                del self.suspects[person]

    def forget_seen(self, before: int) -> None:
        """Forget persons who were not read since a day: to save room, for they count no longer anyway."""
        self.seen = {person: packed for person, packed in self.seen.items() if packed >> DAY_SHIFT >= before}
        self.repeats = {person: days for person, days in self.repeats.items() if person in self.seen}
        self.wide = {
            case: kept
            for case, people in self.wide.items()
            if (kept := {person: at for person, at in people.items() if at[0] >= before})
        }

    def note(self, made: Evidence) -> bool:
        """Keep evidence about the actor's work; of one focus what has more points counts.

        Returns:
            Whether it changed anything.
        """
        if made.points <= 0 or made.last <= self.settled:
            return False
        before = self.evidence.get(made.focus)
        if before is not None and before.points > made.points and before.day == made.day:
            before.last, before.count = max(before.last, made.last), max(before.count, made.count)
            return False
        self.evidence[made.focus] = made
        return before is None or before.points < made.points


def usual_people(actor: Actor) -> int:
    """The highest usual number of people of an actor's day: own or the peers', whichever is more; -1: unknown."""
    return max(actor.own_high, actor.group.people_high)


def usual_peak(actor: Actor) -> int:
    """The same for the requests in a minute."""
    return max(actor.own_peak, actor.group.peak_high)
