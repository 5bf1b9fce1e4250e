"""Kills, full disks and targets in use: nothing half-made passes for a backup or for a gateway."""

import errno
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.backup.check import check_backup
from gateway.backup.errors import BackupDamaged, BackupRefused
from gateway.backup.make import KeyringCopy, make_backup
from gateway.backup.restore import gather, restore
from gateway.bootstrap.offline import open_offline
from gateway.bootstrap.restored import MARK, RestorePending, State, read_mark, require_confirmed
from gateway.clock import SystemClock
from gateway.storage.database import write_transaction
from gateway.storage.errors import DatabaseRefused
from tests.support.backup_world import World, content_of, put_back, quiet, root_keys_of, without_keys

pytestmark = pytest.mark.long

SettingsFor = Callable[[World], Path]
ONCEGATE = Path(sys.executable).with_name("oncegate")

RESTORE = """
import os, shutil, signal, sys
from pathlib import Path
from gateway.backup.check import check_backup
from gateway.backup.restore import gather, restore
from tests.support.backup_world import root_keys_of
from gateway.clock import SystemClock

backup, home, settings, keys, where = sys.argv[1:]

class Clock(SystemClock):
    calls = 0
    def now_ms(self):
        # The second time is asked for the last mark: everything is committed by then.
        self.calls += 1
        if where == "after the commit" and self.calls == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().now_ms()

def progress(what, done, total):
    if where == what:
        os.kill(os.getpid(), signal.SIGKILL)

files_left = int(where.removeprefix("file ")) if where.startswith("file ") else 0

def half_of(reading, writing, length):
    global files_left
    content = reading.read()
    files_left -= 1
    writing.write(content[: len(content) // 2] if files_left == 0 else content)
    if files_left == 0:
        writing.flush()
        os.kill(os.getpid(), signal.SIGKILL)

if files_left:
    shutil.copyfileobj = half_of
checked = check_backup(Path(backup), Path(home), Path(settings), root_keys=root_keys_of(Path(backup)))
restore(gather(checked, Path(settings), Path(keys), None, SystemClock()), Clock(), progress)
"""


def killed(*arguments: object) -> None:
    process = subprocess.run([sys.executable, "-c", RESTORE, *map(str, arguments)], check=False, timeout=60)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("where", ["audit_entries", "vault_keys", "after the commit"])
def test_a_restore_that_was_killed_refuses_to_serve_and_can_be_started_again(
    world: World, settings_for: SettingsFor, tmp_path: Path, where: str
) -> None:
    before = content_of(world)
    world.backup(tmp_path / "backup")
    world.key_backup(tmp_path / "keys")
    settings, new = settings_for(world), tmp_path / "new"
    killed(tmp_path / "backup", new, settings, tmp_path / "keys", where)
    mark = read_mark(new)
    assert mark is not None
    assert mark.state is State.INCOMPLETE
    found = content_of(World(new))
    assert found == before if where == "after the commit" else not any(found.values())
    with pytest.raises(RestorePending, match="broke off"):
        require_confirmed(new)
    with pytest.raises(RestorePending, match="broke off"), open_offline(new):
        pass
    put_back(tmp_path / "backup", new, settings=settings)
    assert without_keys(content_of(World(new))) == without_keys(before)
    assert {row["wrapped"] for row in content_of(World(new))["vault_keys"]} == {None}, "this run had no keys"
    with pytest.raises(RestorePending, match="confirm"):
        require_confirmed(new)


