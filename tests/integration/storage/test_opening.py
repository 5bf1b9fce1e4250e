"""A database is opened only if it keeps what is committed."""

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from gateway.storage.database import _prepare_sqlite, open_database, write_transaction
from gateway.storage.errors import DatabaseRefused
from tests.support.postgres import PostgresServer


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'gateway.db'}"


def test_every_connection_syncs_every_commit_and_checks_foreign_keys(url: str) -> None:
    engine = open_database(url)
    connections = [engine.connect() for _ in range(4)]
    for connection in connections:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
        assert found == ["wal", 2, 1, 10_000]
        connection.close()
    engine.dispose()


def test_a_connection_that_does_not_take_a_setting_is_refused() -> None:
    raw = sqlite3.connect(":memory:")
    with pytest.raises(DatabaseRefused, match="journal_mode"):
        _prepare_sqlite(raw, None)  # type: ignore[arg-type]
    raw.close()


@pytest.mark.parametrize(
    "bad",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "mysql://root@127.0.0.1/x",
        "not a url",
        "sqlite:////nowhere/at/all/gateway.db",
    ],
)
def test_a_database_that_keeps_nothing_or_cannot_be_opened_is_refused(bad: str) -> None:
    with pytest.raises(DatabaseRefused) as caught:
        open_database(bad)
    assert "nowhere" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path, url: str) -> None:
    (tmp_path / "gateway.db").write_bytes(b"these are somebody's notes, not a database" * 100)
    before = (tmp_path / "gateway.db").read_bytes()
    with pytest.raises(DatabaseRefused):
        open_database(url)
    assert (tmp_path / "gateway.db").read_bytes() == before


def test_only_the_owner_can_read_the_files(tmp_path: Path, url: str) -> None:
    engine = open_database(url)
    with write_transaction(engine) as connection:
        connection.execute(text("INSERT INTO audit_marks VALUES ('x', 1)"))
    assert {path.name for path in tmp_path.iterdir()} == {"gateway.db", "gateway.db-wal", "gateway.db-shm"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    engine.dispose()


def test_a_database_of_a_newer_program_is_refused_and_left_as_it_is(url: str) -> None:
    engine = open_database(url)
    with write_transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(DatabaseRefused, match="newer"):
        open_database(url)


def test_opening_again_keeps_everything(url: str) -> None:
    engine = open_database(url)
    with write_transaction(engine) as connection:
        connection.execute(text("INSERT INTO audit_marks VALUES ('x', 7)"))
    engine.dispose()
    engine = open_database(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT value FROM audit_marks")).scalar() == 7
    engine.dispose()


def test_processes_that_open_a_new_database_at_once_all_succeed(url: str) -> None:
    program = "import sys; from gateway.storage.database import open_database; open_database(sys.argv[1]).dispose()"
    started = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(4)]
    assert [process.wait(60) for process in started] == [0, 0, 0, 0]


def test_a_write_transaction_that_raises_leaves_nothing(url: str) -> None:
    engine = open_database(url)

    def breaking() -> None:
        with write_transaction(engine) as connection:
            connection.execute(text("INSERT INTO audit_marks VALUES ('x', 7)"))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        breaking()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit_marks")).scalar() == 0
    engine.dispose()


def test_a_write_transaction_has_the_write_lock_from_its_beginning(url: str, tmp_path: Path) -> None:
    engine = open_database(url)
    other = sqlite3.connect(tmp_path / "gateway.db", timeout=0, isolation_level=None)
    with write_transaction(engine), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    with engine.connect() as connection:
        # A transaction that only reads takes no such lock.
        connection.execute(text("SELECT count(*) FROM audit_marks")).scalar()
        other.execute("BEGIN IMMEDIATE")
    other.close()
    engine.dispose()


@pytest.mark.postgres
def test_a_postgresql_that_could_lose_a_commit_is_refused(postgres_server: PostgresServer) -> None:
    url = postgres_server.new_database()
    open_database(url).dispose()
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar()
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    engine.dispose()
    with pytest.raises(DatabaseRefused, match="synchronous_commit"):
        open_database(url)


def test_opening_a_database_again_in_one_process_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    first = open_database(f"sqlite:///{path}")
    with first.connect() as connection:
        connection.execute(text("select 1 from alembic_version"))
        connection.rollback()
        open_database(f"sqlite:///{path}").dispose()
        # Another process that comes and goes takes the log of the last one with it, unless somebody holds a lock.
        code = "import sqlite3, sys; b = sqlite3.connect(sys.argv[1]); b.execute('select * from alembic_version'); b.close()"
        subprocess.run((sys.executable, "-c", code, str(path)), check=True)
        assert path.with_name("gateway.db-wal").exists()
    first.dispose()
