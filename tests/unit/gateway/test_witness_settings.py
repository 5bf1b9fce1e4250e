"""Which witnesses the settings accept, and what the status says of them."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from gateway.bootstrap.witnessing import witnessing_of
from gateway.cli.main import app
from gateway.settings import STATUS_FILE, BadSettings, Settings
from gateway.witnesses.client import BadAddress, WitnessAddress
from keys.log.cosignatures import Cosigner
from tests.support.ledgers import NOTE_KEY

KEYS = [Cosigner(f"witness.example/w{number}", bytes([number]) * 32).vkey for number in (1, 2, 3)]
URL = "http://127.0.0.1:7446"


def settings(home: Path, known: list[dict[str, str]], quorum: int, **more: Any) -> Settings:
    return Settings(home=home, witnesses={"known": known, "quorum": quorum, **more})


def test_a_log_without_witnesses_asks_for_none(tmp_path: Path) -> None:
    assert witnessing_of(Settings(home=tmp_path), NOTE_KEY.vkey) is None


def test_witnesses_with_a_quorum_are_asked_for(tmp_path: Path) -> None:
    asks = witnessing_of(settings(tmp_path, [{"vkey": key, "url": URL} for key in KEYS], 2), NOTE_KEY.vkey)
    assert asks is not None
    assert (len(asks.quorum.witnesses), asks.quorum.needed, asks.stop_after_s) == (3, 2, 900)


@pytest.mark.parametrize(("known", "quorum"), [(0, 1), (2, 0), (2, 3)])
def test_a_quorum_fits_the_witnesses(tmp_path: Path, known: int, quorum: int) -> None:
    with pytest.raises(ValidationError):
        settings(tmp_path, [{"vkey": key, "url": URL} for key in KEYS[:known]], quorum)


@pytest.mark.parametrize("keys", [["nonsense"], [KEYS[0], KEYS[0]], [NOTE_KEY.vkey]])
def test_keys_that_are_none_or_the_same_stop_the_start(tmp_path: Path, keys: list[str]) -> None:
    with pytest.raises(BadSettings, match="witnesses"):
        witnessing_of(settings(tmp_path, [{"vkey": key, "url": URL} for key in keys], 1), NOTE_KEY.vkey)


def test_the_log_cannot_be_its_own_witness(tmp_path: Path) -> None:
    own = Cosigner("witness.example/own", NOTE_KEY.seed).vkey
    with pytest.raises(BadSettings, match="own witness"):
        witnessing_of(settings(tmp_path, [{"vkey": own, "url": URL}], 1), NOTE_KEY.vkey)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://w.example",
        "w.example:80",
        "http://",
        "http://user@w.example",
        "http://w.example/?a",
        "http://w.example/#a",
        "http://w.example/a b",
        "http://w.example/a\r\nX: y",
        "http://w.example:99999",
        "http://[::1",
    ],
)
def test_an_address_is_a_plain_one(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadAddress):
        WitnessAddress(url)
    with pytest.raises(BadSettings, match=r"witnesses.known\[0\].url"):
        witnessing_of(settings(tmp_path, [{"vkey": KEYS[0], "url": url}], 1), NOTE_KEY.vkey)


@pytest.mark.parametrize("url", [URL, "https://w.example", "https://w.example/city/", "http://[::1]:7446"])
def test_addresses_with_port_and_path_are_accepted(url: str) -> None:
    WitnessAddress(url)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "2 of 3 needed; last cosigned 0.4 s ago"),
        ({"releasing": False, "cosigned_age_s": None}, "NOTHING IS RELEASED"),
        ({"diverged": True, "releasing": False}, "NOT THE ONE THAT WAS COSIGNED"),
        ({}, "witness w2: cannot be reached"),
    ],
)
def test_the_status_says_how_the_witnesses_are(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    known = [
        {"name": name, "problem": "cannot be reached" if name == "w2" else "", "size": 5} for name in ("w1", "w2", "w3")
    ]
    found = {"needed": 2, "cosigned_age_s": 0.4, "diverged": False, "releasing": True, "known": known, **changes}
    document = {
        "gateway": "spiffe://x/gateway/g",
        "written_unix_ms": int(time.time() * 1000),
        "systems": "a:1",
        "people": "a:2",
        "ledger_size": 5,
        "certificate_until_ms": 0,
        "witnesses": found,
        "nodes": [],
    }
    (tmp_path / STATUS_FILE).write_text(json.dumps(document))
    shown = CliRunner().invoke(app, ["status", "--home", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert said in shown.output
