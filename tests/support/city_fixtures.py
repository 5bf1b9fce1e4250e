"""Fixtures of tests that share one city in a module; a conftest imports them.

A module that uses them marks its tests with `shared_city(name)`: one event loop for the module. `make test` gives each
file to one worker (`--dist loadfile`), so that the city is started once and the tests run in their order; grouping by
mark has no effect under pytest 9.2.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from nodes.consumer import AsyncClient
from tests.support.city import City, running_city
from tests.support.doors import Door, RawSystem, people_door


def shared_city(name: str) -> list[pytest.MarkDecorator]:
    """Marks for a module whose tests share one city; the name is for people who look for it."""
    del name
    return [pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """A running exchange that the module's tests share; they leave it as they found it, but for the log."""
    async with running_city(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def school(city: City) -> AsyncIterator[AsyncClient]:
    """The SDK of the system with agreements."""
    async with city.client() as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def raw(city: City) -> AsyncIterator[RawSystem]:
    """The same system without the SDK."""
    async with RawSystem(city) as system:
        yield system


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(city: City) -> AsyncIterator[Door]:
    """The people's door."""
    async with people_door(city) as door:
        yield door
