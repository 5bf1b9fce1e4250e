"""Talking with custodians: each share is alone on the screen, and the screen is cleared after it.

Rules kept: nothing that is shown or typed goes to a file (a regular file on either side is refused); the end of the
input is the end of the ceremony. Between programs (pipes) nothing is cleared and nobody is waited for.
"""

import os
import stat
import sys
from typing import Final

from keys.errors import CeremonyBroken

_CLEAR: Final = "\x1b[2J\x1b[3J\x1b[H"
"""Clear the screen, the lines scrolled off it, and go to its top (ECMA-48 ED, with xterm's 3)."""


class Terminal:
    """Standard input and output of this process.

    Raises:
        CeremonyBroken: One of them is a file: shares must never be on a disk.
    """

    def __init__(self) -> None:
        for stream in (sys.stdin, sys.stdout):
            if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise CeremonyBroken("shares are not read from or written to files")
        self.is_people = sys.stdin.isatty() and sys.stdout.isatty()

    def say(self, text: str) -> None:
        """Show a line."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def clear(self) -> None:
        """Clear the screen and what was scrolled off it."""
        if self.is_people:
            sys.stdout.write(_CLEAR)
            sys.stdout.flush()

    def ask(self, prompt: str) -> str | None:
        """Show a prompt and read a line.

        Returns:
            The line without its end, or None when there is no more input.
        """
        sys.stdout.write(prompt + (" " if self.is_people else "\n"))
        sys.stdout.flush()
        line = sys.stdin.readline()
        return line.rstrip("\r\n") if line else None

    def pause(self, prompt: str) -> None:
        """Wait for the Enter key; programs are not waited for."""
        if self.is_people and self.ask(prompt) is None:
            raise CeremonyBroken("the terminal was closed")
