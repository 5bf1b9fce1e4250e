"""Writes the reference part of docs/cli.md out of the commands themselves: `python -m tests.support.command_reference`.

A test proves that the page holds exactly this text.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from gateway.cli.main import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
BEGIN = "<!-- reference: written by tests/support/command_reference.py -->\n"


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below one, with its words, in the order of the help."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, sub in inner.items():
        yield from commands(sub, (*path, name))
    if command.invoke_without_command:
        # After the words below it, so that the longest words are found first.
        yield path, command


def every_command() -> list[tuple[tuple[str, ...], Any]]:
    """Every command of `oncegate`."""
    return list(commands(typer.main.get_command(app), ("oncegate",)))


def _is_option(parameter: Any) -> bool:
    return bool(parameter.opts[0].startswith("-"))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "needed"
    value = parameter.default
    if value is None or value == "" or value is False:
        return ""
    return f"`{value}`"


def _row(parameter: Any) -> str:
    name = ", ".join(parameter.opts) if _is_option(parameter) else parameter.name.upper()
    variable = getattr(parameter, "envvar", None)
    named = f"`{name}`" + (f" (`{variable}`)" if variable else "")
    text = " ".join((parameter.help or "").split()).replace("|", "\\|")
    return f"| {named} | {_default(parameter)} | {text} |\n"


def entry(path: tuple[str, ...], command: Any) -> str:
    """One command: how it is called, what it does, its arguments and options."""
    arguments = [p for p in command.params if not _is_option(p)]
    options = [p for p in command.params if _is_option(p) and p.name != "help"]
    called = " ".join([*path, *(p.name.upper() if p.required else f"[{p.name.upper()}]" for p in arguments)])
    text = f"### `{called}`\n\n{' '.join(command.help.split())}\n"
    if arguments or options:
        text += "\n| argument or option | default | meaning |\n|---|---|---|\n"
        text += "".join(map(_row, [*arguments, *options]))
    return text


def reference() -> str:
    """The whole reference."""
    return "\n".join(entry(path, command) for path, command in every_command())


def main() -> None:
    """Rewrite the reference part of the page."""
    before, _, _ = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{reference()}", encoding="utf-8")


if __name__ == "__main__":
    main()
