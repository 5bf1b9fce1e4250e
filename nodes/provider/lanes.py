"""One lane per source: its own threads and its own bounded queue, so that a slow source delays only itself.

What waits for the same resource is carried out together, up to a bound, with one read of the source. A lane never
drops work silently: what does not fit is said to be busy at once.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from nodes.provider.config import Pool

W = TypeVar("W")
ENOUGH_FOR_ANOTHER: Final = 8
"""Asks waiting for each thread at work before another thread begins: few together cost less than each alone."""
PATIENCE_S: Final = 0.02
"""How long few asks wait for a busy thread before another begins after all: its read may hang."""
MOST_TOGETHER: Final = 64
"""Most asks of one read: enough to amortise it, few enough not to delay the first of them."""


class Lane(Generic[W]):
    """The threads and queue of one source.

    Args:
        name: The source's name.
        pool: How many threads, and how much may wait.
        work: Carries out a group of one resource; called in the lane's threads; must not raise.
    """

    def __init__(self, name: str, pool: Pool, work: Callable[[str, Sequence[W]], None]) -> None:
        self._pool = pool
        self._work = work
        self._threads = ThreadPoolExecutor(pool.workers, thread_name_prefix=f"source-{name}")
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[W]] = {}
        self._count = 0
        self._running = 0
        self._taken = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """How much waits for a thread."""
        return self._count

    @property
    def taken(self) -> int:
        """How many groups threads have taken so far."""
        return self._taken

    def add(self, resource: str, items: Sequence[W]) -> Sequence[W]:
        """Queues work for one resource.

        Args:
            resource: Resource code.
            items: What to do.

        Returns:
            What did not fit into the queue; it will not be done.
        """
        with self._lock:
            room = 0 if self._closed else max(0, self._pool.waiting - self._count)
            taken, rest = items[:room], items[room:]
            if taken:
                self._waiting.setdefault(resource, deque()).extend(taken)
                self._count += len(taken)
                if self._count > self._running * ENOUGH_FOR_ANOTHER:
                    self._begin()
        return rest

    def nudge(self, taken: int) -> bool:
        """Begins another thread when none has taken anything for a while, so that one read that hangs holds up nobody.

        Args:
            taken: What `taken` was `PATIENCE_S` ago.

        Returns:
            Whether something still waits: then nudge again later.
        """
        with self._lock:
            if self._count and self._taken == taken:
                self._begin()
            return self._count > 0

    def _begin(self) -> None:
        """Puts one more thread to work, if there is one."""
        if self._running < self._pool.workers:
            self._running += 1
            self._threads.submit(self._drain)

    def close(self) -> None:
        """Lets running work end; what waits is not begun, and nothing is taken any more."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            self._count = 0
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _drain(self) -> None:
        while (group := self._next()) is not None:
            self._work(*group)

    def _next(self) -> tuple[str, list[W]] | None:
        with self._lock:
            for resource in list(self._waiting):
                # The resource goes to the end of the order, so that a busy one does not starve the others.
                queue = self._waiting.pop(resource)
                group = [queue.popleft() for _ in range(min(MOST_TOGETHER, len(queue)))]
                if queue:
                    self._waiting[resource] = queue
                self._count -= len(group)
                self._taken += 1
                return resource, group
            self._running -= 1
            return None
