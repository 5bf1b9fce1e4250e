import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel

from gateway.catalog.catalog import Catalog
from gateway.catalog.search import Search
from gateway.catalog.versions import Versions
from gateway.storage.database import write_transaction
from gateway.storage.epochs import advance
from tests.support.index_node import FixedClock


@pytest.fixture
def catalogue_engine(engine: Engine) -> Engine:
    with write_transaction(engine) as connection:
        for table in SQLModel.metadata.sorted_tables:
            if table.name.startswith("catalog_") and table.name != "catalog_epoch":
                connection.execute(table.delete())
        advance(connection, SQLModel.metadata.tables["catalog_epoch"])
    return engine


@pytest.fixture
def catalog(catalogue_engine: Engine, clock: FixedClock) -> Catalog:
    return Catalog(catalogue_engine, clock)


@pytest.fixture
def versions(catalogue_engine: Engine) -> Versions:
    return Versions(catalogue_engine)


@pytest.fixture
def search(catalogue_engine: Engine) -> Search:
    return Search(catalogue_engine)
