"""The revisions make exactly the tables that the capabilities declare."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import BigInteger, Engine, create_engine, inspect

from gateway.storage.database import open_database
from gateway.storage.migrate import configuration, declared_tables
from gateway.storage.regenerate import FIRST, first_revision
from tests.support.postgres import PostgresServer


def _differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found: list[object] = compare_metadata(context, declared_tables())
    return found


def test_a_new_sqlite_database_has_exactly_the_declared_tables(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'gateway.db'}")
    assert _differences(engine) == []
    engine.dispose()


@pytest.mark.postgres
def test_a_new_postgresql_database_has_exactly_the_declared_tables(postgres_server: PostgresServer) -> None:
    engine = open_database(postgres_server.new_database())
    assert _differences(engine) == []
    engine.dispose()


def test_the_committed_revision_is_the_generated_one() -> None:
    assert FIRST.read_text(encoding="utf-8") == first_revision(), "run python -m gateway.storage.regenerate"


def test_the_first_revision_can_be_taken_back(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'gateway.db'}")
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "head")
        assert len(inspect(connection).get_table_names()) > 3
        command.downgrade(configuration(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_every_time_in_milliseconds_has_room_on_every_database() -> None:
    narrow = [
        f"{table.name}.{column.name}"
        for table in declared_tables().tables.values()
        for column in table.columns
        if column.name.endswith("_ms") and not isinstance(column.type, BigInteger)
    ]
    assert narrow == []


def test_every_table_carries_its_capabilitys_prefix() -> None:
    prefixes = {path.parent.name for path in (Path(FIRST).parents[3]).glob("*/tables.py")}
    assert {table.split("_")[0] for table in declared_tables().tables} <= prefixes
