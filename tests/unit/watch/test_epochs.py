"""A member follows a log into a new epoch when its custodians explain it, and stops with evidence when they do not."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.custodians import sign_statement
from keys.log.epochs import EpochStatement
from keys.log.merkle import consistency_path, inclusion_path, leaf_hash, root_of
from keys.log.notes import NoteSigner
from nodes.enrolment.errors import GatewayUnreachable, HomeInvalid, RequestRefused
from nodes.enrolment.home import Home
from nodes.watch import Broken, LedgerBroken, LedgerWatch, LostPromises, Promised, WatchReport
from tests.support.epochs import FIVE, PINNED
from tests.support.exchange_gateway import DOMAIN, NOW_MS, ExchangeGateway, FixedClock

ORIGIN = f"{DOMAIN}/ledger"


class Log:
    """A log that loses its end and goes on in epochs: honest unless a test exchanges something."""

    def __init__(self) -> None:
        self.signers = [NoteSigner.generate(ORIGIN)]
        self.leaves: list[bytes] = []
        self.statements: list[EpochStatement] = []
        self.notes: list[str] = []
        self.refuses: Exception | None = None
        self.grow(10)

    def grow(self, count: int) -> None:
        start = len(self.leaves)
        salt = str(len(self.signers)).encode()
        self.leaves += [leaf_hash(salt + str(start + i).encode()) for i in range(count)]

    def note(self, signer: NoteSigner | None = None) -> str:
        signer = signer or self.signers[-1]
        return sign_checkpoint(signer, Checkpoint(signer.name, len(self.leaves), root_of(self.leaves)))

    def state(self, kept: int, last: str | None = None) -> EpochStatement:
        """A statement by which the log goes on from its first entries; nothing happens yet."""
        number = len(self.signers) + 1
        signer = NoteSigner.generate(f"{ORIGIN}/{number}")
        self.next = signer
        return EpochStatement(
            number=number,
            origin=signer.name,
            key=signer.vkey,
            previous_origin=self.signers[-1].name,
            previous_key=self.signers[-1].vkey,
            previous_statement=self.statements[-1].digest if self.statements else b"",
            restored_size=kept,
            restored_root=root_of(self.leaves[:kept]),
            last=last or self.note(),
            time_ms=NOW_MS,
            reason="disk failed",
        )

    def begin(self, statement: EpochStatement, signers: Sequence[NoteSigner] = FIVE[:3], grown: int = 3) -> None:
        note = statement.text()
        for one in signers:
            note = sign_statement(note, one)
        del self.leaves[statement.restored_size :]
        self.signers.append(self.next)
        self.statements.append(statement)
        self.notes.append(note)
        self.grow(grown)

    async def checkpoint(self) -> str:
        return self.note()

    async def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        return tuple(consistency_path(self.leaves, old_size, new_size))

    async def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        return tuple(inclusion_path(self.leaves[:size], index, size))

    async def epochs(self) -> tuple[str, ...]:
        if self.refuses is not None:
            raise self.refuses
        return tuple(self.notes)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def home(tmp_path: Path, log: Log) -> Home:
    home = ExchangeGateway.create().consumer_home(tmp_path / "home", agreements=False)
    pinned = {"custodians": PINNED.keys, "custodians_needed": PINNED.needed}
    home.write_trust(replace(home.trust(), ledger_key=log.signers[0].vkey, **pinned))  # type: ignore[arg-type]
    return home


async def look(home: Home, log: Log, promises: Sequence[Promised] = ()) -> WatchReport:
    def since(index: int) -> list[Promised]:
        return [one for one in promises if one.leaf_index >= index]

    return await LedgerWatch(home, FixedClock()).look(log, promises, since)


async def refused(home: Home, log: Log, reason: Broken) -> None:
    trust = home.trust()
    with pytest.raises(LedgerBroken) as caught:
        await look(home, log)
    assert caught.value.reason is reason
    assert home.trust() == trust
    evidence = json.loads((home.path / "ledger-conflict.json").read_text())
    assert (evidence["reason"], evidence["shown"]) == (reason, log.note())
    with pytest.raises(LedgerBroken):
        await look(home, log)


def promised(log: Log, index: int) -> Promised:
    return Promised(index, log.leaves[index], NOW_MS - 1_000_000)


async def test_a_member_that_saw_what_is_lost_follows_and_goes_on(home: Home, log: Log) -> None:
    await look(home, log)
    seen = (home.path / "ledger-checkpoint").read_text()
    promises = [promised(log, index) for index in (2, 5, 6, 9)]
    log.begin(log.state(6))
    assert await look(home, log, promises) == WatchReport(9, None, 2, 0, followed=2, promises_lost=2)
    trust = home.trust()
    assert (trust.ledger_key, trust.log_origin) == (log.signers[1].vkey, f"{ORIGIN}/2")
    assert [one.promised.leaf_index for one in LostPromises(home).read()] == [6, 9]
    assert (home.path / "ledger-checkpoint-2").read_text() == log.note()
    assert (home.path / "ledger-checkpoint").read_text() == seen
    assert (home.path / "ledger-epochs" / "epoch-2").read_text() == log.notes[0]
    log.grow(4)
    fresh = promised(log, 6)
    assert await look(home, log, [*promises, fresh]) == WatchReport(13, 9, 3, 0)
    log.leaves[1] = leaf_hash(b"another")
    await refused(home, log, Broken.LOG_REWRITTEN)


@pytest.mark.parametrize("size", [0, 3, 6, 8])
async def test_a_member_that_saw_less_follows_too(home: Home, log: Log, size: int) -> None:
    newest, grown = log.note(), log.leaves[:]
    del log.leaves[size:]
    if size:
        await look(home, log)
    log.leaves = grown
    log.begin(log.state(6, newest))
    assert (await look(home, log)).followed == 2


async def test_a_member_that_slept_through_two_epochs_follows_both(home: Home, log: Log) -> None:
    await look(home, log)
    log.begin(log.state(6))
    log.begin(log.state(4))
    report = await look(home, log)
    assert (report.followed, report.size) == (3, 7)
    assert sorted(path.name for path in (home.path / "ledger-epochs").iterdir()) == ["epoch-2", "epoch-3"]
    log.begin(log.state(5))
    assert (await look(home, log)).followed == 4


async def test_a_statement_that_names_an_older_head_than_one_seen_is_evidence(home: Home, log: Log) -> None:
    older = log.note()
    log.grow(1)
    await look(home, log)
    log.begin(log.state(6, older))
    await refused(home, log, Broken.EPOCH_HIDES)


async def test_a_statement_that_names_another_head_of_the_same_size_is_evidence(home: Home, log: Log) -> None:
    await look(home, log)
    log.leaves[9] = leaf_hash(b"another")
    log.begin(log.state(6))
    await refused(home, log, Broken.EPOCH_HIDES)


async def test_a_log_that_does_not_continue_what_was_restored_is_not_followed(home: Home, log: Log) -> None:
    await look(home, log)
    log.begin(log.state(6))
    log.leaves[2] = leaf_hash(b"another")
    await refused(home, log, Broken.LOG_REWRITTEN)


async def test_a_restored_head_that_was_never_a_part_of_the_log_seen_is_not_followed(home: Home, log: Log) -> None:
    newest, grown = log.note(), log.leaves[:]
    del log.leaves[4:]
    await look(home, log)
    log.leaves = [leaf_hash(b"another"), *grown[1:]]
    log.begin(log.state(6, newest))
    await refused(home, log, Broken.LOG_REWRITTEN)


async def test_a_log_shorter_than_what_was_restored_is_not_followed(home: Home, log: Log) -> None:
    log.begin(log.state(6), grown=0)
    del log.leaves[5:]
    await refused(home, log, Broken.LOG_SHRUNK)


@pytest.mark.parametrize(
    "signers",
    [
        FIVE[:2],
        (*FIVE[:2], NoteSigner("city.example/custodian/9", bytes([99]) * 32)),
        (*FIVE[:2], NoteSigner("city.example/custodian/9", FIVE[0].seed)),
    ],
)
async def test_too_few_of_the_pinned_custodians_move_nobody(
    home: Home, log: Log, signers: Sequence[NoteSigner]
) -> None:
    log.begin(log.state(6), signers)
    await refused(home, log, Broken.EPOCH_UNSIGNED)


async def test_a_member_that_pinned_no_custodians_stops_until_its_department_pins_them(home: Home, log: Log) -> None:
    trust = home.trust()
    home.write_trust(replace(trust, custodians=(), custodians_needed=0))
    log.begin(log.state(6))
    await refused(home, log, Broken.EPOCH_UNSIGNED)
    home.write_trust(trust)
    (home.path / "ledger-conflict.json").unlink()
    assert (await look(home, log)).followed == 2


async def test_another_name_without_a_statement_that_leads_there_is_evidence(home: Home, log: Log) -> None:
    log.begin(log.state(6))
    log.notes.clear()
    await refused(home, log, Broken.EPOCH_UNEXPLAINED)


@pytest.mark.parametrize("status", ["UNIMPLEMENTED", "NOT_FOUND", "INVALID_ARGUMENT"])
async def test_a_gateway_that_will_not_say_why_is_not_waited_for(home: Home, log: Log, status: str) -> None:
    log.begin(log.state(6))
    log.refuses = RequestRefused("X", status=status, zh="", en="")
    await refused(home, log, Broken.EPOCH_UNEXPLAINED)


async def test_a_gateway_that_cannot_answer_now_is_asked_again(home: Home, log: Log) -> None:
    log.begin(log.state(6))
    for failure in (RequestRefused("X", status="UNAVAILABLE", zh="", en=""), GatewayUnreachable("no answer")):
        log.refuses = failure
        with pytest.raises(type(failure)):
            await look(home, log)
    assert not (home.path / "ledger-conflict.json").exists()
    log.refuses = None
    assert (await look(home, log)).followed == 2


async def test_of_two_statements_for_one_epoch_the_second_moves_nobody(home: Home, log: Log) -> None:
    other = Log()
    other.signers[0] = log.signers[0]
    log.begin(log.state(6))
    other.begin(other.state(5))
    await look(home, log)
    # The name is the one that is followed by now; the key is another one's.
    await refused(home, other, Broken.LOG_UNSIGNED)


async def test_another_statement_over_the_same_key_is_noticed_at_the_next_epoch(home: Home, log: Log) -> None:
    log.begin(log.state(6))
    await look(home, log)
    second = replace(log.statements[0], reason="another story")
    log.statements[0] = second
    log.notes[0] = second.text()
    for one in FIVE[:3]:
        log.notes[0] = sign_statement(log.notes[0], one)
    log.begin(log.state(7))
    await refused(home, log, Broken.EPOCH_UNEXPLAINED)


async def test_an_ended_epoch_is_not_gone_back_to(home: Home, log: Log) -> None:
    old = log.signers[0]
    log.begin(log.state(6))
    await look(home, log)
    log.signers.append(old)
    await refused(home, log, Broken.EPOCH_UNEXPLAINED)


async def test_another_logs_statements_lead_nowhere(home: Home, log: Log) -> None:
    other = Log()
    other.begin(other.state(6))
    await refused(home, other, Broken.EPOCH_UNEXPLAINED)


async def test_a_head_of_the_new_name_by_another_key_is_no_head(home: Home, log: Log) -> None:
    log.begin(log.state(6))
    log.signers[-1] = NoteSigner.generate(f"{ORIGIN}/2")
    await refused(home, log, Broken.LOG_UNSIGNED)


async def test_a_crash_before_the_pinned_key_changed_repeats_it_all(home: Home, log: Log) -> None:
    await look(home, log)
    before = home.trust()
    promises = [promised(log, 8)]
    log.begin(log.state(6))
    await look(home, log, promises)
    home.write_trust(before)
    log.grow(2)
    report = await look(home, log, promises)
    assert (report.followed, report.earlier_size, report.size) == (2, 9, 11)
    assert len(LostPromises(home).read()) == 1


async def test_a_head_that_was_not_kept_is_stood_in_for_by_the_restored_one(home: Home, log: Log) -> None:
    log.begin(log.state(6))
    await look(home, log)
    (home.path / "ledger-checkpoint-2").unlink()
    log.leaves[2] = leaf_hash(b"another")
    await refused(home, log, Broken.LOG_REWRITTEN)


async def test_a_system_that_kept_its_answers_is_told_which_promises_are_lost(home: Home, log: Log) -> None:
    old = [replace(promised(log, index), origin=ORIGIN) for index in (3, 8)]
    log.begin(log.state(6))
    report = await LedgerWatch(home, FixedClock()).look(log, old[1:])
    assert (report.followed, report.promises_lost, report.promises_kept) == (2, 1, 0)
    (home.path / "ledger-lost.json").unlink()
    # Also when it checks them only later: their epoch tells.
    assert (await LedgerWatch(home, FixedClock()).look(log, old)).promises_kept == 1
    with pytest.raises(LedgerBroken):
        await LedgerWatch(home, FixedClock()).look(log, [replace(old[1], origin="")])


async def test_a_damaged_list_of_lost_promises_is_no_empty_one(home: Home, log: Log) -> None:
    (home.path / "ledger-lost.json").write_text("{}")
    with pytest.raises(HomeInvalid):
        await look(home, log, [promised(log, 1)])
