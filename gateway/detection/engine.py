"""The rules over a stream of reads, in the order of the log. Pure: what it is told decides what it finds.

Rules kept here: it sees entries in order, each once; civil days only go forward, whatever the clock did. What it
knows of the past is what lies in the window, so an engine that begins there and one that ran on find the same. It
reads no clock, no database and no setting that it was not given.

What it does not do: it stores nothing and tells nobody; see `gateway.exchange.detect`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zlib import crc32

from gateway.detection import about_work as work
from gateway.detection.about_person import CLOSE, repeated_days, weigh
from gateway.detection.actors import DAY_SHIFT, Actor, Suspect, Who
from gateway.detection.alerts import Alert, new_alert, sums
from gateway.detection.baselines import Group, GroupDay, middle
from gateway.detection.headlines import Headlines
from gateway.detection.reads import REFUSED, Finding, Read, Review
from gateway.detection.relations import Pair, Relations
from gateway.detection.rules import Evidence, Rule, evidence
from gateway.detection.stored_relations import Wanted
from gateway.detection.thresholds import Thresholds
from policies.civil_time import DAY_MS, day_begins_ms

WATCHED: Final = "watched"
HONEYTOKEN: Final = "honeytoken"
_EPOCH: Final = date(1970, 1, 1)
_OFFSET_MS: Final = -day_begins_ms(0)
_HOUR_MS: Final = 3_600_000
_MINUTE_MS: Final = 60_000
_INDEX_SHIFT: Final = 32
_INDEX_MASK: Final = (1 << 64) - 1
_CASE_MASK: Final = (1 << 32) - 1
_BULK_STEP: Final = 20
_FORGET_EVERY: Final = 3
"""Days between two rounds of saving room."""

Listed = Callable[[bytes], str]
"""The list on which a person is: `WATCHED`, `HONEYTOKEN`, or empty."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What an engine found since it was last asked.

    Attributes:
        alerts: Raised or grown, in the order in which they were raised.
        wanted: Pairs whose relation is worth asking for.
    """

    alerts: list[Alert]
    wanted: list[Wanted]


class Engine:
    """Looks at reads.

    Args:
        thresholds: As set.
        listed: On which list a person is.
        relations: Knows the relations that were answered.
        settled: For each who was judged already, the entry up to which nothing counts any more.
    """

    def __init__(
        self, thresholds: Thresholds, listed: Listed, relations: Relations, settled: dict[Who, int] | None = None
    ) -> None:
        self._set = thresholds
        self._listed = listed
        self._relations = relations
        self._settled = settled or {}
        self._day = -1
        self._hour = -1
        self._actors: dict[tuple[str, str, str], Actor] = {}
        self._groups: dict[str, Group] = {}
        self._today: list[Actor] = []
        self._emergencies: dict[int, tuple[Actor, bytes, int, int]] = {}
        self._headlines = Headlines(thresholds)
        self._open: dict[Who, Alert] = {}
        self._changed: dict[bytes, Alert] = {}
        self._wanted: dict[Pair, Wanted] = {}
        self._unanswered: dict[Pair, tuple[Actor, Suspect]] = {}

    def feed(self, read: Read) -> None:
        """Look at the next read."""
        civil = read.time_ms + _OFFSET_MS
        hour = civil // _HOUR_MS
        if hour > self._hour:
            self._next_hour(hour, read.time_ms)
        day = self._day
        actor = self._actors.get((read.department, read.system, read.official))
        if actor is None or actor.day != day:
            actor = self._begin(actor or self._newcomer(read), read.entry)
        hour %= 24
        self._count(actor, read, hour, civil // _MINUTE_MS)
        marks: list[Rule] = []
        if not read.case:
            self._without_case(actor, read, marks)
        if actor.rare >> hour & 1:
            self._off_hours(actor, read, marks)
        if read.outcome == REFUSED:
            self._refused(actor, read)
        if actor.group.known.get(read.purpose, -1) < day:
            self._purpose(actor, read, marks)
        if read.person:
            self._about(actor, read, marks)

    def _count(self, actor: Actor, read: Read, hour: int, minute: int) -> None:
        actor.reads += 1
        actor.last = read.entry
        actor.hours |= 1 << hour
        today = actor.group.today
        today.reads += 1
        today.hours[hour] += 1
        if minute == actor.minute:
            self._in_minute(actor, read)
        else:
            actor.minute, actor.in_minute = minute, 1

    def review(self, review: Review) -> None:
        """Look at what the log says about the review of an emergency."""
        day = (review.time_ms + _OFFSET_MS) // DAY_MS
        if (review.time_ms + _OFFSET_MS) // _HOUR_MS > self._hour:
            self._next_hour((review.time_ms + _OFFSET_MS) // _HOUR_MS, review.time_ms)
        used = self._emergencies.get(review.asked)
        if used is None or day < self._day:
            return
        actor, person, index, _ = used
        if index <= actor.settled:
            return
        for listed in (actor.overdue, actor.unjustified):
            if index in listed:
                listed.remove(index)
        suspect = actor.suspects.get(person)
        if suspect is not None:
            suspect.notes.pop(Rule.EMERGENCY, None)
        if review.finding is Finding.NOT_JUSTIFIED:
            actor.unjustified.append(index)
        elif review.finding in {Finding.OVERDUE, Finding.FOLLOW_UP}:
            actor.overdue.append(index)
            if person:
                suspect = actor.suspects.setdefault(person, Suspect())
                points = self._set.weighed(Rule.EMERGENCY, 50)
                suspect.notes[Rule.EMERGENCY] = evidence(
                    Rule.EMERGENCY, points, self._day, [index], person=person, observed=1, detail="overdue"
                )
                suspect.last_day, suspect.entry = self._day, max(suspect.entry, index)
                self._weigh_person(actor, person, suspect, review.index, review.time_ms)
        actor.evidence.pop((Rule.EMERGENCY, b"", ""), None)
        self._note(actor, work.emergencies(actor, self._day, self._set), review.time_ms)

    def take(self) -> Changes:
        """What was found since the last time."""
        changes = Changes(
            sorted(self._changed.values(), key=lambda one: (one.raised_at, one.id)),
            sorted(self._wanted.values(), key=lambda one: (-one.suspicion, one.entry)),
        )
        self._changed, self._wanted = {}, {}
        return changes

    def restore(self, alerts: Iterable[Alert]) -> None:
        """Go on with these open alerts, and with no others."""
        self._open = {alert.who: alert for alert in alerts}

    def settle(self, who: Who, index: int) -> None:
        """An officer judged: nothing up to this entry counts against this one any more."""
        self._settled[who] = max(index, self._settled.get(who, -1))
        self._open.pop(who, None)
        actor = self._actors.get((who.department, who.system, who.official))
        if actor is not None:
            actor.forget_through(index)

    def _newcomer(self, read: Read) -> Actor:
        group = self._groups.get(read.system)
        if group is None:
            group = self._groups[read.system] = Group(GroupDay(self._day, worked=self._worked(self._day)))
        who = Who(read.department, read.system, read.official)
        actor = self._actors[read.department, read.system, read.official] = Actor(who, group)
        actor.settled = self._settled.get(who, -1)
        return actor

    def _begin(self, actor: Actor, entry: int) -> Actor:
        day = self._day
        before = day - self._set.window_days
        actor.begin(day, self._set.window_days)
        actor.first = entry
        actor.group.active += 1
        self._today.append(actor)
        since = day - self._set.evidence_days
        actor.related = {person: at for person, at in actor.related.items() if at >= before}
        actor.watched = {person: at for person, at in actor.watched.items() if at >= before}
        for focus, piece in list(actor.evidence.items()):
            if piece.day < (before if piece.rule is Rule.EMERGENCY else since):
                del actor.evidence[focus]
        for person, suspect in list(actor.suspects.items()):
            if suspect.last_day < before:
                del actor.suspects[person]
            else:
                suspect.prune(before)
        return actor

    def _next_hour(self, hour: int, time_ms: int) -> None:
        self._hour = hour
        if hour // 24 > self._day:
            self._next_day(hour // 24, time_ms)
        if self._unanswered:
            known = self._relations.known(list(self._unanswered))
            for pair in sorted(known.keys() & self._unanswered.keys()):
                actor, suspect = self._unanswered.pop(pair)
                suspect.relations = frozenset(map(str, known[pair]))
                if suspect.relations & CLOSE:
                    actor.related[pair.person] = self._day
                self._weigh_person(actor, pair.person, suspect, suspect.entry, time_ms)

    def _next_day(self, day: int, time_ms: int) -> None:
        ended, self._day = self._day, day
        for actor in self._today:
            actor.end()
            actor.group.ended(actor.history[-1], actor.cases, len(work.own_refusals(actor)))
        for group in self._groups.values():
            mine = [actor for actor in self._today if actor.group is group]
            group.surge = middle([a.history[-1].people * 100 // a.own_middle for a in mine if a.own_middle > 0])
            group.week_surge = middle([surge for a in mine if (surge := work.week_change(a, ended)) > 0])
        for actor in self._today:
            self._note(actor, work.bulk(actor, ended, actor.last, self._set), time_ms)
            self._note(actor, work.sustained(actor, ended, actor.last, self._set), time_ms)
        self._today = []
        quiet = range(max(ended + 1, day - self._set.window_days), day) if ended >= 0 else ()
        for group in self._groups.values():
            between = [GroupDay(one, worked=self._worked(one)) for one in quiet]
            today = GroupDay(day, worked=self._worked(day))
            group.begin(today, between, self._set.window_days, self._set.off_hours_share)
        self._forget(day)

    def _forget(self, day: int) -> None:
        before = day - self._set.window_days
        quiet = day - self._set.quiet_days
        self._emergencies = {asked: used for asked, used in self._emergencies.items() if used[3] >= before}
        self._open = {w: a for w, a in self._open.items() if (a.grown_ms + _OFFSET_MS) // DAY_MS >= quiet}
        self._headlines.forget(day)
        self._unanswered = {p: held for p, held in self._unanswered.items() if held[1].last_day >= before}
        for key, actor in list(self._actors.items()):
            if actor.day < before:
                del self._actors[key]
            elif day % _FORGET_EVERY == 0:
                actor.forget_seen(before)

    def _worked(self, day: int) -> bool:
        return self._set.calendar.is_worked(_EPOCH + timedelta(days=max(day, 0)))

    def _in_minute(self, actor: Actor, read: Read) -> None:
        actor.in_minute += 1
        if actor.in_minute > actor.peak:
            actor.peak = actor.in_minute
            if actor.peak >= self._set.fast_least:
                self._note(actor, work.fast(actor, self._day, read.entry, self._set), read.time_ms)

    def _without_case(self, actor: Actor, read: Read, marks: list[Rule]) -> None:
        actor.group.today.no_case += 1
        if actor.group.cases_share >= self._set.no_case_share and read.entry > actor.settled:
            marks.append(Rule.NO_CASE)
            actor.no_case.append(read.entry)
            self._note(actor, work.no_case(actor, self._day, self._set), read.time_ms)

    def _case(self, actor: Actor, read: Read) -> None:
        people = actor.cases.get(read.case)
        if people is None:
            people = actor.cases[read.case] = actor.people_under(read.case, self._day - self._set.evidence_days)
        if read.person not in people and read.entry > actor.settled:
            people[read.person] = (self._day, read.entry)
            if len(people) >= self._set.shared_case_people:
                self._note(actor, work.shared_case(actor, read.case, self._day, self._set), read.time_ms)

    def _first_today(self, actor: Actor, read: Read, marks: list[Rule]) -> None:
        actor.people.add(read.person)
        if len(actor.people) % _BULK_STEP == 0:
            self._note(actor, work.bulk_at_once(actor, self._day, read.entry, self._set), read.time_ms)
        if self._again(actor, read.person, read.entry, read.case):
            marks.append(Rule.REPEATED)

    def _off_hours(self, actor: Actor, read: Read, marks: list[Rule]) -> None:
        actor.group.rare_today.add(actor.who.official)
        if read.entry <= actor.settled:
            return
        marks.append(Rule.OFF_HOURS)
        actor.rare_reads.append((read.entry, (read.time_ms + _OFFSET_MS) // _HOUR_MS % 24))
        self._note(actor, work.off_hours(actor, self._day, self._set), read.time_ms)

    def _refused(self, actor: Actor, read: Read) -> None:
        kind = f"{read.reason}\0{read.purpose}\0{read.asks}"
        if read.entry > actor.settled:
            actor.refusals.append((read.entry, read.reason, kind))
        actor.group.refused_today.setdefault(read.reason, set()).add(read.official)
        if len(actor.refusals) >= self._set.refusals_least:
            self._note(actor, work.refusals(actor, self._day, self._set), read.time_ms)

    def _purpose(self, actor: Actor, read: Read, marks: list[Rule]) -> None:
        """A purpose that is not long known from the system: new, if the system is not new itself."""
        group, day = actor.group, self._day
        days = group.purposes.setdefault(read.purpose, [])
        if not days or days[-1] != day:
            days.append(day)
        if days[0] - group.first_day < self._set.learning_days or day - days[0] >= self._set.evidence_days:
            # Known; nothing to look at for the rest of the day.
            group.known[read.purpose] = day
            return
        group.purpose_users.setdefault(read.purpose, {})[read.official] = day
        if read.entry <= actor.settled:
            return
        if not work.taken_up(group, read.purpose):
            marks.append(Rule.NEW_PURPOSE)
        actor.purposes.setdefault(read.purpose, []).append((day, read.entry))
        self._note(actor, work.new_purpose(actor, read.purpose, day, self._set), read.time_ms)

    def _again(self, actor: Actor, person: bytes, index: int, case: str) -> bool:
        """Note the first read of a person on a day; whether it was read on an earlier day of the window as well."""
        day = self._day
        packed = actor.seen.get(person)
        actor.seen[person] = day << DAY_SHIFT | index << _INDEX_SHIFT | crc32(case.encode())
        if packed is None or packed >> DAY_SHIFT < day - self._set.window_days:
            actor.group.today.pairs += 1
            return False
        days = actor.repeats.get(person)
        if days is None:
            first = (packed >> DAY_SHIFT, packed >> _INDEX_SHIFT & _INDEX_MASK, packed & _CASE_MASK)
            days = actor.repeats[person] = [first]
        days[:] = [one for one in days if one[0] >= day - self._set.window_days and one[1] > actor.settled]
        if index > actor.settled:
            days.append((day, index, crc32(case.encode())))
        actor.group.today.repeated[repeated_days(actor, person)] += 1
        return True

    def _about(self, actor: Actor, read: Read, marks: list[Rule]) -> None:
        """Everything that concerns the person whom a read is about."""
        person = read.person
        if read.case:
            self._case(actor, read)
        if person not in actor.people:
            self._first_today(actor, read, marks)
        listed = self._listed(person)
        if listed == HONEYTOKEN:
            marks.append(Rule.HONEYTOKEN)
        elif listed == WATCHED:
            marks.append(Rule.WATCHED)
        if read.emergency:
            self._emergencies[read.asked] = (actor, person, read.entry, self._day)
        if marks and read.entry > actor.settled:
            self._mark(actor, read, marks)

    def _mark(self, actor: Actor, read: Read, marks: list[Rule]) -> None:
        person = read.person
        suspect = actor.suspects.get(person)
        if suspect is None:
            suspect = actor.suspects[person] = Suspect()
        for rule in marks:
            suspect.marks.setdefault(rule, []).append((self._day, read.entry))
        suspect.last_day, suspect.entry = self._day, read.entry
        if Rule.WATCHED in marks:
            actor.watched[person] = self._day
            for other, held in self._headlines.note(actor, read, self._day):
                self._weigh_person(other, person, held, read.entry, read.time_ms)
        self._weigh_person(actor, person, suspect, read.entry, read.time_ms)

    def _weigh_person(self, actor: Actor, person: bytes, suspect: Suspect, index: int, time_ms: int) -> None:
        pieces = weigh(actor, person, suspect, self._set)
        points = sum(piece.points for piece in pieces)
        if points >= self._set.alert_points:
            self._alert(actor, pieces, index, time_ms)
        official = actor.who.official
        if official and suspect.relations is None and points >= max(self._set.question_points, suspect.asked + 1):
            suspect.asked = points
            pair = Pair(official, person)
            self._wanted[pair] = Wanted(pair, suspect.entry, points)
            self._unanswered[pair] = (actor, suspect)

    def _note(self, actor: Actor, made: Evidence | None, time_ms: int) -> None:
        """Take evidence about an official's work in."""
        if made is None or made.first <= actor.settled:
            return
        actor.note(made)
        pieces = list(actor.evidence.values())
        if max(sums(pieces)) >= self._set.alert_points:
            self._alert(actor, pieces, made.last, time_ms)

    def _alert(self, actor: Actor, pieces: list[Evidence], index: int, time_ms: int) -> None:
        alert = self._open.get(actor.who)
        if alert is None:
            alert = self._open[actor.who] = new_alert(actor.who, self._day, index, time_ms)
        if alert.grow(pieces, time_ms):
            self._changed[alert.id] = alert
