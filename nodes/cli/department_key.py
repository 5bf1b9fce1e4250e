"""`oncegate-node department-key`: the department's own key, for its custodian."""

from pathlib import Path
from typing import Annotated

import typer

from keys.signing import SigningKey
from nodes.cli.exits import command
from nodes.cli.options import AsJson, PassphraseFile, passphrase
from nodes.cli.output import emit, say
from nodes.enrolment.department_key import create_department_key, load_department_key

app = typer.Typer(no_args_is_help=True, help="The department's own key. Keep it on the custodian's machine.")

KeyPath = Annotated[Path, typer.Argument(help="The key file.", dir_okay=False)]


@app.command("create")
@command
def create(*, path: KeyPath, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """Make a department key, encrypted with a passphrase, and print its fingerprint."""
    _print(path, create_department_key(path, passphrase(passphrase_file, confirm=True)), as_json)


@app.command("show")
@command
def show(*, path: KeyPath, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """Print the fingerprint of a department key: what other departments accept."""
    _print(path, load_department_key(path, passphrase(passphrase_file)), as_json)


def _print(path: Path, key: SigningKey, as_json: bool) -> None:
    fingerprint = key.verify_key.fingerprint
    emit({"path": str(path), "fingerprint": fingerprint}, as_json=as_json, human=lambda: say(fingerprint))
