"""What waits to be written, and when a commit begins: at once for one caller alone, under load with some company.

Under load a commit that waits a moment carries many entries, and the asks and answers that follow from it travel
together as well. Whoever is alone never waits: only a commit with several entries tells that more are under way. The
wait ends as soon as there is company enough.

Any thread puts; one thread takes.
"""

import queue
import threading
from typing import Final

from gateway.audit.orders import Order
from gateway.audit.waiting import Waiting

GATHER_S: Final = 0.008
"""How long a commit under load waits for company."""

ENOUGH: Final = 16
"""Company with which a commit waits no longer, and never for less than three quarters of the last one's."""


class Intake:
    """A queue of entries whose end is a stop.

    Args:
        most: Entries of one batch.
        gather_s: Longest wait for company.
    """

    def __init__(self, most: int, gather_s: float = GATHER_S) -> None:
        self._most = most
        self._gather_s = gather_s
        self._queue: queue.SimpleQueue[Waiting | Order | None] = queue.SimpleQueue()
        self._enough = 0
        """Company that the next batch waits for; none unless the last one had several entries: more are under way."""
        self._gathering = False
        self._orders: list[Order] = []
        """Taken off the queue and not handed out yet."""
        self._company = threading.Event()

    def put(self, waiting: Waiting) -> None:
        """Queue an entry."""
        self._queue.put(waiting)
        if self._gathering and self._queue.qsize() >= self._enough:
            self._company.set()

    def order(self, order: Order) -> None:
        """Queue something else to be done."""
        self._queue.put(order)

    def orders(self) -> list[Order]:
        """What else is to be done, out of what was taken."""
        taken, self._orders = self._orders, []
        return taken

    def stop(self) -> None:
        """Whoever takes is told to stop behind what was put so far."""
        self._queue.put(None)
        self._company.set()

    def take(self, timeout_s: float | None) -> tuple[list[Waiting], bool]:
        """What waits, at most one batch.

        Args:
            timeout_s: How long to wait for the first entry; None for as long as it takes.

        Returns:
            The batch, which may be empty, and whether to stop behind it.
        """
        if self._enough:
            self._gather()
        batch: list[Waiting] = []
        stopping = False
        try:
            item = self._queue.get(timeout=timeout_s)
            while item is not None:
                if isinstance(item, Order):
                    self._orders.append(item)
                else:
                    batch.append(item)
                if len(batch) == self._most:
                    break
                item = self._queue.get_nowait()
            else:
                stopping = True
        except queue.Empty:
            pass
        if batch or not self._orders:
            self._enough = max(ENOUGH, len(batch) * 3 // 4) if len(batch) > 1 else 0
        return batch, stopping

    def _gather(self) -> None:
        """Wait for company. Whoever puts after `clear` sees `_gathering`, and what came before is counted here.

        Before the first entry is taken and not behind it: each time the thread that takes is woken, the ones that put
        have to wait for the interpreter.
        """
        self._company.clear()
        self._gathering = True
        if self._queue.qsize() < self._enough:
            self._company.wait(self._gather_s)
        self._gathering = False

    def drain_into(self, batch: list[Waiting]) -> None:
        """Everyone who waits, without waiting; a stop stays to be taken."""
        try:
            while (item := self._queue.get_nowait()) is not None:
                if isinstance(item, Order):
                    item.give_up()
                else:
                    batch.append(item)
            self._queue.put(None)
        except queue.Empty:
            pass
