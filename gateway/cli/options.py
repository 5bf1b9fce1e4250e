"""Options that several commands share, so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path, typer.Option("--home", envvar="ONCEGATE_HOME", help="The gateway's home folder.", file_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text for people.")]
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
