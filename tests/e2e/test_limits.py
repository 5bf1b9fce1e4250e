"""An agreement's limits over a whole exchange: of many requests at once over sockets, exactly as many are answered."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.exchange.limits import subjects_name, uses_name
from oncegate.v1 import exchange_pb2
from policies.civil_time import civil_day
from tests.support.city import ALICE, BO, CHEN, CIVIL_ITEMS, NOBODY, City, running_city
from tests.support.city_fixtures import shared_city
from tests.support.doors import NAME, RECORD, RawSystem, refused
from tests.support.log_book import logged
from tests.support.tampering import answered

pytestmark = shared_city("e2e-limits")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    # The limits of the exchange as a whole are not what is tested here.
    room = "[limits]\nconcurrent_per_system = 200\nconcurrent_fetches = 200\n"
    async with running_city(tmp_path_factory.mktemp("city"), settings=room) as running:
        yield running


class Agreements:
    """Puts one agreement after another in the place of the school's with the civil registry.

    Each has an id of its own, so that none goes on with the numbers of the one before.
    """

    def __init__(self, city: City) -> None:
        self._city = city
        self.id = "education-civil-resident"
        self._number = 0

    def __call__(self, **changes: Any) -> str:
        self._city.parts.membership.revoke_agreement(self.id, "replaced")
        self._number += 1
        self.id = f"limited-{self._number}"
        self._city.agree("civil", "civil.resident", CIVIL_ITEMS, id=f'"{self.id}"', **changes)
        # The node looks at its folder within a second by itself; the tests do not wait for it.
        self._city.node("civil").provider.agreements._looked_s = float("-inf")
        return self.id


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agree(city: City) -> Agreements:
    return Agreements(city)


async def outcomes(*calls: Any) -> Counter[str]:
    """How often calls were answered completely, and why the others were refused."""

    async def one(call: Any) -> str:
        task = asyncio.ensure_future(call)
        await asyncio.wait([task])
        if task.exception() is not None:
            return (await refused(task)).reason
        return "answered" if getattr(task.result(), "complete", True) else "incomplete"

    return Counter(await asyncio.gather(*(one(call) for call in calls)))


@pytest.mark.parametrize("limit", [1, 17])
async def test_of_many_requests_at_once_exactly_as_many_are_released_as_the_agreement_has_uses(
    city: City, raw: RawSystem, agree: Agreements, limit: int
) -> None:
    agreement = agree(uses_per_day=str(limit))
    asked_nodes = answered(city)
    with logged(city) as book:
        found = await outcomes(*(raw.fetch(raw.asking(items=[NAME])) for _ in range(60)))
    assert found == {"answered": limit, "USES_EXHAUSTED": 60 - limit}
    assert Counter(book.kinds) == {"asked": limit, "released": limit, "refused": 60 - limit}
    assert city.parts.ledger.counted(uses_name(agreement, civil_day(book.entries[0].time_ms))) == limit
    assert answered(city) - asked_nodes == limit


async def test_fetches_and_locates_use_the_same_uses(city: City, raw: RawSystem, agree: Agreements) -> None:
    agree(uses_per_day="10")
    fetches = [raw.fetch(raw.asking(items=[NAME])) for _ in range(20)]
    locates = [raw.locate(raw.asking(items=[RECORD])) for _ in range(20)]
    with logged(city) as book:
        found = await outcomes(*(call for pair in zip(fetches, locates, strict=True) for call in pair))
    assert found == {"answered": 10, "USES_EXHAUSTED": 30}
    assert book.kinds.count("asked") == 10


async def test_exactly_as_many_different_people_are_asked_about_as_agreed(
    city: City, raw: RawSystem, agree: Agreements
) -> None:
    agreement = agree(uses_per_day="1000", subjects_per_day="2")
    people = (ALICE, BO, CHEN, NOBODY)
    with logged(city) as book:
        found = await outcomes(*(raw.fetch(raw.asking(people[n % 4], items=[NAME])) for n in range(40)))
    assert found == {"answered": 20, "SUBJECTS_EXHAUSTED": 20}
    about = {str(entry.personal["person"]) for entry in book.entries if entry.kind == "asked" and entry.personal}
    assert len(about) == 2
    assert city.parts.ledger.counted(subjects_name(agreement, civil_day(book.entries[0].time_ms))) == 2


async def test_requests_that_come_too_fast_are_told_when_to_come_again(
    city: City, raw: RawSystem, agree: Agreements
) -> None:
    agree(rate_per_minute="20")
    # At twenty a minute ten may come at once, and the next one three seconds later.
    found = await outcomes(*(raw.fetch(raw.asking(items=[NAME])) for _ in range(30)))
    assert found == {"answered": 10, "RATE_EXCEEDED": 20}
    refusal = await refused(raw.fetch(raw.asking(items=[NAME])))
    assert (refusal.status, refusal.reason) == ("RESOURCE_EXHAUSTED", "RATE_EXCEEDED")
    assert set(refusal.texts) == {"zh-CN", "en"}
    assert 0 < (refusal.retry_ms or 0) <= 3_000
    await asyncio.sleep((refusal.retry_ms or 0) / 1000)
    assert (await raw.fetch(raw.asking(items=[NAME]))).complete


async def test_one_request_sent_many_times_takes_one_use(city: City, raw: RawSystem, agree: Agreements) -> None:
    agree(uses_per_day="2")
    request: exchange_pb2.FetchRequest = raw.asking(items=[NAME])
    with logged(city) as book:
        found = await outcomes(*(raw.fetch(request) for _ in range(20)))
    assert found == {"answered": 20}
    assert Counter(book.kinds) == {"asked": 1, "released": 1, "replayed": 19}
    assert (await raw.fetch(raw.asking(items=[NAME]))).complete
    assert (await refused(raw.fetch(raw.asking(items=[NAME])))).reason == "USES_EXHAUSTED"


async def test_a_use_whose_provider_is_silent_stays_counted(city: City, raw: RawSystem, agree: Agreements) -> None:
    agree(uses_per_day="1")
    await city.stop_node("civil")
    assert (await refused(raw.fetch(raw.asking(items=[NAME])))).reason == "ALL_PROVIDERS_SILENT"
    await city.start_node("civil")
    await city.synced("civil", 3)
    assert (await refused(raw.fetch(raw.asking(items=[NAME])))).reason == "USES_EXHAUSTED"
