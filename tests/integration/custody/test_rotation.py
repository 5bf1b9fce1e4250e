"""Rotation and retirement while a gateway has the vault open, and everything that is refused on the way."""

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.bootstrap.keystore import Keystore
from gateway.bootstrap.offline import open_offline
from gateway.cli.main import app
from gateway.settings import FILE_NAME, Settings
from keys.errors import KeyringOutdated, RetiredKey
from keys.keyring.file import open_keyring, save_keyring
from keys.passphrase import LOWEST
from keys.secret_file import write_secret
from tests.integration.custody.conftest import EVERYBODY, PEOPLE, entries, phones, vault_of


def key(home: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["key", *words, "--home", str(home)])
    assert done.exit_code == code, done.output
    return done.output


def versions(home: Path) -> set[int]:
    with sqlite3.connect(home / "gateway.db") as base:
        found = {version for (version,) in base.execute("select kek_version from vault_keys where wrapped is not null")}
    base.close()
    return found


@pytest.mark.domain_check(number=11)
def test_every_data_key_is_wrapped_under_the_new_version_and_opens(home: Path) -> None:
    assert versions(home) == {1}
    key(home, "rotate", "--what", "kek", "--yes", "--batch", "5", "--by", "data-bureau")
    assert versions(home) == {2}
    assert phones(home) == EVERYBODY
    told = entries(home, "key_rotated")
    assert [(said["version"], said.get("finished", False)) for said in told] == [(2, False), (2, True)]
    assert told[1]["wrapped"] == len(PEOPLE)
    assert {said["by"] for said in told} == {"data-bureau"}


def test_a_gateway_that_is_open_reads_and_writes_through_a_rotation_and_a_retirement(home: Path) -> None:
    with vault_of(home) as (_, vault):
        assert [field.value for field in vault.fields(PEOPLE[0])] == [EVERYBODY[0]]
        key(home, "rotate", "--what", "kek", "--yes")
        assert [field.value for field in vault.fields(PEOPLE[1])] == [EVERYBODY[1]]
        vault.set_field(b"n" * 16, "phone", "13900000000")
        assert versions(home) == {2}
        key(home, "retire", "--what", "kek", "--below", "2", "--yes")
        assert [field.value for field in vault.fields(PEOPLE[2])] == [EVERYBODY[2]]
        vault.set_field(b"m" * 16, "phone", "13900000001")
    assert versions(home) == {2}


def test_an_interrupted_rotation_goes_on_with_the_version_it_began(home: Path) -> None:
    with open_offline(home) as offline, Keystore(offline.settings).changing() as change:
        change.keyring.add("vault-kek", b"n" * 32)
        change.save()
    with vault_of(home) as (_, vault):
        assert vault.rewrap(5) == 5
    assert versions(home) == {1, 2}
    assert phones(home) == EVERYBODY
    told = json.loads(key(home, "rotate", "--what", "kek", "--dry-run", "--json"))
    assert (told["changed"], told["data_keys_behind"]) == (False, 7)
    assert versions(home) == {1, 2}
    key(home, "rotate", "--what", "kek", "--yes")
    assert versions(home) == {2}
    assert phones(home) == EVERYBODY


def test_a_version_under_which_data_keys_are_is_not_retired(home: Path) -> None:
    with open_offline(home) as offline, Keystore(offline.settings).changing() as change:
        change.keyring.add("vault-kek", b"n" * 32)
        change.save()
    for more in ((), ("--dry-run",)):
        refusal = key(home, "retire", "--what", "kek", "--below", "2", "--yes", *more, code=3)
        assert "KEY_IN_USE" in refusal
        assert f"data_keys_behind: {len(PEOPLE)}" in refusal
    assert phones(home) == EVERYBODY
    key(home, "retire", "--what", "kek", "--below", "3", "--yes", code=2)


def test_a_retired_version_opens_nothing_even_when_its_row_comes_back(home: Path) -> None:
    with sqlite3.connect(home / "gateway.db") as base:
        kept = base.execute("select wrapped from vault_keys where person_id = ?", (PEOPLE[0],)).fetchone()[0]
    base.close()
    key(home, "rotate", "--what", "kek", "--yes")
    assert "destroyed 1" in key(home, "retire", "--what", "kek", "--below", "2", "--yes")
    with sqlite3.connect(home / "gateway.db") as base:
        base.execute("update vault_keys set wrapped = ?, kek_version = 1 where person_id = ?", (kept, PEOPLE[0]))
    base.close()
    with vault_of(home) as (_, vault), pytest.raises(RetiredKey):
        vault.fields(PEOPLE[0])
    assert json.loads(key(home, "status", "--json"))["minimums"] == {"vault-kek": 2}
    assert entries(home, "key_retired")[-1]["below"] == 2


def test_a_keyring_from_before_a_rotation_is_refused(home: Path) -> None:
    older = (home / "keyring.bin").read_bytes()
    key(home, "rotate", "--what", "kek", "--yes")
    newer = (home / "keyring.bin").read_bytes()
    write_secret(home / "keyring.bin", older)
    with pytest.raises(KeyringOutdated), open_offline(home):
        pass
    write_secret(home / "keyring.bin", newer)
    assert phones(home) == EVERYBODY


