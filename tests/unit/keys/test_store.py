"""The keyring's place: one writer at a time, and a change that a reader notices."""

import subprocess
import sys
from pathlib import Path

import pytest

from keys.errors import KeyringCorrupt
from keys.keyring.store import KeyringStore, stamp

ROOT = Path(__file__).resolve().parents[3]


def test_a_replaced_file_has_another_stamp_and_a_missing_one_has_one_too(tmp_path: Path) -> None:
    store = KeyringStore(tmp_path / "keyring.bin")
    stamps = {stamp(store.path)}
    for content in (b"one", b"two", b"two"):
        store.replace(content)
        stamps.add(stamp(store.path))
    assert len(stamps) == 4
    assert store.read() == b"two"
    store.path.unlink()
    assert stamp(store.path) in stamps
    with pytest.raises(KeyringCorrupt):
        store.read()


def test_a_second_writer_waits_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    store = KeyringStore(tmp_path / "keyring.bin")
    code = (
        "import sys, time, pathlib\n"
        "from keys.keyring.store import KeyringStore\n"
        "with KeyringStore(pathlib.Path(sys.argv[1])).locked():\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    other = subprocess.Popen((sys.executable, "-c", code, str(store.path)), cwd=ROOT, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    waiting = subprocess.Popen(
        (sys.executable, "-c", code, str(store.path)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.communicate(timeout=1)
    other.kill()
    other.communicate()
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == b"held\n"
    waiting.kill()
    waiting.communicate()
    with store.locked():
        assert store.path.with_name(".keyring.bin.lock").stat().st_mode & 0o777 == 0o600
