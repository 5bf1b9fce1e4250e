"""Proposals as they are kept: changed by hand they are found out, and whoever is late is told and nothing more."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from gateway.bootstrap.agreeing import Intact
from gateway.bootstrap.lateness import Lateness
from gateway.errors import Code, Refused
from gateway.settings import AgreementSettings
from gateway.sharing.tables import AGREEMENTS, PROPOSALS, REVOCATIONS, STEPS, SUSPENSIONS
from gateway.storage.database import write_transaction
from keys.agreement_steps import Step, open_step, sign_step
from keys.signing import SigningKey
from tests.support.negotiation import ID, Negotiation
from tests.support.parties import DAY_MS, NOW_MS, Registry

SETTINGS = AgreementSettings(reply_days=2, answer_days=1, holidays=(date(2027, 1, 18),))
"""NOW_MS is Friday, 15 January 2027, 16:00 in China; the Monday after is a holiday here."""
DUE_MS = NOW_MS + 6 * DAY_MS - 16 * 3_600_000


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Negotiation]:
    registry = replace(Registry.create(tmp_path), life_s=30 * 86_400)
    talk = Negotiation(registry, SETTINGS)
    yield talk
    talk.close()
    registry.close()


async def history(talk: Negotiation) -> None:
    """Proposed, approved, suspended."""
    await talk.approved()
    await talk.say(talk.civil, "suspend")


def by_hand(talk: Negotiation, *statements) -> None:
    with write_transaction(talk.registry.engine) as connection:
        for statement in statements:
            connection.execute(statement)


async def test_what_was_kept_as_it_was_said_has_no_problem(talk: Negotiation) -> None:
    await history(talk)
    await talk.say(talk.housing, "propose", text=talk.text(id="other", purpose="tax_assessment"), proposal="f" * 32)
    await talk.say(talk.housing, "terminate")
    assert talk.proposals.problems() == ()


def of(number: int):
    return (STEPS.c.proposal == ID) & (STEPS.c.number == number)


@pytest.mark.parametrize(
    ("number", "statements"),
    [
        (1, [update(STEPS).where(of(1)).values(text=b"another")]),
        (1, [update(STEPS).where(of(1)).values(body=b"{}")]),
        (2, [update(STEPS).where(of(2)).values(signature=b"s")]),
        (2, [update(STEPS).where(of(2)).values(agreement_signature=None)]),
        (2, [delete(STEPS).where(of(2))]),
        (1, [delete(STEPS).where(of(1))]),
        (0, [delete(STEPS).where(of(3))]),
        (0, [delete(STEPS)]),
        (0, [delete(PROPOSALS)]),
        (2, [update(STEPS).where(of(2)).values(number=9), update(STEPS).where(of(3)).values(number=2)]),
        (0, [update(PROPOSALS).values(status="approved")]),
        (0, [update(PROPOSALS).values(turn="consumer")]),
        (0, [update(PROPOSALS).values(consumer="tax")]),
        (0, [delete(SUSPENSIONS)]),
        (0, [insert(SUSPENSIONS).values(agreement_id="civil-desk-1", party="consumer", since_ms=1)]),
        (0, [delete(AGREEMENTS)]),
        (0, [update(AGREEMENTS).values(digest=b"d" * 32)]),
    ],
)
async def test_what_was_changed_by_hand_is_found(talk: Negotiation, number: int, statements: list) -> None:
    await history(talk)
    by_hand(talk, *statements)
    (problem,) = talk.proposals.problems()
    assert (problem.id, problem.number) == (ID, number)
    if number:
        with pytest.raises(Refused) as refused:
            await talk.negotiate.read(talk.certificates["civil"], ID)
        assert refused.value.code is Code.INTERNAL


async def test_a_termination_that_was_taken_back_by_hand_is_found(talk: Negotiation) -> None:
    await talk.approved()
    await talk.say(talk.civil, "terminate")
    by_hand(talk, delete(REVOCATIONS))
    assert "terminated" in talk.proposals.problems()[0].rule


async def test_a_history_that_somebody_signed_anew_is_found(talk: Negotiation) -> None:
    await history(talk)
    forger = SigningKey.generate()
    step, _ = open_step(talk.proposals.chain(ID).kept[2].signed)
    signed = sign_step(forger, Step(**{name: getattr(step, name) for name in Step.__slots__}))
    by_hand(
        talk,
        update(STEPS)
        .where(of(3))
        .values(body=signed.body, signature=signed.signature, signer_key=signed.department_key),
    )
    (problem,) = talk.proposals.problems()
    assert problem.number == 3


async def test_whoever_is_waited_for_is_late_when_the_last_working_day_is_over_and_gets_nothing(
    talk: Negotiation,
) -> None:
    await talk.say(talk.housing, "propose", text=talk.text())
    assert talk.proposals.get(ID).due_ms == DUE_MS
    talk.registry.clock.at_ms = DUE_MS - 1
    assert talk.proposals.overdue() == ()
    talk.registry.clock.at_ms = DUE_MS
    (late,) = talk.proposals.overdue()
    assert (late.waited_for, late.late, late.status) == ("civil", 1, "review")
    talk.registry.clock.at_ms = DUE_MS + 700 * DAY_MS
    assert talk.proposals.get(ID).status == "review"
    assert talk.agreements.list() == ()


async def test_each_new_lateness_is_one_entry_whoever_looks(talk: Negotiation) -> None:
    await talk.say(talk.housing, "propose", text=talk.text())
    lateness = Lateness(talk.proposals, talk.ledger)
    assert await lateness.turn() == 0
    talk.registry.clock.at_ms = DUE_MS
    assert await lateness.turn() == 1
    assert await lateness.turn() == 0
    assert await Lateness(talk.proposals, talk.ledger).turn() == 0
    (entry,) = talk.entries("agreement_overdue")
    assert (entry.account["department"], entry.account["agreement"], entry.account["due_ms"]) == (
        "civil",
        "civil-desk-1",
        DUE_MS,
    )
    await talk.say(talk.civil, "ask")
    talk.registry.clock.advance(10 * DAY_MS)
    assert await lateness.turn() == 1
    assert [e.account["department"] for e in talk.entries("agreement_overdue")] == ["civil", "housing"]


async def test_days_that_a_provider_used_before_it_asked_are_used(talk: Negotiation) -> None:
    await talk.say(talk.housing, "propose", text=talk.text())
    talk.registry.clock.at_ms = DUE_MS - 1
    await talk.say(talk.civil, "ask")
    await talk.say(talk.housing, "answer")
    assert talk.proposals.get(ID).due_ms == DUE_MS + DAY_MS


async def test_what_was_changed_by_hand_is_known_before_anyone_reads_it(
    talk: Negotiation, caplog: pytest.LogCaptureFixture
) -> None:
    intact = Intact(talk.agreements, talk.proposals)
    await history(talk)
    await intact.turn()
    assert intact.changed() == 0
    by_hand(talk, update(STEPS).where(of(2)).values(signature=b"s"))
    for _ in range(2):
        await intact.turn()
        assert intact.changed() == 1
    assert [record.message for record in caplog.records] == ["a stored proposal is not what was said"]
