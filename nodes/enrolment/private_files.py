"""Files that hold secrets, written whole or not at all.

Rules kept here: a write goes to a new file in the same folder, is synced, then renamed over the old one, and the
folder is synced: after a crash or power loss the file is the old one or the new one, never a half. Secrets are
created with mode 0600 and refused on reading when anyone but the owner could read them.
This module does not encrypt; keys that can be encrypted are encrypted by whoever calls it.
"""

import os
import secrets
import stat
from pathlib import Path

from nodes.enrolment.errors import HomeInvalid, MemberCode

PRIVATE = 0o600
PUBLIC = 0o644
FOLDER = 0o700


def make_folder(path: Path) -> None:
    """Creates a folder, with its parents, that only the owner can enter; an existing one is left as it is.

    Args:
        path: The folder.
    """
    path.mkdir(mode=FOLDER, parents=True, exist_ok=True)


def write_whole(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Writes a file atomically and durably.

    Args:
        path: Where; its folder exists.
        data: The content.
        mode: Permission bits of the new file.

    Raises:
        OSError: The disk refused; the old file is unharmed.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_private(path: Path) -> bytes:
    """Reads a secret file. Fails closed: one that others may read, or that someone else owns, is refused.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        HomeInvalid: It is missing, not a regular file, not ours, or its mode is wider than 0600.
    """
    try:
        # O_NONBLOCK, so that a named pipe in the file's place cannot make us wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise HomeInvalid(path.name, "cannot be opened", _code(error)) from error
    try:
        _check_private(path.name, os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _check_private(name: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise HomeInvalid(name, "is not a regular file")
    if status.st_uid != os.geteuid():
        raise HomeInvalid(name, "belongs to another user")
    if status.st_mode & 0o177:
        raise HomeInvalid(name, "must have mode 0600")


def read_public(path: Path) -> bytes:
    """Reads a file that is no secret.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        HomeInvalid: It is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise HomeInvalid(path.name, "cannot be read", _code(error)) from error


def _code(error: OSError) -> MemberCode:
    return MemberCode.NOT_ENROLLED if isinstance(error, FileNotFoundError) else MemberCode.HOME_INVALID
