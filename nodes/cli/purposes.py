"""`oncegate-node purposes`: the purposes and legal bases that this department's node knows."""

from pathlib import Path
from typing import Annotated

import typer

from nodes.cli.exits import command
from nodes.cli.options import AsJson
from nodes.cli.output import emit, table
from nodes.clock import SystemClock
from nodes.provider.config import load_settings
from policies.purposes import PURPOSES
from policies.purposes.listing import BASIS_HEADS, HEADS, basis_rows, listing, rows


@command
def purposes(
    *,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            envvar="ONCEGATE_HOME",
            help="Home of the node: with the purposes of the file that node.toml names.",
            file_okay=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the registered purposes: names, legal bases, law, status."""
    settings = None if home is None else home / "node.toml"
    # A system's home has no node.toml, and knows what comes with the package.
    known = load_settings(settings).purposes if settings is not None and settings.exists() else PURPOSES
    found = listing(known, SystemClock().now_ms())

    def human() -> None:
        table("Purposes 用途", HEADS, rows(found))
        table("Legal bases 法律依据", BASIS_HEADS, basis_rows(found))

    emit(found, as_json=as_json, human=human)
