"""In which epoch a stored log is, and what it signs because of that."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.audit.bodies import Bodies
from gateway.audit.entries import EntryDraft
from gateway.audit.epochs import GREW, Lineage, opening, read_lineage
from gateway.audit.errors import LedgerCorrupt, NoSuchEntry, RiderRefused
from gateway.audit.ledger import SqlLedger
from gateway.storage.database import open_database
from keys.errors import BadEpoch
from keys.log.checkpoints import Checkpoint, parse_checkpoint, sign_checkpoint
from keys.log.custodians import sign_statement
from keys.log.epochs import EpochStatement
from keys.log.notes import NoteSigner, NoteVerifier, split_note
from tests.support.epochs import FIVE, PINNED
from tests.support.ledgers import NOTE_KEY, ORIGIN, LedgerClock, asked, encode_promise, ledger_keys, make_ledger

NEXT = NoteSigner(f"{ORIGIN}/2", b"2" * 32)
LAST = sign_checkpoint(NOTE_KEY, Checkpoint(ORIGIN, 9, bytes(32)))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'log.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def note(engine: Engine, tmp_path: Path) -> str:
    """A signed statement by which a log of three entries goes on; it had nine."""
    ledger = make_ledger(engine, anchor=tmp_path / "anchor")
    for number in range(3):
        ledger.append_blocking(asked(number))
    ledger.stop()
    root = parse_checkpoint(split_note(ledger.checkpoint())[0]).root
    statement = EpochStatement(2, NEXT.name, NEXT.vkey, ORIGIN, NOTE_KEY.vkey, b"", 3, root, LAST, 1, "disk failed")
    note = statement.text()
    for one in FIVE[:3]:
        note = sign_statement(note, one)
    return note


def second(engine: Engine, note: str, anchor: Path | None = None) -> SqlLedger:
    keys = replace(ledger_keys(), note=NEXT)
    return SqlLedger(engine, keys, ORIGIN, LedgerClock(), encode_promise, anchor, lineage=Lineage(ORIGIN, [note]))


def stored(engine: Engine) -> Lineage:
    with engine.connect() as connection:
        return read_lineage(connection, Bodies(ledger_keys(), ORIGIN), ORIGIN)


def test_nothing_is_signed_or_put_over_the_anchor_before_the_first_entry_is_there(
    engine: Engine, note: str, tmp_path: Path
) -> None:
    anchor = tmp_path / "anchor"
    anchor.write_text(LAST, encoding="utf-8")
    ledger = second(engine, note, anchor)
    ledger.start()
    ledger.stop()
    assert anchor.read_text(encoding="utf-8") == LAST
    with pytest.raises(NoSuchEntry):
        ledger.checkpoint()
    with pytest.raises(NoSuchEntry):
        ledger.published.head()
    assert ledger.inclusion(1, 3).checkpoint == ""
    ledger = second(engine, note, anchor)
    ledger.append_blocking(opening(PINNED.open(note), [note]))
    ledger.stop()
    assert anchor.read_text(encoding="utf-8").startswith(f"{NEXT.name}\n4\n")
    assert stored(engine).number == 2


def test_the_first_entry_of_an_epoch_stands_behind_the_restored_head_or_is_not_written(
    engine: Engine, note: str
) -> None:
    ledger = second(engine, note)
    ledger.append_blocking(asked(7))
    with pytest.raises(RiderRefused) as caught:
        ledger.append_blocking(opening(PINNED.open(note), [note]))
    ledger.stop()
    assert caught.value.reason == GREW
    assert stored(engine).number == 1


@pytest.mark.parametrize("facts", [{"statements": "x"}, {"statements": ["x"]}, {"statements": [3]}, {}])
def test_an_entry_that_holds_no_statement_opens_no_log(engine: Engine, note: str, facts: dict[str, object]) -> None:
    ledger = second(engine, note)
    ledger.append_blocking(EntryDraft("epoch_opened", facts))  # type: ignore[arg-type]
    ledger.stop()
    with pytest.raises(LedgerCorrupt):
        stored(engine)


def test_a_statement_in_another_place_than_the_head_it_restores_opens_no_log(engine: Engine, note: str) -> None:
    ledger = second(engine, note)
    ledger.append_blocking(asked(7))
    ledger.append_blocking(EntryDraft("epoch_opened", {"statements": [note]}))
    ledger.stop()
    with pytest.raises(LedgerCorrupt, match="place"):
        stored(engine)


def test_heads_of_an_ended_epoch_are_known_as_far_as_was_restored(note: str) -> None:
    lineage, verifier = Lineage(ORIGIN, [note]), NoteVerifier(NEXT.vkey)
    known = lineage.known("it", sign_checkpoint(NOTE_KEY, Checkpoint(ORIGIN, 2, bytes(32))), verifier)
    assert known is not None
    assert (known.size, lineage.begins) == (2, 3)
    assert lineage.known("it", LAST, verifier) is None
    for size, root in ((10, bytes(32)), (9, b"x" * 32)):
        with pytest.raises(LedgerCorrupt, match="hides"):
            lineage.known("it", sign_checkpoint(NOTE_KEY, Checkpoint(ORIGIN, size, root)), verifier)
    foreign = NoteSigner(ORIGIN, b"f" * 32)
    for other in (foreign, NoteSigner(NEXT.name, b"f" * 32), NoteSigner("else.example", b"f" * 32)):
        with pytest.raises(LedgerCorrupt, match="signed"):
            lineage.known("it", sign_checkpoint(other, Checkpoint(other.name, 2, bytes(32))), verifier)


def test_another_logs_statements_are_no_lineage(note: str) -> None:
    with pytest.raises(BadEpoch):
        Lineage("else.example/log", [note])
