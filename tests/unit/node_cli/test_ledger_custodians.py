"""`oncegate-node ledger custodians | lost`: a department pins the log's custodians and sees what was lost; no network."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from nodes.cli.main import app
from nodes.enrolment.home import Home
from nodes.watch import LostPromises, Promised
from tests.support.epochs import FIVE, PINNED
from tests.support.exchange_gateway import ExchangeGateway


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return ExchangeGateway.create().consumer_home(tmp_path / "home", agreements=False)


def run(home: Home, *words: str, expect: int = 0) -> Result:
    result = CliRunner().invoke(app, ["ledger", words[0], "--home", str(home.path), *words[1:]])
    assert result.exit_code == expect, result.output
    return result


def keys(count: int, needed: int) -> list[str]:
    return [*(word for one in FIVE[:count] for word in ("--key", one.vkey)), "--needed", str(needed)]


def test_a_department_pins_custodians_and_replaces_them_only_on_purpose(home: Home) -> None:
    assert "none are pinned" in run(home, "custodians").stdout
    run(home, "custodians", *keys(5, 3))
    assert (home.trust().custodians, home.trust().custodians_needed) == (PINNED.keys, 3)
    run(home, "custodians", *keys(5, 3))
    shown = json.loads(run(home, "custodians", "--json").stdout)
    assert (shown["custodians"], shown["needed"]) == (list(PINNED.keys), 3)
    assert "--replace" in run(home, "custodians", *keys(3, 2), expect=2).stderr
    assert home.trust().custodians == PINNED.keys
    run(home, "custodians", *keys(3, 2), "--replace")
    assert home.trust().custodians_needed == 2


@pytest.mark.parametrize("words", [keys(2, 3), keys(1, 1), ["--key", "x", "--needed", "2"], ["--needed", "2"]])
def test_what_makes_no_set_is_not_pinned(home: Home, words: list[str]) -> None:
    run(home, "custodians", *words, expect=2)
    assert home.trust().custodians == ()


def test_promises_that_were_lost_are_listed(home: Home) -> None:
    assert "0 promises lost" in run(home, "lost").stdout
    LostPromises(home).add(2, [Promised(9, b"h" * 32, 1_764_150_000_000, "ab" * 32), Promised(7, b"g" * 32, 1, "")])
    listed = json.loads(run(home, "lost", "--json").stdout)
    assert [(one["entry"], one["epoch"]) for one in listed] == [(7, 2), (9, 2)]
    assert "entry 9" in run(home, "lost").stdout
