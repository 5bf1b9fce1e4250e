"""The settings of detection; the thresholds behind them are `gateway.detection.thresholds.Thresholds` (tested)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

_RULES = (
    "bulk",
    "sustained",
    "fast",
    "off_hours",
    "relation",
    "watched",
    "new_purpose",
    "no_case",
    "shared_case",
    "refusals",
    "emergency",
    "honeytoken",
    "repeated",
)
_HEAVIEST = 1000


class DetectionSettings(BaseModel):
    """When what the access log shows counts as evidence, and when evidence is an alert."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(True, description="whether this gateway looks for misuse in the background")
    alert_points: Annotated[int, Field(ge=10, le=1000, description="so many points of evidence are an alert")] = 100
    alerts_per_day: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="so many alerts of a day are shown first, the strongest; the others are kept and counted",
        ),
    ] = 10
    window_days: Annotated[
        int,
        Field(
            ge=7,
            le=90,
            description="baselines are those of so many days, and evidence about one person counts for so long",
        ),
    ] = 28
    evidence_days: Annotated[
        int, Field(ge=1, le=30, description="evidence about an official's work counts for so many days")
    ] = 7
    quiet_days: Annotated[
        int,
        Field(
            ge=1,
            le=90,
            description="an alert to which nothing was added for so many days grows no more; a new one is raised",
        ),
    ] = 14
    learning_days: Annotated[
        int, Field(ge=1, le=30, description="a system's purposes are compared with those before after so many days")
    ] = 7
    bulk_factor: Annotated[
        int,
        Field(
            ge=110, le=2000, description="percent of the highest usual number of people in a day that is still not many"
        ),
    ] = 200
    bulk_least: Annotated[int, Field(ge=5, le=10000, description="fewer people in a day are never many")] = 40
    sustained_factor: Annotated[
        int, Field(ge=110, le=1000, description="percent of the usual number of people a day that a week may have")
    ] = 160
    fast_factor: Annotated[
        int, Field(ge=110, le=2000, description="percent of the usual peak of a minute that is still not fast")
    ] = 300
    fast_least: Annotated[int, Field(ge=2, le=1000, description="fewer requests in a minute are never fast")] = 12
    off_hours_share: Annotated[
        int,
        Field(ge=1, le=400, description="hours with fewer than so many of 10 000 of the peers' requests are off hours"),
    ] = 50
    off_hours_least: Annotated[
        int,
        Field(
            ge=1, le=1000, description="so many requests at off hours in a day are evidence about an official's work"
        ),
    ] = 8
    no_case_share: Annotated[
        int, Field(ge=50, le=100, description="where so many percent of requests name a case, one without is evidence")
    ] = 90
    no_case_least: Annotated[
        int,
        Field(
            ge=1, le=1000, description="so many requests without a case in a day are evidence about an official's work"
        ),
    ] = 10
    shared_case_people: Annotated[
        int, Field(ge=2, le=1000, description="so many people under one case are evidence")
    ] = 8
    repeated_days: Annotated[
        int, Field(ge=2, le=30, description="one person on so many days with changing cases counts in full")
    ] = 3
    refusals_least: Annotated[int, Field(ge=2, le=1000, description="so many refusals in a day are evidence")] = 10
    refusals_kinds: Annotated[
        int, Field(ge=1, le=100, description="so many different kinds of refused requests are variety")
    ] = 3
    new_purpose_least: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="so many requests for a purpose new to the system are evidence about an official's work",
        ),
    ] = 5
    watched_officials: Annotated[
        int,
        Field(
            ge=2,
            le=100,
            description="so many officials who ask about one person on the list within three days are evidence",
        ),
    ] = 4
    emergencies_overdue: Annotated[
        int,
        Field(ge=1, le=100, description="so many emergencies of one official without a review in time are an alert"),
    ] = 2
    question_points: Annotated[
        int, Field(ge=1, le=1000, description="with so many points against it a pair's relation is asked for")
    ] = 25
    weights: dict[str, int] = Field(
        default_factory=dict, description="rule to percent of its points; 0 turns a rule off, left out is 100"
    )

    @field_validator("weights")
    @classmethod
    def _rules(cls, value: dict[str, int]) -> dict[str, int]:
        for rule, percent in value.items():
            if rule not in _RULES:
                raise ValueError(f"must be a rule: {', '.join(_RULES)}")
            if not 0 <= percent <= _HEAVIEST:
                raise ValueError("must be 0 to 1000 percent")
        return value
