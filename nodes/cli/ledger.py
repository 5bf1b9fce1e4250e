"""`oncegate-node ledger`: does the access log still continue what this member saw of it?"""

import asyncio
import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from keys.errors import KeysError
from keys.log.custodians import Custodians
from nodes.cli.exits import command
from nodes.cli.options import AsJson, HomePath
from nodes.cli.output import emit, moment, say
from nodes.clock import SystemClock
from nodes.enrolment.errors import BadInput
from nodes.enrolment.home import Home
from nodes.watch import GrpcLog, LedgerWatch, LostPromises, Promised, WatchReport
from nodes.watch.epochs import PromisesSince
from nodes.watch.witnessed import quorum_of

app = typer.Typer(no_args_is_help=True, help="The gateway's access log, as this node or system sees it.")

RECEIPTS = 64
"""How many of a node's newest promises are checked."""


@app.command("check")
@command
def check(*, home: HomePath, as_json: AsJson = False) -> None:
    """Check that the log continues the checkpoint seen before, and keeps the promises given to this node."""
    member = Home(home)
    promises, since = _promises(home / "node.toml")

    async def look() -> WatchReport:
        async with GrpcLog(member) as log:
            return await LedgerWatch(member, SystemClock()).look(log, promises, since)

    report = asyncio.run(look())
    document = {
        "size": report.size,
        "earlier_size": report.earlier_size,
        "promises_kept": report.promises_kept,
        "promises_waiting": report.promises_waiting,
        "followed_into_epoch": report.followed,
        "promises_lost": report.promises_lost,
    }

    def human() -> None:
        before = "seen for the first time" if report.earlier_size is None else f"continues {report.earlier_size}"
        if report.followed is not None:
            say(f"followed into epoch {report.followed}; {report.promises_lost} promises lost: see ledger lost")
        say(f"{report.size} entries, {before}; {report.promises_kept} promises kept, {report.promises_waiting} waiting")

    emit(document, as_json=as_json, human=human)


@app.command("lost")
@command
def lost(*, home: HomePath, as_json: AsJson = False) -> None:
    """List the promises whose entries the log lost before a new epoch. The releases stay in this node's own records."""
    listed = LostPromises(Home(home)).read()
    document = [
        {
            "epoch": one.epoch,
            "entry": one.promised.leaf_index,
            "leaf_hash": one.promised.leaf_hash.hex(),
            "seen_ms": one.promised.seen_ms,
            "ticket": one.promised.ticket,
        }
        for one in listed
    ]

    def human() -> None:
        for one in listed:
            seen = moment(one.promised.seen_ms)
            say(f"entry {one.promised.leaf_index}, promised {seen}, ticket {one.promised.ticket}, epoch {one.epoch}")
        say(f"{len(listed)} promises lost")

    emit(document, as_json=as_json, human=human)


@app.command("custodians")
@command
def custodians(
    *,
    home: HomePath,
    keys: Annotated[
        list[str] | None, typer.Option("--key", help="A custodian's verifier key; repeat it for each of them.")
    ] = None,
    needed: Annotated[int, typer.Option("--needed", min=0, help="How many of them must sign.")] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Pin these in the place of those pinned now.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the custodians of the log that this member has pinned, or pin them: by the department, never by the gateway.

    Take the keys from the custodians themselves, and compare them with what other departments pinned.
    """
    member = Home(home)
    trust = member.trust()
    if keys or needed:
        try:
            Custodians(keys or (), needed)
        except KeysError as error:
            raise BadInput("custodians", str(error)) from error
        others = trust.custodians and (trust.custodians, trust.custodians_needed) != (tuple(keys or ()), needed)
        if others and not replace:
            raise BadInput("custodians", "others are pinned; --replace takes these instead")
        trust = dataclasses.replace(trust, custodians=tuple(keys or ()), custodians_needed=needed)
        member.write_trust(trust)
    document = {"custodians": list(trust.custodians), "needed": trust.custodians_needed, "ledger_key": trust.ledger_key}

    def human() -> None:
        for one in trust.custodians:
            say(one)
        say(
            f"{trust.custodians_needed} of {len(trust.custodians)} must sign" if trust.custodians else "none are pinned"
        )

    emit(document, as_json=as_json, human=human)


@app.command("witnesses")
@command
def witnesses(
    *,
    home: HomePath,
    keys: Annotated[
        list[str] | None, typer.Option("--key", help="A witness's verifier key; repeat it for each.")
    ] = None,
    needed: Annotated[int, typer.Option("--needed", min=0, help="How many of them must have cosigned.")] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Pin these in the place of those pinned now.")] = False,
    none: Annotated[bool, typer.Option("--none", help="Demand no witnesses any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the log's witnesses that this member demands, or pin them: by the department, never by the gateway.

    Take the keys from the witnesses themselves. From then on a checkpoint counts only if enough of them have cosigned
    it within the hour; a node releases nothing without.
    """
    member = Home(home)
    trust = member.trust()
    if keys or needed or none:
        if none and (keys or needed):
            raise BadInput("witnesses", "--none stands alone")
        pinned = dataclasses.replace(trust, witnesses=tuple(keys or ()), witnesses_needed=needed)
        quorum_of(pinned)
        if trust.witnesses and pinned != trust and not (replace or none):
            raise BadInput("witnesses", "others are pinned; --replace takes these instead")
        trust = pinned
        member.write_trust(trust)
    document = {"witnesses": list(trust.witnesses), "needed": trust.witnesses_needed}

    def human() -> None:
        for one in trust.witnesses:
            say(one)
        many = f"{trust.witnesses_needed} of {len(trust.witnesses)} must have cosigned"
        say(many if trust.witnesses else "none are demanded")

    emit(document, as_json=as_json, human=human)


def _promises(settings: Path) -> tuple[list[Promised], PromisesSince]:
    """The newest promises given to a node, and how to find all; none for a system, which keeps its answers itself."""
    if not settings.exists():
        return [], lambda _: ()
    # Imported here: what comes with them takes longer to load than the other commands to run.
    from nodes.provider.config import load_settings  # noqa: PLC0415
    from nodes.watch.receipts import newest_promises, promises_since  # noqa: PLC0415

    state = load_settings(settings).state
    newest = newest_promises(state, RECEIPTS) if state.exists() else []
    return newest, lambda index: promises_since(state, index)
