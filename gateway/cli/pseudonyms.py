"""`oncegate vault pseudonyms`: which generation of pseudonyms each department is at, and changing it with notice."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home, Yes
from gateway.cli.output import command, emit, moment, say, table

app = typer.Typer(no_args_is_help=True, help="What departments call people, and changing it with notice.")


@app.command("list")
@command
def list_(home: Home, as_json: AsJson = False) -> None:
    """List changes of pseudonyms by department, newest first. A department that is not listed is at generation 1."""
    from gateway.bootstrap.pseudonyms import pseudonyms_of  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        found: list[dict[str, Any]] = [
            {
                "department": one.department,
                "generation": one.number,
                "from_unix_ms": one.from_ms,
                "overlap_until_unix_ms": one.overlap_until_ms,
            }
            for one in pseudonyms_of(offline).announced()
        ]
    rows = [
        (one["department"], one["generation"], moment(one["from_unix_ms"]), moment(one["overlap_until_unix_ms"]))
        for one in found
    ]
    columns = ("department", "generation", "from", "both until")
    emit(found, as_json=as_json, human=lambda: table("Pseudonyms", columns, rows))


@app.command("rotate")
@command
def rotate(
    home: Home,
    department: Annotated[str, typer.Option("--department", help="Whose pseudonyms change.")],
    from_: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="From when, a date (midnight UTC).")],
    overlap_days: Annotated[
        int, typer.Option("--overlap-days", help="How long the old ones can be had too, as `pseudonym_previous`.")
    ] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Change all pseudonyms of one department from a date on. Cannot be taken back once it is announced."""
    from gateway.bootstrap.pseudonyms import rotation_of_pseudonyms  # noqa: PLC0415 - see gateway.cli.offline

    from_ms = int(from_.replace(tzinfo=UTC).timestamp() * 1000)
    with open_offline(home) as offline:
        work = rotation_of_pseudonyms(offline)
        planned = work.plan(department, from_ms, overlap_days)
        facts = {
            "department": department,
            "generation": planned.number,
            "from_unix_ms": planned.from_ms,
            "overlap_until_unix_ms": planned.overlap_until_ms,
        }
        text = (
            f"generation {planned.number} of {department}'s pseudonyms from {moment(planned.from_ms)},"
            f" both until {moment(planned.overlap_until_ms)}"
        )
        if dry_run:
            emit({**facts, "announced": False}, as_json=as_json, human=lambda: say(f"would announce {text}"))
            return
        if not yes:
            typer.confirm(f"Announce {text}?", abort=True)
        work.announce(planned)
    emit({**facts, "announced": True}, as_json=as_json, human=lambda: say(f"announced {text}"))
