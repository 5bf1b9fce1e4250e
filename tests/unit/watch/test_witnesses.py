"""A member that demands the log's witnesses, and one that watches a log whose witnesses are down."""

from dataclasses import replace
from pathlib import Path

import pytest

from keys.log.cosignatures import Cosigner
from keys.log.notes import split_note
from nodes.enrolment.errors import HomeInvalid
from nodes.enrolment.home import Home
from nodes.watch import Broken, LedgerBroken, NotCosigned, Promised
from nodes.watch.watch import COSIGNED_MS, STALLED_MS
from nodes.watch.witnessed import FRESH_MS
from tests.support.exchange_gateway import NOW_MS, ExchangeGateway
from tests.unit.watch.test_watch import Log, look, promised

WITNESSES = [Cosigner(f"witness.example/w{number}", bytes([number]) * 32) for number in (1, 2, 3)]
NOW_S = NOW_MS // 1000


class Cosigned(Log):
    """A log whose checkpoints come with cosignatures."""

    def __init__(self) -> None:
        super().__init__()
        self.signers = WITNESSES[:2]
        self.at_s = [NOW_S, NOW_S]

    async def checkpoint(self) -> str:
        note = await super().checkpoint()
        lines = [one.cosign(split_note(note)[0], at) for one, at in zip(self.signers, self.at_s, strict=True)]
        return note + "".join(lines)


@pytest.fixture
def log() -> Cosigned:
    return Cosigned()


@pytest.fixture
def home(tmp_path: Path, log: Cosigned) -> Home:
    home = ExchangeGateway.create().consumer_home(tmp_path / "home", agreements=False)
    pinned = tuple(one.vkey for one in WITNESSES)
    home.write_trust(replace(home.trust(), ledger_key=log.signer.vkey, witnesses=pinned, witnesses_needed=2))
    return home


async def test_a_checkpoint_with_the_quorum_is_kept_with_its_cosignatures(home: Home, log: Cosigned) -> None:
    assert (await look(home, log)).size == 3
    assert (home.path / "ledger-checkpoint").read_text() == await log.checkpoint()
    log.grow(4)
    assert (await look(home, log)).earlier_size == 3


async def test_one_without_the_quorum_is_not_kept_and_is_no_conflict(home: Home, log: Cosigned) -> None:
    await look(home, log)
    before = (home.path / "ledger-checkpoint").read_text()
    log.grow(2)
    for signers in ([], WITNESSES[:1], [WITNESSES[0], WITNESSES[0]], [Cosigner("witness.example/w2", bytes(32))] * 2):
        log.signers, log.at_s = list(signers), [NOW_S] * len(signers)
        with pytest.raises(NotCosigned):
            await look(home, log)
    assert (home.path / "ledger-checkpoint").read_text() == before
    assert not (home.path / "ledger-conflict.json").exists()
    log.signers, log.at_s = WITNESSES[1:], [NOW_S, NOW_S]
    assert (await look(home, log)).earlier_size == 3


async def test_a_quorum_of_long_ago_is_not_enough(home: Home, log: Cosigned) -> None:
    log.at_s = [NOW_S - FRESH_MS // 1000, NOW_S]
    assert (await look(home, log)).size == 3
    log.at_s = [NOW_S - FRESH_MS // 1000 - 1, NOW_S]
    with pytest.raises(NotCosigned):
        await look(home, log)


async def test_a_contradiction_is_one_also_when_nobody_has_cosigned_it(home: Home, log: Cosigned) -> None:
    await look(home, log)
    log.leaves[0] = log.leaves[1]
    log.signers, log.at_s = [], []
    with pytest.raises(LedgerBroken):
        await look(home, log)


async def test_pinned_keys_that_make_no_quorum_believe_nothing(home: Home, log: Cosigned) -> None:
    trust = home.trust()
    for witnesses, needed in (((), 1), (trust.witnesses, 0), (trust.witnesses, 4), ((trust.witnesses[0],) * 2, 2)):
        home.write_trust(replace(trust, witnesses=witnesses, witnesses_needed=needed))
        with pytest.raises(HomeInvalid):
            await look(home, log)


def test_a_renewal_does_not_change_whom_the_department_demands(home: Home) -> None:
    trust = home.trust()
    assert trust.renewed(replace(trust, witnesses=(), witnesses_needed=0)) == trust


async def test_promises_wait_while_the_witnesses_are_down_and_are_broken_by_a_later_checkpoint(
    home: Home, log: Cosigned
) -> None:
    down_s = 1800
    log.at_s = [NOW_S - down_s] * 2
    made = [promised(log, 7, age_ms=down_s * 1000 - 5000)]
    assert (await look(home, log, made)).promises_waiting == 1
    log.at_s = [NOW_S - down_s + 5 + COSIGNED_MS // 1000] * 2
    assert (await look(home, log, made)).promises_waiting == 1
    log.at_s = [one + 1 for one in log.at_s]
    with pytest.raises(LedgerBroken) as caught:
        await look(home, log, made)
    assert caught.value.reason is Broken.PROMISE_BROKEN


async def test_cosignatures_that_a_gateway_made_up_put_a_promise_off_for_a_day_at_most(tmp_path: Path) -> None:
    # A member that demands no witnesses cannot tell whether they are made up.
    log = Cosigned()
    home = ExchangeGateway.create().consumer_home(tmp_path / "home", agreements=False)
    home.write_trust(replace(home.trust(), ledger_key=log.signer.vkey))
    log.at_s = [NOW_S - 2 * STALLED_MS // 1000] * 2
    assert (await look(home, log, [promised(log, 9, age_ms=STALLED_MS)])).promises_waiting == 1
    with pytest.raises(LedgerBroken):
        await look(home, log, [promised(log, 9, age_ms=STALLED_MS + 1)])


async def test_an_entry_is_asked_for_once_however_many_releases_came_of_it(home: Home, log: Cosigned) -> None:
    asked: list[int] = []
    honest = log.inclusion

    async def inclusion(index: int, size: int) -> tuple[bytes, ...]:
        asked.append(index)
        return await honest(index, size)

    log.inclusion = inclusion  # type: ignore[method-assign]
    same = [Promised(1, log.leaves[1], NOW_MS, ticket) for ticket in ("a", "b", "c")]
    assert (await look(home, log, same)).promises_kept == 3
    assert asked == [1]
    with pytest.raises(LedgerBroken):
        await look(home, log, [*same, Promised(1, log.leaves[2], NOW_MS)])
