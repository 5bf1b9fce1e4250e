from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from gateway.index.pointer_index import PointerIndex
from gateway.storage.database import open_database, write_transaction
from policies.identifiers import normalise
from tests.support.index_node import FixedClock, tokens
from tests.support.postgres import running_postgres


@pytest.fixture(scope="session")
def postgres_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running_postgres(tmp_path_factory.mktemp("postgres") / "data") as server:
        engine = open_database(server.new_database())
        yield engine
        engine.dispose()


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'gateway.db'}")
    yield engine
    engine.dispose()


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.xdist_group("postgres")])]
)
def engine(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    with write_transaction(engine) as connection:
        for table in ("index_pointers", "index_lists", "index_nodes", "index_rejections"):
            connection.execute(text(f"DELETE FROM {table}"))
    return engine


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def index(engine: Engine, clock: FixedClock) -> PointerIndex:
    return PointerIndex(engine, tokens(), clock, normalise)
