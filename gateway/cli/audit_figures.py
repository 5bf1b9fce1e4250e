"""`oncegate audit detect-figures`: what detection finds in simulated months, beside simpler ways. Needs no gateway."""

from collections import Counter
from typing import Annotated, Any

import typer

from gateway.cli.options import AsJson
from gateway.cli.output import command, emit, say, table
from gateway.detection_trial.figures import HELD_OUT, Figures, Trial
from gateway.detection_trial.month import Scale

_SEED = HELD_OUT[0]


@command
def detect_figures(
    seed: Annotated[
        list[int] | None,
        typer.Option("--seed", help=f"Seed of a month; may be repeated. From {_SEED} on none was used for tuning."),
    ] = None,
    reads_per_day: Annotated[
        int, typer.Option("--reads-per-day", min=2_000, max=200_000, help="Reads on an ordinary working day.")
    ] = 50_000,
    days: Annotated[
        int, typer.Option("--days", min=21, max=90, help="Days of the month; 14 more serve for learning.")
    ] = 30,
    as_json: AsJson = False,
) -> None:
    """Simulate months of a city with planted misuse and what only looks like it, and print what detection finds.

    It runs the engine and the default thresholds of production. For comparison: as many random reads as there are
    alerts, and as many days of officials whose simple counts stand out most. A full month takes about two minutes.
    """
    months = []
    for number in seed or [_SEED]:
        figures = Trial(Scale(number, reads_per_day, days)).run()
        months.append(figures)
        if not as_json:
            _show(figures)
    together = _together(months)
    document = {"months": [_document(figures) for figures in months], "together": together}
    emit(document, as_json=as_json, human=lambda: _show_together(together) if len(months) > 1 else None)


def _together(months: list[Figures]) -> dict[str, Any]:
    """All months as one: cases found of cases planted, alerts that are right of alerts."""
    planted, found = sum(len(one.kinds) for one in months), sum(len(one.alerts.found) for one in months)
    shown, right = sum(one.alerts.shown for one in months), sum(one.alerts.right for one in months)
    return {
        "seeds": [one.scale.seed for one in months],
        "planted": planted,
        "found": found,
        "recall": round(found / planted, 3),
        "alerts": shown,
        "right": right,
        "precision": round(right / shown, 3) if shown else 1.0,
        "alerts_per_day": round(shown / sum(one.scale.days for one in months), 2),
    }


def _show_together(said: dict[str, Any]) -> None:
    say(
        f"all months 合计: recall 召回率 {said['recall']:.2f} ({said['found']} of {said['planted']}), "
        f"precision 准确率 {said['precision']:.2f} ({said['right']} of {said['alerts']} alerts), "
        f"{said['alerts_per_day']} alerts a day 每日告警"
    )


def _document(figures: Figures) -> dict[str, Any]:
    planted = Counter(figures.kinds)
    found = Counter(figures.kinds[label] for label in figures.alerts.found)
    return {
        "seed": figures.scale.seed,
        "reads": figures.reads,
        "days": figures.scale.days,
        "recall": round(figures.recall, 3),
        "precision": round(figures.precision, 3),
        "alerts": figures.alerts.shown,
        "alerts_per_day": round(figures.per_day, 2),
        "alerts_beyond_daily_number": figures.below,
        "kinds": {kind: {"planted": planted[kind], "found": found[kind]} for kind in planted},
        "rules": {
            rule: {"alerts": count, "right": right, "precision": round(right / count, 3)}
            for rule, (count, right) in figures.rules.items()
        },
        "random_sampling": _other(figures, figures.sampled.found, figures.sampled.right),
        "simple_counts": _other(figures, figures.busiest.found, figures.busiest.right),
        "engine_entries_per_second": round(figures.fed / figures.engine_s) if figures.engine_s else 0,
    }


def _other(figures: Figures, found: set[int], right: int) -> dict[str, float]:
    shown = figures.alerts.shown
    return {
        "recall": round(len(found) / len(figures.kinds), 3),
        "precision": round(right / shown, 3) if shown else 0.0,
    }


def _show(figures: Figures) -> None:
    said = _document(figures)
    say(
        f"seed 种子 {said['seed']}: {said['reads']} reads in {said['days']} days, {len(figures.kinds)} planted cases, "
        f"{said['alerts_per_day']} alerts a day ({said['alerts_beyond_daily_number']} beyond the daily number), "
        f"engine {said['engine_entries_per_second']} entries/s"
    )
    ways = [("detection 检测", said), ("random reads 随机抽查", said["random_sampling"])]
    ways.append(("simple counts 简单计数", said["simple_counts"]))
    rows = [(name, f"{way['recall']:.2f}", f"{way['precision']:.2f}") for name, way in ways]
    table("Recall and precision 召回率与准确率", ("way 方式", "recall 召回率", "precision 准确率"), rows)
    kinds = [(kind, one["planted"], one["found"]) for kind, one in said["kinds"].items()]
    table("Planted misuse 植入的滥用", ("kind 类型", "planted 植入", "found 发现"), kinds)
    rules = [(rule, one["alerts"], one["right"], f"{one['precision']:.2f}") for rule, one in said["rules"].items()]
    table("Rules 规则", ("rule 规则", "alerts 告警", "right 属实", "precision 准确率"), rules)
