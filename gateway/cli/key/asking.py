"""What the commands that change keys share: options, the question before a change, and who is written down for it."""

import getpass
import sys
from enum import StrEnum
from typing import Annotated

import typer

from gateway.cli.output import EXIT_REFUSED, EXIT_USAGE, fail, say

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; needed when there is no terminal.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done and change nothing.")]
By = Annotated[
    str,
    typer.Option("--by", help="Office that does it, for the ledger; never a person's name. Default: the account."),
]


class What(StrEnum):
    """Kinds of keys that are rotated."""

    ROOT = "root"
    KEK = "kek"


def confirm(plan: str, *, yes: bool) -> None:
    """Say what will be done and ask; without a terminal only `--yes` goes on.

    Raises:
        typer.Exit: The answer is no, or nobody can answer.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        fail("this changes keys: say --yes when there is no terminal to ask", EXIT_USAGE)
    say(plan)
    if not typer.confirm("Go on? 继续吗?"):
        fail("nothing was changed", EXIT_REFUSED)


def office(by: str) -> str:
    """Who is written down: the office that was named, or the account of this machine."""
    return by.strip() or f"account:{getpass.getuser()}"
