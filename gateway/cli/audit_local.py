"""`oncegate audit fsck | tiles`: the operator checks the stored log, and writes its tiles for a web server.

Neither shows what an entry says, so neither is recorded.
"""

from pathlib import Path
from typing import Annotated

import typer

from gateway.audit.verify.check import Outcome, outcome_of
from gateway.audit.verify.failures import VerificationFailed
from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import EXIT_UNVERIFIED, command, console, emit, say
from gateway.cli.progress import shown


def show(outcome: Outcome, *, as_json: bool) -> None:
    """Print the outcome of a verification and end with its exit code.

    Raises:
        typer.Exit: Something is wrong.
    """
    out = console(stderr=not outcome.verified)

    def human() -> None:
        for line in outcome.lines:
            out.print(line, markup=False)

    emit(outcome.document, as_json=as_json, human=human)
    if not outcome.verified:
        raise typer.Exit(EXIT_UNVERIFIED)


@command
def fsck(
    home: Home,
    earlier: Annotated[
        list[Path] | None,
        typer.Option("--earlier", help="A checkpoint that you kept from before; may be repeated.", exists=True),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check everything that is stored, beside a running gateway or alone. Exit code 5 names the first bad entry."""
    held = [path.read_text(encoding="utf-8", errors="replace") for path in earlier or ()]
    with open_offline(home) as offline, shown(quiet=as_json) as tell:
        try:
            report = offline.ledger.fsck().run(held, lambda done, total: tell("entries checked", done, total))
        except VerificationFailed as failure:
            outcome = outcome_of(failure)
        else:
            lines = [
                f"sound 完好: {report.size} entries of {report.origin}, root {report.root}",
                f"{report.heads} signed heads fit, the newest of {report.head_size} entries",
                f"{report.erased} person parts are erased, each by a later entry",
                f"{report.searchable} entries are in the tables for searching, whose {report.search_rows} rows all fit",
                f"{report.pruned} entries are pruned after their retention, each under an entry of the log",
            ]
            outcome = Outcome.of(report, lines)
    show(outcome, as_json=as_json)


@command
def tiles(
    directory: Annotated[
        Path, typer.Argument(help="Folder for the tiles; goes on with one of this log.", file_okay=False)
    ],
    home: Home,
    as_json: AsJson = False,
) -> None:
    """Write the log's head and tiles (hashes only, C2SP tlog-tiles) as files that any web server can serve."""
    from gateway.audit.published import write_tiles  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        size = write_tiles(offline.ledger.published, directory)
    emit(
        {"directory": str(directory), "entries": size},
        as_json=as_json,
        human=lambda: say(f"tiles of {size} entries in {directory}"),
    )


def register(app: typer.Typer) -> None:
    """Add the commands to `oncegate audit`."""
    app.command("fsck")(fsck)
    app.command("tiles")(tiles)
