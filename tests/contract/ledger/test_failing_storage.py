"""When the storage fails: everyone who waits is told, nothing is promised, and the log goes on from what is stored."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from gateway.audit.errors import LedgerCorrupt, LedgerUnavailable
from gateway.audit.ledger import SqlLedger
from gateway.audit.store import CHECKPOINTS, ENTRIES
from keys.log.checkpoints import Checkpoint, open_checkpoint, sign_checkpoint
from keys.log.notes import NoteSigner, NoteVerifier
from tests.support.ledgers import (
    NOTE_KEY,
    ORIGIN,
    LedgerClock,
    asked,
    check_promise,
    ledger_keys,
    make_ledger,
    storage_fault,
)

VERIFIER = NoteVerifier(NOTE_KEY.vkey)


async def test_everyone_who_waits_is_refused_when_a_commit_fails(ledger: SqlLedger, engine: Engine) -> None:
    await ledger.append(asked())
    with storage_fault(engine) as fault:
        # More often than once, for a busy machine: whoever comes after the first failure meets another.
        fault.before = 200
        results = await asyncio.gather(*(ledger.append(asked(n)) for n in range(200)), return_exceptions=True)
    refused = [one for one in results if isinstance(one, LedgerUnavailable)]
    assert len(refused) == 200
    assert len({id(one) for one in refused}) == 200
    assert ledger.size() == 1


async def test_the_log_goes_on_after_the_storage_recovers(ledger: SqlLedger, engine: Engine) -> None:
    with storage_fault(engine) as fault:
        fault.before = 3
        for _ in range(3):
            with pytest.raises(LedgerUnavailable):
                await ledger.append(asked())
        recorded = await ledger.append(asked(7))
    check_promise(recorded)
    assert recorded.leaf_index == 0
    assert ledger.entry(0).account["number"] == 7


async def test_a_commit_that_was_told_to_have_failed_but_did_not_keeps_its_place_without_a_promise(
    ledger: SqlLedger, engine: Engine, tmp_path: Path
) -> None:
    # What makes an append durable: on SQLite its one statement, on a server the end of its transaction.
    with storage_fault(engine, "INSERT INTO audit_entries" if engine.dialect.name == "sqlite" else "COMMIT") as fault:
        fault.after = 1
        with pytest.raises(LedgerUnavailable):
            await ledger.append(asked(1))
        recorded = await ledger.append(asked(2))
    check_promise(recorded)
    # The entry of unknown fate is there, so the next one may not take its place.
    assert recorded.leaf_index == 1
    assert ledger.entry(0).account["number"] == 1
    assert [one.leaf_index for one in ledger.dangling(1 << 60)] == [0, 1]
    ledger.stop()
    assert open_checkpoint(ledger.checkpoint(), VERIFIER, ORIGIN).size == 2
    assert ledger.export(tmp_path / "copy") == 2


async def test_a_checkpoint_that_cannot_be_kept_is_published_later_and_hurts_no_append(
    engine: Engine, clock: LedgerClock
) -> None:
    ledger = make_ledger(engine, clock)
    ledger.start()
    with storage_fault(engine, "INSERT INTO audit_checkpoints") as fault:
        fault.before = 1
        await ledger.append(asked(0))
        await asyncio.sleep(0.05)
        clock.at_ms += 600
        check_promise(await ledger.append(asked(1)))
        await asyncio.sleep(0.1)
        assert fault.before == 0
        assert open_checkpoint(ledger.checkpoint(), VERIFIER, ORIGIN).size == 0
        clock.at_ms += 600
        check_promise(await ledger.append(asked(2)))
        ledger.stop()
    assert open_checkpoint(ledger.checkpoint(), VERIFIER, ORIGIN).size == 3


def test_a_log_whose_storage_cannot_be_read_does_not_start(engine: Engine) -> None:
    ledger = make_ledger(engine)
    with storage_fault(engine, "SELECT max(leaf_index)") as fault:
        fault.before = 1
        with pytest.raises(LedgerUnavailable):
            ledger.start()
    ledger.start()
    ledger.stop()


def _grown(engine: Engine, size: int, anchor: Path | None = None) -> None:
    ledger = make_ledger(engine, anchor=anchor)
    ledger.start()
    for number in range(size):
        ledger.append_blocking(asked(number))
    ledger.stop()


def _refused(engine: Engine, anchor: Path | None = None) -> LedgerCorrupt:
    with pytest.raises(LedgerCorrupt) as caught:
        make_ledger(engine, anchor=anchor).start()
    return caught.value


@pytest.mark.parametrize("lost", range(9))
def test_a_log_that_lost_an_entry_does_not_start_and_names_it(engine: Engine, lost: int) -> None:
    _grown(engine, 9)
    with engine.begin() as connection:
        connection.execute(ENTRIES.delete().where(ENTRIES.c.leaf_index == lost))
        # Another one that is missing further on does not hide the first.
        connection.execute(ENTRIES.delete().where(ENTRIES.c.leaf_index == 6))
    refusal = _refused(engine)
    if "checkpoint" in refusal.rule:
        # A hash that the tree is held together by went with its row.
        assert lost in {3, 7, 8}
    else:
        assert (refusal.rule, refusal.evidence) == ("an entry is missing", {"leaf_index": min(lost, 6)})


def test_a_log_whose_tree_was_changed_does_not_start(engine: Engine) -> None:
    _grown(engine, 5)
    with engine.begin() as connection:
        connection.execute(update(ENTRIES).where(ENTRIES.c.leaf_index == 4).values(hashes=b"x" * 32))
    refusal = _refused(engine)
    assert refusal.rule == "the stored tree does not fit its last checkpoint"
    assert {"known_root", "stored_root"} <= set(refusal.evidence)


def test_a_log_cut_together_with_its_checkpoints_does_not_fit_the_one_kept_outside(
    engine: Engine, tmp_path: Path
) -> None:
    anchor = tmp_path / "checkpoint"
    _grown(engine, 3, anchor)
    _grown(engine, 2, anchor)
    with engine.begin() as connection:
        connection.execute(ENTRIES.delete().where(ENTRIES.c.leaf_index >= 3))
        connection.execute(CHECKPOINTS.delete().where(CHECKPOINTS.c.size > 3))
    assert "outside the database" in _refused(engine, anchor).rule
    # Without the file nothing contradicts the restored database: this is what the file is for.
    make_ledger(engine).start()


def test_entries_behind_the_last_checkpoint_are_checked_one_by_one(engine: Engine) -> None:
    _grown(engine, 6)
    with engine.begin() as connection:
        connection.execute(CHECKPOINTS.delete().where(CHECKPOINTS.c.size > 0))
        connection.execute(update(ENTRIES).where(ENTRIES.c.leaf_index == 2).values(accountability=b"\x01" * 90))
    refusal = _refused(engine)
    assert refusal.evidence == {"leaf_index": 2}
    with engine.begin() as connection:
        connection.execute(ENTRIES.delete().where(ENTRIES.c.leaf_index == 1))
    assert _refused(engine).evidence == {"leaf_index": 1}


def test_a_tree_hash_behind_the_last_checkpoint_is_recomputed(engine: Engine) -> None:
    _grown(engine, 4)
    with engine.begin() as connection:
        connection.execute(CHECKPOINTS.delete().where(CHECKPOINTS.c.size > 0))
        kept = make_ledger(engine).entry(3).leaf_hash
        connection.execute(update(ENTRIES).where(ENTRIES.c.leaf_index == 3).values(hashes=kept + b"y" * 64))
    assert _refused(engine).rule == "a stored tree hash is wrong"


def test_a_checkpoint_of_another_key_is_refused(engine: Engine) -> None:
    _grown(engine, 2)
    stranger = NoteSigner(ORIGIN, b"z" * 32)
    with engine.begin() as connection:
        note = sign_checkpoint(stranger, Checkpoint(ORIGIN, 2, b"r" * 32))
        connection.execute(update(CHECKPOINTS).where(CHECKPOINTS.c.size == 2).values(note=note))
    assert "key" in _refused(engine).rule


async def test_a_log_that_stops_fitting_its_promises_while_it_runs_takes_no_more_entries(
    ledger: SqlLedger, engine: Engine
) -> None:
    for number in range(3):
        await ledger.append(asked(number))
    with engine.begin() as connection:
        connection.execute(ENTRIES.delete().where(ENTRIES.c.leaf_index == 2))
    for _ in range(2):
        with pytest.raises(LedgerUnavailable, match="not the one that was promised"):
            await ledger.append(asked())
    assert ledger.size() == 2


def test_older_entries_open_after_the_body_keys_were_rotated(engine: Engine) -> None:
    _grown(engine, 2)
    rotated = make_ledger(engine, keys=ledger_keys(versions=2))
    rotated.append_blocking(asked(2))
    rotated.stop()
    assert [rotated.entry(index).account["number"] for index in range(3)] == [0, 1, 2]


async def test_after_a_failure_the_log_is_read_again_before_it_is_written_on(ledger: SqlLedger, engine: Engine) -> None:
    with storage_fault(engine, "SELECT hashes FROM audit_entries") as reads, storage_fault(engine) as writes:
        for number in range(3):
            await ledger.append(asked(number))
        assert reads.seen == 0
        writes.before = 1
        with pytest.raises(LedgerUnavailable):
            await ledger.append(asked())
        assert reads.seen == 0
        await ledger.append(asked())
        assert reads.seen > 0
