"""Evidence about an official's work as a whole: how many people, how fast, when, with which cases, how often refused.

Rules kept here: numbers are compared with the own days and with the peers', and at the end of a day also with what the
day brought to all of them, so that a month's end or a campaign does not make everybody suspicious. Each piece of
evidence carries the numbers that it was compared with.
"""

from collections import Counter
from typing import Final

from gateway.detection.actors import Actor, usual_peak, usual_people
from gateway.detection.baselines import Group
from gateway.detection.rules import Evidence, Rule, evidence
from gateway.detection.thresholds import Thresholds

_PERCENT: Final = 100
_STEPS: Final = ((400, 100), (300, 80), (200, 60), (150, 45), (100, 30))
"""Percent of the threshold, and the points for it."""
_WEEK_STEPS: Final = ((200, 100), (150, 80), (125, 60), (100, 40))
_EXTREME: Final = 250
"""Percent of the bulk threshold at which nobody waits for the end of the day."""
_HALF: Final = 2
_LONG_NIGHT: Final = 4
_ALL_SHARE: Final = 4
"""One of so many peers who does the same makes it the day's doing and not the official's."""
_DAWN: Final = 6
"""Before this hour it is night."""
_WEEK: Final = 7
_WEEK_DAYS: Final = 4
_BEFORE_DAYS: Final = 5
_SHARED_TIMES: Final = 3


