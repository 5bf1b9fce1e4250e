import os
import resource
import signal
import stat
import subprocess
import sys
import time

import pytest

from keys.errors import KeyringCorrupt, SecretExposed
from keys.secret_file import Existing, read_secret, write_secret


@pytest.fixture
def path(tmp_path):
    return tmp_path / "secret"


@pytest.fixture
def full_disk():
    """Lets no file of this process grow beyond 100 bytes, as a full disk would, whoever runs the tests."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))

    yield fill
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


def test_a_written_secret_is_readable_by_its_owner_only(path):
    before = os.umask(0)
    try:
        write_secret(path, b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_secret(path) == b"secret"


def test_a_secret_is_replaced_whole_and_nothing_is_left_behind(path):
    write_secret(path, b"a long first secret")
    write_secret(path, b"second")
    assert read_secret(path) == b"second"
    assert list(path.parent.iterdir()) == [path]


def test_the_old_file_is_never_written_to(path):
    write_secret(path, b"old")
    held = path.with_name("held")
    os.link(path, held)
    write_secret(path, b"new")
    assert (held.read_bytes(), path.read_bytes()) == (b"old", b"new")


def test_content_is_durable_before_it_takes_the_name_and_the_name_afterwards(path):
    write_secret(path, b"old")
    seen = []

    def sync(handle):
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        seen.append((kind, os.fstat(handle).st_size if kind == "file" else 0, path.read_bytes()))

    write_secret(path, b"newer", sync=sync)
    assert seen == [("file", 5, b"old"), ("folder", 0, b"newer")]


def test_a_write_that_cannot_be_made_durable_leaves_the_old_file_as_it_was(path):
    write_secret(path, b"old")

    def broken_disk(_handle):
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input"):
        write_secret(path, b"new", sync=broken_disk)
    assert read_secret(path) == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_must_not_be_replaced_is_left_as_it_was(path):
    write_secret(path, b"first", Existing.REFUSE)
    with pytest.raises(FileExistsError):
        write_secret(path, b"second", Existing.REFUSE)
    assert read_secret(path) == b"first"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_as_it_was(path, full_disk):
    write_secret(path, b"old")
    full_disk()
    with pytest.raises(OSError, match="large"):
        write_secret(path, b"new" * 1000)
    assert read_secret(path) == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_killed_writer_leaves_one_whole_file(path):
    write_secret(path, b"\x00" * 100_000)
    program = (
        "import sys, pathlib\nfrom keys.secret_file import write_secret\nprint('ready', flush=True)\nn = 0\n"
        "while True:\n    n = (n + 1) % 256\n    write_secret(pathlib.Path(sys.argv[1]), bytes([n]) * 100_000)\n"
    )
    for wait_s in (0.005, 0.013, 0.031):
        with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(wait_s)
            writer.send_signal(signal.SIGKILL)
        content = read_secret(path)
        assert len(content) == 100_000
        assert len(set(content)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o777])
def test_a_file_that_others_can_use_is_refused(path, mode):
    write_secret(path, b"secret")
    path.chmod(mode)
    with pytest.raises(SecretExposed):
        read_secret(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(path):
    write_secret(path, b"secret")
    os.chown(path, 12345, -1)
    with pytest.raises(SecretExposed):
        read_secret(path)


def test_what_is_no_regular_file_is_refused(path):
    with pytest.raises(KeyringCorrupt):
        read_secret(path)
    with pytest.raises(KeyringCorrupt):
        read_secret(path.parent)
    os.mkfifo(path, 0o600)
    with pytest.raises(KeyringCorrupt):
        read_secret(path)


def test_a_folder_that_is_not_there_is_an_error(path):
    with pytest.raises(FileNotFoundError):
        write_secret(path / "deeper", b"secret")
