"""`oncegate policy simulate`: what a candidate bundle would have changed."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import EXIT_REFUSED, command, emit, fail, say, table
from gateway.cli.policy.purposes import registered

if TYPE_CHECKING:
    from gateway.exchange.simulate import Change, Simulation

_DAY_MS = 86_400_000
_CAUSES = {"rules": "rules 规则", "since": "since 其他变化"}


@command
def simulate(
    home: Home,
    bundle: Annotated[Path, typer.Option("--bundle", help="Folder with the candidate bundle.", file_okay=False)],
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="How many days back.")] = 7,
    as_of_then: Annotated[
        bool, typer.Option("--as-of-then", help="By agreements and catalogue of the time; else by today's.")
    ] = False,
    entries_file: Annotated[
        Path | None,
        typer.Option(
            "--entries", help="Write the number of every entry that changes here, one a line.", dir_okay=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide the requests of the last days again under a candidate bundle. Shows counts and entries, never a person."""
    from gateway.audit.entries import EntryDraft  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.policy import past_of, policy_of  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.exchange.simulate import Simulate  # noqa: PLC0415 - see gateway.cli.offline
    from policies.engine import BadBundle, PolicyEngine  # noqa: PLC0415 - see gateway.cli.offline

    try:
        candidate = PolicyEngine.load(bundle, registered(home, None))
    except BadBundle as error:
        fail(str(error), EXIT_REFUSED)
    with open_offline(home) as offline:
        # Before anything is read, as for every reading of the log.
        read = {"by": "operator", "what": "simulate", "bundle": candidate.digest, "days": str(days)}
        offline.ledger.append_blocking(EntryDraft(kind="log_read", accountability=read))
        replay = Simulate(
            offline.ledger, offline.catalog, offline.agreements, past_of(offline), policy_of(offline).active()
        )
        since_ms = offline.clock.now_ms() - days * _DAY_MS
        if entries_file is None:
            found = replay(candidate, since_ms=since_ms, as_of_then=as_of_then)
        else:
            with entries_file.open("w", encoding="ascii") as file:
                found = replay(
                    candidate,
                    since_ms=since_ms,
                    as_of_then=as_of_then,
                    changed=lambda index: _line(file, index),
                )
    emit(simulation_json(found), as_json=as_json, human=lambda: _said(found))


def _line(file: TextIO, index: int) -> None:
    file.write(f"{index}\n")


def simulation_json(found: "Simulation") -> dict[str, Any]:
    """What was found, for programs."""
    return {
        "bundle": found.bundle,
        "requests": found.requests,
        "items": found.items,
        "changed_requests": found.changed_requests,
        "changed_since": found.changed_since,
        "not_decided": found.not_decided,
        "not_offered": found.not_offered,
        "not_kept": found.not_kept,
        "changes": [
            {
                "department": change.department,
                "purpose": change.purpose,
                "item": change.item,
                "before": change.before,
                "after": change.after,
                "cause": str(change.cause),
                "count": count,
            }
            for change, count in found.changes.most_common()
        ],
        "entries": found.entries,
        "entries_left_off": found.changed_requests - len(found.entries),
        "pruned_under": found.pruned_under,
    }


def _said(found: "Simulation") -> None:
    say(
        f"{found.requests} requests with {found.items} items decided again 重新判断 {found.requests} 次请求; "
        f"changed by the rules 因规则而变: {found.changed_requests}; only by what changed since 仅因其他变化: "
        f"{found.changed_since}; not decided then 当时未判断: {found.not_decided}; no longer offered 不再提供: "
        f"{found.not_offered}; agreement of then not kept 当时协议未完整保存: {found.not_kept}"
    )
    if found.pruned_under is not None:
        say(f"requests of this time were pruned under entry {found.pruned_under} 部分请求保留期已满，已清理")
    if not found.changes:
        say("nothing changes 没有变化")
        return
    columns = (
        "department 部门",
        "purpose 用途",
        "item 信息项",
        "before 之前",
        "after 之后",
        "cause 原因",
        "count 次数",
    )
    rows = [
        (c.department, c.purpose, c.item, c.before, c.after, _CAUSES[c.cause], count)
        for c, count in found.changes.most_common(50)
    ]
    table(f"Changes 变化 ({found.bundle})", columns, rows)
    for title, by in (
        ("departments 部门", _by(found, "department")),
        ("purposes 用途", _by(found, "purpose")),
        ("reasons 理由", _by(found, "after")),
    ):
        say(f"{title}: " + "  ".join(f"{name or '-'} {count}" for name, count in by.most_common(10)))
    say(f"entries 日志号: {json.dumps(found.entries[:50])[1:-1]}{' …' if len(found.entries) > 50 else ''}")  # noqa: PLR2004


def _by(found: "Simulation", what: str) -> Counter[str]:
    total: Counter[str] = Counter()
    change: Change
    for change, count in found.changes.items():
        total[getattr(change, what)] += count
    return total
