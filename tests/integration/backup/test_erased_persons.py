"""An erased person does not come back, whichever backups are put together."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, create_engine, delete, insert, select

from gateway.backup.classification import tables
from gateway.backup.erasures import erasures_in, read_register
from gateway.backup.errors import BackupDamaged, BackupRefused
from gateway.backup.restore import Restored
from gateway.bootstrap.erasures import register_lines
from gateway.clock import SystemClock
from gateway.storage.database import write_transaction
from gateway.vault.forgetting import FORGOTTEN
from policies.vocabulary import Form
from tests.support.backup_world import PERSONS, PHONES, WRITTEN_MS, World, new_world, put_back, value
from tests.support.index_node import FixedClock

pytestmark = pytest.mark.long

SettingsFor = Callable[[World], Path]
LATER_MS = WRITTEN_MS + 1000


def register(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def erased(person: bytes, at_ms: int = LATER_MS) -> dict[str, object]:
    return {"person_id": person.hex(), "erased_ms": at_ms, "reason": "REQUESTED"}


def phones(world: World) -> list[list[str]]:
    """What each person reads of the own profile."""
    with world.open() as offline:
        vault = world.vault(offline)
        return [[f.value for f in vault.fields(person)] for person in PERSONS]


def stored(world: World, name: str) -> dict[bytes, dict[str, object]]:
    table = next(t for t in tables() if t.name == name)
    with world.open() as offline, offline.engine.connect() as connection:
        return {bytes(row["person_id"]): dict(row) for row in connection.execute(select(table)).mappings()}


@pytest.fixture
def both(world: World, tmp_path: Path) -> World:
    """A gateway with an ordinary backup and a key backup, of the time before anyone was erased."""
    world.backup(tmp_path / "backup")
    world.key_backup(tmp_path / "keys")
    return world


def test_a_register_that_is_newer_than_both_backups_keeps_the_person_away(
    both: World, settings_for: SettingsFor, tmp_path: Path
) -> None:
    lines = register(tmp_path / "register", erased(PERSONS[1]))
    done = put_back(
        tmp_path / "backup", tmp_path / "new", settings=settings_for(both), keys=tmp_path / "keys", register=lines
    )
    new = World(tmp_path / "new")
    assert (done.keys.put, done.keys.erased) == (3, 1)
    assert phones(new) == [[PHONES[0]], [], [PHONES[2]], [PHONES[3]]]
    assert stored(new, "vault_keys")[PERSONS[1]]["wrapped"] is None
    assert PERSONS[1] not in stored(new, "vault_fields")
    assert stored(new, "vault_keys")[PERSONS[1]]["changed_ms"] == LATER_MS


def test_nothing_of_a_profile_comes_back_with_a_person_whom_the_register_names(
    world: World, settings_for: SettingsFor, tmp_path: Path
) -> None:
    with world.open() as offline, write_transaction(offline.engine) as connection:
        for table in FORGOTTEN:
            connection.execute(delete(table).where(table.c.person_id == PERSONS[1]))
            row = {c.name: value(c, 7) for c in table.columns} | {"person_id": PERSONS[1]}
            connection.execute(table.insert(), [row])
    world.backup(tmp_path / "backup")
    lines = register(tmp_path / "register", erased(PERSONS[1]))
    for _ in range(2):
        # The second time as after a kill between the commit and the mark.
        put_back(tmp_path / "backup", tmp_path / "new", settings=settings_for(world), register=lines)
        new = World(tmp_path / "new")
        for table in FORGOTTEN:
            assert PERSONS[1] in stored(world, table.name)
            assert PERSONS[1] not in stored(new, table.name), table.name
        shutil.rmtree(tmp_path / "new")


def test_an_erasure_that_only_the_register_knows_is_known_from_then_on(
    both: World, settings_for: SettingsFor, tmp_path: Path
) -> None:
    lines = register(tmp_path / "register", erased(PERSONS[1]), erased(PERSONS[2], WRITTEN_MS - 1))
    put_back(tmp_path / "backup", tmp_path / "new", settings=settings_for(both), keys=tmp_path / "keys", register=lines)
    new = World(tmp_path / "new")
    with new.open() as offline:
        kept = tmp_path / "kept"
        kept.write_text("".join(f"{line}\n" for line in register_lines(offline)), encoding="ascii")
    one = stored(new, "vault_erasures")[PERSONS[1]]
    assert (one["erased_ms"], one["entry"], one["fields"], one["kek_version"]) == (LATER_MS, -1, "", 1)
    assert one["complete_by_ms"] == LATER_MS + 30 * 86_400_000
    # The old backups again, with nothing but what the restored gateway knows.
    done = put_back(
        tmp_path / "backup", tmp_path / "again", settings=settings_for(both), keys=tmp_path / "keys", register=kept
    )
    assert (done.keys.put, done.keys.erased) == (3, 1)
    assert phones(World(tmp_path / "again")) == [[PHONES[0]], [], [PHONES[2]], [PHONES[3]]]


def test_a_person_erased_between_the_key_backup_and_the_ordinary_one_stays_erased(
    world: World, settings_for: SettingsFor, tmp_path: Path
) -> None:
    world.key_backup(tmp_path / "keys")
    with world.open() as offline:
        assert world.vault(offline, LATER_MS).erase(PERSONS[0])
    world.backup(tmp_path / "backup")
    done = put_back(tmp_path / "backup", tmp_path / "new", settings=settings_for(world), keys=tmp_path / "keys")
    assert done.keys.put == 3
    assert stored(World(tmp_path / "new"), "vault_keys")[PERSONS[0]]["wrapped"] is None


def test_a_person_erased_in_the_very_millisecond_of_the_key_stays_erased(small: World, tmp_path: Path) -> None:
    small.key_backup(tmp_path / "keys")
    with small.open() as offline:
        assert small.vault(offline, WRITTEN_MS).erase(PERSONS[0])
    small.backup(tmp_path / "backup")
    done = put_back(tmp_path / "backup", tmp_path / "new", keys=tmp_path / "keys")
    assert (done.keys.put, done.keys.missing) == (3, 0)


def test_a_person_erased_between_the_ordinary_backup_and_the_key_backup_stays_erased(
    small: World, tmp_path: Path
) -> None:
    small.backup(tmp_path / "backup")
    with small.open() as offline:
        assert small.vault(offline, LATER_MS).erase(PERSONS[0])
    small.key_backup(tmp_path / "keys")
    done = put_back(tmp_path / "backup", tmp_path / "new", keys=tmp_path / "keys")
    assert (done.keys.put, done.keys.missing) == (3, 1)
    assert phones(World(tmp_path / "new"))[0] == []


def test_the_old_key_of_a_person_who_came_back_is_not_put_in_the_place_of_the_new_one(
    small: World, tmp_path: Path
) -> None:
    small.key_backup(tmp_path / "keys")
    with small.open() as offline:
        vault = small.vault(offline, LATER_MS)
        vault.erase(PERSONS[0])
        vault.set_field(PERSONS[0], "phone", "13900139000")
    small.backup(tmp_path / "backup")
    done = put_back(tmp_path / "backup", tmp_path / "new", keys=tmp_path / "keys")
    assert (done.keys.put, done.keys.missing) == (3, 1)
    assert phones(World(tmp_path / "new"))[0] == []


def test_a_person_who_came_back_after_the_erasure_keeps_the_new_profile(small: World, tmp_path: Path) -> None:
    with small.open() as offline:
        small.vault(offline, LATER_MS).erase(PERSONS[0])
        small.vault(offline, LATER_MS + 1).set_field(PERSONS[0], "phone", "13900139000")
    small.backup(tmp_path / "backup")
    small.key_backup(tmp_path / "keys")
    lines = register(tmp_path / "register", erased(PERSONS[0]))
    done = put_back(tmp_path / "backup", tmp_path / "new", keys=tmp_path / "keys", register=lines)
    assert done.keys.erased == 0
    assert phones(World(tmp_path / "new"))[0] == ["13900139000"]


def test_an_erasure_at_the_very_time_of_the_key_counts(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    small.key_backup(tmp_path / "keys")
    lines = register(tmp_path / "register", erased(PERSONS[0], WRITTEN_MS))
    assert put_back(tmp_path / "backup", tmp_path / "new", keys=tmp_path / "keys", register=lines).keys.erased == 1


def test_without_keys_fields_read_as_not_set_and_can_be_entered_anew(
    both: World, settings_for: SettingsFor, tmp_path: Path
) -> None:
    done: Restored = put_back(tmp_path / "backup", tmp_path / "new", settings=settings_for(both))
    assert (done.keys.put, done.keys.missing, done.key_backup) == (0, len(PERSONS), False)
    new = World(tmp_path / "new")
    assert phones(new) == [[], [], [], []]
    assert len(stored(new, "vault_fields")) >= len(PERSONS)
    with new.open() as offline:
        vault = new.vault(offline, LATER_MS)
        assert vault.release(PERSONS[0], [("phone", Form.EXISTS)])[0].text == "false"
        vault.set_field(PERSONS[0], "email", "wang@example.com")
        vault.set_field(PERSONS[0], "phone", PHONES[1])
    assert phones(new)[0] == ["wang@example.com", PHONES[1]]


def test_a_key_that_the_keyring_does_not_open_is_not_put_back(small: World, tmp_path: Path) -> None:
    with small.open() as offline:
        small.vault(offline).set_field(b"Z" * 16, "phone", PHONES[0])
        with write_transaction(offline.engine) as connection:
            keys = next(table for table in tables() if table.name == "vault_keys")
            connection.execute(keys.update().where(keys.c.person_id == b"Z" * 16).values(wrapped=b"n" * 40))
    small.backup(tmp_path / "backup")
    small.key_backup(tmp_path / "keys")
    done = put_back(tmp_path / "backup", tmp_path / "new", keys=tmp_path / "keys")
    assert (done.keys.put, done.keys.unopened) == (4, 1)


def test_a_register_is_read_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    good = register(tmp_path / "good", erased(PERSONS[0], 5), erased(PERSONS[0], 9), erased(PERSONS[0], 7))
    assert read_register(good) == {PERSONS[0]: 9}
    for number, line in enumerate(
        [
            "not an object",
            {"person_id": "xyz", "erased_ms": 1},
            {"person_id": PERSONS[1].hex()},
            {"person_id": PERSONS[1].hex(), "erased_ms": "1"},
            {"person_id": PERSONS[1].hex(), "erased_ms": -1},
            {"person_id": 7, "erased_ms": 1},
        ]
    ):
        bad = register(tmp_path / f"bad-{number}", erased(PERSONS[0]), line)
        with pytest.raises(BackupRefused, match="line 2") as caught:
            read_register(bad)
        assert PERSONS[1].hex() not in str(caught.value)
    with pytest.raises(BackupRefused):
        read_register(tmp_path / "missing")


def test_the_programs_own_table_of_erasures_is_read_when_there_is_one() -> None:
    metadata = MetaData()
    table = Table(
        "vault_erasures", metadata, Column("person_id", LargeBinary, primary_key=True), Column("erased_ms", BigInteger)
    )
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(insert(table).values(person_id=PERSONS[0], erased_ms=7))
        assert erasures_in(connection, metadata) == {PERSONS[0]: 7}
        assert erasures_in(connection, MetaData()) == {}
    engine.dispose()


def test_a_key_backup_past_its_time_is_not_used(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    clock = FixedClock()
    clock.at_ms = SystemClock().now_ms() - 31 * 86_400_000
    made = small.key_backup(tmp_path / "keys", clock)
    assert made.delete_by_ms - made.created_ms == 30 * 86_400_000
    with pytest.raises(BackupRefused, match="deleted by now"):
        put_back(tmp_path / "backup", tmp_path / "new", keys=tmp_path / "keys")
    assert not (tmp_path / "new").exists()


def test_a_key_backup_of_another_gateway_is_not_used(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    new_world(tmp_path / "other").key_backup(tmp_path / "keys")
    with pytest.raises(BackupDamaged, match="not signed"):
        put_back(tmp_path / "backup", tmp_path / "new", keys=tmp_path / "keys")


@pytest.mark.parametrize("how", ["cut", "line gone", "line twice", "bit", "header", "more"])
def test_a_key_backup_that_was_changed_is_not_used(small: World, tmp_path: Path, how: str) -> None:
    small.backup(tmp_path / "backup")
    small.key_backup(tmp_path / "keys")
    raw = (tmp_path / "keys").read_bytes()
    lines = raw.splitlines(keepends=True)
    changed = {
        "cut": raw[: len(raw) // 2],
        "line gone": b"".join(lines[:1] + lines[2:]),
        "line twice": b"".join([*lines[:2], lines[1], *lines[2:]]),
        "bit": raw.replace(b'"kek_version": 1', b'"kek_version": 2', 1),
        "header": raw.replace(b'"delete_by_ms": 1', b'"delete_by_ms": 2', 1),
        "more": raw + b"{}\n",
    }[how]
    assert changed != raw
    (tmp_path / "keys").write_bytes(changed)
    with pytest.raises(BackupDamaged):
        put_back(tmp_path / "backup", tmp_path / "new", keys=tmp_path / "keys")
    assert not (tmp_path / "new").exists()
