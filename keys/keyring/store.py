"""The keyring's place on disk: read by everyone, changed by one at a time.

Rules kept: whoever changes the keyring holds a lock on a file beside it (flock, gone with the process, also when it is
killed), reads the newest file under the lock and replaces it in one step. Reading needs no lock, because the file is
always whole.

It does not know providers or settings. Fails closed.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keys.secret_file import Existing, read_secret, write_secret

Stamp = tuple[tuple[int, int, int], ...]


class KeyringStore:
    """One keyring file.

    Args:
        path: Where; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes:
        """The whole file.

        Raises:
            KeyringCorrupt: It is missing, cannot be read, or is open to others (`SecretExposed`).
        """
        return read_secret(self.path)

    def create(self, raw: bytes) -> None:
        """Put the first file in its place, in one step that survives a power cut.

        Raises:
            FileExistsError: There is one, also when another process made it at this very moment; it is left as it was.
            OSError: The system refuses.
        """
        write_secret(self.path, raw, Existing.REFUSE)

    def replace(self, raw: bytes) -> None:
        """Put another file in its place, in one step that survives a power cut; the caller holds the lock.

        Raises:
            OSError: The system refuses; the old file is left as it was.
        """
        write_secret(self.path, raw)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the keyring for a change; waits while another process does.

        Raises:
            OSError: The folder cannot be written.
        """
        handle = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def stamp(*paths: Path) -> Stamp:
    """What changes when one of these files does: time, inode and size of each; zeros for one that is not there.

    About 3 µs a file, so it can be asked at every use.
    """
    found = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            found.append((0, 0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_ino, status.st_size))
    return tuple(found)
