from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel

from gateway.storage.database import open_database, write_transaction
from tests.support.index_node import FixedClock
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_engine(postgres_server: PostgresServer) -> Iterator[Engine]:
    engine = open_database(postgres_server.new_database())
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'gateway.db'}")
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres])])
def engine(request: pytest.FixtureRequest) -> Engine:
    """A database with empty index and vault tables; one file and one server for all."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    with write_transaction(engine) as connection:
        for table in SQLModel.metadata.sorted_tables:
            if table.name.startswith(("index_", "vault_")):
                connection.execute(table.delete())
    return engine


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()
