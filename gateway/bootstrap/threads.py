"""How the threads of a gateway share the interpreter.

The event loop gives the interpreter's lock away at every poll of its sockets, and under load takes it back within
microseconds. A thread that waits for the lock then never waits a whole switch interval at a stretch, which is what
CPython counts before it makes the holder give way: with the default of 5 ms a busy event loop starves the thread that
writes the access log, for seconds. An interval shorter than the loop's turns ends that.
"""

import sys
from typing import Final

SWITCH_INTERVAL_S: Final = 0.0002
"""Shorter than a turn of a busy event loop, longer than handing the lock over takes."""


def share_interpreter() -> None:
    """Let waiting threads have their turn; for the whole process, so only whoever owns the process calls it."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
