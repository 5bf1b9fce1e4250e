"""Opening the files of a copy or of a folder of tiles: regular files only, and never waiting for one.

Whoever hands a folder over chooses what lies in it. A pipe or a terminal under the name of a file would hold the
verifier up for ever, a device would feed it without end: they are refused before a byte is read. A symbolic link is
followed, since mirrors use them; what it leads to has to be a regular file as well.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

# Without it, opening a pipe waits for somebody to write to it. Not every system has the flags.
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def open_file(path: Path) -> BinaryIO:
    """A regular file, open for reading.

    Raises:
        OSError: There is none, or it is something else. Fails closed.
    """
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file")
    return os.fdopen(descriptor, "rb")
