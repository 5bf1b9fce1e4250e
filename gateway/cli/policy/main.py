"""Registers the commands of `oncegate policy`."""

import typer

from gateway.cli.policy import bundles, explain, lint, purposes, simulate, tables

app = typer.Typer(no_args_is_help=True, help="Rules: explain, simulate, lint, test and activate. 规则")
app.command("purposes")(purposes.purposes)
app.command("check")(lint.check)
app.command("lint")(lint.lint)
app.command("test")(tables.run)
app.command("explain")(explain.explain)
app.command("simulate")(simulate.simulate)
app.command("propose")(bundles.propose)
app.command("approve")(bundles.approve)
app.command("activate")(bundles.activate)
app.command("rollback")(bundles.rollback)
app.command("list")(bundles.list_)
app.command("show")(bundles.show)
