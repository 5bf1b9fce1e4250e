"""What a backup carries comes back as it was, on either database and from one to the other."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from gateway.audit.entries import EntryDraft
from gateway.backup.check import check_backup
from gateway.backup.classification import tables
from gateway.backup.make import KeyringCopy, make_backup
from gateway.storage.database import write_transaction
from tests.support.backup_world import (
    PERSONS,
    PHONES,
    ROWS,
    World,
    content,
    content_of,
    put_back,
    raw_bytes,
    root_keys_of,
    without_keys,
)
from tests.support.policy_purposes import TEXT as FURTHER_PURPOSES
from tests.support.policy_purposes import VOCABULARY

SettingsFor = Callable[[World], Path]


def test_every_row_of_every_table_comes_back_equal_but_the_wrapped_keys(
    world: World, settings_for: SettingsFor, tmp_path: Path
) -> None:
    before = content_of(world)
    assert all(before.values()), "a table without rows proves nothing"
    world.backup(tmp_path / "backup")
    restored = put_back(tmp_path / "backup", tmp_path / "new", settings=settings_for(world))
    after = content_of(World(tmp_path / "new"))
    assert without_keys(after) == without_keys(before)
    assert {row["wrapped"] for row in after["vault_keys"]} == {None}
    assert restored.rows == sum(len(rows) for rows in before.values())


def test_with_a_key_backup_everything_comes_back(world: World, settings_for: SettingsFor, tmp_path: Path) -> None:
    before = content_of(world)
    world.backup(tmp_path / "backup")
    world.key_backup(tmp_path / "keys")
    restored = put_back(tmp_path / "backup", tmp_path / "new", settings=settings_for(world), keys=tmp_path / "keys")
    assert content_of(World(tmp_path / "new")) == before
    assert (restored.keys.put, restored.keys.missing) == (len(PERSONS), 0)
    new = World(tmp_path / "new")
    with new.open() as offline:
        vault = new.vault(offline)
        assert [[f.value for f in vault.fields(person)] for person in PERSONS] == [[phone] for phone in PHONES]


def test_the_snapshot_is_of_one_moment_while_the_gateway_writes_on(world: World, tmp_path: Path) -> None:
    before = content_of(world)
    written = []
    with world.open() as offline:

        def write(what: str, done: int, total: int) -> None:
            # After each batch that was copied: rows for every table, those that were copied and those to come.
            number = len(written) + 100
            written.append(what)
            offline.ledger.append_blocking(EntryDraft("gateway_started", {"number": number}))
            marks, persons = (next(t for t in tables() if t.name == n) for n in ("audit_marks", "vault_persons"))
            with write_transaction(offline.engine) as connection:
                connection.execute(insert(marks).values(name=f"n{number}", value=number))
                token = number.to_bytes(32, "big")
                connection.execute(insert(persons).values(token=token, token_version=1, person_id=token[:16]))

        make_backup(offline, tmp_path / "backup", KeyringCopy.INCLUDED, write)
    assert len(written) > 5
    checked = check_backup(tmp_path / "backup", tmp_path / "new", root_keys=root_keys_of(tmp_path / "backup"))
    with checked.snapshot() as connection:
        assert without_keys(content(connection)) == without_keys(before)
    assert len(content_of(world)["audit_marks"]) == ROWS + len(written)


def test_no_byte_of_a_backup_is_of_a_wrapped_key(world: World, tmp_path: Path) -> None:
    keys = world.wrapped()
    with world.open() as offline:
        # Keys that are no longer in any row may still lie in free pages and in the log of the database.
        for person in PERSONS[:2]:
            assert world.vault(offline).erase(person)
    assert len(keys) == len(PERSONS)
    world.backup(tmp_path / "backup")
    world.key_backup(tmp_path / "keys")
    found = raw_bytes(tmp_path / "backup")
    assert not [key for key in keys if key in found or key.hex().encode() in found]
    assert found.count(PERSONS[0]) >= 1, "the search must be able to find what is there"
    held = (tmp_path / "keys").read_bytes()
    assert [key.hex().encode() in held for key in keys] == [False, False, True, True]


def test_the_raw_search_finds_every_wrapped_key_in_the_live_database(
    world: World, request: pytest.FixtureRequest
) -> None:
    keys = world.wrapped()
    if world.url:
        with world.open() as offline, offline.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("CHECKPOINT")
        live = raw_bytes(request.getfixturevalue("data_folder") / "base")
    else:
        live = raw_bytes(world.home)
    assert len(keys) == len(PERSONS)
    assert all(key in live for key in keys)


def test_nobody_else_can_read_a_backup_and_nothing_unfinished_stays(small: World, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    small.backup(tmp_path / "out" / "backup")
    small.key_backup(tmp_path / "out" / "keys")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"backup", "keys"}
    for path in (tmp_path / "out").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_passphrase_and_status_are_not_in_a_backup_and_the_keyring_need_not_be(small: World, tmp_path: Path) -> None:
    (small.home / "passphrase").write_text("not for the backup", encoding="utf-8")
    (small.home / "passphrase").chmod(0o600)
    small.backup(tmp_path / "backup", KeyringCopy.APART)
    names = {path.relative_to(tmp_path / "backup").as_posix() for path in (tmp_path / "backup").rglob("*")}
    assert names == {"home", "home/gateway.toml", "home/ledger-anchor", "database.sqlite"} | {
        "manifest.json",
        "manifest.sig",
    }
    assert b"not for the backup" not in raw_bytes(tmp_path / "backup")
    assert check_backup(
        tmp_path / "backup",
        tmp_path / "new",
        keyring=small.home / "keyring.bin",
        root_keys=root_keys_of(tmp_path / "backup"),
    ).secrets


def test_files_of_issuers_in_the_home_come_along_and_are_put_back(small: World, tmp_path: Path) -> None:
    (small.home / "issuers").mkdir()
    (small.home / "issuers" / "id.json").write_text('{"keys": []}', encoding="utf-8")
    with (small.home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[issuers]]\nissuer = "https://id.example"\njwks_file = "issuers/id.json"\n')
    small.backup(tmp_path / "backup")
    put_back(tmp_path / "backup", tmp_path / "new")
    assert (tmp_path / "new" / "issuers" / "id.json").read_text(encoding="utf-8") == '{"keys": []}'


def test_the_file_of_further_purposes_comes_along_and_is_put_back(small: World, tmp_path: Path) -> None:
    (small.home / "purposes.toml").write_text(FURTHER_PURPOSES, encoding="utf-8")
    settings = (small.home / "gateway.toml").read_text(encoding="utf-8")
    (small.home / "gateway.toml").write_text(f'purposes_file = "purposes.toml"\n{settings}', encoding="utf-8")
    small.backup(tmp_path / "backup")
    put_back(tmp_path / "backup", tmp_path / "new")
    with World(tmp_path / "new").open() as offline:
        assert offline.purposes == VOCABULARY


def test_each_backup_is_on_the_ledger_before_it_has_its_name(small: World, tmp_path: Path) -> None:
    made = small.backup(tmp_path / "backup")
    keys = small.key_backup(tmp_path / "keys")
    with small.open() as offline:
        entries = offline.ledger.entries(kind="backup_made").entries
    assert [(e.account["what"], e.account["backup"]) for e in entries] == [
        ("keys", keys.backup_id),
        ("database", made.backup_id),
    ]
    manifest = json.loads((tmp_path / "backup" / "manifest.json").read_bytes())
    assert entries[1].account["ledger_root"] == manifest["ledger"]["root"]
    assert entries[1].leaf_index == manifest["ledger"]["size"]


def test_new_lists_get_new_numbers_after_a_restore(world: World, settings_for: SettingsFor, tmp_path: Path) -> None:
    world.backup(tmp_path / "backup")
    put_back(tmp_path / "backup", tmp_path / "new", settings=settings_for(world))
    lists = next(t for t in tables() if t.name == "index_lists")
    with World(tmp_path / "new").open() as offline, write_transaction(offline.engine) as connection:
        newest = max(connection.execute(select(lists.c.id)).scalars())
        row = {"node": "n", "resource": "r", "state": "staged", "outbox_id": b"o", "as_of_sequence": 0}
        row |= {"next_part": 0, "received": 0}
        made = connection.execute(insert(lists).values(row).returning(lists.c.id)).scalar_one()
    assert made == newest + 1
