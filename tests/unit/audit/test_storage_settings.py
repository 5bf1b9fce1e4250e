from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event

from gateway.audit.errors import LedgerCorrupt, NoSuchEntry
from gateway.audit.export import NotEmpty
from gateway.audit.store import ENTRIES
from gateway.storage.database import open_database
from tests.support.ledgers import asked, make_ledger


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'log.db'}")
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "setting", ["synchronous=OFF", "synchronous=NORMAL", "journal_mode=MEMORY", "journal_mode=OFF"]
)
def test_a_log_does_not_start_on_a_database_that_does_not_sync_every_commit(tmp_path: Path, setting: str) -> None:
    careless = create_engine(f"sqlite:///{tmp_path / 'log.db'}")
    event.listen(careless, "connect", lambda raw, _entry: raw.execute(f"PRAGMA {setting}"))
    with pytest.raises(LedgerCorrupt, match="sync"):
        make_ledger(careless).start()
    careless.dispose()


def test_a_log_that_never_started_has_no_checkpoint(engine: Engine) -> None:
    for read in (make_ledger(engine).checkpoint, make_ledger(engine).export_batches):
        with pytest.raises(NoSuchEntry):
            read()


def test_a_copy_is_never_mixed_with_something_else(engine: Engine, tmp_path: Path) -> None:
    ledger = make_ledger(engine)
    ledger.append_blocking(asked())
    ledger.stop()
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "notes").write_text("mine")
    with pytest.raises(NotEmpty):
        ledger.export(tmp_path / "copy")


@pytest.mark.parametrize("lost", [1, 2])
def test_a_copy_is_not_made_of_a_log_with_a_gap(engine: Engine, tmp_path: Path, lost: int) -> None:
    ledger = make_ledger(engine)
    for number in range(3):
        ledger.append_blocking(asked(number))
    ledger.stop()
    with engine.begin() as connection:
        connection.execute(ENTRIES.delete().where(ENTRIES.c.leaf_index == lost))
    with pytest.raises(LedgerCorrupt) as caught:
        ledger.export(tmp_path / "copy")
    assert caught.value.evidence == {"leaf_index": lost}


def test_a_log_found_broken_when_a_checkpoint_is_due_takes_no_more_entries(engine: Engine) -> None:
    ledger = make_ledger(engine)
    ledger.append_blocking(asked())
    with engine.begin() as connection:
        connection.execute(ENTRIES.delete())
    ledger._writer._tree = None
    ledger.stop()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT max(size) FROM audit_checkpoints").scalar() == 0
