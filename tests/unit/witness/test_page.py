"""docs/witness.md names every command, every file of a home and every answer."""

import argparse

from nodes.witness import home
from nodes.witness.main import LISTEN, parser
from tests.unit.docs.pages import read, table

TEXT = read("docs/witness.md")


def test_every_command_and_every_option_is_on_the_page():
    (verbs,) = (one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    assert {row[0].strip("`").split()[0] for row in table(TEXT, "command | does")} == set(verbs.choices)
    options = [text for one in verbs.choices.values() for action in one._actions for text in action.option_strings]
    for option in {*options, "--home", "--passphrase-file"} - {"-h", "--help"}:
        assert f"`{option}" in TEXT, option
    assert LISTEN in TEXT


def test_every_file_of_a_home_is_on_the_page():
    kept = {home.CONFIG, home.KEY, home.STATE, f"{home.EVIDENCE}/"}
    assert {row[0].strip("`") for row in table(TEXT, "file | content")} == kept
