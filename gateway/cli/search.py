"""`oncegate vault find | reindex`: the operator looks for profiles by a value, and keeps the indexes for it."""

import sys
from typing import Annotated

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home, Yes
from gateway.cli.output import EXIT_USAGE, command, emit, fail, say
from gateway.cli.progress import shown

_MOST_TYPED = 4096


@command
def find(
    home: Home,
    field: Annotated[str, typer.Option("--field", help="A field that vault.searchable names: phone or email.")],
    why: Annotated[str, typer.Option("--why", help="Why; it goes on the ledger. Must not name a person.")],
    as_json: AsJson = False,
) -> None:
    """Find the profiles that hold a value, read from standard input. Prints random person ids and nothing else.

    The search is on the ledger, and everyone found sees it among the accesses.
    """
    from gateway.bootstrap.vault_search import search_profiles  # noqa: PLC0415 - see gateway.cli.offline

    if sys.stdin.isatty():
        say("value, then Enter:")
    value = sys.stdin.readline(_MOST_TYPED).rstrip("\r\n")
    if not value:
        fail("the value is read from standard input, and there is none", EXIT_USAGE)
    with open_offline(home) as offline:
        found = [person_id.hex() for person_id in search_profiles(offline)(field, value, why)]

    def human() -> None:
        for person_id in found:
            say(person_id)
        say(f"{len(found)} found")

    emit({"field": field, "persons": found}, as_json=as_json, human=human)


@command
def reindex(
    home: Home,
    new_key: Annotated[bool, typer.Option("--new-key", help="First make a new version of the index key.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Index every searchable field as the settings ask, beside a running gateway. Can be stopped and goes on later."""
    from gateway.bootstrap.keystore import Keystore  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.bootstrap.secrets import BLIND_INDEX, new_symmetric  # noqa: PLC0415
    from gateway.bootstrap.vault_search import search_profiles, searching_vault  # noqa: PLC0415

    if new_key and not yes:
        typer.confirm("Make a new index key and index every searchable field anew?", abort=True)
    with open_offline(home) as offline:
        if new_key:
            with Keystore(offline.settings).changing() as change:
                search_profiles(offline).key_added(max(change.keyring.versions(BLIND_INDEX), default=0) + 1)
                change.keyring.add(BLIND_INDEX, new_symmetric())
                change.save()
        work = searching_vault(offline).reindexing
        done = 0
        total = work.left()
        with shown(quiet=as_json) as tell:
            while more := work.step():
                done += more
                tell("fields indexed", done, max(total, done))
    facts = {"indexed": done, "unreadable": work.unreadable}
    emit(facts, as_json=as_json, human=lambda: say(f"{done} fields indexed, {work.unreadable} cannot be opened"))


def register(app: typer.Typer) -> None:
    """Add the commands to `oncegate vault`."""
    app.command("find")(find)
    app.command("reindex")(reindex)
