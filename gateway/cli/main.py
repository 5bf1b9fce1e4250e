"""Registers the commands of `oncegate`; each noun lives in its own file."""

import typer

from gateway.cli import (
    agreement,
    audit,
    backup,
    catalog,
    custodian,
    department,
    emergency,
    epoch,
    erasures,
    evidence,
    index_key,
    key,
    me,
    operate,
    pseudonyms,
    restore,
    search,
    source,
    vault,
)
from gateway.cli.demo.command import demo
from gateway.cli.policy import main as policy

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="oncegate: share records between departments under policy, with every access on record.",
)
app.command("init")(operate.init)
app.command("serve")(operate.serve)
app.command("status")(operate.status)
app.command("ca")(operate.ca)
app.command("ledger-key")(operate.ledger_key)
app.command("demo")(demo)
app.add_typer(department.app, name="department")
app.add_typer(department.member_app, name="member")
app.add_typer(catalog.app, name="catalog")
app.add_typer(agreement.app, name="agreement")
search.register(vault.app)
vault.app.add_typer(pseudonyms.app, name="pseudonyms")
app.add_typer(vault.app, name="vault")
app.add_typer(emergency.app, name="emergency")
app.add_typer(erasures.app, name="erasure")
app.add_typer(backup.app, name="backup")
app.add_typer(restore.app, name="restore")
app.add_typer(epoch.app, name="epoch")
app.add_typer(custodian.app, name="custodian")
app.add_typer(key.app, name="key")
app.add_typer(index_key.app, name="index")
app.add_typer(policy.app, name="policy")
evidence.register(audit.app)
app.add_typer(audit.app, name="audit")
app.add_typer(me.app, name="me")
app.add_typer(source.app, name="source")


def main() -> None:
    """Entry point of the console script."""
    app()
