"""`oncegate init | serve | status | ca`: running a gateway."""

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import EXIT_UNREACHABLE, command, emit, fail, moment, say, table
from gateway.settings import STATUS_FILE

_STALE_S = 5.0
_UNINDEXED_TOLD_S = 60
"""The search tables are seconds behind while the gateway is busy; that is not worth a line."""


@command
def init(
    home: Home,
    trust_domain: Annotated[str, typer.Option("--trust-domain", help="SPIFFE trust domain.")] = "oncegate.example",
    passphrase_file: Annotated[
        Path | None, typer.Option("--passphrase-file", help="File with the keyring's passphrase, mode 0600.")
    ] = None,
    systems: Annotated[str, typer.Option("--systems", help="host:port for nodes and systems.")] = "127.0.0.1:7443",
    people: Annotated[str, typer.Option("--people", help="host:port for people and enrolment.")] = "127.0.0.1:7444",
    as_json: AsJson = False,
) -> None:
    """Make a gateway's home folder: settings, encrypted keyring with a new authority, and an empty database."""
    from gateway.bootstrap.home import initialise  # noqa: PLC0415 - see gateway.cli.offline

    made = initialise(home, trust_domain, passphrase_file, systems, people)
    facts = {"home": str(home), "ca_fingerprint": made.ca_fingerprint, "ledger_key": made.ledger_key}

    def human() -> None:
        say(f"made {home}")
        say(f"authority: {made.ca_fingerprint}")
        say(f"ledger verifier key (publish it): {made.ledger_key}")

    emit(facts, as_json=as_json, human=human)


@command
def serve(home: Home) -> None:
    """Run the gateway until it is told to stop (SIGINT or SIGTERM)."""
    from gateway.bootstrap.serving import serve as serve_gateway  # noqa: PLC0415 - see gateway.cli.offline

    asyncio.run(serve_gateway(home))


@command
def ca(home: Home) -> None:
    """Print the authority's certificate (PEM); people's clients need it."""
    with open_offline(home) as offline:
        typer.echo(offline.authority.certificate_pem.decode("ascii"), nl=False)


@command
def ledger_key(home: Home) -> None:
    """Print the ledger's verifier key (C2SP signed-note); auditors need it."""
    with open_offline(home) as offline:
        typer.echo(offline.ledger_key)


@command
def status(home: Home, as_json: AsJson = False) -> None:
    """Show whether the gateway runs, and its nodes with their freshness. Exit code 4 when it does not serve."""
    path = home / STATUS_FILE
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        fail(f"{home}: no gateway has run here", EXIT_UNREACHABLE)
    found["running"] = time.time() - found["written_unix_ms"] / 1000 < _STALE_S

    def human() -> None:
        sealed = found.get("sealed")
        if sealed and found["running"]:
            say(f"gateway {found['gateway']}: SEALED 封存: {sealed['code']}: {sealed['en']} / {sealed['zh']}")
            say("it opens by itself when its root key is there; custodians: oncegate key unseal")
            return
        state = "running" if found["running"] else f"not running since {moment(found['written_unix_ms'])}"
        say(f"gateway {found['gateway']}: {state}")
        tiles = f", tiles {found['tiles']}" if found.get("tiles") else ""
        say(f"doors: systems {found['systems']}, people {found['people']}{tiles}")
        say(f"ledger: {found['ledger_size']} entries; server certificate until {moment(found['certificate_until_ms'])}")
        for line in (*_witnesses(found.get("witnesses")), *_attention(found)):
            say(line)
        rows = [
            (
                n["node"].removeprefix("spiffe://"),
                "connected" if n["connected"] else "silent",
                moment(n["synced_unix_ms"]),
                n["pointers"],
                n["answered"],
                n["bad_answers"],
            )
            for n in found["nodes"]
        ]
        table("Nodes", ("node", "state", "last synced", "pointers", "answers", "bad answers"), rows)

    emit(found, as_json=as_json, human=human)
    if not found["running"] or found.get("sealed"):
        raise typer.Exit(EXIT_UNREACHABLE)


def _attention(found: dict[str, Any]) -> list[str]:
    """What the status says that somebody should look at."""
    lines = []
    if found.get("keyring_problem"):
        lines.append(f"the newest keyring does not open: {found['keyring_problem']}; profile fields are closed")
    if found.get("changed_agreements"):
        lines.append(f"not what was signed: {found['changed_agreements']} agreements or proposals; see agreement list")
    if found.get("overdue_proposals"):
        lines.append(f"{found['overdue_proposals']} proposals are overdue: oncegate agreement overdue")
    if found.get("open_emergencies"):
        open_, late = found["open_emergencies"], found["overdue_emergencies"]
        lines.append(f"{open_} emergency uses are open, {late} are late: oncegate emergency overdue")
    if found.get("unindexed_for_s", 0) > _UNINDEXED_TOLD_S:
        behind, waited = found["unindexed_entries"], found["unindexed_for_s"]
        lines.append(f"the auditors' search reads {behind} entries from the log itself, the oldest for {waited} s")
    return lines


def _witnesses(found: dict[str, Any] | None) -> list[str]:
    """What the status says about the log's witnesses; nothing when it has none."""
    if not found:
        return []
    age = "never" if found["cosigned_age_s"] is None else f"{found['cosigned_age_s']:g} s ago"
    lines = [f"witnesses: {found['needed']} of {len(found['known'])} needed; last cosigned {age}"]
    if found["diverged"]:
        lines.append("THE LOG IS NOT THE ONE THAT WAS COSIGNED: see ledger-conflict.json / 访问日志与见证方所见不一致")
    elif not found["releasing"]:
        lines.append("NOTHING IS RELEASED until the witnesses cosign again / 见证方恢复联署之前暂停提供数据")
    lines += [f"witness {one['name']}: {one['problem']}" for one in found["known"] if one["problem"]]
    return lines
