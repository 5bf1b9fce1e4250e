"""Options that several commands share, so that they read the same everywhere, and how a passphrase is obtained."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from keys.keyring.file import read_passphrase
from nodes.cli.language import Language
from nodes.consumer.items import Item
from policies.emergencies import Emergency

PASSPHRASE_VARIABLE = "ONCEGATE_PASSPHRASE"  # noqa: S105 - the name of a variable

HomePath = Annotated[
    Path, typer.Option("--home", envvar="ONCEGATE_HOME", help="Home folder of the node or system.", file_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text for people.")]
DepartmentKey = Annotated[
    Path, typer.Option("--department-key", help="The department key, made by department-key create.", dir_okay=False)
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help=f"File (mode 0600) with the passphrase; else {PASSPHRASE_VARIABLE}, else you are asked.",
        dir_okay=False,
    ),
]
Lang = Annotated[
    Language | None, typer.Option("--lang", help="Language of the text for people; default from LANG, else en.")
]
Subject = Annotated[
    str,
    typer.Option(
        "--subject",
        help="SCHEME=IDENTIFIER, such as cn.resident-id=…; a single - reads it from standard input, out of sight of "
        "the process list.",
    ),
]
Purpose = Annotated[str, typer.Option("--purpose", help="Registered purpose code.")]
Basis = Annotated[str, typer.Option("--basis", help="Legal basis: mandate, explicit_request or consent.")]
CaseReference = Annotated[str, typer.Option("--case", help="Your own case number, where the agreement requires one.")]
Operand = Annotated[
    list[str] | None,
    typer.Option(
        "--operand",
        help="RESOURCE:FIELD=VALUE, what an item with =equals compares with; a single - reads them from the further "
        "lines of standard input, out of sight of the process list.",
    ),
]
ConsentDigest = Annotated[
    str, typer.Option("--consent", help="Digest of the person's consent, with the basis consent; see consent status.")
]
RequestDigest = Annotated[
    str,
    typer.Option(
        "--explicit-request", help="Digest of the person's explicit request, with that basis, if there is one."
    ),
]
OfficialToken = Annotated[
    Path | None,
    typer.Option("--official-token-file", help="File with the official's token, where required.", dir_okay=False),
]
Declared = Annotated[
    str,
    typer.Option("--emergency", help="Declare an emergency: code of a registered reason. See docs/emergencies.md."),
]
Statement = Annotated[
    str,
    typer.Option(
        "--statement",
        help="What happened, 1 to 500 characters; needed with --emergency. A single - reads it from standard input.",
    ),
]


def passphrase(file: Path | None, *, confirm: bool = False) -> bytes:
    """The passphrase from the file, the environment or, at a terminal, from the person.

    Args:
        file: The file, if one is given.
        confirm: Whether to ask twice.

    Returns:
        The passphrase.

    Raises:
        KeyringLocked: None is given and nobody can be asked.
        KeyringCorrupt: The file is missing or open to others.
    """
    if file is None and PASSPHRASE_VARIABLE not in os.environ and sys.stdin.isatty():
        return bytes(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm), "utf-8")
    return read_passphrase(file=file, environment=PASSPHRASE_VARIABLE)


def subject_of(text: str) -> tuple[str, str]:
    """Scheme and identifier of a subject option.

    Args:
        text: SCHEME=IDENTIFIER, or - for standard input.

    Returns:
        Both.

    Raises:
        typer.BadParameter: There is no equals sign.
    """
    if text == "-":
        text = sys.stdin.readline().strip()
    scheme, equals, identifier = text.partition("=")
    if not equals:
        raise typer.BadParameter("must be SCHEME=IDENTIFIER", param_hint="--subject")
    return scheme, identifier


def with_operands(items: Sequence[str], operands: Sequence[str]) -> list[Item]:
    """Items with what their equalities compare with.

    Args:
        items: As written on the command line.
        operands: RESOURCE:FIELD=VALUE each, or a single - for the lines of standard input.

    Returns:
        The items.

    Raises:
        BadInput: An item has another form.
        typer.BadParameter: An operand names no item, or has no equals sign; its text is not repeated.
    """
    if list(operands) == ["-"]:
        operands = [line.rstrip("\r\n") for line in sys.stdin if line.strip()]
    read = [Item.parse(text) for text in items]
    places = {f"{item.resource}:{item.field}": place for place, item in enumerate(read)}
    for text in operands:
        name, equals, value = text.partition("=")
        if not equals or name not in places:
            raise typer.BadParameter("must be RESOURCE:FIELD=VALUE of an item asked for", param_hint="--operand")
        read[places[name]] = read[places[name]].compared_with(value)
    return read


def emergency_of(reason: str, statement: str) -> Emergency | None:
    """The declared emergency of the options; None when none is declared.

    Args:
        reason: Code of the reason, or empty.
        statement: What happened, or - for standard input.

    Returns:
        The declaration, unchecked.

    Raises:
        typer.BadParameter: One is given without the other.
    """
    if bool(reason) != bool(statement):
        raise typer.BadParameter("--emergency and --statement belong together", param_hint="--emergency")
    if not reason:
        return None
    return Emergency(reason, sys.stdin.readline().rstrip("\r\n") if statement == "-" else statement)


def operands_of(operands: Sequence[str]) -> dict[str, str]:
    """What equalities compare with, by `resource:field`.

    Args:
        operands: RESOURCE:FIELD=VALUE each, or a single - for the lines of standard input.

    Returns:
        The operands.

    Raises:
        typer.BadParameter: One has no equals sign; its text is not repeated.
    """
    if list(operands) == ["-"]:
        operands = [line.rstrip("\r\n") for line in sys.stdin if line.strip()]
    read: dict[str, str] = {}
    for text in operands:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter("must be RESOURCE:FIELD=VALUE", param_hint="--operand")
        read[name] = value
    return read


def official_token(file: Path | None) -> str:
    """The official's token from its file; empty when there is none.

    Args:
        file: The file, if one is given.

    Returns:
        The token.
    """
    return "" if file is None else file.read_text(encoding="ascii", errors="replace").strip()
