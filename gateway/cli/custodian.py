"""`oncegate custodian`: a custodian's own key for statements about the log. It needs no gateway and no network."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import AsJson
from gateway.cli.output import command, emit, say
from keys.custody.statement_key import create_custodian_key, open_custodian_key
from keys.keyring.file import read_passphrase
from keys.log.notes import NoteSigner

app = typer.Typer(no_args_is_help=True, help="A custodian's own key for statements about the access log. 保管人")
VARIABLE = "ONCEGATE_CUSTODIAN_PASSPHRASE"
KeyFile = Annotated[Path, typer.Argument(help="The key's file.", dir_okay=False)]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with the key's passphrase, mode 0600.", dir_okay=False)
]


@app.command("create")
@command
def create(
    file: KeyFile,
    name: Annotated[
        str,
        typer.Option("--name", help="Name of the office, such as city.example/custodian/archive; never a person's."),
    ],
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a custodian's key, encrypted under a passphrase, and print its verifier key.

    Without --passphrase-file the passphrase comes from ONCEGATE_CUSTODIAN_PASSPHRASE or, at a terminal, from you.
    """
    _show(file, create_custodian_key(file, name, passphrase(passphrase_file, confirm=True)), as_json=as_json)


@app.command("show")
@command
def show(file: KeyFile, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """Print a key's verifier key: what gateway, members, witnesses and auditors pin."""
    _show(file, open_custodian_key(file, passphrase(passphrase_file)), as_json=as_json)


def passphrase(file: Path | None, *, confirm: bool = False) -> bytes:
    """The passphrase from the file, the environment or, at a terminal, from the person.

    Raises:
        PassphraseMissing: None is given and nobody can be asked.
        KeyringCorrupt: The file is missing or open to others.
    """
    if file is None and VARIABLE not in os.environ and sys.stdin.isatty():
        return bytes(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm), "utf-8")
    return read_passphrase(file=file, environment=VARIABLE)


def _show(file: Path, signer: NoteSigner, *, as_json: bool) -> None:
    emit({"file": str(file), "key": signer.vkey}, as_json=as_json, human=lambda: say(signer.vkey))
