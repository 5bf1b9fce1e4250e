"""`oncegate index`: the key that turns identifiers into the index's tokens."""

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import EXIT_REFUSED, EXIT_USAGE, command, console, emit, fail, say

app = typer.Typer(no_args_is_help=True, help="The index of who has a record where: its key.")


@app.callback()
def index() -> None:
    """The index of who has a record where: its key."""


@app.command("rotate-key")
@command
def rotate_key(
    home: Home,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give the index a new key and re-key every stored token, beside a running gateway; run it again after a break."""
    from gateway.bootstrap.index_rotation import plan, rotate  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        coming = plan(offline)
        facts = {
            "version": coming.version,
            "unfinished": coming.unfinished,
            "pointers": coming.pointers,
            "people": coming.persons,
            "gateway_runs": coming.gateway_runs,
        }
        what = "finish the rotation to" if coming.unfinished else "rotate the index key to"
        text = f"{what} version {coming.version}: {coming.pointers} pointers and {coming.persons} people to re-key"
        if dry_run:
            emit(facts, as_json=as_json, human=lambda: say(f"would {text}; nothing was changed"))
            return
        if not yes:
            _confirm(text, running=coming.gateway_runs)
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console(stderr=True),
            disable=as_json,
        ) as progress:
            bars: dict[str, TaskID] = {}

            def report(of: str, done: int, total: int) -> None:
                if of not in bars:
                    bars[of] = progress.add_task(of, total=total)
                progress.update(bars[of], completed=done, total=total)

            done = rotate(offline, report)
    result = {"version": done.version, "pointers": done.pointers, "people": done.persons, "entry": done.entry}

    def human() -> None:
        say(f"the index key is version {done.version}: {done.pointers} pointers and {done.persons} people re-keyed")
        say(f"on the ledger as entry {done.entry}. Back up the keyring now: older copies no longer open the index")

    emit(result, as_json=as_json, human=human)


def _confirm(text: str, *, running: bool) -> None:
    """Ask on standard error; without a terminal or an answer nothing is done."""
    beside = "the gateway runs and goes on serving" if running else "the gateway does not run"
    console(stderr=True).print(f"This will {text}; {beside}. Old tokens are gone afterwards.", markup=False)
    try:
        agreed = typer.confirm("Go on?", err=True)
    except typer.Abort:
        fail("nobody to ask: give --yes", EXIT_USAGE)
    if not agreed:
        fail("nothing was changed", EXIT_REFUSED)
