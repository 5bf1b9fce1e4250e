"""`fsck` names the first bad entry of the stored log, whatever was changed in the database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import NoSuchEntry
from gateway.audit.fsck import FsckReport
from gateway.audit.ledger import SqlLedger
from gateway.audit.store import CHECKPOINTS
from gateway.audit.store import ENTRIES as ROWS
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.storage.database import open_database
from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.notes import NoteSigner
from tests.support.ledgers import NOTE_KEY, ORIGIN, OTHER_PERSON, PERSON, asked, make_ledger, released

PERSON_PART = {"person": PERSON.hex(), "scheme": "cn.resident-id"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqlLedger]:
    """Six entries, the person part of one erased, and a head at every size."""
    engine = open_database(f"sqlite:///{tmp_path / 'log.db'}")
    anchor = tmp_path / "anchor"
    drafts = [EntryDraft("gateway_started", {"v": 1}), asked(1), released(1), asked(2), EntryDraft("asked", {"department": "tax"}, PERSON_PART, about=PERSON)]  # fmt: skip
    for draft in drafts:
        ledger = make_ledger(engine, anchor=anchor)
        ledger.append_blocking(draft)
        ledger.stop()
    ledger = make_ledger(engine, anchor=anchor)
    ledger.start()
    ledger.erase_person_part(3, "COURT_ORDER")
    ledger.stop()
    yield ledger
    engine.dispose()


def change(ledger: SqlLedger, index: int, **values: Any) -> None:
    with ledger._engine.begin() as connection:
        connection.execute(update(ROWS).where(ROWS.c.leaf_index == index).values(**values))


def column(ledger: SqlLedger, index: int, name: str) -> Any:
    with ledger._engine.connect() as connection:
        return connection.execute(select(ROWS.c[name]).where(ROWS.c.leaf_index == index)).scalar()


def named(ledger: SqlLedger, earlier: tuple[str, ...] = ()) -> tuple[Fault, int | None, int | None]:
    with pytest.raises(VerificationFailed) as caught:
        ledger.fsck().run(earlier)
    return caught.value.fault, caught.value.first, caught.value.last


def test_a_sound_log_is_said_to_be_so_and_progress_is_told(ledger: SqlLedger) -> None:
    told: list[tuple[int, int]] = []
    report = ledger.fsck().run([ledger._reader.checkpoint_at(2) or ""], lambda *one: told.append(one))
    assert isinstance(report, FsckReport)
    assert (report.origin, report.size, report.head_size, report.heads, report.erased) == (ORIGIN, 6, 6, 7, 1)
    assert told == [(6, 6)]


def test_every_changed_byte_of_a_stored_part_is_named(ledger: SqlLedger) -> None:
    for index in range(6):
        for name in ("accountability", "person", "hashes"):
            raw = column(ledger, index, name)
            if raw is None:
                continue
            for place in range(0, len(raw), 7):
                change(ledger, index, **{name: raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]})
                assert named(ledger)[1:] == (index, index)
            change(ledger, index, **{name: raw})
    assert ledger.fsck().run().size == 6


@pytest.mark.parametrize(
    ("name", "value"),
    [("kind", "refused"), ("time_ms", 1), ("department", "police"), ("request_index", 0)],
)
def test_a_column_that_contradicts_its_entry_is_named(ledger: SqlLedger, name: str, value: object) -> None:
    change(ledger, 4, **{name: value})
    assert named(ledger) == (Fault.COLUMN_CONTRADICTS, 4, 4)


@pytest.mark.parametrize("token", [None, b"x" * 16])
def test_an_access_that_its_person_would_not_see_is_named(ledger: SqlLedger, token: bytes | None) -> None:
    change(ledger, 4, person_token=token)
    assert named(ledger) == (Fault.COLUMN_CONTRADICTS, 4, 4)
    change(ledger, 4, person_token=ledger._bodies.token(OTHER_PERSON))
    assert named(ledger) == (Fault.COLUMN_CONTRADICTS, 4, 4)


def test_every_removed_row_is_named(ledger: SqlLedger) -> None:
    with ledger._engine.begin() as connection:
        rows = connection.execute(select(ROWS)).mappings().all()
    for index in range(6):
        with ledger._engine.begin() as connection:
            connection.execute(delete(ROWS).where(ROWS.c.leaf_index == index))
        assert named(ledger) == (Fault.ENTRY_MISSING, index, index) if index < 5 else named(ledger)[1] == 5
        with ledger._engine.begin() as connection:
            connection.execute(ROWS.insert().values(**rows[index]))


def test_rows_that_changed_places_are_named(ledger: SqlLedger) -> None:
    first, second = column(ledger, 1, "accountability"), column(ledger, 3, "accountability")
    change(ledger, 1, accountability=second)
    change(ledger, 3, accountability=first)
    assert named(ledger) == (Fault.ENTRY_UNREADABLE, 1, 1)


def test_a_person_part_taken_away_without_an_entry_is_named(ledger: SqlLedger) -> None:
    from gateway.audit.bodies import erased_part

    entry = ledger.entry(4)
    change(ledger, 4, person=erased_part(entry.person_salt, entry.person), person_token=None)
    assert named(ledger) == (Fault.ERASURE_UNEXPLAINED, 4, 4)


def test_a_head_that_does_not_fit_or_is_a_strangers_is_named(ledger: SqlLedger) -> None:
    other = Checkpoint(ORIGIN, 3, b"r" * 32)
    with ledger._engine.begin() as connection:
        connection.execute(
            update(CHECKPOINTS).where(CHECKPOINTS.c.size == 3).values(note=sign_checkpoint(NOTE_KEY, other))
        )
    assert named(ledger) == (Fault.ENTRIES_REWRITTEN, 2, 2)
    stranger = sign_checkpoint(NoteSigner(ORIGIN, b"s" * 32), other)
    with ledger._engine.begin() as connection:
        connection.execute(update(CHECKPOINTS).where(CHECKPOINTS.c.size == 3).values(note=stranger))
    assert named(ledger)[0] is Fault.CHECKPOINT_BAD


def test_a_log_cut_or_forked_against_what_was_kept_is_named(ledger: SqlLedger, tmp_path: Path) -> None:
    kept = sign_checkpoint(NOTE_KEY, Checkpoint(ORIGIN, 4, b"r" * 32))
    with pytest.raises(VerificationFailed) as caught:
        ledger.fsck().run([kept, ledger._reader.checkpoint_at(2) or ""])
    assert (caught.value.fault, caught.value.first, caught.value.last) == (Fault.LOG_FORKED, 2, 3)
    assert caught.value.evidence.keys() >= {"signed_note", "later_note", "consistency_proof"}
    # The head kept outside the database counts as kept.
    ahead = sign_checkpoint(NOTE_KEY, Checkpoint(ORIGIN, 9, b"r" * 32))
    (tmp_path / "anchor").write_text(ahead)
    assert named(ledger) == (Fault.LOG_SHRANK, 6, 6)
    (tmp_path / "anchor").write_bytes(b"\xff")
    assert named(ledger)[0] is Fault.EARLIER_CHECKPOINT_BAD


def test_a_log_without_a_head_cannot_be_checked(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'log.db'}")
    with pytest.raises(NoSuchEntry):
        make_ledger(engine).fsck().run()
    engine.dispose()
