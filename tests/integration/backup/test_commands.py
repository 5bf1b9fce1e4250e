"""The commands: what they print, their exit codes, and that a restored gateway waits for a person."""

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from gateway.backup.errors import BackupRefused
from gateway.backup.prune import carry_out, plan_pruning
from gateway.bootstrap.restored import MARK
from gateway.cli.main import app
from tests.support.backup_world import World, root_keys_of
from tests.support.index_node import FixedClock

DAY_MS = 86_400_000


def run(*arguments: object, expect: int = 0, stdin: str | None = None) -> Result:
    if arguments[:2] == ("restore", "--from"):
        arguments += ("--root-keys", root_keys_of(Path(str(arguments[2]))))
    result = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin, prog_name="oncegate")
    assert result.exit_code == expect, (result.output, result.exception)
    return result


def at(days_ago: int) -> FixedClock:
    clock = FixedClock()
    clock.at_ms = time.time_ns() // 1_000_000 - days_ago * DAY_MS
    return clock


def test_from_a_backup_to_a_gateway_that_may_serve_by_commands_alone(small: World, tmp_path: Path) -> None:
    backup, keys, new = tmp_path / "backup", tmp_path / "keys", tmp_path / "new"
    made = json.loads(run("backup", "--home", small.home, "--out", backup, "--json").stdout)
    assert made["ledger_size"] == 5
    held = json.loads(run("backup", "--home", small.home, "--out", keys, "--keys", "--json").stdout)
    assert held["delete_by_unix_ms"] - held["created_unix_ms"] == 30 * DAY_MS
    tried = json.loads(run("restore", "--from", backup, "--home", new, "--keys", keys, "--dry-run", "--json").stdout)
    assert not new.exists()
    done = json.loads(run("restore", "--from", backup, "--home", new, "--keys", keys, "--json").stdout)
    assert done == tried | {"dry_run": False}
    assert done["keys"] == {"put": 4, "missing": 0, "unopened": 0, "erased": 0}
    refused = run("serve", "--home", new, expect=3)
    assert "oncegate restore confirm" in refused.stderr
    declined = run("restore", "confirm", "--home", new, expect=3, stdin="n\n")
    assert "Its ledger ends at 5 entries" in declined.stdout
    assert "LOG_SHRUNK" in declined.stdout
    assert run("restore", "confirm", "--home", new, expect=3).stderr.endswith("nothing was changed\n")
    confirmed = json.loads(run("restore", "confirm", "--home", new, "--yes", "--json").stdout)
    assert (confirmed["entry"], confirmed["ledger_size"]) == (5, 5)
    assert not (new / MARK).exists()
    with World(new).open() as offline:
        said = offline.ledger.entry(5).account
    assert (said["kind"], said["backup"], said["ledger_root"]) == (
        "gateway_restored",
        made["backup"],
        done["ledger_root"],
    )
    assert run("restore", "confirm", "--home", new, "--yes", expect=3).stderr


