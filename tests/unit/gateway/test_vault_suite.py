"""The background work that moves and indexes fields: to an end, past failures, and never in a hurry."""

from gateway.bootstrap.vault_search import index_fields
from gateway.bootstrap.vault_suite import move_fields
from gateway.errors import Code, Refused
from keys.errors import BadEnvelope


class Left:
    """A vault whose calls end as told: a number, or an error."""

    def __init__(self, *ends: int | Exception) -> None:
        self.ends = list(ends)
        self.limits: list[int] = []

    unreadable = 0

    def step(self, limit: int = 100) -> int:
        return self.reseal(limit)

    def reseal(self, limit: int) -> int:
        self.limits.append(limit)
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    def left_to_reseal(self) -> int:
        return sum(end for end in self.ends if isinstance(end, int))


class Waits:
    """Remembers how long it was asked to wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def test_it_ends_when_no_field_is_left_and_pauses_between_transactions() -> None:
    vault, waits = Left(100, 7, 0), Waits()
    await move_fields(vault, waits)
    assert not vault.ends
    assert len(waits.seconds) == 2
    assert all(0 < seconds < 1 for seconds in waits.seconds)
    assert max(vault.limits) <= 100


async def test_it_ends_at_once_when_there_is_nothing_to_move() -> None:
    vault, waits = Left(0), Waits()
    await move_fields(vault, waits)
    assert waits.seconds == []


async def test_a_failure_is_tried_again_after_a_long_pause() -> None:
    vault, waits = Left(3, OSError("disk"), 2, 0), Waits()
    await move_fields(vault, waits)
    assert not vault.ends
    assert waits.seconds[1] >= 10


async def test_fields_that_do_not_open_are_not_tried_for_ever() -> None:
    vault, waits = Left(5, BadEnvelope("left"), 1), Waits()
    await move_fields(vault, waits)
    assert vault.ends == [1]


async def test_indexing_goes_on_after_a_failure_and_pauses_like_moving() -> None:
    work, waits = Left(100, OSError("disk"), 7, 0), Waits()
    await index_fields(work, waits)
    assert not work.ends
    assert waits.seconds[1] >= 10
    assert all(0 < seconds < 1 for seconds in (waits.seconds[0], waits.seconds[2]))


async def test_indexing_waits_for_the_operator_where_there_is_no_key() -> None:
    work, waits = Left(Refused(Code.NOT_FOUND, "there is no blind-index key"), 1), Waits()
    await index_fields(work, waits)
    assert work.ends == [1]
    assert waits.seconds == []
