"""How a gateway's process uses its interpreter: turns of its threads, and what the garbage collector looks at.

The event loop gives the interpreter's lock away at every poll of its sockets, and under load takes it back within
microseconds. A thread that waits for the lock then never waits a whole switch interval at a stretch, which is what
CPython counts before it makes the holder give way: with the default of 5 ms a busy event loop starves the thread that
writes the access log, for seconds. An interval shorter than the loop's turns ends that.

One request makes more objects than CPython lets pass between two collections, and next to none of them are in cycles.
So collections come less often, and what was there when serving began is never looked at again.
"""

import gc
import sys
from typing import Final

SWITCH_INTERVAL_S: Final = 0.0002
"""Shorter than a turn of a busy event loop, longer than handing the lock over takes."""
COLLECT_AFTER: Final = (20_000, 20, 100)
"""Objects more than freed before the youngest are looked at, and rounds before the older are: a few megabytes."""


def share_interpreter() -> None:
    """Let waiting threads have their turn; for the whole process, so only whoever owns the process calls it."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def set_heap_aside() -> None:
    """Take modules, tables and rules out of the collector's sight; for the whole process, once it is ready to serve."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
