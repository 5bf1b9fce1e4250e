"""Registers the commands of `oncegate-node`; each noun lives in its own file."""

import typer

from nodes.cli import (
    agreement,
    catalog,
    check,
    consent,
    department_key,
    enrol,
    fetch,
    ledger,
    notices,
    purposes,
    receipts,
    relations,
    serve,
    service,
    status,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    help="oncegate-node: a department's nodes and systems, and its custodian's tools.",
)
app.add_typer(department_key.app, name="department-key")
app.command("enrol")(enrol.enrol)
app.command("certify")(enrol.certify)
app.add_typer(agreement.app, name="agreement")
app.command("check")(check.check)
app.command("purposes")(purposes.purposes)
app.command("serve")(serve.serve)
app.command("fetch")(fetch.fetch)
app.command("locate")(fetch.locate)
app.add_typer(service.app, name="service")
app.add_typer(catalog.app, name="catalog")
app.add_typer(receipts.app, name="receipts")
app.add_typer(consent.app, name="consent")
app.add_typer(notices.app, name="notices")
app.add_typer(relations.app, name="relations")
app.add_typer(ledger.app, name="ledger")
app.command("status")(status.status)


def main() -> None:
    """Entry point of the console script."""
    app()
