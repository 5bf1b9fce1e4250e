"""docs/cli.md holds every command and option of `oncegate`, in the words of its help."""

import re

from gateway.cli.main import app
from tests.support.command_reference import BEGIN, entry, every_command, reference
from tests.unit.docs.pages import read, table

TEXT = read("docs/cli.md")
BEFORE, _, REFERENCE = TEXT.partition(BEGIN)
WORDS = {" ".join(path) for path, _ in every_command()}


def test_the_reference_is_exactly_what_the_commands_say_of_themselves() -> None:
    assert REFERENCE.strip() == reference().strip(), "run: python -m tests.support.command_reference"


def test_every_command_says_what_it_does_and_what_each_option_means() -> None:
    for path, command in every_command():
        assert command.help, path
        for parameter in command.params:
            assert getattr(parameter, "help", None) or parameter.name == "help", (path, parameter.name)


def test_every_command_of_the_first_level_stands_in_the_table_of_users() -> None:
    listed = {word for row in table(TEXT, "user | commands") for word in re.findall(r"`(\w[\w-]*)`", f"`{row[1]}`")}
    assert {path[1] for path, _ in every_command()} == listed


def test_every_example_is_a_command_with_options_that_it_has() -> None:
    known = dict(every_command())
    block = BEFORE.split("```sh", 1)[1].split("```", 1)[0]
    lines = [line.split("#", 1)[0].split() for line in block.splitlines() if line.startswith("oncegate ")]
    assert len(lines) > 5
    for words in lines:
        path = next(p for p in known if tuple(words[: len(p)]) == p)
        options = {opt for parameter in known[path].params for opt in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, words


def test_whatever_shows_something_has_a_form_for_programs() -> None:
    for path, command in every_command():
        if path[-1] in {"list", "status", "entries", "accesses", "show", "verify", "proof"}:
            assert "--json" in {opt for parameter in command.params for opt in parameter.opts}, path


def test_a_secret_is_never_an_argument() -> None:
    for path, command in every_command():
        for parameter in command.params:
            secret = {"passphrase", "token", "password"} & {opt.strip("-") for opt in parameter.opts}
            assert not secret, path


def test_the_reference_shows_arguments_needs_and_variables() -> None:
    shown = next(entry(path, command) for path, command in every_command() if path[1:] == ("member", "token"))
    assert shown.startswith("### `oncegate member token DEPARTMENT KIND NAME`\n")
    assert "| `--home` (`ONCEGATE_HOME`) | needed |" in shown
    assert "| `--life` | `3600` |" in shown
    assert app.info.help
