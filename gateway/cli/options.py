"""Options that several commands share, so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path, typer.Option("--home", envvar="ONCEGATE_HOME", help="The gateway's home folder.", file_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text for people.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
Address = Annotated[
    str, typer.Option("--gateway", envvar="ONCEGATE_GATEWAY", help="host:port of the gateway's door for people.")
]
CaFile = Annotated[
    Path, typer.Option("--ca", envvar="ONCEGATE_CA", help="The gateway's CA certificate (PEM).", dir_okay=False)
]
TokenFile = Annotated[
    Path,
    typer.Option("--token-file", envvar="ONCEGATE_TOKEN_FILE", help="File with your OIDC token.", dir_okay=False),
]
CorrectionId = Annotated[str, typer.Argument(help="Number of the request, 32 hexadecimal digits.")]


def correction_id_of(text: str) -> bytes:
    """The id of a request for correction.

    Raises:
        typer.BadParameter: It is not 32 hexadecimal digits.
    """
    try:
        correction_id = bytes.fromhex(text)
    except ValueError:
        correction_id = b""
    if len(correction_id) != 16:  # noqa: PLR2004 - proto/oncegate/v1/profile.proto
        raise typer.BadParameter("must be 32 hexadecimal digits", param_hint="CORRECTION")
    return correction_id
