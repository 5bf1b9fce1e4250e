"""Kept answers: the first answer again, another body refused, time and size limits."""

import asyncio

import pytest

from gateway.errors import Refused
from gateway.exchange.repeat import KeptAnswers


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def now_ms(self) -> int:
        return int(self.now * 1000)

    def monotonic_s(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_the_same_request_gets_the_first_answer(clock: Clock) -> None:
    kept: KeptAnswers[str] = KeptAnswers(clock, 10, 1000)
    assert kept.begin("s", "1", b"d") is None
    waiting = kept.begin("s", "1", b"d")
    assert waiting is not None
    kept.finish("s", "1", "answer", 10)
    assert await waiting == "answer"
    again = kept.begin("s", "1", b"d")
    assert again is not None
    assert await again == "answer"


async def test_the_same_id_with_another_body_is_refused_while_running_and_after(clock: Clock) -> None:
    kept: KeptAnswers[str] = KeptAnswers(clock, 10, 1000)
    kept.begin("s", "1", b"d")
    with pytest.raises(Refused, match="REQUEST_REPLAYED"):
        kept.begin("s", "1", b"e")
    kept.finish("s", "1", "answer", 10)
    with pytest.raises(Refused, match="REQUEST_REPLAYED"):
        kept.begin("s", "1", b"e")
    assert kept.begin("other", "1", b"e") is None


async def test_a_failure_reaches_whoever_waits_and_frees_the_id(clock: Clock) -> None:
    kept: KeptAnswers[str] = KeptAnswers(clock, 10, 1000)
    kept.begin("s", "1", b"d")
    waiting = kept.begin("s", "1", b"d")
    assert waiting is not None
    kept.fail("s", "1", ValueError("x"))
    with pytest.raises(ValueError, match="x"):
        await waiting
    assert kept.begin("s", "1", b"e") is None


async def test_answers_go_when_their_time_or_the_room_is_over(clock: Clock) -> None:
    kept: KeptAnswers[str] = KeptAnswers(clock, 10, 25)
    for number in ("1", "2", "3"):
        kept.begin("s", number, b"d")
        kept.finish("s", number, number, 10)
    assert kept.begin("s", "1", b"d") is None
    kept.fail("s", "1", ValueError())
    assert kept.begin("s", "3", b"d") is not None
    clock.now = 11
    assert kept.begin("s", "3", b"d") is None


async def test_a_running_request_is_never_forgotten(clock: Clock) -> None:
    kept: KeptAnswers[str] = KeptAnswers(clock, 1, 0)
    kept.begin("s", "1", b"d")
    clock.now = 100
    waiting = kept.begin("s", "1", b"d")
    assert isinstance(waiting, asyncio.Future)
