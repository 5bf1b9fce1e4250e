import asyncio
import fcntl
import os

import pytest

from nodes.enrolment.home import Home
from nodes.enrolment.renewal import Renewal, Validity, validity
from tests.support.exchange_gateway import NOW_MS, FixedClock


class Slept(Exception):
    pass


def recording(waits: list[float], stop_after: int):
    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) >= stop_after:
            raise Slept

    return sleep


def test_a_certificate_is_due_at_two_thirds_of_its_life(home: Home) -> None:
    assert Validity(1000, 4000).due_ms == 3000
    # An hour, begun a minute early.
    assert validity(home) == Validity(NOW_MS - 60_000, NOW_MS + 3_600_000)


async def test_the_clock_is_read_again_every_minute_until_it_is_due(home: Home) -> None:
    waits: list[float] = []
    with pytest.raises(Slept):
        await Renewal(home, FixedClock(), jitter=lambda: 0.0, sleep=recording(waits, 1)).run()
    assert waits == [60.0]


async def test_a_member_wakes_exactly_when_it_is_due_plus_its_jitter(home: Home) -> None:
    waits: list[float] = []
    clock = FixedClock(validity(home).due_ms - 10_000)
    with pytest.raises(Slept):
        await Renewal(home, clock, jitter=lambda: 0.5, sleep=recording(waits, 1)).run()
    assert waits == [10.5]


async def test_once_the_certificate_has_ended_the_loop_only_waits_for_a_new_enrolment(home: Home) -> None:
    waits: list[float] = []
    clock = FixedClock(validity(home).not_after_ms)
    with pytest.raises(Slept):
        await Renewal(home, clock, jitter=lambda: 0.5, sleep=recording(waits, 8)).run()
    assert waits == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]


async def test_a_damaged_home_does_not_end_the_loop(home: Home) -> None:
    home.identity_file.write_bytes(b"-----BEGIN CERTIFICATE-----\nnonsense\n")
    waits: list[float] = []
    with pytest.raises(Slept):
        await Renewal(home, FixedClock(), jitter=lambda: 0.5, sleep=recording(waits, 2)).run()
    assert waits == [5.0, 10.0]


async def test_only_one_process_renews_a_home_at_a_time(home: Home) -> None:
    descriptor = os.open(home.path / ".renewal.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        waits: list[float] = []
        with pytest.raises(Slept):
            await Renewal(home, FixedClock(), jitter=lambda: 0.0, sleep=recording(waits, 1)).renew_if_due()
    finally:
        os.close(descriptor)
    assert not await Renewal(home, FixedClock(), jitter=lambda: 0.0, sleep=asyncio.sleep).renew_if_due()
