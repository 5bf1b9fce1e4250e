"""A SQL source: the same behaviour on SQLite and PostgreSQL, and what is particular to each."""

import sqlite3
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from nodes.errors import SourceFailed
from nodes.provider.config import load_offer
from nodes.provider.connectors import BadRow, Connector, OpenSource, Row, open_source
from tests.support.postgres import PostgresServer

OFFER = """format = "oncegate.resources/1"
[sources.people]
kind = "sql"
url = "{url}"
{what}
timeout_s = 1
[[resources]]
code = "civil.resident"
name = {{ zh = "居民", en = "Residents" }}
abstract = {{ zh = "居民", en = "Residents" }}
classification = "internal"
sharing_type = "unconditional"
duty = "户籍管理"
purpose = "办理政务服务事项"
update_cycle = "P1D"
source = "people"
key = "id"
subject = {{ scheme = "cn.resident-id", column = "id_no" }}
updated = "changed"
[[resources.fields]]
code = "name"
column = "姓名"
name = {{ zh = "姓名", en = "Name" }}
type = "string"
classification = "internal"
forms = ["value"]
[[resources.fields]]
code = "born"
column = "born"
name = {{ zh = "出生日期", en = "Born" }}
type = "date"
classification = "internal"
forms = ["value"]
[[resources.fields]]
code = "income"
column = "income"
name = {{ zh = "收入", en = "Income" }}
type = "decimal"
classification = "internal"
forms = ["value"]
"""
COLUMNS = 'id bigint, id_no varchar(18), "姓名" varchar(50), born date, income numeric(12, 2), changed timestamp'


# All tests that need the server run in one process, so that it is started once.
POSTGRES = pytest.mark.postgres


class Database:
    """A department's database and a node's view of it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.engine: Engine = create_engine(url)
        self._folder = folder
        self._opened: list[OpenSource] = []

    def run(self, statement: str, **values: object) -> None:
        """Changes the database."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def fill(self) -> None:
        """Two residents."""
        self.run(f"CREATE TABLE residents ({COLUMNS})")
        insert = "INSERT INTO residents VALUES (:id, :id_no, :name, :born, :income, :changed)"
        sqlite = self.engine.dialect.name == "sqlite"
        for number, name in ((1, "张三"), (2, "李四")):
            born, changed = date(1990, 1, number), datetime(2026, 1, 2, 3, 4, 5)
            self.run(
                insert,
                id=number,
                id_no=f"N{number}",
                name=name,
                born=str(born) if sqlite else born,
                income="12.50" if sqlite else Decimal("12.50"),
                changed=str(changed) if sqlite else changed,
            )

    def connector(self, what: str = 'table = "residents"') -> Connector:
        """The node's connector."""
        file = self._folder / "resources.toml"
        file.write_text(OFFER.format(url=self.url, what=what))
        offer = load_offer(file, "civil", {})
        opened = open_source(offer.sources["people"], list(offer.resources.values()))
        self._opened.append(opened)
        return opened.connectors["civil.resident"]

    def close(self) -> None:
        """Gives connections back."""
        for opened in self._opened:
            opened.close()
        self.engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=POSTGRES)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/people.db"
    else:
        url = request.getfixturevalue("postgres_server").new_database()
    database = Database(url, tmp_path)
    database.fill()
    yield database
    database.close()


def good(connector: Connector) -> dict[str, Row]:
    return {row.key: row for row in connector.scan() if isinstance(row, Row)}


def test_rows_come_as_text_with_typed_keys(database: Database) -> None:
    connector = database.connector()
    connector.probe()
    found = good(connector)
    assert set(found) == {"i:1", "i:2"}
    values = found["i:1"].values
    assert (values["姓名"], values["born"], values["id_no"]) == ("张三", "1990-01-01", "N1")
    assert values["income"] in {"12.5", "12.50"}
    assert str(values["changed"]).replace("T", " ").startswith("2026-01-02 03:04:05")
    assert connector.read_many(["i:1"])["i:1"] == found["i:1"]
    assert connector.read_many(["i:1", "i:2", "i:3"]) == found


def test_many_keys_are_read_in_portions(database: Database) -> None:
    connector = database.connector()
    for number in range(10, 1210, 100):
        database.run(
            f"INSERT INTO residents (id, id_no) WITH RECURSIVE n(i) AS (SELECT {number} UNION ALL SELECT i + 1 FROM n"
            f" WHERE i < {number + 99}) SELECT i, 'N' FROM n"
        )
    keys = [f"i:{number}" for number in range(2000)]
    assert len(connector.read_many(keys)) == 1202


def test_a_query_of_ones_own_with_colons_and_percent_signs(database: Database) -> None:
    connector = database.connector(
        """query = \"\"\"SELECT id, id_no, '10:30 100% :x' AS "姓名", born, income, changed FROM residents;\"\"\" """
    )
    connector.probe()
    assert connector.read_many(["i:2"])["i:2"].values["姓名"] == "10:30 100% :x"
    assert len(good(connector)) == 2


