"""What detection finds in simulated months: recall, precision and alerts a day, beside two simpler ways to look.

Rules kept here: the engine is that of production, with the settings' defaults; relations are answered through the same
port within the same budget. Recall counts cases of misuse of which an alert names the official and, in the span of
some piece of evidence, a planted read; precision counts alerts of which that holds. Seeds for tuning and for measuring
lie in two ranges, and what is measured is never used to tune.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from time import process_time
from typing import Final

from gateway.detection.alerts import Alert
from gateway.detection.engine import HONEYTOKEN, WATCHED, Engine
from gateway.detection.reads import Read
from gateway.detection.relations import Pair, Relation
from gateway.detection.rules import Severity
from gateway.detection.stored_relations import Wanted
from gateway.detection.thresholds import Thresholds
from gateway.detection.tokens import Tokens
from gateway.detection_trial.city import City
from gateway.detection_trial.month import Month, Scale
from gateway.detection_trial.simple import Busiest
from gateway.settings import Relations

TUNING: Final = range(1, 102)
"""Seeds that thresholds were chosen with."""
HELD_OUT: Final = range(102, 1000)
"""Seeds that are only ever measured."""
_RANK: Final = {Severity.CRITICAL: 0, Severity.HIGH: 1, Severity.MEDIUM: 2}


class Office:
    """The audit office of the city: answers questions about relations, next morning, within a day's budget.

    Args:
        city: Knows what is true.
        budget: Questions of a day.
    """

    def __init__(self, city: City, budget: int) -> None:
        self._city, self._budget = city, budget
        self._wanted: dict[Pair, Wanted] = {}
        self._answers: dict[Pair, frozenset[Relation]] = {}

    def want(self, wanted: Iterable[Wanted]) -> None:
        """Take questions."""
        for one in wanted:
            if one.pair not in self._answers:
                self._wanted[one.pair] = one

    def work(self) -> None:
        """Answer the most suspicious."""
        ordered = sorted(self._wanted.values(), key=lambda one: (-one.suspicion, -one.entry))
        for one in ordered[: self._budget]:
            del self._wanted[one.pair]
            self._answers[one.pair] = self._city.relations(one.pair.official, one.pair.person)

    def known(self, pairs: Sequence[Pair]) -> Mapping[Pair, frozenset[Relation]]:
        """What was answered; see `Relations`."""
        return {pair: self._answers[pair] for pair in pairs if pair in self._answers}


@dataclass(slots=True)
class Score:
    """What a way to look found.

    Attributes:
        shown: Alerts, or reads looked at.
        right: Of them, those that touch misuse.
        found: Labels of the cases found.
    """

    shown: int = 0
    right: int = 0
    found: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Figures:
    """Of one month.

    Attributes:
        scale: Which.
        reads: In the month.
        kinds: Kind of each planted case.
        alerts: What the engine found, within the daily number.
        below: Alerts beyond the daily number.
        rules: By rule, the alerts that it contributed to, and those of them that are right.
        sampled: As many random reads as there were alerts.
        busiest: As many official's days, the most conspicuous by simple counts.
        engine_s: Seconds that the engine took.
        fed: Reads and reviews that it took them for.
    """

    scale: Scale
    reads: int
    kinds: list[str]
    alerts: Score
    below: int
    rules: dict[str, tuple[int, int]]
    sampled: Score
    busiest: Score
    engine_s: float
    fed: int

    @property
    def recall(self) -> float:
        """Share of the planted cases that were found."""
        return len(self.alerts.found) / len(self.kinds)

    @property
    def precision(self) -> float:
        """Share of the alerts that touch a planted case."""
        return self.alerts.right / self.alerts.shown if self.alerts.shown else 1.0

    @property
    def per_day(self) -> float:
        """Alerts a day."""
        return self.alerts.shown / self.scale.days


class Trial:
    """Runs a month through the engine.

    Args:
        scale: The month.
        thresholds: As set; the defaults are those of production.
    """

    def __init__(self, scale: Scale, thresholds: Thresholds | None = None) -> None:
        self.month = Month(scale)
        self.thresholds = thresholds or Thresholds()
        self.office = Office(self.month.city, Relations().questions_per_day)
        self._lists = _lists(self.month.city)
        self._tokens = Tokens(b"simulated city")
        self.engine = Engine(self.thresholds, self._listed, self.office)
        self.alerts: dict[bytes, Alert] = {}
        self.engine_s = 0.0

    def _listed(self, person: bytes) -> str:
        return self._lists.get(self._tokens.listed(person), "")

    def run(self) -> Figures:
        """Feed every day and count."""
        month = self.month
        busiest = Busiest(month.first_day)
        days: list[tuple[int, int]] = []
        fed = 0
        for day, logged in month.stream():
            began = process_time()
            for one in logged:
                if isinstance(one, Read):
                    self.engine.feed(one)
                else:
                    self.engine.review(one)
            changes = self.engine.take()
            self.engine_s += process_time() - began
            fed += len(logged)
            for alert in changes.alerts:
                self.alerts[alert.id] = alert
            self.office.want(changes.wanted)
            self.office.work()
            reads = [one for one in logged if isinstance(one, Read)]
            busiest.day(day, reads)
            if day >= month.first_day:
                days.append((reads[0].entry, reads[-1].entry))
        return self._figures(days, busiest, fed)

    def _figures(self, days: list[tuple[int, int]], busiest: Busiest, fed: int) -> Figures:
        month = self.month
        counted = [alert for alert in self.alerts.values() if alert.day >= month.first_day]
        shown = _within(counted, self.thresholds.alerts_per_day)
        score, rules = Score(), Counter[str]()
        right_rules: Counter[str] = Counter()
        for alert in shown:
            touched = touches(alert, month.labelled)
            score.shown += 1
            score.right += bool(touched)
            score.found |= touched
            for rule in alert.rules:
                rules[str(rule)] += 1
                right_rules[str(rule)] += bool(touched)
        reads = sum(last - first for first, last in days) // 2
        return Figures(
            month.scale,
            reads,
            month.kinds,
            score,
            len(counted) - len(shown),
            {rule: (count, right_rules[rule]) for rule, count in sorted(rules.items())},
            _sampled(month, days, score.shown),
            busiest.score(score.shown, month.labelled, Score()),
            self.engine_s,
            fed,
        )


def touches(alert: Alert, labelled: Mapping[int, tuple[int, str]]) -> set[int]:
    """The planted cases that an alert is about: same official, a planted read in the span of a piece of evidence."""
    mine = [(entry, label) for entry, (label, official) in labelled.items() if official == alert.who.official]
    return {label for entry, label in mine for one in alert.pieces if one.first <= entry <= one.last}


def _within(alerts: list[Alert], cap: int) -> list[Alert]:
    shown: Counter[int] = Counter()
    kept = []
    for alert in sorted(alerts, key=lambda one: (_RANK[one.severity], -one.points, one.raised_at)):
        if shown[alert.day] < cap:
            shown[alert.day] += 1
            kept.append(alert)
    return kept


def _sampled(month: Month, days: list[tuple[int, int]], number: int) -> Score:
    """Random reads, as many as there were alerts, spread over the days."""
    random, score = Random(f"sample {month.scale.seed}"), Score()
    for _ in range(number):
        first, last = random.choice(days)
        planted = month.labelled.get(random.randrange(first, last + 1, 2))
        score.shown += 1
        if planted is not None:
            score.right += 1
            score.found.add(planted[0])
    return score


def _lists(city: City) -> dict[bytes, str]:
    tokens = Tokens(b"simulated city")
    listed = {tokens.listed(city.ids[number]): WATCHED for number in city.watched}
    return listed | {tokens.listed(person): HONEYTOKEN for person in city.nobodies}
