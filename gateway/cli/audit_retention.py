"""`oncegate audit prune | hold …`: the operator destroys what entries said whose retention has ended, or holds them.

Both are entries of the log first.
"""

from collections import Counter
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import EXIT_REFUSED, EXIT_USAGE, command, emit, fail, moment, say, table
from gateway.cli.progress import shown
from policies.civil_time import day_begins_ms

if TYPE_CHECKING:
    from gateway.audit.retention.plan import Plan
    from gateway.bootstrap.offline import Offline

KEPT_TEXTS = {
    "always": "kept always / 永久保留",
    "longer": "kept longer by their kind / 该类条目保留期更长",
    "hold": "under a legal hold / 处于保全之下",
    "open_request": "requests without an outcome / 请求尚无结果",
    "younger_outcome": "requests whose outcome is younger / 请求结果尚在保留期内",
    "hidden_from_person": "not yet shown to the person / 依法尚未告知本人",
    "emergency_without_finding": "emergencies without a finding / 紧急使用尚未复核",
    "consent_in_force": "under a consent in force / 授权同意仍有效",
    "open_notice": "notices not acknowledged / 通知尚未确认",
    "open_alert": "alerts not closed / 预警尚未处理",
    "listed": "on a list of detection / 仍在监测名单中",
}
hold_app = typer.Typer(no_args_is_help=True, help="Legal holds: what they cover is not pruned. 保全")


