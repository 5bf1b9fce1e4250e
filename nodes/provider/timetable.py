"""When each source is compared with what is published: one thread per source, so that a slow one delays only itself."""

import threading
from collections.abc import Callable, Mapping, Sequence

import structlog

from nodes.errors import NodeError
from nodes.provider.sync import Comparison, Stopped

_log = structlog.get_logger("oncegate.node")


class Timetable:
    """Runs comparisons at a steady pace.

    Args:
        comparisons: By source.
        every_s: Seconds from the end of one to the beginning of the next.
        changed: Told when the outbox has grown.
    """

    def __init__(
        self, comparisons: Mapping[str, Sequence[Comparison]], every_s: float, changed: Callable[[], None]
    ) -> None:
        self._every_s = every_s
        self._changed = changed
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(name, own), name=f"compare-{name}", daemon=True)
            for name, own in comparisons.items()
        ]

    def start(self) -> None:
        """Begins at once with a first comparison of everything."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends running comparisons at their next part and waits for that."""
        self._stopping.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _run(self, source: str, comparisons: Sequence[Comparison]) -> None:
        while not self._stopping.is_set():
            for comparison in comparisons:
                try:
                    if not comparison.run(stopping=self._stopping.is_set, changed=self._changed):
                        _log.warning("comparison_failed", source=source)
                except Stopped:
                    return
                except NodeError as error:
                    _log.error("comparison_failed", source=source, code=error.code)
                except Exception as error:  # noqa: BLE001 - the next comparison may go well, and asks must go on
                    _log.error("comparison_failed", source=source, kind=type(error).__name__)
            self._stopping.wait(self._every_s)