def test_a_restore_that_was_killed_in_the_middle_of_any_file_can_be_started_again(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    small.key_backup(tmp_path / "keys")
    # Settings, certificate and anchor as far as there are any; then the keyring and the root keys.
    count = sum(1 for path in (tmp_path / "backup" / "home").rglob("*") if path.is_file()) + 2
    for number in range(1, count + 1):
        new = tmp_path / f"new-{number}"
        killed(tmp_path / "backup", new, small.home / "gateway.toml", tmp_path / "keys", f"file {number}")
        assert not (number == count and (new / "root-keys.bin").exists()), "no file has its name before it is whole"
        put_back(tmp_path / "backup", new, keys=tmp_path / "keys")
        assert [path.name for path in new.iterdir() if path.name.endswith(".partial")] == []
        assert content_of(World(new))["vault_keys"] == content_of(small)["vault_keys"]


def test_a_home_in_which_another_backup_broke_off_is_left_as_it_is(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "first")
    small.backup(tmp_path / "second")
    settings, new = small.home / "gateway.toml", tmp_path / "new"
    small.key_backup(tmp_path / "keys")
    killed(tmp_path / "first", new, settings, tmp_path / "keys", "vault_keys")
    with pytest.raises(BackupRefused, match="another backup"):
        put_back(tmp_path / "second", new)


def test_a_home_that_is_not_empty_is_left_as_it_is(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    before = content_of(small)
    with pytest.raises(BackupRefused, match="not empty"):
        put_back(tmp_path / "backup", small.home)
    assert content_of(small) == before
    assert not (small.home / MARK).exists()


def test_a_database_in_use_is_left_as_it_is_even_when_the_home_is_new(
    world: World, settings_for: SettingsFor, tmp_path: Path
) -> None:
    world.backup(tmp_path / "backup")
    url = world.url or f"sqlite:///{world.home / 'gateway.db'}"
    settings = tmp_path / "settings.toml"
    text = settings_for(world).read_text(encoding="utf-8")
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("database ="))
    settings.write_text(f'database = "{url}"\n{kept}\n', encoding="utf-8")
    before = content_of(world)
    with pytest.raises(BackupRefused, match="not empty"):
        put_back(tmp_path / "backup", tmp_path / "new", settings=settings)
    assert content_of(world) == before


def test_a_database_with_tables_of_somebody_else_is_left_as_it_is(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE letters (text TEXT)")
    other.commit()
    settings = tmp_path / "settings.toml"
    text = (small.home / "gateway.toml").read_text(encoding="utf-8")
    settings.write_text(f'database = "sqlite:///{tmp_path / "other.db"}"\n{text}', encoding="utf-8")
    with pytest.raises(BackupRefused, match="not a gateway's"):
        put_back(tmp_path / "backup", tmp_path / "new", settings=settings)
    other.close()


def test_rows_that_do_not_fit_the_manifest_after_all_leave_the_database_empty(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    checked = check_backup(tmp_path / "backup", tmp_path / "new", root_keys=root_keys_of(tmp_path / "backup"))
    sources = gather(checked, None, None, None, SystemClock())

    def lose(what: str, done: int, total: int) -> None:
        # Somebody exchanges the copied database between the check and the end.
        if done == total:
            rows = dict(checked.manifest.rows) | {"audit_marks": 99}
            object.__setattr__(checked.manifest, "rows", rows)

    with pytest.raises(BackupDamaged, match="audit_marks"):
        restore(sources, SystemClock(), lose)
    assert not any(content_of(World(tmp_path / "new")).values())
    mark = read_mark(tmp_path / "new")
    assert mark is not None
    assert mark.state is State.INCOMPLETE


def test_a_mark_that_cannot_be_read_is_taken_for_a_restore_that_broke_off(small: World) -> None:
    (small.home / MARK).write_text("{", encoding="utf-8")
    with pytest.raises(RestorePending, match="cannot be read"):
        require_confirmed(small.home)
    with pytest.raises(RestorePending), open_offline(small.home):
        pass


def test_a_backup_is_never_written_over_anything(small: World, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("something", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    for name in ("taken", "empty", "missing/backup"):
        with pytest.raises(BackupRefused):
            small.backup(tmp_path / name)
        with pytest.raises(BackupRefused):
            small.key_backup(tmp_path / name)
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "something"
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("what", [[], ["--keys"]])
def test_a_full_disk_leaves_nothing_that_looks_like_a_backup(small: World, tmp_path: Path, what: list[str]) -> None:
    """The limit of a file's size, which the system enforces, stands in for a full disk."""
    with small.open() as offline:
        vault = small.vault(offline)
        for number in range(700):
            vault.set_field(number.to_bytes(16, "big"), "mailing_address", "北京市朝阳区建国路88号" * 5)
    out = tmp_path / "out"
    out.mkdir()
    limit = "import resource, os, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
    limit += "os.execv(sys.argv[1], sys.argv[1:])"
    arguments = [ONCEGATE, "backup", "--home", small.home, "--out", out / "backup", *what]
    # Coverage would meet the limit as well when it writes down what it measured.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    limited = [sys.executable, "-c", limit, *map(str, arguments)]
    done = subprocess.run(limited, check=False, capture_output=True, timeout=60, text=True, env=env)
    assert done.returncode == 3, done.stderr
    assert "cannot be" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(out.iterdir()) == []
    with small.open() as offline:
        assert offline.ledger.entries(kind="backup_made").entries == []
    assert subprocess.run(list(map(str, arguments)), check=False, capture_output=True, timeout=60).returncode == 0


def test_a_key_backup_is_on_the_disk_before_the_ledger_says_so(
    small: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, whole = [], os.fsync

    def full(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode) and Path(f"/proc/self/fd/{handle}").readlink().suffix == ".partial":
            synced.append(os.fstat(handle).st_size)
            if len(synced) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackupRefused, match="space"):
        small.key_backup(tmp_path / "keys")
    assert synced[1] > synced[0] > 0
    with small.open() as offline:
        assert offline.ledger.entries(kind="backup_made").entries == []
    assert not (tmp_path / "keys").exists()


def test_a_killed_backup_has_no_name_and_is_not_on_the_ledger(small: World, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from gateway.bootstrap.offline import open_offline\n"
        "from gateway.backup.make import KeyringCopy, make_backup\n"
        "kill = lambda what, done, total: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with open_offline(Path(sys.argv[1])) as offline:\n"
        "    make_backup(offline, Path(sys.argv[2]), KeyringCopy.INCLUDED, kill)\n"
    )
    arguments = [sys.executable, "-c", program, str(small.home), str(tmp_path / "backup")]
    assert subprocess.run(arguments, check=False, timeout=60).returncode == -signal.SIGKILL
    left = [path.name for path in tmp_path.iterdir() if path.name != "gateway"]
    assert len(left) == 1
    assert left[0].startswith(".backup.")
    assert left[0].endswith(".partial")
    with pytest.raises(BackupRefused, match="no backup"):
        check_backup(tmp_path / left[0], tmp_path / "new", root_keys=root_keys_of(tmp_path / left[0]))
    small.backup(tmp_path / "backup")
    check_backup(tmp_path / "backup", tmp_path / "new", root_keys=root_keys_of(tmp_path / "backup"))


def test_a_backup_that_cannot_be_recorded_gets_no_name(small: World, tmp_path: Path) -> None:
    with open_offline(small.home) as offline:
        connection = sqlite3.connect(small.home / "gateway.db")
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'full'); END")
        connection.commit()
        connection.close()
        with pytest.raises(Exception, match="log"):
            make_backup(offline, tmp_path / "backup", KeyringCopy.INCLUDED, quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["gateway"]


def test_the_target_database_must_keep_what_is_committed(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    settings = tmp_path / "settings.toml"
    text = (small.home / "gateway.toml").read_text(encoding="utf-8")
    settings.write_text(f'database = "sqlite://"\n{text}', encoding="utf-8")
    with pytest.raises(DatabaseRefused):
        put_back(tmp_path / "backup", tmp_path / "new", settings=settings)
    assert (tmp_path / "new" / MARK).exists()
    with pytest.raises(RestorePending):
        require_confirmed(tmp_path / "new")


def test_a_database_that_grew_since_a_restore_broke_off_is_left_as_it_is(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    small.key_backup(tmp_path / "keys")
    settings, new = small.home / "gateway.toml", tmp_path / "new"
    killed(tmp_path / "backup", new, settings, tmp_path / "keys", "after the commit")
    mark = (new / MARK).read_bytes()
    (new / MARK).unlink()
    with open_offline(new) as offline, write_transaction(offline.engine) as connection:
        connection.exec_driver_sql("INSERT INTO audit_marks VALUES ('x', 1)")
    (new / MARK).write_bytes(mark)
    with pytest.raises(BackupRefused, match="not empty"):
        put_back(tmp_path / "backup", new)


def test_a_database_that_another_restore_filled_is_left_as_it_is(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    small.key_backup(tmp_path / "keys")
    put_back(tmp_path / "backup", tmp_path / "first", keys=tmp_path / "keys")
    before = content_of(World(tmp_path / "first"))
    settings = tmp_path / "settings.toml"
    text = (small.home / "gateway.toml").read_text(encoding="utf-8")
    settings.write_text(f'database = "sqlite:///{tmp_path / "first" / "gateway.db"}"\n{text}', encoding="utf-8")
    with pytest.raises(BackupRefused, match="not empty"):
        put_back(tmp_path / "backup", tmp_path / "second", settings=settings)
    assert content_of(World(tmp_path / "first")) == before
