from pathlib import Path

import pytest

from nodes.enrolment.home import Home
from tests.support.exchange_gateway import ExchangeGateway


@pytest.fixture
def gateway() -> ExchangeGateway:
    return ExchangeGateway.create()


@pytest.fixture
def home(gateway: ExchangeGateway, tmp_path: Path) -> Home:
    return gateway.consumer_home(tmp_path / "home")
