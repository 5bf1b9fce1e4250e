"""A log with witnesses, on every database: what is asked for, what is published, and how fresh it is."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.audit.cosigning import Cosigning, NotCosigned, Witnessing
from gateway.audit.errors import LedgerCorrupt, LedgerUnavailable, NoSuchEntry
from gateway.audit.ledger import SqlLedger
from keys.errors import BadCheckpoint
from keys.log.checkpoints import open_checkpoint
from keys.log.cosignatures import CosignatureVerifier, Cosigner, Quorum
from keys.log.merkle import verify_consistency
from keys.log.notes import NoteVerifier, split_note
from tests.support.ledgers import NOTE_KEY, ORIGIN, LedgerClock, asked, encode_promise, ledger_keys

WITNESSES = [Cosigner(f"witness.example/w{number}", bytes([number]) * 32) for number in (1, 2, 3)]
ASKS = Witnessing(Quorum([CosignatureVerifier(one.vkey) for one in WITNESSES], 2), stop_after_s=60)
OWN = NoteVerifier(NOTE_KEY.vkey)


class Asked:
    """Collects the heads that are to be cosigned."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def __call__(self, note: str, _size: int) -> None:
        self.notes.append(note)

    async def of(self, size: int) -> str:
        """The head of that size, once it is asked for."""
        for _ in range(500):
            for note in self.notes:
                if open_checkpoint(note, OWN, ORIGIN).size == size:
                    return note
            await asyncio.sleep(0.01)
        raise AssertionError(f"no head of {size} entries was asked for")


def cosigned(note: str, *signers: Cosigner, time_s: int = 5) -> str:
    return note + "".join(one.cosign(split_note(note)[0], time_s) for one in signers or WITNESSES[:2])


@pytest.fixture
def heads() -> Asked:
    return Asked()


@pytest.fixture
def witnessed(engine: Engine, clock: LedgerClock, heads: Asked, tmp_path: Path) -> Iterator[SqlLedger]:
    ledger = opened(engine, clock, tmp_path)
    side(ledger).listen(heads)
    ledger.start()
    yield ledger
    ledger.stop()


def opened(engine: Engine, clock: LedgerClock, folder: Path) -> SqlLedger:
    return SqlLedger(engine, ledger_keys(), ORIGIN, clock, encode_promise, folder / "anchor", witnessing=ASKS)


def side(ledger: SqlLedger) -> Cosigning:
    assert ledger.cosigning is not None
    return ledger.cosigning


async def append(ledger: SqlLedger, number: int) -> None:
    await ledger.append(asked(number))
    side(ledger).sign_again()


async def test_a_head_is_published_when_enough_have_cosigned_it_and_not_before(
    witnessed: SqlLedger, heads: Asked, tmp_path: Path
) -> None:
    await append(witnessed, 1)
    note = await heads.of(1)
    assert (tmp_path / "anchor.asked").read_text() == note
    with pytest.raises(NoSuchEntry):
        witnessed.checkpoint()
    for bad in (note, cosigned(note, WITNESSES[0]), cosigned(note, WITNESSES[0], WITNESSES[0])):
        with pytest.raises(BadCheckpoint):
            await side(witnessed).keep(bad)
    good = cosigned(note)
    await side(witnessed).keep(good)
    assert witnessed.checkpoint() == good == (tmp_path / "anchor").read_text()
    assert witnessed.published.head() == (1, good)


async def test_a_head_that_is_cosigned_again_takes_its_own_place(witnessed: SqlLedger, heads: Asked) -> None:
    await append(witnessed, 1)
    note = await heads.of(1)
    await side(witnessed).keep(cosigned(note))
    again = cosigned(note, *WITNESSES, time_s=9)
    await side(witnessed).keep(again)
    assert witnessed.published.head() == (1, again)


async def test_an_older_head_that_comes_late_is_kept_and_is_not_the_newest(
    witnessed: SqlLedger, heads: Asked, tmp_path: Path
) -> None:
    await append(witnessed, 1)
    first = await heads.of(1)
    await append(witnessed, 2)
    second = cosigned(await heads.of(2))
    await side(witnessed).keep(second)
    await side(witnessed).keep(cosigned(first))
    assert witnessed.checkpoint() == second == (tmp_path / "anchor").read_text()


async def test_freshness_runs_out_and_comes_back(witnessed: SqlLedger, heads: Asked, clock: LedgerClock) -> None:
    with pytest.raises(NotCosigned):
        witnessed.require_cosigned()
    assert side(witnessed).age_s() is None
    await append(witnessed, 1)
    good = cosigned(await heads.of(1))
    await side(witnessed).keep(good)
    witnessed.require_cosigned()
    clock.at_ms += 59_999
    witnessed.require_cosigned()
    clock.at_ms += 1
    with pytest.raises(NotCosigned):
        witnessed.require_cosigned()
    await side(witnessed).keep(good)
    witnessed.require_cosigned()
    assert side(witnessed).age_s() == 0


async def test_a_start_goes_on_with_what_is_left(
    witnessed: SqlLedger, heads: Asked, engine: Engine, clock: LedgerClock, tmp_path: Path
) -> None:
    await append(witnessed, 1)
    await side(witnessed).keep(cosigned(await heads.of(1)))
    for later_ms, fresh in ((40_000, True), (21_000, False), (-200_000, False)):
        clock.at_ms += later_ms
        again = opened(engine, clock, tmp_path)
        again.start()
        if fresh:
            again.require_cosigned()
        else:
            with pytest.raises(NotCosigned):
                again.require_cosigned()
        again.stop()


async def test_roots_and_proofs_are_those_of_the_stored_log(witnessed: SqlLedger, heads: Asked) -> None:
    for number in range(1, 6):
        await append(witnessed, number)
    head = open_checkpoint(await heads.of(5), OWN, ORIGIN)
    cosigning = side(witnessed)
    assert (cosigning.root(5), cosigning.root(6)) == (head.root, None)
    for old in range(6):
        root = cosigning.root(old)
        assert root is not None
        verify_consistency(old, root, 5, head.root, cosigning.proof(old, 5))


async def test_a_condemned_log_takes_no_entries_and_asks_for_nothing(witnessed: SqlLedger, heads: Asked) -> None:
    await append(witnessed, 1)
    await heads.of(1)
    side(witnessed).condemn(LedgerCorrupt("it is another log"))
    with pytest.raises(LedgerUnavailable):
        await witnessed.append(asked(2))
    asked_for = len(heads.notes)
    side(witnessed).sign_again()
    await asyncio.sleep(0.05)
    assert len(heads.notes) == asked_for
