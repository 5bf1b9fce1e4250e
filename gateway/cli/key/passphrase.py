"""`oncegate key passphrase`: the file of root keys under another passphrase."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.key.asking import By, DryRun, Yes, confirm, office
from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, emit, say
from keys.keyring.file import read_passphrase


@command
def passphrase(
    new_file: Annotated[Path, typer.Argument(help="File with the new passphrase, mode 0600.", dir_okay=False)],
    home: Home,
    by: By = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write the root keys' file under a new passphrase. Then set passphrase_file to the new file."""
    from gateway.bootstrap import key_changes  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.keystore import Keystore  # noqa: PLC0415 - see gateway.cli.offline

    fresh = read_passphrase(file=new_file, environment=None)
    plan = "the file of root keys is written under the new passphrase; the old one opens it no more"
    with open_offline(home) as offline:
        if dry_run:
            emit({"changed": False}, as_json=as_json, human=lambda: say(f"would do: {plan}"))
            return
        confirm(plan, yes=yes)
        key_changes.change_passphrase(offline, Keystore(offline.settings), fresh, office(by))
    emit({"changed": True}, as_json=as_json, human=lambda: say(f"done; now set passphrase_file to {new_file}"))
