"""Ways to stand between the parts of a running test city, or to break one, and to put it right again."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gateway.federation.model import Answer, Order, Silence
from nodes.provider.model import IncomingAsk, Reply
from tests.support.city import City

Asking = Callable[[Sequence[Order], float], Awaitable[list[Answer | Silence]]]


@contextmanager
def between(city: City, step: Callable[[Asking, Sequence[Order], float], Any]) -> Iterator[None]:
    """Puts a step between the exchange and the nodes, where only the tickets pass."""
    assert city.gateway is not None
    federation = city.gateway.federation
    honest = federation.ask

    async def ask(orders: Sequence[Order], deadline_s: float) -> list[Answer | Silence]:
        outcome: list[Answer | Silence] = await step(honest, orders, deadline_s)
        return outcome

    federation.ask = ask  # type: ignore[method-assign]
    try:
        yield
    finally:
        del federation.ask


@contextmanager
def storage_that_fails(city: City, when: str = "1", table: str = "audit_entries") -> Iterator[None]:
    """The database itself refuses to store entries of the log, or rows of another table, as a full disk would."""
    with sqlite3.connect(city.home / "gateway.db") as base:
        base.execute(f"CREATE TRIGGER full BEFORE INSERT ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, 'full'); END")
    try:
        yield
    finally:
        with sqlite3.connect(city.home / "gateway.db") as base:
            base.execute("DROP TRIGGER full")
        base.close()


def answered(city: City) -> int:
    """How many asks the nodes have answered or refused on their present streams."""
    assert city.gateway is not None
    return sum(status.answered + status.refused for status in city.gateway.federation.status())


@contextmanager
def stalled(city: City, department: str) -> Iterator[None]:
    """A node that takes asks and never answers them."""
    provider = city.node(department).provider

    async def wait(ask: IncomingAsk) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError(ask)  # Nothing sets the event.

    provider.answer = wait  # type: ignore[method-assign]
    try:
        yield
    finally:
        del provider.answer
