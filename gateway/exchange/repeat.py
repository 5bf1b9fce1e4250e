"""Idempotency: the key is (system, request id); the same id again gets the first answer, never a second release.

The sealed answer is kept in memory for a few minutes under a size cap. That an id was used is kept for good by the
ledger's own unique key, so a restart forgets answers but never forgets ids.
"""

import asyncio
import hmac
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.clock import Clock
from gateway.errors import Code, Refused

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Running(Generic[Result]):
    digest: bytes
    future: "asyncio.Future[Result]"


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Result]):
    digest: bytes
    future: "asyncio.Future[Result]"
    until_s: float
    size: int


class KeptAnswers(Generic[Result]):
    """Answers by (system, request id).

    Args:
        clock: Monotonic time for how long answers are kept.
        keep_s: How long, seconds.
        cap_bytes: Size cap over all kept answers; the oldest go first.
    """

    def __init__(self, clock: Clock, keep_s: float, cap_bytes: int) -> None:
        self._clock = clock
        self._keep_s = keep_s
        self._cap = cap_bytes
        self._size = 0
        self._running: dict[tuple[str, str], _Running[Result]] = {}
        self._kept: OrderedDict[tuple[str, str], _Kept[Result]] = OrderedDict()

    def begin(self, system: str, request_id: str, digest: bytes) -> "asyncio.Future[Result] | None":
        """Claim an id, or get the future of the first call with it.

        Returns:
            None when the caller is the first and must `finish` or `fail`; else the first call's future.

        Raises:
            Refused: REQUEST_REPLAYED when the id came with another body.
        """
        self._expire()
        key = (system, request_id)
        known = self._running.get(key) or self._kept.get(key)
        if known is None:
            self._running[key] = _Running(digest, asyncio.get_running_loop().create_future())
            return None
        if not hmac.compare_digest(known.digest, digest):
            raise Refused(Code.REQUEST_REPLAYED)
        return known.future

    def finish(self, system: str, request_id: str, result: Result, size: int) -> None:
        """Keep the answer of a claimed id and give it to whoever waits for it."""
        running = self._running.pop((system, request_id))
        until_s = self._clock.monotonic_s() + self._keep_s
        self._kept[system, request_id] = _Kept(running.digest, running.future, until_s, size)
        self._size += size
        if not running.future.done():
            running.future.set_result(result)
        self._expire()

    def fail(self, system: str, request_id: str, error: BaseException) -> None:
        """Give up a claimed id; whoever waits gets the error. If it was asked, the ledger still knows the id."""
        running = self._running.pop((system, request_id), None)
        if running is None or running.future.done():
            return
        running.future.set_exception(error)
        running.future.exception()  # Nobody may be waiting; the error is the first caller's to see.

    def _expire(self) -> None:
        now = self._clock.monotonic_s()
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if oldest.until_s > now and self._size <= self._cap:
                return
            _, gone = self._kept.popitem(last=False)
            self._size -= gone.size
