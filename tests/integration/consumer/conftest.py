import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nodes.enrolment.home import Home
from tests.integration.consumer.server import Doors, serving
from tests.support.exchange_gateway import ExchangeGateway


@pytest.fixture
async def doors() -> AsyncIterator[Doors]:
    # TLS judges certificates by the machine's own clock.
    async with serving(ExchangeGateway.create(time.time_ns() // 1_000_000)) as doors:
        yield doors


@pytest.fixture
def home(doors: Doors, tmp_path: Path) -> Home:
    return doors.gateway.consumer_home(tmp_path / "home", address=doors.systems)