def test_a_log_that_is_not_the_restored_one_is_not_confirmed(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    new = tmp_path / "new"
    run("restore", "--from", tmp_path / "backup", "--home", new, "--root-keys", small.home / "root-keys.bin")
    mark = json.loads((new / "restore.json").read_bytes())
    for change in ({"ledger_root": "00" * 32}, {"ledger_size": mark["ledger_size"] - 1}, {"ledger_size": 99}):
        (new / "restore.json").write_text(json.dumps(mark | change), encoding="utf-8")
        assert "not the one that was restored" in run("restore", "confirm", "--home", new, "--yes", expect=3).stderr
    (new / "restore.json").write_text(json.dumps(mark), encoding="utf-8")
    run("restore", "confirm", "--home", new, "--yes")


def test_a_confirmation_that_was_killed_in_between_makes_no_second_entry(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    run("restore", "--from", tmp_path / "backup", "--home", tmp_path / "new")
    mark = (tmp_path / "new" / MARK).read_bytes()
    first = json.loads(run("restore", "confirm", "--home", tmp_path / "new", "--yes", "--json").stdout)
    (tmp_path / "new" / MARK).write_bytes(mark)
    again = json.loads(run("restore", "confirm", "--home", tmp_path / "new", "--yes", "--json").stdout)
    assert again == first


def test_people_are_told_what_a_backup_does_not_hold(small: World, tmp_path: Path) -> None:
    said = run("backup", "--home", small.home, "--out", tmp_path / "backup").stdout
    assert "no person's key" in said
    assert "keep the passphrase elsewhere" in said
    assert "Delete it by" in run("backup", "--home", small.home, "--out", tmp_path / "keys", "--keys").stdout
    said = run("restore", "--from", tmp_path / "backup", "--home", tmp_path / "new").stdout
    assert "Profile fields of 4 persons have no key here: they read as not set until entered again." in said
    assert "does not serve yet" in said
    assert str(small.home) not in said


def test_wrong_use_and_damage_have_their_exit_codes(small: World, tmp_path: Path) -> None:
    run("backup", "--home", small.home, expect=2)
    run("restore", "--home", tmp_path / "new", expect=2)
    run("backup", "--home", tmp_path / "nowhere", "--out", tmp_path / "backup", expect=2)
    run("backup", "--home", small.home, "--out", tmp_path / "backup", "--without-keyring")
    run("restore", "--from", tmp_path / "backup", "--home", tmp_path / "new", expect=3)
    keyring = ["--keyring", small.home / "keyring.bin"]
    register = tmp_path / "register"
    register.write_text("not json\n", encoding="utf-8")
    arguments = ["restore", "--from", tmp_path / "backup", "--home", tmp_path / "new", *keyring]
    assert "line 1" in run(*arguments, "--erasures", register, expect=3).stderr
    database = tmp_path / "backup" / "database.sqlite"
    database.write_bytes(database.read_bytes()[:-1])
    assert "the backup is damaged" in run(*arguments, expect=5).stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.long
def test_the_passphrase_may_lie_elsewhere_during_a_restore(
    small: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.backup(tmp_path / "backup")
    (tmp_path / "secret").write_text(os.environ["ONCEGATE_PASSPHRASE"], encoding="utf-8")
    (tmp_path / "secret").chmod(0o600)
    monkeypatch.delenv("ONCEGATE_PASSPHRASE")
    arguments = ["restore", "--from", tmp_path / "backup", "--home", tmp_path / "new"]
    run(*arguments, expect=3)
    run(*arguments, "--passphrase-file", tmp_path / "secret")


def test_prune_deletes_what_is_over_and_nothing_else(small: World, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    for days in (45, 31, 29, 0):
        small.key_backup(folder / f"{days}-days-old", at(days))
    small.backup(folder / "ordinary")
    (folder / ".broken.0123456789abcdef.partial").write_bytes((folder / "45-days-old").read_bytes()[:300])
    dry = json.loads(run("backup", "prune", folder, "--dry-run", "--json").stdout)
    assert dry["expired"] == [".broken.0123456789abcdef.partial", "31-days-old", "45-days-old"]
    assert dry["deleted"] == 0
    assert len(list(folder.iterdir())) == 6
    assert "nothing was deleted" in run("backup", "prune", folder, expect=3, stdin="n\n").stderr
    assert len(list(folder.iterdir())) == 6
    said = run("backup", "prune", folder, stdin="y\n").stdout
    assert "deleted 3, kept 2" in said
    assert {path.name for path in folder.iterdir()} == {"29-days-old", "0-days-old", "ordinary"}
    assert json.loads(run("backup", "prune", folder, "--yes", "--json").stdout)["deleted"] == 0


def test_what_broke_off_before_it_held_a_key_stops_no_pruning(small: World, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    small.key_backup(folder / "old", at(45))
    header, keys = (folder / "old").read_bytes().split(b"\n", 1)
    (folder / ".empty.0123456789abcdef.partial").touch()
    (folder / ".header.0123456789abcdef.partial").write_bytes(header[:-9])
    (folder / ".ordinary.0123456789abcdef.partial").mkdir()
    assert json.loads(run("backup", "prune", folder, "--yes", "--json").stdout)["deleted"] == 1
    (folder / ".strange.0123456789abcdef.partial").write_bytes(b"?" + header + b"\n" + keys)
    assert ".strange" in run("backup", "prune", folder, "--yes", expect=3).stderr
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("what", ["file", "folder", "link", "cut", "home"])
def test_prune_refuses_a_folder_that_holds_anything_else(small: World, tmp_path: Path, what: str) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    small.key_backup(folder / "old", at(45))
    strange = folder / "strange"
    if what == "file":
        strange.write_text("notes", encoding="utf-8")
    elif what == "folder":
        strange.mkdir()
    elif what == "link":
        strange.symlink_to(folder / "old")
    elif what == "cut":
        strange.write_bytes((folder / "old").read_bytes()[:-40])
    else:
        folder = small.home
    refused = run("backup", "prune", folder, "--yes", expect=3).stderr
    assert what == "home" or "strange" in refused
    assert (tmp_path / "keys" / "old").exists()
    with pytest.raises(BackupRefused):
        plan_pruning(folder, at(0).at_ms)


def test_prune_looks_again_before_it_deletes(small: World, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    small.key_backup(folder / "old", at(45))
    now_ms = at(0).at_ms
    plan = plan_pruning(folder, now_ms)
    (folder / "old").unlink()
    small.key_backup(folder / "old")
    assert carry_out(folder, plan, now_ms) == 0
    assert (folder / "old").exists()


def test_retention_is_a_setting(small: World, tmp_path: Path) -> None:
    with (small.home / "gateway.toml").open("a", encoding="utf-8") as file:
        file.write("\n[vault]\nkey_backup_days = 3\n")
    made = small.key_backup(tmp_path / "keys")
    assert made.delete_by_ms - made.created_ms == 3 * DAY_MS
