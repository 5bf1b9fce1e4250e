"""`oncegate policy purposes`: the registered purposes and legal bases; and the option of commands that need them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import AsJson
from gateway.cli.output import EXIT_REFUSED, command, emit, fail, table

if TYPE_CHECKING:
    from policies.purposes import Purposes

PurposesFile = Annotated[
    Path | None,
    typer.Option("--purposes", help="A file that registers further purposes and retires some.", dir_okay=False),
]
HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="ONCEGATE_HOME",
        help="A gateway's home folder: with the purposes of the file that its settings name.",
        file_okay=False,
    ),
]


@command
def purposes(home: HomeOption = None, file: PurposesFile = None, as_json: AsJson = False) -> None:
    """List the registered purposes: names, legal bases, law, status. Also checks a file of further ones."""
    from gateway.clock import SystemClock  # noqa: PLC0415 - see gateway.cli.offline
    from policies.purposes.listing import (  # noqa: PLC0415 - see gateway.cli.offline
        BASIS_HEADS,
        HEADS,
        basis_rows,
        listing,
        rows,
    )

    found = listing(registered(home, file), SystemClock().now_ms())

    def human() -> None:
        table("Purposes 用途", HEADS, rows(found))
        table("Legal bases 法律依据", BASIS_HEADS, basis_rows(found))

    emit(found, as_json=as_json, human=human)


def registered(home: Path | None, file: Path | None) -> "Purposes":
    """The purposes that count: of a file, else of a gateway's settings, else of the package alone.

    Raises:
        BadSettings: The settings, or the file that they name, cannot be used.
        typer.Exit: The file is refused; its place and rule are printed.
    """
    from gateway.bootstrap.purposes import purposes_of  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.settings import Settings  # noqa: PLC0415 - see gateway.cli.offline
    from policies.purposes import PURPOSES, BadPurposes, extended_by  # noqa: PLC0415 - see gateway.cli.offline

    if home is not None and file is None:
        return purposes_of(Settings.load(home))
    try:
        return extended_by(PURPOSES, file)
    except BadPurposes as error:
        fail(f"{file}: {error}", EXIT_REFUSED)