def bulk_at_once(actor: Actor, day: int, index: int, thresholds: Thresholds) -> Evidence | None:
    """So many people already that no busy day explains it; looked at when their number is a multiple of the least."""
    usual = usual_people(actor)
    people = len(actor.people)
    limit = max(thresholds.bulk_least, max(usual, 0) * thresholds.bulk_factor // _PERCENT)
    if usual < 0 or people * _PERCENT < limit * _EXTREME:
        return None
    points = thresholds.weighed(Rule.BULK, 100)
    return _bulk(actor, points, day, [actor.first, index], limit)


def bulk(actor: Actor, day: int, last: int, thresholds: Thresholds) -> Evidence | None:
    """Many people in a day that has ended."""
    usual = usual_people(actor)
    if usual < 0:
        return None
    surge = max(_PERCENT, actor.group.surge)
    limit = max(thresholds.bulk_least, usual * thresholds.bulk_factor // _PERCENT * surge // _PERCENT)
    points = _stepped(len(actor.people) * _PERCENT // limit)
    return _bulk(actor, thresholds.weighed(Rule.BULK, points), day, [actor.first, last], limit) if points else None


def _bulk(actor: Actor, points: int, day: int, indexes: list[int], limit: int) -> Evidence:
    group = actor.group
    made = evidence(Rule.BULK, points, day, indexes, observed=len(actor.people), threshold=limit)
    made.own, made.own_days = actor.own_high, actor.own_days
    made.peers, made.peers_days = group.people_high, group.days_counted
    made.count = actor.reads
    return made


def week_change(actor: Actor, day: int) -> int:
    """Percent of the people of the days before that a day of the last week had; 0 when there is nothing to compare."""
    week, before = _week(actor, day)
    return 0 if not before or not _middle(before) else _PERCENT * _middle(week) // _middle(before)


def _middle(days: list[int]) -> int:
    return sorted(days)[len(days) // 2]


def _week(actor: Actor, day: int) -> tuple[list[int], list[int]]:
    """People of the days of the last week, and of those before; nothing when either are too few."""
    week = [done.people for done in actor.history if done.day > day - _WEEK]
    before = [done.people for done in actor.history if done.day <= day - _WEEK]
    return ([], []) if len(week) < _WEEK_DAYS or len(before) < _BEFORE_DAYS else (week, before)


def sustained(actor: Actor, day: int, last: int, thresholds: Thresholds) -> Evidence | None:
    """More people on each day of a week than on the days before it."""
    week, before = _week(actor, day)
    if not week:
        return None
    # The middle day, so that one busy day is not a busy week.
    most, usual = _middle(week), _middle(before)
    surge = max(_PERCENT, actor.group.week_surge)
    limit = max(usual * thresholds.sustained_factor // _PERCENT * surge // _PERCENT, actor.group.people_middle)
    points = _stepped(most * _PERCENT // max(limit, 1), _WEEK_STEPS)
    if not points or most < thresholds.bulk_least // _HALF:
        return None
    first = min(done.first for done in actor.history if done.day > day - _WEEK)
    made = evidence(Rule.SUSTAINED, thresholds.weighed(Rule.SUSTAINED, points), day, [first, last], observed=most)
    made.own, made.own_days, made.threshold = usual, len(before), limit
    made.peers, made.peers_days, made.count = actor.group.people_middle, actor.group.days_counted, sum(week)
    return made


def fast(actor: Actor, day: int, index: int, thresholds: Thresholds) -> Evidence | None:
    """Many requests in the running minute."""
    usual = usual_peak(actor)
    if usual < 0:
        return None
    limit = max(thresholds.fast_least, usual * thresholds.fast_factor // _PERCENT)
    points = _stepped(actor.in_minute * _PERCENT // limit)
    if not points:
        return None
    made = evidence(Rule.FAST, thresholds.weighed(Rule.FAST, points), day, [index], observed=actor.in_minute)
    made.own, made.own_days, made.threshold = actor.own_peak, actor.own_days, limit
    made.peers, made.peers_days, made.count = actor.group.peak_high, actor.group.days_counted, actor.in_minute
    return made


def off_hours(actor: Actor, day: int, thresholds: Thresholds) -> Evidence | None:
    """Much work at off hours, unless many of the peers work at them today."""
    reads, group = [entry for entry, _ in actor.rare_reads], actor.group
    if len(reads) < thresholds.off_hours_least:
        return None
    night = sum(hour < _DAWN for _, hour in actor.rare_reads)
    mostly_at_night = _HALF * night > len(reads)
    if len(reads) < _HALF * thresholds.off_hours_least:
        points = 45
    elif not mostly_at_night:
        points = 50
    else:
        # Hours of work in the middle of the night, of one whose peers all sleep, need no second reason.
        points = 100 if len(reads) >= _LONG_NIGHT * thresholds.off_hours_least else 70
    if len(group.rare_today) * _ALL_SHARE >= max(group.active, _WEEK):
        points //= 3
    made = evidence(Rule.OFF_HOURS, thresholds.weighed(Rule.OFF_HOURS, points), day, reads, observed=len(reads))
    made.own, made.own_days, made.threshold = 0, actor.own_days, thresholds.off_hours_least
    made.peers, made.peers_days = len(group.rare_today) - 1, group.active
    return made


def no_case(actor: Actor, day: int, thresholds: Thresholds) -> Evidence | None:
    """Much without a case, where the peers name one."""
    reads, group = actor.no_case, actor.group
    expected = actor.reads * (_PERCENT - group.cases_share) // _PERCENT
    # Some forget more often than others.
    own = max((done.no_case for done in actor.history), default=0)
    limit = max(thresholds.no_case_least, _SHARED_TIMES * expected, own * 3 // 2)
    if len(reads) < limit:
        return None
    points = 60 if len(reads) >= _HALF * limit else 45
    made = evidence(Rule.NO_CASE, thresholds.weighed(Rule.NO_CASE, points), day, reads, observed=len(reads))
    made.peers, made.peers_days, made.threshold = group.cases_share, group.reads, limit
    made.own, made.own_days = own, actor.own_days
    return made


def shared_case(actor: Actor, case: str, day: int, thresholds: Thresholds) -> Evidence | None:
    """One case named for many people."""
    people = actor.cases[case]
    usual = actor.group.case_people
    limit = max(thresholds.shared_case_people, _HALF * usual)
    if len(people) < limit:
        return None
    # A list that is worked off at one go is more likely honest than a case that serves for days.
    points = 60 if len({at for at, _ in people.values()}) > 1 else 35
    made = evidence(
        Rule.SHARED_CASE,
        thresholds.weighed(Rule.SHARED_CASE, points),
        day,
        sorted(entry for _, entry in people.values()),
    )
    made.observed, made.threshold = len(people), limit
    made.peers, made.peers_days = usual, actor.group.days_counted
    return made


def refusals(actor: Actor, day: int, thresholds: Thresholds) -> Evidence | None:
    """Refused often and for different things; what many peers are refused for today is not the official's doing."""
    group = actor.group
    own = own_refusals(actor)
    limit = max(thresholds.refusals_least, _SHARED_TIMES * group.refused_high)
    if len(own) < limit:
        return None
    counts = Counter(kind for _, _, kind in own)
    kinds, commonest = len(counts), max(counts.values())
    points = 30
    # A program that tries one thing again and again, and a few errors beside it, is no variety.
    if kinds >= thresholds.refusals_kinds and _HALF * (len(own) - commonest) >= limit:
        points = 100 if len(own) >= _HALF * limit else 80
    made = evidence(Rule.REFUSALS, thresholds.weighed(Rule.REFUSALS, points), day, [index for index, _, _ in own])
    made.observed, made.threshold, made.detail = len(own), limit, str(kinds)
    made.peers, made.peers_days = group.refused_high, group.days_counted
    return made


def own_refusals(actor: Actor) -> list[tuple[int, str, str]]:
    """Refusals of the running day that are not everybody's."""
    return [one for one in actor.refusals if not _everybodys(actor, one[1])]


def _everybodys(actor: Actor, reason: str) -> bool:
    users = actor.group.refused_today.get(reason, ())
    return len(users) > 1 and len(users) * _ALL_SHARE >= actor.group.active


def new_purpose(actor: Actor, purpose: str, day: int, thresholds: Thresholds) -> Evidence | None:
    """Much for a purpose that is new to the system, unless many of the peers have taken it up."""
    since, group = day - thresholds.evidence_days, actor.group
    reads = [entry for at, entry in actor.purposes.get(purpose, ()) if at > since]
    if len(reads) < thresholds.new_purpose_least:
        return None
    points = 60 if len(reads) >= _HALF * thresholds.new_purpose_least else 45
    users = len(group.purpose_users.get(purpose, ()))
    if users == 1 and len(reads) >= _HALF * thresholds.new_purpose_least:
        # Nobody else took it up.
        points = 100
    if taken_up(group, purpose):
        points //= 3
    made = evidence(Rule.NEW_PURPOSE, thresholds.weighed(Rule.NEW_PURPOSE, points), day, reads, detail=purpose)
    made.observed, made.threshold = len(reads), thresholds.new_purpose_least
    made.peers, made.peers_days = users - 1, group.active
    return made


def taken_up(group: Group, purpose: str) -> bool:
    """Whether many of those who use a system ask for a purpose."""
    users = len(group.purpose_users.get(purpose, ()))
    return users > 1 and users * _ALL_SHARE >= group.active


def _stepped(percent: int, steps: tuple[tuple[int, int], ...] = _STEPS) -> int:
    return next((points for least, points in steps if percent >= least), 0)


def emergencies(actor: Actor, day: int, thresholds: Thresholds) -> Evidence | None:
    """Emergencies that nobody reviewed in time, and any that was found not justified."""
    if actor.unjustified:
        indexes, points, detail = actor.unjustified, 100, "not_justified"
    elif actor.overdue:
        indexes, detail = actor.overdue, "overdue"
        points = 100 if len(indexes) >= thresholds.emergencies_overdue else 60
    else:
        return None
    made = evidence(Rule.EMERGENCY, thresholds.weighed(Rule.EMERGENCY, points), day, indexes, detail=detail)
    made.observed, made.threshold = len(indexes), thresholds.emergencies_overdue
    return made
