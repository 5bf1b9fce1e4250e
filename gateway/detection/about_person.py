"""Evidence about one person's reads by one official: what each mark is worth, and what the marks together say.

Rules kept here: a mark alone is no alert, except for a person who does not exist. What the peers do often too weighs
less. Pure: nothing is looked up.
"""

from typing import Final

from gateway.detection.actors import Actor, Suspect
from gateway.detection.relations import Relation
from gateway.detection.rules import Evidence, Rule, evidence
from gateway.detection.thresholds import Thresholds

_MARKS: Final = {
    Rule.HONEYTOKEN: 100,
    Rule.WATCHED: 50,
    Rule.NO_CASE: 45,
    Rule.OFF_HOURS: 30,
    Rule.NEW_PURPOSE: 30,
}
_RELATIONS: Final = (
    # The strongest that holds counts: a person's family mostly lives at the same address.
    (frozenset({Relation.FAMILY}), 60, "family"),
    (frozenset({Relation.COLLEAGUE}), 50, "colleague"),
    (frozenset({Relation.SAME_ADDRESS, Relation.SAME_SURNAME}), 50, "household"),
    (frozenset({Relation.SAME_ADDRESS}), 20, "same_address"),
)
CLOSE: Final = frozenset({Relation.FAMILY, Relation.COLLEAGUE})
_MORE_THAN_ONE: Final = 15
_REPEATED: Final = (25, 45, 55, 65)
_ONE_DAY_SHORT: Final = 1
_OFTEN: Final = 5
"""Of a thousand pairs of the peers: as usual as this, a repetition weighs half."""
_USUAL: Final = 20
"""As usual as this, it weighs a quarter."""
_LEAST_PAIRS: Final = 200
_OFTEN_FORGETS: Final = 2


def weigh(actor: Actor, person: bytes, suspect: Suspect, thresholds: Thresholds) -> list[Evidence]:
    """Everything that the marks about a person say, strongest first.

    Args:
        actor: Who reads.
        person: Whom it is about.
        suspect: The marks.
        thresholds: As set.
    """
    found: list[Evidence] = []
    for rule, points in _MARKS.items():
        marks = suspect.marks.get(rule)
        if marks:
            found.append(_marked(actor, person, rule, points, marks, thresholds))
    repeated = _repeated(actor, person, thresholds)
    if repeated is not None:
        found.append(repeated)
    if Rule.WATCHED in suspect.marks and actor.who.official and len(actor.watched) > 1:
        # More than one of those on the list: hardly a coincidence.
        found = [_more(one, thresholds) if one.rule is Rule.WATCHED else one for one in found]
    for rule, note in suspect.notes.items():
        found = [*(one for one in found if one.rule is not rule), note]
    related = _related(person, suspect, found, thresholds)
    if related is not None:
        if suspect.relations and suspect.relations & CLOSE and len(actor.related) > 1:
            # Suspicious reads of one relative may be chance; of several they are a habit.
            related.points += thresholds.weighed(Rule.RELATION, _MORE_THAN_ONE)
        found.append(related)
    return sorted((one for one in found if one.points > 0), key=lambda one: (-one.points, one.rule))


def _marked(
    actor: Actor, person: bytes, rule: Rule, points: int, marks: list[tuple[int, int]], thresholds: Thresholds
) -> Evidence:
    group = actor.group
    made = evidence(rule, thresholds.weighed(rule, points), marks[-1][0], [index for _, index in marks], person=person)
    made.observed = len(marks)
    if rule is Rule.NO_CASE:
        made.points = _without_case(actor, person, marks, made.points)
        made.peers, made.peers_days, made.threshold = group.cases_share, group.reads, thresholds.no_case_share
    elif rule is Rule.OFF_HOURS:
        made.own, made.own_days = 0, actor.own_days
        made.peers_days, made.threshold = group.reads, thresholds.off_hours_share
    elif rule is Rule.NEW_PURPOSE:
        made.threshold = thresholds.learning_days
    return made


def _more(one: Evidence, thresholds: Thresholds) -> Evidence:
    one.points += thresholds.weighed(Rule.WATCHED, 25)
    return one


def _without_case(actor: Actor, person: bytes, marks: list[tuple[int, int]], points: int) -> int:
    """What it is worth that no case was named: more on several days, less from somebody who often forgets it."""
    if len({day for day, _ in marks}) > 1:
        points = points * 4 // 3
    elif actor.forgets > _OFTEN_FORGETS * (100 - actor.group.cases_share):
        points = points * 2 // 3
    days = actor.repeats.get(person)
    if not days:
        return points
    # One forgotten among many says little.
    return points * max(sum(not case for _, _, case in days), 1) // len(days)


def _related(person: bytes, suspect: Suspect, others: list[Evidence], thresholds: Thresholds) -> Evidence | None:
    """A relation, when there is one; about the reads for which the others speak."""
    held = suspect.relations or frozenset()
    for needed, points, name in _RELATIONS:
        if needed <= held:
            indexes = sorted({index for one in others for index in one.entries}) or [suspect.entry]
            weighed = thresholds.weighed(Rule.RELATION, points)
            return evidence(Rule.RELATION, weighed, suspect.last_day, indexes, person=person, detail=name)
    return None


def repeated_days(actor: Actor, person: bytes) -> int:
    """On how many days the person was read, each with another case where the peers name one."""
    days = actor.repeats.get(person)
    if not days:
        return 0
    if actor.group.cases_share < _CASES_USUAL:
        return len(days)
    return min(len(days), len({case for _, _, case in days}))


_CASES_USUAL: Final = 50


def _repeated(actor: Actor, person: bytes, thresholds: Thresholds) -> Evidence | None:
    times = repeated_days(actor, person)
    # In full at the setting; a day less is worth a little, more days more.
    step = times - thresholds.repeated_days + _ONE_DAY_SHORT
    if times <= 1 or step < 0:
        return None
    points = _REPEATED[min(step, len(_REPEATED) - 1)]
    group = actor.group
    # This very pair is among those who got so far.
    others = max(0, group.repeated[times] - 1)
    pairs = max(group.pairs, _LEAST_PAIRS)
    if 1000 * others >= _USUAL * pairs:
        points //= 4
    elif 1000 * others >= _OFTEN * pairs:
        points //= 2
    days = actor.repeats[person]
    made = evidence(
        Rule.REPEATED,
        thresholds.weighed(Rule.REPEATED, points),
        days[-1][0],
        [index for _, index, _ in days],
        person=person,
    )
    made.observed, made.threshold = times, thresholds.repeated_days
    made.peers, made.peers_days = others, group.pairs
    return made
