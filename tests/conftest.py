"""What holds for every test: properties have no deadline, since a slow machine must fail no test; and one PostgreSQL
server, which the tests of a process share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.postgres import PostgresServer, running_postgres

settings.register_profile("oncegate", deadline=None)
settings.load_profile("oncegate")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Started for the first test that asks for it; each makes its own database."""
    with running_postgres() as server:
        yield server
