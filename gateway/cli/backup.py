"""`oncegate backup`: copies of the gateway that erased persons do not come back from.

Without a word behind it, it makes a backup; `prune` deletes key backups whose time is over.
"""

import time
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson
from gateway.cli.output import EXIT_REFUSED, EXIT_USAGE, command, emit, fail, moment, say, table
from gateway.cli.progress import shown

app = typer.Typer()


@app.callback(invoke_without_command=True)
@command
def backup(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="ONCEGATE_HOME", help="The gateway's home folder; needed.", file_okay=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to make, with --keys file to make; needed. Never overwritten.")
    ] = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="Back up the persons' wrapped keys and nothing else; keep it apart.")
    ] = False,
    without_keyring: Annotated[
        bool, typer.Option("--without-keyring", help="Leave the encrypted keyring out; back it up apart.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a backup while the gateway serves: the database but the persons' keys, settings, keyring and certificate.

    With `--keys`: only the persons' wrapped keys. An erased person's key must not outlive `vault.key_backup_days` in
    any backup, so keep key backups in a folder of their own and run `oncegate backup prune` on it every day.
    """
    if context.invoked_subcommand is not None:
        return
    if home is None or out is None:
        fail("--home and --out are needed; see oncegate backup --help", EXIT_USAGE)
    if keys:
        _keys(home, out, as_json=as_json)
    else:
        _ordinary(home, out, without_keyring=without_keyring, as_json=as_json)


def _ordinary(home: Path, out: Path, *, without_keyring: bool, as_json: bool) -> None:
    from gateway.backup.make import KeyringCopy, make_backup  # noqa: PLC0415 - see gateway.cli.offline

    keyring = KeyringCopy.APART if without_keyring else KeyringCopy.INCLUDED
    with open_offline(home) as offline, shown(quiet=as_json) as progress:
        made = make_backup(offline, out, keyring, progress)
    facts = {
        "backup": made.backup_id,
        "out": str(made.out),
        "created_unix_ms": made.created_ms,
        "ledger_size": made.ledger_size,
        "rows": made.rows,
        "bytes": made.bytes,
        "keyring": keyring.value,
    }

    def human() -> None:
        say(f"made {made.out}: {made.rows} rows, {made.bytes} bytes, ledger of {made.ledger_size} entries")
        say("It holds no person's key: profile fields open only together with a key backup (oncegate backup --keys).")
        if keyring is KeyringCopy.INCLUDED:
            say("It holds the keyring, encrypted: keep the passphrase elsewhere.")

    emit(facts, as_json=as_json, human=human)


def _keys(home: Path, out: Path, *, as_json: bool) -> None:
    from gateway.backup.key_backup import make_key_backup  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline, shown(quiet=as_json) as progress:
        made = make_key_backup(offline, out, progress)
    facts = {
        "backup": made.backup_id,
        "out": str(made.out),
        "created_unix_ms": made.created_ms,
        "delete_by_unix_ms": made.delete_by_ms,
        "keys": made.keys,
    }

    def human() -> None:
        say(f"made {made.out}: {made.keys} persons' wrapped keys")
        say(f"Delete it by {moment(made.delete_by_ms)}: until then it can bring back the key of an erased person.")

    emit(facts, as_json=as_json, human=human)


@app.command("prune")
@command
def prune(
    folder: Annotated[Path, typer.Argument(help="Folder with key backups.", exists=True, file_okay=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for timers.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete the key backups whose time is over. A folder that holds anything else is refused as a whole."""
    from gateway.backup.prune import carry_out, plan_pruning  # noqa: PLC0415 - see gateway.cli.offline

    now_ms = time.time_ns() // 1_000_000
    plan = plan_pruning(folder, now_ms)
    rows = [
        (file.path.name, moment(file.created_ms), moment(file.delete_by_ms), "delete" if over else "keep")
        for over, files in ((True, plan.expired), (False, plan.kept))
        for file in files
    ]
    if not as_json:
        table("Key backups", ("file", "made", "delete by", "what"), rows)
    if plan.expired and not dry_run and not yes and not confirmed(f"Delete {len(plan.expired)} key backups?"):
        fail("nothing was deleted", EXIT_REFUSED)
    gone = 0 if dry_run else carry_out(folder, plan, now_ms)
    facts = {
        "expired": [file.path.name for file in plan.expired],
        "kept": [file.path.name for file in plan.kept],
        "ordinary": plan.ordinary,
        "deleted": gone,
    }
    emit(facts, as_json=as_json, human=lambda: say(f"deleted {gone}, kept {len(plan.kept)}"))


def confirmed(question: str) -> bool:
    """Ask at the terminal; no answer is a no."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        return False
