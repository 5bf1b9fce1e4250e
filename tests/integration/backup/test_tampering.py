"""A backup that was cut off, edited, mixed up or made by another program is refused before anything is written."""

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.backup.check import check_backup
from gateway.backup.errors import BackupDamaged, BackupRefused
from gateway.backup.manifest import DATABASE, MANIFEST, SIGNATURE, files_in
from keys.errors import KeysError
from keys.signing import BACKUP
from tests.support.backup_world import World, new_world, put_back, root_keys_of

FILES = [DATABASE, "home/gateway.toml", "home/ledger-anchor", "keyring/keyring.bin", MANIFEST, SIGNATURE]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One backup for all tests of this module; each takes a copy."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONCEGATE_PASSPHRASE", "long enough for a test")
        new_world(folder / "gateway").backup(folder / "backup")
    return folder


@pytest.fixture
def backup(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "backup", tmp_path / "backup"))


def refused(
    backup: Path, error: type[Exception] | tuple[type[Exception], ...] = BackupDamaged, match: str | None = None
) -> None:
    new = backup.parent / "new"
    with pytest.raises(error, match=match):
        put_back(backup, new)
    assert not new.exists()


def edit_manifest(backup: Path, edit: Callable[[dict], None]) -> None:  # type: ignore[type-arg]
    value = json.loads((backup / MANIFEST).read_bytes())
    edit(value)
    (backup / MANIFEST).write_text(json.dumps(value), encoding="utf-8")


def sign_again(made: Path, backup: Path) -> None:
    """What only somebody with the open keyring can do: digests and signature over whatever is there now."""
    files = {name: entry.model_dump() for name, entry in files_in(backup).items()}
    edit_manifest(backup, lambda value: value.update(files=files))
    with World(made / "gateway").open() as offline:
        signature = offline.secrets.promise_key.sign(BACKUP, (backup / MANIFEST).read_bytes())
    (backup / SIGNATURE).write_bytes(base64.b64encode(signature))


def test_an_untouched_copy_is_believed(backup: Path) -> None:
    assert put_back(backup, backup.parent / "new").rows > 50


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_cut_off_is_found_out(backup: Path, name: str) -> None:
    raw = (backup / name).read_bytes()
    (backup / name).write_bytes(raw[: len(raw) // 2])
    refused(backup)


@pytest.mark.parametrize("name", FILES)
def test_a_file_in_which_one_bit_changed_is_found_out(backup: Path, name: str) -> None:
    raw = bytearray((backup / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (backup / name).write_bytes(raw)
    refused(backup, (BackupDamaged, BackupRefused))


@pytest.mark.parametrize("name", [name for name in FILES if name != MANIFEST])
def test_a_file_that_is_missing_is_found_out(backup: Path, name: str) -> None:
    (backup / name).unlink()
    refused(backup)


def test_a_folder_without_a_manifest_is_no_backup(backup: Path) -> None:
    (backup / MANIFEST).unlink()
    refused(backup, BackupRefused, "no backup")


def test_a_file_that_nobody_listed_is_found_out(backup: Path) -> None:
    (backup / "home" / "passphrase").write_text("hunter2", encoding="utf-8")
    refused(backup, match="not listed")


def test_a_link_in_the_place_of_a_file_is_not_followed(backup: Path, tmp_path: Path) -> None:
    (backup / DATABASE).rename(tmp_path / "elsewhere")
    (backup / DATABASE).symlink_to(tmp_path / "elsewhere")
    refused(backup)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "home//x", "home/./x"])
def test_a_name_that_leads_out_of_the_backup_is_refused(backup: Path, made: Path, name: str) -> None:
    edit_manifest(backup, lambda value: value["files"].update({name: value["files"]["home/gateway.toml"]}))
    refused(backup, match="outside")


def test_files_and_digests_exchanged_together_lack_the_gateways_signature(backup: Path) -> None:
    connection = sqlite3.connect(backup / DATABASE)
    connection.execute("DELETE FROM identity_denials")
    connection.commit()
    connection.close()
    files = {name: entry.model_dump() for name, entry in files_in(backup).items()}
    edit_manifest(backup, lambda value: (value.update(files=files), value["rows"].update(identity_denials=0)))
    refused(backup, match="not signed")


def test_the_database_of_another_backup_of_the_same_gateway_is_found_out(
    backup: Path, made: Path, tmp_path: Path
) -> None:
    World(made / "gateway").backup(tmp_path / "later")
    shutil.copy(tmp_path / "later" / DATABASE, backup / DATABASE)
    refused(backup, match="another backup")


def test_the_keyring_of_another_gateway_is_found_out(backup: Path, tmp_path: Path) -> None:
    other = new_world(tmp_path / "other")
    with pytest.raises(BackupDamaged, match="two gateways"):
        check_backup(
            backup, tmp_path / "new", keyring=other.home / "keyring.bin", root_keys=other.home / "root-keys.bin"
        )


def test_rows_that_are_missing_are_found_out_even_under_a_good_signature(backup: Path, made: Path) -> None:
    connection = sqlite3.connect(backup / DATABASE)
    connection.execute("DELETE FROM identity_denials")
    connection.commit()
    connection.close()
    sign_again(made, backup)
    refused(backup, match="identity_denials has 0 rows")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_entries SET hashes = zeroblob(length(hashes)) WHERE leaf_index = 3",
        "UPDATE audit_checkpoints SET note = replace(note, 'city', 'town')",
        "UPDATE audit_entries SET leaf_index = leaf_index + 100 WHERE leaf_index = 4",
    ],
)
def test_a_changed_log_is_found_out_even_under_a_good_signature(backup: Path, made: Path, sql: str) -> None:
    connection = sqlite3.connect(backup / DATABASE)
    assert connection.execute(sql).rowcount
    connection.commit()
    connection.close()
    sign_again(made, backup)
    refused(backup, match="log is not sound")


