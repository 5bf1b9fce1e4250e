"""`oncegate vault`: the certificates by which the vault's department vouches for the vault's own keys.

Searching profiles is in `gateway.cli.search`.
"""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, emit, say

app = typer.Typer(no_args_is_help=True, help="The vault: its certificate, searching profiles.")


@app.command("request")
@command
def request(
    out: Annotated[Path, typer.Argument(help="Where to write the request (JSON), for `oncegate-node certify`.")],
    home: Home,
    *,
    asking: Annotated[
        bool, typer.Option("--asking", help="As the system that asks registers, not as the node that answers.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a request with the vault's public keys for its department to certify."""
    from gateway.bootstrap.vault_identity import write_vault_request  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        holder = write_vault_request(offline, out, "system" if asking else "node")
    emit({"holder": holder, "request": str(out)}, as_json=as_json, human=lambda: say(f"wrote {out} for {holder}"))


@app.command("install")
@command
def install(
    certificate: Annotated[Path, typer.Argument(help="The key certificate that the department signed.", exists=True)],
    home: Home,
    as_json: AsJson = False,
) -> None:
    """Install a certificate. Until then profile fields are not shared, or not compared with registers."""
    from gateway.bootstrap.vault_identity import install_vault_certificate  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        holder = install_vault_certificate(offline, certificate)
    emit({"holder": holder}, as_json=as_json, human=lambda: say(f"installed the certificate of {holder}"))
