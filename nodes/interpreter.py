"""How a node's process uses its interpreter: turns of its threads, and what the garbage collector looks at.

With CPython's switch interval of 5 ms an event loop that polls often never has to give way, and the threads that read
sources and write receipts starve. And one ask makes more objects than CPython lets pass between two collections, next
to none of them in cycles: what was there when serving began need not be looked at each time.
"""

import gc
import sys
from typing import Final

SWITCH_INTERVAL_S: Final = 0.0002
"""Shorter than a turn of a busy event loop, longer than handing the interpreter's lock over takes."""
COLLECT_AFTER: Final = (20_000, 20, 100)
"""Objects more than freed before the youngest are looked at, and rounds before the older are: a few megabytes."""


def share_interpreter() -> None:
    """Let waiting threads have their turn; for the whole process, so only whoever owns the process calls it."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def set_heap_aside() -> None:
    """Take modules and tables out of the collector's sight; for the whole process, once it is ready to serve."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
