"""Promise 12 at the exchange's door: one system's flood is refused at once and leaves the others alone."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.city import City, running_city
from tests.support.city_fixtures import shared_city
from tests.support.doors import LOCATION, NAME, RawSystem, refused
from tests.support.tampering import stalled

pytestmark = shared_city("e2e-overload")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    limits = "[limits]\nconcurrent_per_system = 3\nconcurrent_fetches = 4\n"
    async with running_city(tmp_path_factory.mktemp("city"), settings=limits) as running:
        yield running


async def test_a_systems_flood_is_refused_at_once_and_others_are_answered(city: City, raw: RawSystem) -> None:
    async with RawSystem(city, "tourism", "booking") as booking:
        with stalled(city, "housing"):
            slow = [asyncio.create_task(raw.fetch(raw.asking(items=[NAME, LOCATION], deadline_ms=500))) for _ in "123"]
            await asyncio.sleep(0.1)
            for _ in range(5):
                refusal = await refused(raw.fetch(raw.asking(items=[NAME])))
                assert (refusal.status, refusal.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
                assert refusal.retry_ms
            # Another system is heard, as far as its own agreements go.
            assert (await refused(booking.fetch(booking.asking()))).reason == "NO_AGREEMENT"
            assert all(not task.done() for task in slow)
            answers = await asyncio.gather(*slow)
    assert [a.silence_reason for a in answers[0].answers] == ["", "DEADLINE"]
    assert (await raw.fetch(raw.asking(items=[NAME]))).complete


async def test_places_are_given_back_whatever_became_of_the_call(city: City, raw: RawSystem) -> None:
    for _ in range(6):
        await refused(raw.fetch(raw.asking(purpose="no_such_purpose")))
        await raw.fetch(raw.asking())
    with stalled(city, "civil"):
        for _ in range(6):
            call = asyncio.create_task(raw.fetch(raw.asking()))
            await asyncio.sleep(0.02)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            await asyncio.sleep(0.02)
    assert (await raw.fetch(raw.asking())).complete
