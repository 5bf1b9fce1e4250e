"""`oncegate key retire`: older versions are destroyed, and nothing below a version opens any more."""

from typing import Annotated

import typer

from gateway.cli.key.asking import By, DryRun, What, Yes, confirm, office
from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, emit, say


@command
def retire(
    what: Annotated[What, typer.Option("--what", help="root: the root key; kek: the key that wraps data keys.")],
    below: Annotated[int, typer.Option("--below", min=2, help="The lowest version that stays.")],
    home: Home,
    by: By = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Destroy versions below one. Refused while anything is under them. There is no way back."""
    from gateway.bootstrap import key_changes  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.keystore import Keystore  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        keystore = Keystore(offline.settings)
        plan = f"{what} versions below {below} are destroyed; backups that need them will not open"
        check, act = (
            (key_changes.root_unused, key_changes.retire_root)
            if what is What.ROOT
            else (key_changes.kek_unused, key_changes.retire_kek)
        )
        if dry_run:
            check(offline, keystore, below)
            document = {"what": str(what), "below": below, "changed": False}
            emit(document, as_json=as_json, human=lambda: say(f"would do: {plan}"))
            return
        confirm(plan, yes=yes)
        gone = act(offline, keystore, below, office(by))
    document = {"what": str(what), "below": below, "changed": True, "destroyed": gone}
    emit(document, as_json=as_json, human=lambda: say(f"destroyed {gone} versions of {what} below {below}"))