def test_a_keyring_that_was_opened_before_a_rotation_is_not_written_over_it(home: Path) -> None:
    with open_offline(home) as offline:
        keystore = Keystore(offline.settings)
        opened = keystore.open()
    key(home, "rotate", "--what", "kek", "--yes")
    newer = (home / "keyring.bin").read_bytes()
    with pytest.raises(KeyringOutdated, match="meanwhile"), keystore.changing(opened) as change:
        change.save()
    assert (home / "keyring.bin").read_bytes() == newer
    assert phones(home) == EVERYBODY


def test_a_running_gateway_refuses_an_older_keyring_and_goes_on_with_the_newest(home: Path) -> None:
    older = (home / "keyring.bin").read_bytes()
    key(home, "rotate", "--what", "root", "--yes")
    newer = (home / "keyring.bin").read_bytes()
    with vault_of(home) as (offline, vault):
        assert vault.fields(PEOPLE[0])
        write_secret(home / "keyring.bin", older)
        with pytest.raises(KeyringOutdated):
            vault.set_field(PEOPLE[0], "phone", "13900000000")
        assert offline.secrets.live.problem() == "KEYRING_OUTDATED"
        write_secret(home / "keyring.bin", newer)
        assert vault.fields(PEOPLE[0])
        assert not offline.secrets.live.problem()


@pytest.mark.long
def test_the_root_key_is_rotated_and_the_older_one_destroyed(home: Path) -> None:
    older = (home / "keyring.bin").read_bytes()
    refused = key(home, "retire", "--what", "root", "--below", "2", "--yes", code=3)
    assert "KEY_IN_USE" in refused
    key(home, "rotate", "--what", "root", "--yes")
    key(home, "retire", "--what", "root", "--below", "2", "--dry-run")
    assert json.loads(key(home, "status", "--json"))["root_versions"] == [1, 2]
    key(home, "retire", "--what", "root", "--below", "2", "--yes")
    assert phones(home) == EVERYBODY
    write_secret(home / "keyring.bin", older)
    assert json.loads(key(home, "status", "--json"))["sealed"]["code"] == "ROOT_KEY_MISSING"


def test_nothing_changes_without_a_yes_or_in_a_dry_run(home: Path) -> None:
    before = (home / "keyring.bin").read_bytes(), (home / "root-keys.bin").read_bytes()
    key(home, "rotate", "--what", "kek", code=2)
    for what in ("root", "kek"):
        key(home, "rotate", "--what", what, "--dry-run")
    assert ((home / "keyring.bin").read_bytes(), (home / "root-keys.bin").read_bytes()) == before
    assert not entries(home, "key_rotated")


@pytest.mark.long
def test_a_keyring_of_the_first_form_opens_and_is_migrated(home: Path) -> None:
    settings = Settings.load(home)
    passphrase = (home / "passphrase").read_bytes().strip()
    keyring = Keystore(settings).open().keyring
    (home / "root-keys.bin").unlink()
    save_keyring(home / "keyring.bin", passphrase, keyring, LOWEST)
    assert phones(home) == EVERYBODY
    assert json.loads(key(home, "status", "--json"))["provider"] == "passphrase"
    assert "KEYRING_ELSEWHERE" in key(home, "rotate", "--what", "kek", "--yes", code=3)
    assert "would do" in key(home, "migrate", "--dry-run")
    assert open_keyring(home / "keyring.bin", passphrase).names() == keyring.names()
    key(home, "migrate", "--yes")
    assert phones(home) == EVERYBODY
    assert json.loads(key(home, "status", "--json"))["provider"] == "file"
    assert entries(home, "key_ceremony")[-1]["former"] == "passphrase"
    assert "already" in key(home, "migrate", "--yes")
    key(home, "rotate", "--what", "kek", "--yes")


def test_a_keyring_under_another_provider_than_asked_for_does_not_open(home: Path) -> None:
    with (home / FILE_NAME).open("a", encoding="utf-8") as file:
        file.write('\n[keys]\nprovider = "pkcs11"\npkcs11_module = "/nowhere.so"\n')
    told = json.loads(key(home, "status", "--json"))
    assert (told["provider"], told["configured_provider"]) == ("file", "pkcs11")
    assert told["sealed"]["code"] == "KEYRING_ELSEWHERE"
    assert told["data_keys_per_version"] == {"1": len(PEOPLE)}
    assert "oncegate key migrate" in key(home, "status")


def test_the_passphrase_is_changed_and_the_old_one_opens_no_more(home: Path) -> None:
    fresh = home / "fresh"
    fresh.write_text("new words\n", encoding="ascii")
    fresh.chmod(0o600)
    key(home, "passphrase", str(fresh), "--dry-run")
    assert phones(home) == EVERYBODY
    key(home, "passphrase", str(fresh), "--yes")
    assert json.loads(key(home, "status", "--json"))["sealed"]["code"] == "KEYRING_LOCKED"
    fresh.rename(home / "passphrase")
    assert phones(home) == EVERYBODY
    assert entries(home, "key_ceremony")[-1]["what"] == "passphrase"


def test_an_empty_new_passphrase_changes_nothing(home: Path) -> None:
    fresh = home / "fresh"
    fresh.write_text("\n", encoding="ascii")
    fresh.chmod(0o600)
    assert "PASSPHRASE_MISSING" in key(home, "passphrase", str(fresh), "--yes", code=3)
    assert phones(home) == EVERYBODY
