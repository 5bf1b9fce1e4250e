"""Callers that wait for their entry, and how they are told."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.audit.entries import Encoded, EntryDraft, Recorded, encode
from gateway.audit.errors import AuditError, BadEntry

Result = Recorded | AuditError


@dataclass(slots=True)
class Waiting:
    """A caller waiting for its entry: on an event loop, or blocking with `done`.

    Attributes:
        draft: What is to be recorded; it must not change any more.
        time_ms: When it was handed in, Unix ms.
        loop: The caller's event loop.
        future: Told there.
        done: Set when `result` is there, for a caller that blocks.
        result: What came of it.
    """

    draft: EntryDraft
    time_ms: int
    loop: asyncio.AbstractEventLoop | None = None
    future: asyncio.Future[Recorded] | None = None
    done: threading.Event | None = None
    result: Result | None = None


def encoded(batch: Sequence[Waiting]) -> list[Encoded | BadEntry]:
    """The entries of a batch as they are written, or why one cannot be; nobody else is hurt by that one."""
    made: list[Encoded | BadEntry] = []
    for waiting in batch:
        try:
            made.append(encode(waiting.draft, waiting.time_ms))
        except BadEntry as error:
            made.append(error)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
            # A mistake in a draft or in one of its counts.
            made.append(BadEntry(f"the draft cannot be encoded: {type(error).__name__}"))
    return made


def deliver(batch: Sequence[Waiting], results: Sequence[Result]) -> None:
    """Tell every caller; those of one event loop with a single wake-up of it."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Recorded], Result]]] = {}
    for waiting, result in zip(batch, results, strict=True):
        if waiting.loop is not None and waiting.future is not None:
            loops.setdefault(waiting.loop, []).append((waiting.future, result))
        if waiting.done is not None:
            waiting.result = result
            waiting.done.set()
    for loop, outcomes in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, outcomes)
        except RuntimeError:
            # The loop is closed: nobody is left to be told, and the entries are in the log.
            continue


def _settle(outcomes: Sequence[tuple["asyncio.Future[Recorded]", Result]]) -> None:
    for future, result in outcomes:
        if future.done():
            continue  # The caller gave up waiting; its entry is in the log all the same.
        if isinstance(result, Recorded):
            future.set_result(result)
        else:
            future.set_exception(result)
