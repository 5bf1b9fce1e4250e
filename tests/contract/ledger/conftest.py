from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel

from gateway.audit.ledger import SqlLedger
from gateway.storage.database import write_transaction
from tests.support.ledgers import LedgerClock, make_ledger


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres])])
def engine(request: pytest.FixtureRequest) -> Engine:
    """A database with an empty log."""
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    with write_transaction(engine) as connection:
        for table in SQLModel.metadata.sorted_tables:
            if table.name.startswith("audit_"):
                connection.execute(table.delete())
    return engine


@pytest.fixture
def clock() -> LedgerClock:
    return LedgerClock()


@pytest.fixture
def ledger(engine: Engine, clock: LedgerClock) -> Iterator[SqlLedger]:
    ledger = make_ledger(engine, clock)
    ledger.start()
    yield ledger
    ledger.stop()
