"""What every caller may rely on when it appends, on every database."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import AlreadyRecorded, BadEntry, LedgerUnavailable
from gateway.audit.ledger import SqlLedger
from gateway.audit.store import ENTRIES
from keys.log.checkpoints import open_checkpoint
from keys.log.merkle import verify_consistency, verify_inclusion
from keys.log.notes import NoteVerifier
from tests.support.ledgers import (
    DIGEST,
    NOTE_KEY,
    ORIGIN,
    LedgerClock,
    asked,
    check_promise,
    make_ledger,
    released,
    storage_fault,
)

VERIFIER = NoteVerifier(NOTE_KEY.vkey)


async def test_an_entry_is_durable_and_promised_when_append_returns(ledger: SqlLedger, engine: Engine) -> None:
    recorded = await ledger.append(asked())
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(ENTRIES)).scalar() == 1
    check_promise(recorded)
    assert ledger.entry(0).leaf_hash == recorded.leaf_hash


async def test_callers_at_once_share_commits_and_signatures(ledger: SqlLedger, engine: Engine) -> None:
    with storage_fault(engine) as watch:
        all_recorded = await asyncio.gather(*(ledger.append(asked(number)) for number in range(300)))
    assert sorted(one.leaf_index for one in all_recorded) == list(range(300))
    for recorded in all_recorded:
        check_promise(recorded)
        assert ledger.entry(recorded.leaf_index).leaf_hash == recorded.leaf_hash
    assert len({one.promise.signature for one in all_recorded}) == watch.seen
    assert watch.seen < 150


async def test_a_draft_that_cannot_be_written_hurts_nobody_else(ledger: SqlLedger) -> None:
    bad = EntryDraft("asked", {"share": 0.5})  # type: ignore[dict-item]
    odd = EntryDraft("asked", None)  # type: ignore[arg-type]
    drafts = [asked(0), bad, asked(1), odd, asked(2)]
    results = await asyncio.gather(*(ledger.append(draft) for draft in drafts), return_exceptions=True)
    assert [isinstance(one, BadEntry) for one in results] == [False, True, False, True, False]
    assert [ledger.entry(index).account["number"] for index in range(3)] == [0, 1, 2]
    alone = await asyncio.gather(ledger.append(bad), return_exceptions=True)
    assert isinstance(alone[0], BadEntry)
    assert ledger.size() == 3


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 11])
async def test_every_entry_is_proved_to_be_in_the_log(ledger: SqlLedger, size: int) -> None:
    await asyncio.gather(*(ledger.append(asked(number)) for number in range(size)))
    ledger.stop()
    head = open_checkpoint(ledger.checkpoint(), VERIFIER, ORIGIN)
    assert head.size == size
    for index in range(size):
        proof = ledger.inclusion(index)
        verify_inclusion(proof.leaf_hash, index, size, list(proof.path), head.root)


async def test_the_log_only_grows_across_restarts(engine: Engine) -> None:
    heads = []
    for size in (1, 5, 8, 13):
        ledger = make_ledger(engine)
        ledger.start()
        await asyncio.gather(*(ledger.append(asked(number)) for number in range(size - ledger.size())))
        ledger.stop()
        heads.append(open_checkpoint(ledger.checkpoint(), VERIFIER, ORIGIN))
    assert [head.size for head in heads] == [1, 5, 8, 13]
    for old in heads:
        for new in heads:
            if old.size <= new.size:
                proof = ledger.consistency(old.size, new.size)
                verify_consistency(old.size, old.root, new.size, new.root, list(proof.path))
                assert proof.new_size == new.size
    assert ledger.inclusion(2, 5).checkpoint
    assert not ledger.inclusion(2, 6).checkpoint


async def test_a_checkpoint_is_published_soon_after_an_append_and_not_again_without_one(
    engine: Engine, clock: LedgerClock
) -> None:
    ledger = make_ledger(engine, clock)
    ledger.start()
    with storage_fault(engine, "INSERT INTO audit_checkpoints") as watch:
        await ledger.append(asked())
        await asyncio.sleep(0.05)
        assert open_checkpoint(ledger.checkpoint(), VERIFIER, ORIGIN).size == 0
        clock.at_ms += 501
        await ledger.append(asked())
        await asyncio.sleep(0.1)
        assert open_checkpoint(ledger.checkpoint(), VERIFIER, ORIGIN).size == 2
        clock.at_ms += 5_000
        ledger.stop()
        assert watch.seen == 1


async def test_a_cancelled_caller_leaves_its_entry_in_the_log(ledger: SqlLedger) -> None:
    waiting = asyncio.ensure_future(ledger.append(asked(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    after = await ledger.append(asked(2))
    assert after.leaf_index == 1


async def test_a_unique_name_is_used_once_and_says_whether_it_was_the_same_request(
    engine: Engine, ledger: SqlLedger
) -> None:
    named = EntryDraft("asked", {"n": 1}, unique=("system\0req-1", DIGEST))
    other = EntryDraft("asked", {"n": 2}, unique=("system\0req-1", b"x" * 32))
    results = await asyncio.gather(
        *(ledger.append(draft) for draft in (named, asked(), named, other)), return_exceptions=True
    )
    first, plain, same, differs = results
    assert not isinstance(first, BaseException)
    assert not isinstance(plain, BaseException)
    assert isinstance(same, AlreadyRecorded)
    assert isinstance(differs, AlreadyRecorded)
    assert (same.leaf_index, same.same) == (first.leaf_index, True)
    assert (differs.leaf_index, differs.same) == (first.leaf_index, False)
    assert ledger.size() == 2
    ledger.stop()
    again = make_ledger(engine)
    with pytest.raises(AlreadyRecorded) as caught:
        again.append_blocking(named)
    again.stop()
    assert caught.value.same
    assert again.size() == 2


async def test_two_processes_that_append_at_once_never_take_one_place_twice(engine: Engine) -> None:
    ledgers = [make_ledger(engine), make_ledger(engine)]
    for ledger in ledgers:
        ledger.start()
    recorded = await asyncio.gather(
        *(ledgers[number % 2].append(asked(number)) for number in range(120)),
    )
    for ledger in ledgers:
        ledger.stop()
    assert sorted(one.leaf_index for one in recorded) == list(range(120))
    for one in recorded:
        check_promise(one)
        assert ledgers[0].entry(one.leaf_index).leaf_hash == one.leaf_hash
    head = open_checkpoint(ledgers[0].checkpoint(), VERIFIER, ORIGIN)
    assert head.size == 120


def test_threads_without_a_loop_append_and_open_the_log_themselves(engine: Engine) -> None:
    ledger = make_ledger(engine)
    recorded = [ledger.append_blocking(asked(0))]
    threads = [threading.Thread(target=lambda: recorded.append(ledger.append_blocking(asked(1)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.stop()
    assert sorted(one.leaf_index for one in recorded) == list(range(9))
    assert open_checkpoint(ledger.checkpoint(), VERIFIER, ORIGIN).size == 9


async def test_after_stop_nothing_is_taken_and_what_waited_is_in_the_log(engine: Engine) -> None:
    ledger = make_ledger(engine)
    ledger.start()
    waiting = [asyncio.ensure_future(ledger.append(asked(number))) for number in range(20)]
    await asyncio.sleep(0)
    ledger.stop()
    assert len(await asyncio.gather(*waiting)) == 20
    with pytest.raises(LedgerUnavailable):
        await ledger.append(asked())


async def test_a_bad_draft_is_refused_and_harms_no_other(ledger: SqlLedger) -> None:
    with pytest.raises(BadEntry):
        await ledger.append(EntryDraft("invented", {}))
    assert (await ledger.append(asked())).leaf_index == 0


async def test_an_outcome_closes_its_question_and_the_person_sees_it_once(ledger: SqlLedger, tmp_path: Path) -> None:
    question = await ledger.append(asked())
    assert [one.outcome for one in ledger.accesses(b"p" * 16).accesses] == ["asked"]
    await ledger.append(released(question.leaf_index))
    (seen,) = ledger.accesses(b"p" * 16).accesses
    assert (seen.outcome, seen.department, seen.fields[0].outcome) == ("released", "civil-affairs", "released")
    assert not ledger.accesses(b"q" * 16).accesses
    assert ledger.export(tmp_path / "copy") == 0
