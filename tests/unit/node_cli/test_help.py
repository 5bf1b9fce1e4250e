"""docs/cli-node.md shows exactly what --help says, for every command."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from nodes.cli.main import app

DOCUMENT = Path(__file__).parents[3] / "docs" / "cli-node.md"
BLOCK = re.compile(r"```text\n(Usage: (oncegate-node[a-z -]*?)(?: \[.*?)?\n.*?)\n```", re.DOTALL)


def documented() -> dict[str, str]:
    return {match[2].strip(): match[1] for match in BLOCK.finditer(DOCUMENT.read_text(encoding="utf-8"))}


def commands(group: typer.Typer, prefix: str = "oncegate-node") -> list[str]:
    names = [f"{prefix} {command.name}" for command in group.registered_commands]
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        names += commands(inner.typer_instance, f"{prefix} {inner.name}")
    return names


@pytest.mark.parametrize("command", ["oncegate-node", *commands(app)])
def test_the_documented_help_is_the_real_one(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(app, [*command.split()[1:], "--help"], prog_name="oncegate-node")
    assert shown.exit_code == 0
    assert documented()[command] == shown.output.rstrip()


def test_nothing_is_documented_that_is_not_there() -> None:
    assert set(documented()) == {"oncegate-node", *commands(app)}
