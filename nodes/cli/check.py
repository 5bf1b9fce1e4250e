"""`oncegate-node check`: every mistake in a node's configuration, before it serves."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from nodes.cli.exits import command
from nodes.cli.options import AsJson
from nodes.cli.output import emit, say, table
from nodes.enrolment.agreement_files import list_agreements
from nodes.enrolment.errors import BadInput
from nodes.enrolment.home import Home
from nodes.errors import SourceFailed
from nodes.provider.config import Offer, load_node, load_offer
from policies.agreements import Agreement
from policies.agreements.floors import breaches


@command
def check(
    *,
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="ONCEGATE_HOME", help="Home of the node: checks node.toml too.", file_okay=False),
    ] = None,
    resources: Annotated[
        Path | None, typer.Option("--resources", help="Only this resource file; needs --department.", dir_okay=False)
    ] = None,
    department: Annotated[str, typer.Option("--department", help="Department id of the node.")] = "",
    probe: Annotated[
        bool, typer.Option("--probe", help="Also ask every source whether it is there and has every column.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check node.toml and the resource file, and list every mistake with its line and key.

    With --home, also the agreements that the department accepted and that no longer fit what is described now: their
    fields are withheld until a revision is agreed on.
    """
    held: list[Agreement] = []
    if resources is not None:
        if not department:
            raise BadInput("--department", "is needed with --resources")
        offer = load_offer(resources, department, os.environ)
    elif home is not None:
        settings, offer = load_node(home / "node.toml", department or Home(home).spiffe().department, os.environ)
        held = [one.agreement for one in list_agreements(settings.agreements) if one.agreement is not None]
    else:
        raise BadInput("--home", "give it, or --resources with --department")
    failures = _probe(offer) if probe else {}
    found: list[dict[str, Any]] = [
        {
            "resource": code,
            "name_zh": resource.description.name_zh,
            "name_en": resource.description.name_en,
            "source": resource.source,
            "fields": len(resource.fields),
            "failure": failures.get(code, ""),
            "agreements": [
                {"agreement": one.id, "key": breach.key, "rule": breach.rule}
                for one in held
                if one.resource == code
                for breach in breaches(one, resource.description)
            ],
        }
        for code, resource in sorted(offer.resources.items())
    ]
    rows = [
        (f["resource"], f"{f['name_zh']} {f['name_en']}", f["source"], str(f["fields"]), f["failure"] or "ok")
        for f in found
    ]
    emit(
        found,
        as_json=as_json,
        human=lambda: table("Resources", ("resource", "name", "source", "fields", "state"), rows),
    )
    below = [one for each in found for one in each["agreements"]]
    if below and not as_json:
        heads = ("agreement", "key", "what is described here now asks")
        table("Accepted agreements below a floor", heads, [(b["agreement"], b["key"], b["rule"]) for b in below])
    if failures:
        raise SourceFailed(f"{len(failures)} of {len(found)} resources")
    if not as_json:
        say("No mistakes.")


def _probe(offer: Offer) -> dict[str, str]:
    """Why a resource cannot be read, by code; only those that cannot."""
    # Imported here: the database toolkit behind it takes longer to load than the other commands to run.
    from nodes.provider.connectors import open_source  # noqa: PLC0415

    failures: dict[str, str] = {}
    resources = tuple(offer.resources.values())
    for source in offer.sources.values():
        opened = open_source(source, resources)
        try:
            for code, connector in opened.connectors.items():
                try:
                    connector.probe()
                except SourceFailed as error:
                    failures[code] = error.detail
        finally:
            opened.close()
    return failures
