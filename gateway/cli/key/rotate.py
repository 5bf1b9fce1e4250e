"""`oncegate key rotate`: a new version of the root key or of the vault's key-encryption key."""

from typing import Annotated

import typer
from rich.progress import Progress

from gateway.cli.key.asking import By, DryRun, What, Yes, confirm, office
from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, console, emit, say


@command
def rotate(
    what: Annotated[What, typer.Option("--what", help="root: the root key; kek: the key that wraps data keys.")],
    home: Home,
    batch: Annotated[int, typer.Option("--batch", min=1, max=10_000, help="Data keys in one transaction.")] = 500,
    by: By = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a new version and bring everything under it while the gateway serves. Run it again after an interruption."""
    from gateway.bootstrap import key_changes  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.keystore import Keystore  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        keystore = Keystore(offline.settings)
        behind = key_changes.keys_behind(offline)
        if what is What.ROOT:
            plan = f"a new root key in provider {keystore.provider}; the keyring is sealed under it"
        elif behind:
            plan = f"an interrupted rotation goes on: {behind} data keys are wrapped anew"
        else:
            plan = "a new key-encryption key; every data key is wrapped under it"
        if dry_run:
            document = {"what": str(what), "changed": False, "data_keys_behind": behind}
            emit(document, as_json=as_json, human=lambda: say(f"would do: {plan}"))
            return
        confirm(plan, yes=yes)
        if what is What.ROOT:
            version = key_changes.rotate_root(offline, keystore, office(by)).root_version
        else:
            with Progress(console=console(stderr=True), disable=as_json) as bar:
                task = bar.add_task("wrapping data keys 重新包裹", total=behind or None)
                version = key_changes.rotate_kek(
                    offline,
                    keystore,
                    office(by),
                    batch,
                    lambda done, of: bar.update(task, completed=done, total=of),
                )
    document = {"what": str(what), "changed": True, "version": version}
    older = f"older versions still open; destroy them by: oncegate key retire --what {what} --below {version}"
    emit(document, as_json=as_json, human=lambda: say(f"{what} version {version} is in force; {older}"))
