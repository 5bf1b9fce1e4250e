"""Files that hold secrets: mode 0600, owned by whoever runs us, replaced in one step.

Writing goes to a new file in the same folder, which is synced and then moved over the old one; then the folder is
synced. Whatever interrupts it, the old file or the new one is there, whole. Reading refuses a file that others could
read or have written.

It does not encrypt: see `keys.keyring.file`.
"""

import os
import stat
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from secrets import token_hex
from typing import Final

from keys.errors import KeyringCorrupt, SecretExposed

LARGEST: Final = 16 * 1024 * 1024
_MODE: Final = 0o600
_OTHERS: Final = 0o077


class Existing(Enum):
    """What to do when the file is there already."""

    REFUSE = "refuse"
    REPLACE = "replace"


def write_secret(
    path: Path, data: bytes, existing: Existing = Existing.REPLACE, sync: Callable[[int], None] = os.fsync
) -> None:
    """Writes a file in one step that survives a power cut.

    Args:
        path: Where; its folder exists.
        data: The whole content.
        existing: Whether a file that is there may be replaced.
        sync: Makes what a file handle stands for durable; for tests that stop at this moment.

    Raises:
        FileExistsError: There is one and it must not be replaced; it is left as it was.
        OSError: The system refuses; an older file is left as it was.
    """
    fresh = path.with_name(f".{path.name}.{token_hex(8)}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    try:
        try:
            os.fchmod(handle, _MODE)
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            sync(handle)
        finally:
            os.close(handle)
        if existing is Existing.REFUSE:
            # A hard link fails when the name is taken, also when another process takes it at this very moment.
            os.link(fresh, path)
        else:
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(path.parent, sync)


def read_secret(path: Path) -> bytes:
    """Reads a file of secrets. Fails closed: a file that others may read or write is refused.

    Args:
        path: Where.

    Returns:
        The whole content.

    Raises:
        KeyringCorrupt: There is no such file, it cannot be read, is too large or no regular file.
        SecretExposed: Another user owns it, or its mode is wider than 0600.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        raise KeyringCorrupt("the file of secrets is not there or cannot be read") from None
    try:
        # The opened file is looked at, not the name, so that it cannot be exchanged in between.
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            raise KeyringCorrupt("this is not a file of secrets")
        if status.st_uid not in (os.geteuid(), 0) or status.st_mode & _OTHERS:
            raise SecretExposed("the file of secrets may be read by others: its mode must be 0600")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(LARGEST)
    finally:
        os.close(handle)


def sync_folder(folder: Path, sync: Callable[[int], None] = os.fsync) -> None:
    """Makes the names in a folder durable: what was renamed, linked or unlinked there.

    Args:
        folder: Which.
        sync: See `write_secret`.

    Raises:
        OSError: The system refuses.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(handle)
    finally:
        os.close(handle)