def test_a_key_that_is_there_twice_or_empty_serves_nothing(database: Database) -> None:
    database.run("INSERT INTO residents (id, id_no) VALUES (1, 'N9')")
    database.run("INSERT INTO residents (id, id_no) VALUES (NULL, 'N8')")
    connector = database.connector()
    assert connector.read_many(["i:1"]) == {}
    assert set(connector.read_many(["i:1", "i:2"])) == {"i:2"}
    bad = [row for row in connector.scan() if isinstance(row, BadRow)]
    assert len(bad) == 1
    assert "a key must be" in bad[0].rule


def test_missing_columns_are_told_by_name(database: Database) -> None:
    database.run("CREATE TABLE other (id bigint, id_no varchar(18))")
    connector = database.connector('table = "other"')
    with pytest.raises(SourceFailed, match="columns missing: changed, 姓名, born, income"):
        connector.probe()
    with pytest.raises(SourceFailed):
        connector.read_many(["i:1"])


def test_a_table_that_is_gone_fails_the_scan_and_comes_back(database: Database) -> None:
    connector = database.connector()
    assert len(connector.read_many(["i:1"])) == 1
    database.run("ALTER TABLE residents RENAME TO away")
    for attempt in (connector.probe, lambda: list(connector.scan()), lambda: connector.read_many(["i:1"])):
        with pytest.raises(SourceFailed) as caught:
            attempt()
        assert caught.value.detail.startswith("people: cannot be read (")
    database.run("ALTER TABLE away RENAME TO residents")
    assert len(connector.read_many(["i:1"])) == 1


def test_a_node_cannot_write_to_a_source(database: Database) -> None:
    database.run("CREATE TABLE written (id bigint)")
    write = "WITH w AS (INSERT INTO written VALUES (1) RETURNING id) SELECT * FROM w"
    connector = database.connector(f'query = "{write}"')
    with pytest.raises(SourceFailed):
        list(connector.scan())
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM written")).scalar() == 0


@pytest.mark.postgres
def test_a_connection_that_the_server_closed_is_replaced_without_an_error(
    postgres_server: PostgresServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(postgres_server.new_database(), tmp_path)
    database.fill()
    connector = database.connector()
    assert len(connector.read_many(["i:1"])) == 1
    database.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert len(connector.read_many(["i:1"])) == 1
    # SQLAlchemy logs the broken connection; a record's key is no part of that.
    assert "[parameters" not in caplog.text
    database.close()


@pytest.mark.postgres
def test_a_scan_that_loses_its_connection_half_way_fails_as_a_whole(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    database = Database(postgres_server.new_database(), tmp_path)
    database.fill()
    # The third row divides by zero: the query fails after rows have been given out.
    connector = database.connector(
        'query = "SELECT i AS id, id_no, \\"姓名\\", born, 1 / (5000 - i) AS income, changed FROM residents,'
        ' generate_series(1, 9000) AS i WHERE residents.id = 1"'
    )
    seen: list[Row | BadRow] = []
    with pytest.raises(SourceFailed, match="cannot be read"):
        seen.extend(connector.scan())
    assert len(seen) < 9000
    database.close()


def test_an_sqlite_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/none.db", tmp_path)
    with pytest.raises(SourceFailed, match="OperationalError"):
        database.connector().probe()
    assert not (tmp_path / "none.db").exists()
    database.close()


def test_what_sqlite_keeps_as_blob_or_broken_text_is_unreadable_and_the_rest_is_served(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/people.db", tmp_path)
    database.fill()
    database.run("UPDATE residents SET 姓名 = x'00ff', born = CAST(x'd5c5' AS TEXT) WHERE id = 1")
    row = good(database.connector())["i:1"]
    assert row.unreadable == {"姓名", "born"}
    assert row.values["id_no"] == "N1"
    database.close()


def test_a_locked_sqlite_file_fails_after_its_timeout(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/people.db", tmp_path)
    database.fill()
    connector = database.connector()
    holder = sqlite3.connect(tmp_path / "people.db", isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(SourceFailed, match="OperationalError"):
        connector.read_many(["i:1"])
    holder.close()
    database.close()


@pytest.mark.parametrize("url", ["nonsense://x", "oracle+none://x/y", "postgresql+pg8000://h:port/x"])
def test_a_url_without_a_driver_is_told_without_the_url(tmp_path: Path, url: str) -> None:
    with pytest.raises(SourceFailed) as caught:
        Database.connector(_Url(url, tmp_path))  # type: ignore[arg-type]
    assert caught.value.detail.startswith("people: the URL or its driver is not usable")
    assert url not in caught.value.detail


class _Url:
    """A database that is never connected to."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder
        self._opened: list[OpenSource] = []


def test_a_server_that_is_down_fails_the_read(tmp_path: Path) -> None:
    source = _Url(f"postgresql+pg8000://u:p@localhost/x?unix_sock={tmp_path}/none.sock", tmp_path)
    connector = Database.connector(source)  # type: ignore[arg-type]
    with pytest.raises(SourceFailed) as caught:
        connector.read_many(["i:1"])
    assert "u:p" not in caught.value.detail
    source._opened[0].close()
