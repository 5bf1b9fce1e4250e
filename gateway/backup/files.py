"""Files of a backup: written whole or not at all, readable by their owner only, and checked before they are believed.

Rules kept: everything is written under a temporary name beside its place, synced, and only then given its name; what
fails or is killed on the way leaves at most a name that ends in `.partial`, which nothing here takes for a backup; a
file or folder that is there already is never replaced. Reading follows no symbolic link.

It does not know what the files mean.
"""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from gateway.backup.errors import BackupDamaged, BackupRefused
from keys.secret_file import sync_folder

PARTIAL: Final = re.compile(r"\..+\.[0-9a-f]{16}\.partial")
"""Temporary names of files and folders that are being written."""

_AT_ONCE: Final = 1 << 20
_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


def sync_file(file: BinaryIO) -> None:
    """Make what was written so far durable.

    Raises:
        OSError: The system refuses, such as for want of space.
    """
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A new file of mode 0600, synced when the block ends normally.

    Raises:
        FileExistsError: There is one.
        OSError: The system refuses, such as for want of space.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), _FILE_MODE)
        yield file
        sync_file(file)


def write_new(path: Path, data: bytes) -> None:
    """Write a whole new file. See `new_file`."""
    with new_file(path) as file:
        file.write(data)


def _fresh(out: Path) -> Path:
    if out.exists() or out.is_symlink():
        raise BackupRefused(f"{out}: is there already; a backup is never written over anything")
    if not out.parent.is_dir():
        raise BackupRefused(f"{out.parent}: there is no such folder")
    return out.with_name(f".{out.name}.{secrets.token_hex(8)}.partial")


@contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """A folder that gets its name when the block ends normally, and is removed when it raises.

    Args:
        out: The name; nothing is there yet.

    Yields:
        A new folder of mode 0700 beside it.

    Raises:
        BackupRefused: The name is taken, or its parent is missing.
        OSError: The system refuses.
    """
    staging = _fresh(out)
    staging.mkdir(mode=_FOLDER_MODE)
    try:
        yield staging
        for folder, _, _ in os.walk(staging, topdown=False):
            sync_folder(Path(folder))
        staging.rename(out)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    sync_folder(out.parent)


@contextmanager
def staged_file(out: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when the block ends normally, and is removed when it raises.

    Raises:
        BackupRefused: The name is taken, or its parent is missing.
        OSError: The system refuses.
    """
    staging = _fresh(out)
    try:
        with new_file(staging) as file:
            yield file
        # A hard link fails when the name was taken meanwhile.
        os.link(staging, out)
    finally:
        with contextlib.suppress(FileNotFoundError):
            staging.unlink()
    sync_folder(out.parent)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file for reading, no symbolic link.

    Raises:
        BackupDamaged: There is no such regular file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise BackupDamaged(f"{path.name}: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BackupDamaged(f"{path.name}: is no regular file")
    with os.fdopen(handle, "rb") as file:
        yield file


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 (hex) and size in bytes of a file.

    Raises:
        BackupDamaged: There is no such regular file.
    """
    with opened(path) as file:
        size, running = 0, hashlib.sha256()
        while block := file.read(_AT_ONCE):
            running.update(block)
            size += len(block)
    return running.hexdigest(), size


def read_small(path: Path, most: int) -> bytes:
    """A whole file of at most so many bytes.

    Raises:
        BackupDamaged: There is no such regular file, or it is larger.
    """
    with opened(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise BackupDamaged(f"{path.name}: is larger than it can be")
    return data


def copy_new(source: Path, target: Path) -> None:
    """Copy a file to a new one of mode 0600, durably; folders on the way are made with mode 0700.

    Raises:
        BackupDamaged: The source is no regular file.
        BackupRefused: The name is taken.
        OSError: The system refuses.
    """
    make_folders(target.parent)
    with opened(source) as reading, staged_file(target) as writing:
        shutil.copyfileobj(reading, writing, _AT_ONCE)


def make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing, mode 0700."""
    if not folder.is_dir():
        make_folders(folder.parent)
        folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
