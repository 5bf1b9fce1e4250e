"""The log in tiles and its proof files, from a gateway that serves to whoever verifies with the public key alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.settings import FILE_NAME, STATUS_FILE
from tests.support.city import City
from tests.support.ledgers import asked
from tests.support.published import published

pytestmark = [pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """A gateway alone, with its door for tiles open and a log of a tile and a bit."""
    city = City(tmp_path_factory.mktemp("city"))
    settings = city.home / FILE_NAME
    text = settings.read_text(encoding="utf-8")
    assert "[listen]\n" in text
    settings.write_text(text.replace("[listen]\n", '[listen]\ntiles = "127.0.0.1:0"\n'), encoding="utf-8")
    await city.start_gateway()
    await asyncio.gather(*(city.parts.ledger.append(asked(number)) for number in range(300)))
    yield city
    await city.stop_gateway()


async def run(*words: object, expect: int = 0) -> Any:
    """What a command prints with --json; of a failure too."""
    result = await asyncio.to_thread(CliRunner().invoke, app, [*map(str, words), "--json"])
    assert result.exit_code == expect, result.output
    return json.loads(result.stdout) if result.stdout else {}


def address(city: City) -> str:
    assert city.gateway is not None
    assert city.gateway.tiles is not None
    return f"http://127.0.0.1:{city.gateway.tiles.port}/"


async def test_the_log_is_verified_from_its_door_and_continues_a_kept_checkpoint(city: City, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text(await published(city), encoding="utf-8")
    await city.parts.ledger.append(asked(1000))
    await published(city)
    report = await run("audit", "verify", address(city), "--key", city.parts.ledger_key, "--earlier", kept)
    assert report["verified"]
    assert report["size"] > report["earlier_size"] >= 300
    other = city.parts.ledger_key.replace("ledger+", "other+")
    failed = await asyncio.to_thread(CliRunner().invoke, app, ["audit", "verify", address(city), "--key", other])
    assert failed.exit_code == 3


async def test_the_same_tiles_are_written_as_files_and_the_stored_log_is_sound(city: City, tmp_path: Path) -> None:
    await published(city)
    sound = await run("audit", "fsck", "--home", city.home)
    written = await run("audit", "tiles", tmp_path / "tiles", "--home", city.home)
    report = await run("audit", "verify", tmp_path / "tiles", "--key", city.parts.ledger_key)
    assert sound["size"] >= written["entries"] == report["size"]


async def test_a_proof_file_is_fetched_and_verified_offline(city: City, tmp_path: Path) -> None:
    await published(city)
    ca = tmp_path / "ca.pem"
    ca.write_bytes(city.parts.authority.certificate_pem)
    token = tmp_path / "token"
    token.write_text(city.token("auditor-1", roles=["auditor"]), encoding="ascii")
    door = ("--gateway", city.people, "--ca", ca)
    bare, whole = tmp_path / "bare.tlog-proof", tmp_path / "whole.tlog-proof"
    found = await run("audit", "proof", 260, *door, "--out", bare)
    await run("audit", "proof", 260, *door, "--out", whole, "--with-entry", "--token-file", token)
    key = city.parts.ledger_key
    report = await run("audit", "verify", bare, "--key", key, "--leaf", found["leaf_hash"])
    assert (report["index"], report["leaf_hash"], report["accountability"]) == (260, found["leaf_hash"], "")
    report = await run("audit", "verify", whole, "--key", key)
    assert json.loads(report["accountability"]) == dict(city.parts.ledger.entry(260).account)
    failed = await run("audit", "verify", bare, "--key", key, "--leaf", "00" * 32, expect=5)
    assert (failed["fault"], failed["first"]) == ("PROOF_OF_ANOTHER_ENTRY", 260)
    # Fetching an entry is reading the log, and is on it.
    newest = city.parts.ledger.entries(kind="log_read", limit=1).entries[0]
    assert newest.account["auditor"]


async def test_the_status_says_where_the_door_is(city: City) -> None:
    for _ in range(200):
        if (city.home / STATUS_FILE).exists():
            break
        await asyncio.sleep(0.05)
    status = await run("status", "--home", city.home)
    assert f"http://{status['tiles']}/" == address(city)


async def test_with_entry_needs_a_file_and_a_token(city: City, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(city.parts.authority.certificate_pem)
    door = ("--gateway", city.people, "--ca", ca)
    await run("audit", "proof", 1, *door, "--with-entry", expect=2)


async def test_a_stored_log_that_was_changed_is_named(city: City, tmp_path: Path) -> None:
    await published(city)
    copy = tmp_path / "home"
    copy.mkdir()
    for name in ("gateway.toml", "keyring.bin", "root-keys.bin", "passphrase"):
        if (city.home / name).exists():
            (copy / name).write_bytes((city.home / name).read_bytes())
            (copy / name).chmod(0o600)
    import sqlite3

    with sqlite3.connect(city.home / "gateway.db") as source, sqlite3.connect(copy / "gateway.db") as target:
        source.backup(target)
        target.execute("UPDATE audit_entries SET department = 'police' WHERE leaf_index = 200")
        target.commit()
    failed = await run("audit", "fsck", "--home", copy, expect=5)
    assert (failed["fault"], failed["first"], failed["last"]) == ("COLUMN_CONTRADICTS", 200, 200)
