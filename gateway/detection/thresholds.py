"""The thresholds of detection, as plain numbers; `gateway.settings` sets them, docs/detection.md explains them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gateway.detection.rules import Rule
from policies.agreements.due import Calendar

ALL: Final = 100


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When what counts as evidence, and when evidence is an alert.

    Attributes:
        alert_points: So many points are an alert. One rule alone seldom brings them.
        alerts_per_day: So many alerts of a day are shown first; the others are kept, ranked and counted.
        window_days: Baselines are those of so many days, and evidence about one person counts for so long.
        evidence_days: Evidence about an official's work counts for so many days.
        quiet_days: An alert to which nothing was added for so long grows no more.
        learning_days: An official, or a system's purposes, are compared with themselves after so many days.
        bulk_factor: Percent of the highest usual number of people that a day may have.
        bulk_least: Fewer people than this in a day are never many.
        sustained_factor: Percent of the usual number of people that a week may have.
        fast_factor: Percent of the usual peak that a minute may have.
        fast_least: Fewer requests than this in a minute are never fast.
        off_hours_share: Hours with less than so many of 10 000 of the peers' requests are off hours.
        off_hours_least: So many requests at off hours in a day are evidence about an official's work.
        no_case_share: Where at least so many percent of requests name a case, one without is evidence.
        no_case_least: So many requests without a case in a day are evidence about an official's work.
        shared_case_people: So many people in a day under one case are evidence.
        repeated_days: On so many days with changing cases is evidence in full.
        refusals_least: So many refusals in a day are evidence.
        refusals_kinds: Of so many different kinds.
        new_purpose_least: So many requests for a new purpose are evidence about an official's work.
        watched_officials: So many officials who ask about one person on the list within three days are evidence.
        emergencies_overdue: So many emergencies of one official without a review in time are an alert.
        question_points: With so many points the relation is asked for.
        weights: Rule to percent of its points; 100 when left out, 0 turns it off.
        calendar: Which days are worked.
    """

    alert_points: int = 100
    alerts_per_day: int = 10
    window_days: int = 28
    evidence_days: int = 7
    quiet_days: int = 14
    learning_days: int = 7
    bulk_factor: int = 200
    bulk_least: int = 40
    sustained_factor: int = 160
    fast_factor: int = 300
    fast_least: int = 12
    off_hours_share: int = 50
    off_hours_least: int = 8
    no_case_share: int = 90
    no_case_least: int = 10
    shared_case_people: int = 8
    repeated_days: int = 3
    refusals_least: int = 10
    refusals_kinds: int = 3
    new_purpose_least: int = 5
    watched_officials: int = 4
    emergencies_overdue: int = 2
    question_points: int = 25
    weights: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    calendar: Calendar = field(default_factory=Calendar)

    def weighed(self, rule: Rule, points: int) -> int:
        """Points of a rule under its weight."""
        return points * self.weights.get(str(rule), ALL) // ALL
