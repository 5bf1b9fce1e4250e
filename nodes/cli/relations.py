"""`oncegate-node relations`: the audit office's system asks registers about officials and persons."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from keys.keyring.file import read_passphrase
from keys.sealing import SealingKey
from keys.secret_file import read_secret
from nodes.cli.exits import command
from nodes.cli.options import AsJson, HomePath
from nodes.cli.output import emit, say
from nodes.consumer.client import AsyncClient
from nodes.relations.desk import Desk
from nodes.relations.officials import read_officials
from nodes.relations.run import Asks, Became
from nodes.relations.run import run as run_questions

app = typer.Typer(no_args_is_help=True, help="For the audit office: relations between officials and persons.")
_TEXTS = {
    Became.RELATED: "related 有关联",
    Became.UNRELATED: "not related 无关联",
    Became.UNKNOWN: "nobody to ask 无法查询",
    Became.LATER: "left for later 留待下次",
}


@app.command("run")
@command
def run(
    *,
    home: HomePath,
    gateway: Annotated[
        str, typer.Option("--gateway", envvar="ONCEGATE_GATEWAY", help="host:port of the gateway's door for people.")
    ],
    ca: Annotated[
        Path, typer.Option("--ca", envvar="ONCEGATE_CA", help="The gateway's CA certificate (PEM).", dir_okay=False)
    ],
    token_file: Annotated[
        Path,
        typer.Option(
            "--token-file", envvar="ONCEGATE_TOKEN_FILE", help="File with an auditor's OIDC token.", dir_okay=False
        ),
    ],
    identity_key: Annotated[
        list[Path], typer.Option("--identity-key", help="The auditors' private key; may be repeated.", dir_okay=False)
    ],
    officials: Annotated[
        Path,
        typer.Option(
            "--officials", help="CSV, mode 0600: issuer,subject,scheme,identifier of officials.", dir_okay=False
        ),
    ],
    ask: Annotated[
        list[str],
        typer.Option(
            "--ask", help="RELATION=RESOURCE:FIELD, such as family=civil.resident:household_id; may be repeated."
        ),
    ],
    purpose: Annotated[str, typer.Option("--purpose", help="Registered purpose code.")] = "access_review",
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--passphrase-file",
            help="File with the keys' passphrase, mode 0600; otherwise ONCEGATE_IDENTITY_PASSPHRASE.",
            dir_okay=False,
        ),
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=500, help="At most so many questions.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Ask the day's questions of registers and record the answers. What broke off goes on with the next run."""
    passphrase = read_passphrase(file=passphrase_file, environment="ONCEGATE_IDENTITY_PASSPHRASE")
    keys = [SealingKey.from_pem(read_secret(file), passphrase) for file in identity_key]
    register, asks = read_officials(officials), Asks.read(ask, purpose)

    def token() -> str:
        # Read for each call: somebody may renew it meanwhile.
        return token_file.read_text(encoding="ascii").strip()

    async def ask_all() -> dict[Became, int]:
        async with (
            Desk(gateway, ca.read_bytes(), token, {key.key_id: key for key in keys}) as desk,
            AsyncClient(home, renew=False) as client,
        ):
            return await run_questions(desk, client, register, asks, most)

    counts = asyncio.run(ask_all())

    def human() -> None:
        for became, count in counts.items():
            say(f"{_TEXTS[became]}: {count}")

    emit({str(became): count for became, count in counts.items()}, as_json=as_json, human=human)