@pytest.mark.parametrize(
    "edit",
    [
        lambda head: head.update(root="ab" * 32),
        lambda head: head.update(size=head["size"] + 1),
        lambda head: head.update(size=head["size"] - 1),
    ],
    ids=["another-root", "one-entry-more", "one-entry-less"],
)
def test_a_manifest_that_names_another_head_of_the_log_is_found_out_even_under_a_good_signature(
    backup: Path,
    made: Path,
    edit: Callable[[dict], None],  # type: ignore[type-arg]
) -> None:
    edit_manifest(backup, lambda value: edit(value["ledger"]))
    sign_again(made, backup)
    refused(backup, match="does not fit the head named in the manifest")


def test_entries_cut_off_the_end_are_found_out_even_under_a_good_signature(backup: Path, made: Path) -> None:
    connection = sqlite3.connect(backup / DATABASE)
    # Together with every head beside the entries, so that only the manifest knows that there were more.
    connection.execute("DELETE FROM audit_checkpoints")
    connection.execute("DELETE FROM audit_entries WHERE leaf_index = (SELECT max(leaf_index) FROM audit_entries)")
    [entries] = connection.execute("SELECT count(*) FROM audit_entries").fetchone()
    connection.commit()
    connection.close()
    (backup / "home" / "ledger-anchor").unlink()
    edit_manifest(backup, lambda value: value["ledger"].update(checkpoint=""))
    edit_manifest(backup, lambda value: value["rows"].update(audit_checkpoints=0, audit_entries=entries))
    sign_again(made, backup)
    refused(backup, match=f"{entries} and {entries + 1} entries")


def test_a_checkpoint_in_the_manifest_that_the_log_did_not_sign_is_found_out_even_under_a_good_signature(
    backup: Path, made: Path, tmp_path: Path
) -> None:
    others = tmp_path / "others"
    others.mkdir()
    new_world(others / "gateway").backup(others / "backup")
    theirs = json.loads((others / "backup" / MANIFEST).read_bytes())["ledger"]["checkpoint"]
    assert theirs
    edit_manifest(backup, lambda value: value["ledger"].update(checkpoint=theirs))
    sign_again(made, backup)
    refused(backup, match="not signed by this log's key")


def test_a_manifest_of_a_newer_format_is_named(backup: Path) -> None:
    edit_manifest(backup, lambda value: value.update(format="oncegate.backup/2"))
    refused(backup, BackupRefused, "newer program")


def test_something_else_with_a_manifest_is_no_backup(backup: Path) -> None:
    edit_manifest(backup, lambda value: value.update(format="other/1"))
    refused(backup, BackupRefused, "no ordinary backup")


def test_a_backup_with_the_schema_of_another_program_says_which_program(backup: Path, made: Path) -> None:
    edit_manifest(backup, lambda value: value.update(alembic_revision="9999"))
    sign_again(made, backup)
    refused(backup, BackupRefused, "newer program .revision 9999")


def test_a_backup_of_another_log_than_the_settings_name_is_refused(backup: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('trust_domain = "town.example"\n', encoding="utf-8")
    with pytest.raises(BackupRefused, match=r"town\.example"):
        check_backup(backup, tmp_path / "new", settings, root_keys=root_keys_of(backup))


def test_a_wrong_passphrase_opens_nothing(backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCEGATE_PASSPHRASE", "another one")
    refused(backup, KeysError)
