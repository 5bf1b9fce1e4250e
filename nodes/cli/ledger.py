"""`oncegate-node ledger`: does the access log still continue what this member saw of it?"""

import asyncio
from pathlib import Path

import typer

from nodes.cli.exits import command
from nodes.cli.options import AsJson, HomePath
from nodes.cli.output import emit, say
from nodes.clock import SystemClock
from nodes.enrolment.home import Home
from nodes.watch import GrpcLog, LedgerWatch, Promised, WatchReport

app = typer.Typer(no_args_is_help=True, help="The gateway's access log, as this node or system sees it.")

RECEIPTS = 64
"""How many of a node's newest promises are checked."""


@app.command("check")
@command
def check(*, home: HomePath, as_json: AsJson = False) -> None:
    """Check that the log continues the checkpoint seen before, and keeps the promises given to this node."""
    member = Home(home)
    promises = _promises(home / "node.toml")

    async def look() -> WatchReport:
        async with GrpcLog(member) as log:
            return await LedgerWatch(member, SystemClock()).look(log, promises)

    report = asyncio.run(look())
    document = {
        "size": report.size,
        "earlier_size": report.earlier_size,
        "promises_kept": report.promises_kept,
        "promises_waiting": report.promises_waiting,
    }

    def human() -> None:
        before = "seen for the first time" if report.earlier_size is None else f"continues {report.earlier_size}"
        say(f"{report.size} entries, {before}; {report.promises_kept} promises kept, {report.promises_waiting} waiting")

    emit(document, as_json=as_json, human=human)


def _promises(settings: Path) -> list[Promised]:
    """The newest promises given to a node; none for a system, which keeps its answers itself."""
    if not settings.exists():
        return []
    # Imported here: what comes with them takes longer to load than the other commands to run.
    from nodes.provider.config import load_settings  # noqa: PLC0415
    from nodes.watch.receipts import newest_promises  # noqa: PLC0415

    state = load_settings(settings).state
    return newest_promises(state, RECEIPTS) if state.exists() else []
