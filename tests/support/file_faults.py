"""The C library that stands between a process under test and its files (`file_journal.c`), and its faults by name."""

import ctypes
import subprocess
from enum import IntEnum
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("file_journal.c")


class How(IntEnum):
    """What happens at the call that was chosen; as in `file_journal.c`."""

    FAIL_ONCE = 0
    FAIL_ON = 1
    """It fails, and so does every further call until faults are ended."""
    HALF = 2
    """A write writes half and says so; another call goes through."""
    KILL = 3
    """The process is killed before it."""
    HALF_AND_KILL = 4
    """A write writes half, and the process is killed."""


def built(compiler: str, folder: Path) -> Path:
    """The library, compiled."""
    library = folder / "file_journal.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl", "-lpthread"], check=True)
    return library


def environment(library: Path, folder: Path, full: Path) -> dict[str, str]:
    """What a process gets whose disk is full, as far as a folder goes, while a file is there."""
    return {"LD_PRELOAD": str(library), "ONCEGATE_JOURNAL_FOLDER": str(folder), "ONCEGATE_JOURNAL_FULL": str(full)}


def fault(call: int, how: How = How.FAIL_ONCE, errno: int = 0) -> None:
    """In a process that has the library preloaded: something happens at a call that changes a file, 0 being the next.

    Args:
        call: Which; negative ends all faults.
        how: What happens.
        errno: How it fails.
    """
    ctypes.CDLL(None).journal_fault(ctypes.c_long(call), int(how), errno)


def calls() -> str:
    """A letter for each call that changed a file since `fault` was last used: `w` for a write, `c` for a new file, else `o`."""
    said = ctypes.CDLL(None).journal_calls
    said.restype = ctypes.c_char_p
    return bytes(said()).decode()
