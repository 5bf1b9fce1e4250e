"""What a member's watch over the log notices."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.merkle import consistency_path, inclusion_path, leaf_hash, root_of
from keys.log.notes import NoteSigner
from nodes.enrolment.errors import HomeInvalid, RequestRefused
from nodes.enrolment.home import Home
from nodes.watch import Broken, LedgerBroken, LedgerWatch, Promised, WatchReport
from nodes.watch.broken import PUBLIC
from tests.support.exchange_gateway import DOMAIN, NOW_MS, ExchangeGateway, FixedClock

ORIGIN = f"{DOMAIN}/ledger"


class Log:
    """A log in memory: honest unless a test exchanges its entries or answers."""

    def __init__(self) -> None:
        self.signer = NoteSigner.generate(ORIGIN)
        self.leaves: list[bytes] = []
        self.refuses: RequestRefused | None = None
        self.origin = ORIGIN
        self.grow(3)

    def grow(self, count: int, salt: bytes = b"") -> None:
        start = len(self.leaves)
        self.leaves += [leaf_hash(salt + str(start + i).encode()) for i in range(count)]

    async def checkpoint(self) -> str:
        head = Checkpoint(self.origin, len(self.leaves), root_of(self.leaves))
        return sign_checkpoint(self.signer, head)

    async def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        if self.refuses is not None:
            raise self.refuses
        return tuple(consistency_path(self.leaves, old_size, new_size))

    async def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        if self.refuses is not None:
            raise self.refuses
        return tuple(inclusion_path(self.leaves[:size], index, size))


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def home(tmp_path: Path, log: Log) -> Home:
    home = ExchangeGateway.create().consumer_home(tmp_path / "home", agreements=False)
    home.write_trust(replace(home.trust(), ledger_key=log.signer.vkey))
    return home


async def look(home: Home, log: Log, promises: Sequence[Promised] = ()) -> WatchReport:
    return await LedgerWatch(home, FixedClock()).look(log, promises)


def promised(log: Log, index: int, age_ms: int = 0) -> Promised:
    return Promised(index, log.leaves[index] if index < len(log.leaves) else b"h" * 32, NOW_MS - age_ms)


async def test_a_log_that_only_grows_is_followed_from_look_to_look(home: Home, log: Log) -> None:
    assert await look(home, log) == WatchReport(3, None, 0, 0)
    assert await look(home, log) == WatchReport(3, 3, 0, 0)
    log.grow(4)
    assert await look(home, log, [promised(log, 0), promised(log, 6), promised(log, 7)]) == WatchReport(7, 3, 2, 1)
    assert (home.path / "ledger-checkpoint").read_text() == await log.checkpoint()


async def _is_broken(home: Home, log: Log, reason: Broken, promises: Sequence[Promised] = ()) -> None:
    note = home.path / "ledger-checkpoint"
    before = note.read_bytes() if note.exists() else None
    with pytest.raises(LedgerBroken) as caught:
        await look(home, log, promises)
    assert caught.value.reason is reason
    evidence = json.loads((home.path / "ledger-conflict.json").read_text())
    assert evidence["reason"] == reason
    assert evidence["shown"] == await log.checkpoint()
    # What was seen before stays, and nothing is believed until a person took the evidence away.
    assert (note.read_bytes() if note.exists() else None) == before
    assert evidence["seen"].encode() == (before or b"")
    with pytest.raises(LedgerBroken) as again:
        await look(home, log)
    assert again.value.reason is Broken.CONFLICT_KEPT


async def test_a_log_that_was_cut_is_noticed(home: Home, log: Log) -> None:
    await look(home, log)
    del log.leaves[2:]
    await _is_broken(home, log, Broken.LOG_SHRUNK)


@pytest.mark.parametrize("grown", [0, 1, 5])
async def test_a_log_whose_past_was_changed_is_noticed_at_every_size(home: Home, log: Log, grown: int) -> None:
    await look(home, log)
    log.leaves[1] = leaf_hash(b"another")
    log.grow(grown)
    await _is_broken(home, log, Broken.LOG_REWRITTEN)


async def test_a_gateway_that_has_no_proof_of_its_past_is_not_followed(home: Home, log: Log) -> None:
    await look(home, log)
    log.grow(1)
    log.refuses = RequestRefused("BAD_REQUEST", status="INVALID_ARGUMENT", zh="", en="")
    await _is_broken(home, log, Broken.LOG_REWRITTEN)


async def test_a_checkpoint_by_another_key_or_of_another_log_is_no_checkpoint(home: Home, log: Log) -> None:
    log.origin = "other.test/ledger"
    await _is_broken(home, log, Broken.LOG_UNSIGNED)
    (home.path / "ledger-conflict.json").unlink()
    log.origin, log.signer = ORIGIN, NoteSigner.generate(ORIGIN)
    await _is_broken(home, log, Broken.LOG_UNSIGNED)


async def test_a_promised_entry_that_is_another_in_the_log_is_noticed(home: Home, log: Log) -> None:
    await _is_broken(home, log, Broken.PROMISE_BROKEN, [Promised(1, leaf_hash(b"promised"), NOW_MS)])


async def test_a_promised_entry_for_which_there_is_no_proof_is_noticed(home: Home, log: Log) -> None:
    log.refuses = RequestRefused("NOT_FOUND", status="NOT_FOUND", zh="", en="")
    await _is_broken(home, log, Broken.PROMISE_BROKEN, [promised(log, 1)])


async def test_a_promised_entry_that_never_comes_is_noticed_after_a_minute(home: Home, log: Log) -> None:
    assert (await look(home, log, [promised(log, 9, age_ms=60_000)])).promises_waiting == 1
    await _is_broken(home, log, Broken.PROMISE_BROKEN, [promised(log, 9, age_ms=60_001)])


@pytest.mark.parametrize("promises", [0, 1])
async def test_a_gateway_that_cannot_serve_now_is_no_conflict(home: Home, log: Log, promises: int) -> None:
    await look(home, log)
    log.grow(1 - promises)
    log.refuses = RequestRefused("OVERLOADED", status="RESOURCE_EXHAUSTED", zh="", en="")
    with pytest.raises(RequestRefused):
        await look(home, log, [promised(log, 0)] * promises)
    log.refuses = None
    await look(home, log)


async def test_an_empty_log_is_a_beginning_like_any_other(home: Home, log: Log) -> None:
    log.leaves.clear()
    assert (await look(home, log)).size == 0
    log.grow(2)
    assert (await look(home, log)).earlier_size == 0


async def test_a_damaged_checkpoint_is_not_taken_as_none(home: Home, log: Log) -> None:
    await look(home, log)
    for content in (b"", b"\xff", b"another text\n"):
        (home.path / "ledger-checkpoint").write_bytes(content)
        with pytest.raises(HomeInvalid):
            await look(home, log)


async def test_a_home_without_a_usable_ledger_key_watches_nothing(home: Home, log: Log) -> None:
    home.write_trust(replace(home.trust(), ledger_key="nonsense"))
    with pytest.raises(HomeInvalid):
        await look(home, log)


async def test_the_first_evidence_is_never_overwritten(home: Home, log: Log) -> None:
    await look(home, log)
    watch = LedgerWatch(home, FixedClock())
    watch._files.keep_conflict("FIRST", "", "", "", NOW_MS)
    watch._files.keep_conflict("SECOND", "", "", "", NOW_MS)
    assert json.loads((home.path / "ledger-conflict.json").read_text())["reason"] == "FIRST"
    with pytest.raises(LedgerBroken):
        watch.ready()


def test_every_reason_has_a_text_in_both_languages() -> None:
    assert set(PUBLIC) == set(Broken)
    assert all(text.zh and text.en for text in PUBLIC.values())
