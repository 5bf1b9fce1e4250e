"""`oncegate restore`: puts a backup into an empty home, and lets it serve only after somebody has looked at it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.backup import confirmed
from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import EXIT_REFUSED, EXIT_UNVERIFIED, EXIT_USAGE, command, emit, fail, moment, say
from gateway.cli.progress import shown

if TYPE_CHECKING:
    from gateway.backup.restore import Restored

app = typer.Typer()


@app.callback(invoke_without_command=True)
@command
def restore(  # noqa: PLR0917 - options of a command
    context: typer.Context,
    source: Annotated[
        Path | None, typer.Option("--from", help="The backup's folder; needed.", exists=True, file_okay=False)
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home", envvar="ONCEGATE_HOME", help="The new home folder, missing or empty; needed.", file_okay=False
        ),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help="The newest key backup, to open profile fields.", dir_okay=False)
    ] = None,
    erasures: Annotated[
        Path | None,
        typer.Option(
            "--erasures", help="Register of erased persons (JSON lines) newer than the backup.", dir_okay=False
        ),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", help="Settings to use in place of the backup's, such as another database."),
    ] = None,
    keyring: Annotated[
        Path | None, typer.Option("--keyring", help="The keyring's file, when the backup was made without.")
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option("--passphrase-file", help="The passphrase, when it is not where the settings say."),
    ] = None,
    root_keys: Annotated[
        Path | None,
        typer.Option("--root-keys", help="The root keys' file, which no backup holds; not with a PKCS#11 token."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup into an empty home and an empty database, after checking all of it. Exit code 5: it is damaged.

    The gateway does not serve from it before `oncegate restore confirm`. Without `--keys` profile fields come back and
    do not open.
    """
    if context.invoked_subcommand is not None:
        return
    if source is None or home is None:
        fail("--from and --home are needed; see oncegate restore --help", EXIT_USAGE)
    from gateway.backup.check import check_backup  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.backup.errors import BackupDamaged  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.backup.restore import gather, try_restore  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.backup.restore import restore as put_back  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.clock import SystemClock  # noqa: PLC0415 - see gateway.cli.offline

    try:
        checked = check_backup(source, home, settings, keyring, passphrase_file, root_keys)
        sources, clock = gather(checked, settings, keys, erasures, SystemClock()), SystemClock()
        with shown(quiet=as_json) as progress:
            done = try_restore(sources, clock) if dry_run else put_back(sources, clock, progress)
    except BackupDamaged as error:
        fail(f"the backup is damaged: {error}", EXIT_UNVERIFIED)
    emit(_facts(done, home, dry_run=dry_run), as_json=as_json, human=lambda: _told(done, home, dry_run=dry_run))


def _facts(done: "Restored", home: Path, *, dry_run: bool) -> dict[str, Any]:
    return {
        "home": str(home),
        "dry_run": dry_run,
        "backup": done.mark.backup_id,
        "backup_made_unix_ms": done.mark.created_ms,
        "rows": done.rows,
        "ledger_size": done.mark.ledger_size,
        "ledger_root": done.mark.ledger_root,
        "keys": {
            "put": done.keys.put,
            "missing": done.keys.missing,
            "unopened": done.keys.unopened,
            "erased": done.keys.erased,
        },
    }


def _told(done: "Restored", home: Path, *, dry_run: bool) -> None:
    mark, keys = done.mark, done.keys
    say(f"{'the backup is sound' if dry_run else f'restored {home}'}: {done.rows} rows")
    say(f"It is as of {moment(mark.created_ms)}, with a ledger of {mark.ledger_size} entries.")
    if keys.erased:
        say(f"{keys.erased} persons were erased since: their keys and fields stay away.")
    if done.key_backup:
        say(f"{keys.put} persons' keys are back.")
    if keys.missing:
        say(f"Profile fields of {keys.missing} persons have no key here: they read as not set until entered again.")
    if keys.unopened:
        say(f"Keys of {keys.unopened} persons do not open with this keyring: their fields read as not set.")
    if not dry_run:
        say("It does not serve yet: read docs/operations.md, then run oncegate restore confirm.")


@app.command("confirm")
@command
def confirm(
    home: Home,
    last: Annotated[
        Path | None,
        typer.Option(
            "--last", help="The newest checkpoint kept elsewhere: shows that nothing was lost.", dir_okay=False
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a restored gateway serve, and put on the ledger from which backup it goes on.

    Where custodians are pinned, a log that may have lost its end needs a new epoch first: oncegate epoch prepare. Where
    none are, members that saw a newer log stop with a contradiction.
    """
    from gateway.backup.confirm import confirm as record  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.backup.confirm import pending, show_present  # noqa: PLC0415 - see gateway.cli.offline

    if last is not None:
        with open_offline(home) as offline:
            show_present(offline, last)
    with open_offline(home) as offline:
        mark, epoch = pending(offline), offline.ledger.lineage.number
        following = epoch > 1 or mark.present or offline.settings.custodians.keys
        if not as_json:
            say(f"{home} was restored from a backup of {moment(mark.created_ms)}.")
            say(f"Its ledger ends at {mark.ledger_size} entries. Whatever came later is not in it: releases,")
            say("revocations, agreements, members, used tokens and used request ids.")
            say("Repeat every revocation before you serve.")
            if following:
                say(f"The ledger is in epoch {epoch}; members that have pinned its custodians follow it.")
            else:
                say("Every node and system that saw a newer ledger will stop with LOG_SHRUNK or LOG_REWRITTEN.")
        if not yes and not confirmed("Go on from this backup?"):
            fail("nothing was changed", EXIT_REFUSED)
        index = record(offline)
    facts = {"home": str(home), "backup": mark.backup_id, "ledger_size": mark.ledger_size, "entry": index}
    emit(facts, as_json=as_json, human=lambda: say(f"confirmed; entry {index} of the ledger says so"))