@command
def prune(
    home: Home,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Destroy for good what entries said whose retention has ended; hashes and proofs stay. Shows it first, and asks.

    An entry on the log says what goes before it goes. Interrupted, repeat it. How long entries are kept: the settings
    `retention`.
    """
    from gateway.bootstrap.retention import plan_of  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.retention import prune as carry_out  # noqa: PLC0415 - as above
    from gateway.bootstrap.retention_rule import rule_of  # noqa: PLC0415 - as above

    with open_offline(home) as offline, shown(quiet=as_json) as tell:
        rule = rule_of(offline.settings)
        left = offline.ledger.prune().unfinished()
        plan = plan_of(offline, lambda done, total: tell("entries looked at", done, total))
        document = _document(plan, rule.months, rule.law, None if left is None else left.index)
        if dry_run or not (plan.ranges or left is not None):
            emit(document, as_json=as_json, human=lambda: _show(document))
            return
        if not yes:
            if as_json:
                fail("--json needs --yes or --dry-run", EXIT_USAGE)
            _show(document)
            typer.confirm("This cannot be undone. Prune? 此操作不可撤销，确定清理？", abort=True)
        finished = carry_out(offline.ledger, plan, rule, lambda done, total: tell("entries pruned", done, total))
    document["pruned"] = [
        {"under": one.under, "entries": one.entries, "held": one.held, "overwritten": one.overwritten}
        for one in finished
    ]

    def human() -> None:
        for one in finished:
            say(f"pruned 已清理: {one.entries} entries under entry {one.under}")
            if one.held:
                say(f"  {one.held} stay under a hold that came meanwhile / 处于新的保全之下，未清理")
            if not one.overwritten:
                say("  old pages may remain in the database's files until nobody reads them: docs/operations.md")

    emit(document, as_json=as_json, human=human)


def _document(plan: "Plan", months: int, law: str, unfinished: int | None) -> dict[str, Any]:
    return {
        "months": months,
        "law": law,
        "ranges": [list(one) for one in plan.ranges],
        "entries": plan.entries,
        "newest_unix_ms": plan.newest_ms,
        "kept": {str(why): count for why, count in sorted(plan.kept.items())},
        "stopped_at": plan.stopped_at,
        "unfinished": unfinished,
    }


def _show(document: dict[str, Any]) -> None:
    say(f"kept for {document['months']} months 保留期（月）: {document['law']}")
    if document["unfinished"] is not None:
        say(f"entry {document['unfinished']} is not carried out wholly and will be / 上次清理未完成，将继续")
    if not document["entries"]:
        say("nothing else to prune 没有可清理的条目")
    else:
        say(f"to prune 可清理: {document['entries']} entries, the newest of {moment(document['newest_unix_ms'])}")
    for why, count in Counter(document["kept"]).most_common():
        say(f"  {count} stay: {KEPT_TEXTS.get(why, why)}")


@hold_app.command("add")
@command
def hold_add(
    home: Home,
    why: Annotated[str, typer.Option("--why", help="By which order; names nobody. On the log for good.")],
    from_entry: Annotated[int | None, typer.Option("--from-entry", min=0, help="First entry.")] = None,
    until_entry: Annotated[int | None, typer.Option("--until-entry", min=1, help="First entry not held.")] = None,
    from_: Annotated[str, typer.Option("--from", help="First civil day (UTC+8), such as 2026-03-01.")] = "",
    until: Annotated[str, typer.Option("--until", help="First civil day that is not held.")] = "",
    as_json: AsJson = False,
) -> None:
    """Hold a stretch of the log, or all of it and what is to come: nothing in it is pruned."""
    from gateway.exchange.review_filters import checked_why  # noqa: PLC0415 - see gateway.cli.offline

    said = checked_why(why)
    if (from_ and from_entry is not None) or (until and until_entry is not None):
        fail("give a day or an entry, not both", EXIT_USAGE)
    with open_offline(home) as offline:
        start = _position(offline, from_, from_entry) or 0
        end = _position(offline, until, until_entry)
        try:
            index = offline.ledger.holds().add(start, end, said)
        except ValueError as error:
            fail(str(error), EXIT_USAGE)
    document = {"hold": index, "from": start, "until": end, "why": said}
    emit(document, as_json=as_json, human=lambda: say(f"hold 保全 {index}: {_stretch(start, end)}"))


@hold_app.command("list")
@command
def hold_list(home: Home, as_json: AsJson = False) -> None:
    """List the holds in force."""
    with open_offline(home) as offline:
        holds = offline.ledger.holds().list()
    found = [
        {"hold": one.index, "since_unix_ms": one.time_ms, "from": one.start, "until": one.end, "why": one.why}
        for one in holds
    ]
    rows = [(one.index, moment(one.time_ms), _stretch(one.start, one.end), one.why) for one in holds]
    columns = ("hold 保全", "since 起始", "entries 条目", "why 理由")
    emit(found, as_json=as_json, human=lambda: table("Legal holds 保全", columns, rows))


@hold_app.command("remove")
@command
def hold_remove(
    hold: Annotated[int, typer.Argument(min=0, help="Which, as listed.")],
    home: Home,
    why: Annotated[str, typer.Option("--why", help="By which order; names nobody. On the log for good.")],
    as_json: AsJson = False,
) -> None:
    """Take a hold back."""
    from gateway.exchange.review_filters import checked_why  # noqa: PLC0415 - see gateway.cli.offline

    said = checked_why(why)
    with open_offline(home) as offline:
        try:
            index = offline.ledger.holds().remove(hold, said)
        except ValueError as error:
            fail(str(error), EXIT_REFUSED)
    emit({"hold": hold, "entry": index}, as_json=as_json, human=lambda: say(f"hold taken back 已解除保全: {hold}"))


def _position(offline: "Offline", day: str, entry: int | None) -> int | None:
    """A position by itself or by a civil day; None when neither is given."""
    if not day:
        return entry
    try:
        number = (date.fromisoformat(day) - datetime.fromtimestamp(0, UTC).date()).days
    except ValueError:
        fail("a day is written as 2026-03-01", EXIT_USAGE)
    return offline.ledger.joins.first_at(day_begins_ms(number))


def _stretch(start: int, end: int | None) -> str:
    return f"from {start}" + (" on 起（含以后）" if end is None else f" to {end - 1}")


def register(app: typer.Typer) -> None:
    """Add the commands to `oncegate audit`."""
    app.command("prune")(prune)
    app.add_typer(hold_app, name="hold")
