"""A log that is published by its witnesses: real sockets, a real database, witnesses that lie and a log that was cut."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.audit.cosigning import NotCosigned, Witnessing
from gateway.audit.errors import LedgerCorrupt, LedgerUnavailable, NoSuchEntry
from gateway.audit.ledger import SqlLedger
from gateway.bootstrap.witnessing import LEDGER_CONFLICT, LogWitnesses, witnessing_of
from gateway.clock import SystemClock
from gateway.settings import Settings
from gateway.storage.database import open_database
from keys.errors import BadCheckpoint
from keys.log.checkpoints import open_checkpoint
from keys.log.cosignatures import CosignatureVerifier, Quorum
from keys.log.notes import NoteVerifier
from tests.support.ledgers import NOTE_KEY, ORIGIN, asked, encode_promise, ledger_keys
from tests.support.witnesses import LIES, Liar, LocalWitness, running, until

OWN = NoteVerifier(NOTE_KEY.vkey)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A database with nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "gateway.db"
    open_database(f"sqlite:///{path}").dispose()
    return path


class Log:
    """A gateway's log and whoever asks its witnesses, on a database of its own.

    Args:
        folder: Home and database.
        empty: The database to begin with.
        witnesses: Real ones and liars.
        quorum: How many it takes.
    """

    def __init__(self, folder: Path, empty: Path, witnesses, quorum: int, **more: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.database = folder / "gateway.db"
        if not self.database.exists():
            shutil.copy(empty, self.database)
        known = [{"vkey": one.vkey, "url": one.url} for one in witnesses]
        asks = {"known": known, "quorum": quorum, "timeout_s": 1.0, "stop_after_s": 60, **more}
        self.settings = Settings(home=folder, witnesses=asks)
        self.quorum = Quorum([CosignatureVerifier(one.vkey) for one in witnesses], quorum)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SqlLedger]:
        """Running, as a gateway would start it."""
        engine = open_database(f"sqlite:///{self.database}")
        asks = witnessing_of(self.settings, NOTE_KEY.vkey)
        assert isinstance(asks, Witnessing)
        anchor = self.folder / "ledger-anchor"
        ledger = SqlLedger(engine, ledger_keys(), ORIGIN, SystemClock(), encode_promise, anchor, witnessing=asks)
        self.witnesses = LogWitnesses(self.settings, ledger.cosigning, SystemClock())
        task = None
        try:
            ledger.start()
            await self.witnesses.at_start()
            task = asyncio.create_task(self.witnesses.run())
            yield ledger
        finally:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            ledger.stop()
            engine.dispose()

    def status(self):
        return self.witnesses.status()["witnesses"]


def published(ledger: SqlLedger, size: int) -> str | None:
    """The newest head, if it covers so much."""
    try:
        note = ledger.checkpoint()
    except NoSuchEntry:
        return None
    return note if open_checkpoint(note, OWN, ORIGIN).size >= size else None


@pytest.fixture
def three(tmp_path):
    return [LocalWitness(tmp_path / f"w{n}", f"witness.example/w{n}", [NOTE_KEY.vkey], ORIGIN) for n in (1, 2, 3)]


async def test_a_head_is_published_with_the_cosignatures_within_a_second(tmp_path, empty, three):
    log = Log(tmp_path / "log", empty, three, 2)
    async with running(*three), log.open() as ledger:
        await until(lambda: log.status()["cosigned_age_s"] is not None)
        took = []
        for number in range(3):
            began = time.monotonic()
            recorded = await ledger.append(asked(number))
            note = await until(lambda index=recorded.leaf_index: published(ledger, index + 1))
            took.append(time.monotonic() - began)
            assert len(log.quorum.require(note)) >= 2
        # The best of three, for the machine may be busy with something else.
        assert min(took) < 1
        assert ledger.published.read("checkpoint").decode() == note
        assert (tmp_path / "log" / "ledger-anchor").read_text() == note
        await until(lambda: log.witnesses.releasing)
        ledger.require_cosigned()
        await until(lambda: {one.size(ORIGIN) for one in three} == {3})


SHORT = {"stalls", "signs_another_head"}


@pytest.mark.parametrize(
    "lie", [pytest.param(lie, marks=[] if lie in SHORT else [pytest.mark.long]) for lie in sorted(LIES)]
)
async def test_a_witness_that_lies_or_stalls_hurts_nothing_while_the_quorum_stands(tmp_path, empty, three, lie):
    liar = Liar("witness.example/liar", LIES[lie])
    log = Log(tmp_path / "log", empty, [liar, *three[:2]], 2)
    async with running(liar, *three[:2]), log.open() as ledger:
        took = []
        for number in range(2):
            began = time.monotonic()
            await ledger.append(asked(number))
            note = await until(lambda size=number + 1: published(ledger, size))
            took.append(time.monotonic() - began)
            assert [one.name for one in log.quorum.require(note)] == [one.cosigner.name for one in three[:2]]
        assert min(took) < 2
        assert liar.asked
        await until(lambda: log.status()["known"][0]["problem"])
        ledger.require_cosigned()
        assert not (tmp_path / "log" / LEDGER_CONFLICT).exists()


@pytest.mark.parametrize(
    "lie",
    ["signs_another_head", "says_it_is_ahead"]
    + [pytest.param(one, marks=pytest.mark.long) for one in ("signs_with_another_key", "sends_garbage")],
)
async def test_a_lie_never_counts_towards_the_quorum(tmp_path, empty, three, lie):
    liar = Liar("witness.example/liar", LIES[lie])
    log = Log(tmp_path / "log", empty, [liar, three[0]], 2)
    async with running(liar, three[0]), log.open() as ledger:
        await ledger.append(asked())
        await until(lambda: log.status()["known"][0]["problem"] and three[0].size(ORIGIN) == 1)
        await asyncio.sleep(0.5)
        assert published(ledger, 0) is None
        with pytest.raises(NotCosigned):
            ledger.require_cosigned()
        # It makes no work either: a peer that always says so is asked at the pace of everyone.
        assert liar.asked < 12


async def test_nothing_is_published_below_the_quorum_and_it_catches_up_when_the_witnesses_return(
    tmp_path, empty, three
):
    log = Log(tmp_path / "log", empty, three, 2)
    async with running(three[0]), log.open() as ledger:
        for number in range(3):
            await ledger.append(asked(number))
        await until(lambda: three[0].size(ORIGIN) == 3)
        assert published(ledger, 0) is None
        with pytest.raises(NotCosigned):
            ledger.require_cosigned()
        await three[2].start()
        assert await until(lambda: published(ledger, 3))
        await until(lambda: log.witnesses.releasing)
        ledger.require_cosigned()
        await three[2].stop()


@pytest.mark.long
async def test_a_witness_that_was_away_is_caught_up_with_a_proof_from_where_it_was(tmp_path, empty, three):
    log = Log(tmp_path / "log", empty, three, 2)
    async with running(*three[:2]), log.open() as ledger:
        await three[2].start()
        await ledger.append(asked(0))
        await until(lambda: three[2].size(ORIGIN) == 1)
        await three[2].stop()
        for number in range(1, 6):
            await ledger.append(asked(number))
        await until(lambda: published(ledger, 6))
        await three[2].start()
        await ledger.append(asked(6))
        await until(lambda: three[2].size(ORIGIN) == 7)
        await three[2].stop()


@pytest.mark.long
async def test_release_stops_when_nothing_was_cosigned_for_so_long_and_recovers_by_itself(tmp_path, empty, three):
    log = Log(tmp_path / "log", empty, three[:1], 1, stop_after_s=5)
    log.settings = log.settings.model_copy(
        update={"witnesses": log.settings.witnesses.model_copy(update={"stop_after_s": 1})}
    )
    async with running(three[0]), log.open() as ledger:
        await until(lambda: log.witnesses.releasing)
        # Nobody writes, and it stays fresh: heads are renewed before they are too old.
        await asyncio.sleep(1.5)
        ledger.require_cosigned()
        await three[0].stop()
        await until(lambda: not log.witnesses.releasing)
        with pytest.raises(NotCosigned):
            ledger.require_cosigned()
        await ledger.append(asked())
        assert log.status()["known"][0]["problem"] == "cannot be reached"
        await three[0].start()
        await until(lambda: log.witnesses.releasing)
        ledger.require_cosigned()
        assert await until(lambda: published(ledger, 1))


async def test_a_restart_while_the_witnesses_are_down_goes_on_for_as_long_as_it_would_have(tmp_path, empty, three):
    log = Log(tmp_path / "log", empty, three, 2)
    async with running(*three), log.open() as ledger:
        await ledger.append(asked(0))
        await until(lambda: published(ledger, 1))
    async with log.open() as ledger:
        ledger.require_cosigned()
        await ledger.append(asked(1))
    # An uncosigned tail is no reason not to start, and nothing of it is published.
    async with log.open() as ledger:
        assert ledger.size() == 2
        assert published(ledger, 2) is None
    with contextlib.closing(open_database(f"sqlite:///{log.database}").raw_connection()) as raw:
        raw.execute("UPDATE audit_checkpoints SET time_ms = time_ms - 60000")
        raw.commit()
    async with log.open() as ledger:
        with pytest.raises(NotCosigned):
            ledger.require_cosigned()
        async with running(*three):
            assert await until(lambda: published(ledger, 2))
            await until(lambda: log.witnesses.releasing)
            ledger.require_cosigned()


async def test_a_head_that_other_witnesses_cosigned_is_not_fresh_under_the_new_ones(tmp_path, empty, three):
    log = Log(tmp_path / "log", empty, three[:1], 1)
    async with running(three[0]), log.open() as ledger:
        await until(lambda: log.witnesses.releasing)
    other = Log(tmp_path / "log", empty, three[1:], 2)
    async with other.open() as ledger:
        with pytest.raises(NotCosigned):
            ledger.require_cosigned()


async def test_a_database_that_was_put_back_does_not_start_and_the_witness_is_not_asked_to_go_back(
    tmp_path, empty, three
):
    log = Log(tmp_path / "log", empty, three, 2)
    async with running(*three):
        async with log.open() as ledger:
            await ledger.append(asked(0))
            await until(lambda: published(ledger, 1))
        old = tmp_path / "old.db"
        shutil.copy(log.database, old)
        async with log.open() as ledger:
            for number in range(1, 4):
                await ledger.append(asked(number))
            await until(lambda: published(ledger, 4))
        # Database and anchors alike: nothing in the home knows that it is not the present.
        shutil.copy(old, log.database)
        for name in ("ledger-anchor", "ledger-anchor.asked"):
            (log.folder / name).unlink()
        with pytest.raises(LedgerCorrupt, match="cosigned"):
            async with log.open():
                raise AssertionError("it started")
        assert (log.folder / LEDGER_CONFLICT).exists()
        assert {one.size(ORIGIN) for one in three} == {4}
    # Nor while the witnesses cannot be asked: the evidence stands for itself.
    with pytest.raises(LedgerCorrupt, match="conflict"):
        async with log.open():
            raise AssertionError("it started")


@pytest.mark.long
async def test_a_log_that_a_witness_saw_otherwise_takes_no_entries_once_that_shows(tmp_path, empty, three):
    log, other = Log(tmp_path / "log", empty, three[:1], 1), Log(tmp_path / "other", empty, three[:1], 1)
    async with running(three[0]), other.open() as elsewhere:
        for number in range(3):
            await elsewhere.append(asked(100 + number))
        await until(lambda: published(elsewhere, 3))
    # The same key with another history; the witness is down when it starts.
    async with log.open() as ledger:
        for number in range(5):
            await ledger.append(asked(number))
        async with running(three[0]):
            await until(lambda: log.status()["diverged"])
            await until((log.folder / LEDGER_CONFLICT).exists)
            with pytest.raises(LedgerUnavailable):
                await ledger.append(asked(9))
            with pytest.raises(NotCosigned):
                ledger.require_cosigned()
    assert three[0].size(ORIGIN) == 3


@pytest.mark.long
async def test_two_gateways_on_one_database_publish_and_neither_takes_the_other_for_a_fork(tmp_path, empty, three):
    first, second = (Log(tmp_path / "log", empty, three, 2) for _ in range(2))
    async with running(*three), first.open() as one, second.open() as two:
        for number in range(12):
            await asyncio.gather(one.append(asked(number)), two.append(asked(100 + number)))
            await asyncio.sleep(0.1)
        note = await until(lambda: published(two, 24))
        first.quorum.require(note)
        assert published(one, 24)
        assert not first.status()["diverged"]
        assert not second.status()["diverged"]
        await until(lambda: first.witnesses.releasing and second.witnesses.releasing)


@pytest.mark.long
async def test_what_the_operators_commands_wrote_is_published_by_the_gateway(tmp_path, empty, three):
    log = Log(tmp_path / "log", empty, three, 2)
    async with running(*three), log.open() as ledger:
        await until(lambda: log.witnesses.releasing)
        engine = open_database(f"sqlite:///{log.database}")
        asks = witnessing_of(log.settings, NOTE_KEY.vkey)
        beside = SqlLedger(engine, ledger_keys(), ORIGIN, SystemClock(), encode_promise, None, witnessing=asks)
        await asyncio.to_thread(beside.append_blocking, asked(1))
        beside.stop()
        engine.dispose()
        log.quorum.require(await until(lambda: published(ledger, 1)))


async def test_a_log_without_witnesses_is_published_as_before(tmp_path, empty):
    database = tmp_path / "gateway.db"
    shutil.copy(empty, database)
    engine = open_database(f"sqlite:///{database}")
    ledger = SqlLedger(engine, ledger_keys(), ORIGIN, SystemClock(), encode_promise)
    ledger.start()
    await ledger.append(asked())
    assert await until(lambda: published(ledger, 1))
    ledger.require_cosigned()
    ledger.stop()
    engine.dispose()


async def test_a_head_that_too_few_cosigned_is_not_kept_whoever_brings_it(tmp_path, empty, three):
    log = Log(tmp_path / "log", empty, three, 2)
    async with log.open() as ledger:
        await ledger.append(asked())
        assert ledger.cosigning is not None
        asked_for = tmp_path / "log" / "ledger-anchor.asked"
        await until(lambda: asked_for.exists() and "\n1\n" in asked_for.read_text())
        note = asked_for.read_text()
        head = open_checkpoint(note, OWN, ORIGIN)
        once = note + three[0].cosigner.cosign(head.text(), 5)
        for bad in (note, once, once + three[0].cosigner.cosign(head.text(), 6)):
            with pytest.raises(BadCheckpoint):
                await ledger.cosigning.keep(bad)
        assert published(ledger, 0) is None
        with contextlib.closing(open_database(f"sqlite:///{log.database}").connect()) as connection:
            assert connection.execute(text("SELECT count(*) FROM audit_checkpoints")).scalar() == 0
