"""The workflow on PostgreSQL with two replicas of a gateway, where writers do not wait for each other by themselves."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.errors import Refused
from gateway.storage.database import open_database
from keys.certificates.authority import CertificateAuthority
from policies.vocabulary import LegalBasis
from tests.support.negotiation import ID, Negotiation
from tests.support.parties import DOMAIN, NOW_MS, ManualClock, Registry
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.postgres]


@pytest.fixture
def replicas(postgres_server: PostgresServer) -> Iterator[tuple[Negotiation, Negotiation]]:
    url = postgres_server.new_database()
    registry = Registry(url, ManualClock(), CertificateAuthority.create(DOMAIN, NOW_MS), open_database(url))
    first = Negotiation(registry)
    second = first.replica()
    yield first, second
    for one in (first, second):
        one.close()
        one.registry.close()


def outcome_of(results: list[object]) -> list[str]:
    return sorted(str(one.code) if isinstance(one, Refused) else "done" for one in results)


async def test_of_two_stewards_at_two_replicas_one_wins_and_everyone_sees_the_same(
    replicas: tuple[Negotiation, Negotiation],
) -> None:
    first, second = replicas
    for number in range(8):
        proposal = f"{number}" * 32
        text = first.text(id=f"desk-{number}", purpose="tax_assessment" if number % 2 else "school_enrolment")
        await first.say(first.housing, "propose", text=text, proposal=proposal)
        approve = first.step(first.civil, "approve", text=text, proposal=proposal)
        refuse = second.step(second.civil, "refuse", proposal=proposal)
        results = await asyncio.gather(
            first.bring(first.civil, "approve", approve, text),
            second.bring(second.civil, "refuse", refuse),
            return_exceptions=True,
        )
        assert outcome_of(results) == ["STEP_TAKEN", "done"]
        assert first.proposals.get(proposal) == second.proposals.get(proposal)
    assert len(first.entries()) == 16
    assert first.proposals.problems() == second.proposals.problems() == ()


async def test_two_agreements_that_contradict_each_other_are_not_both_approved_at_once(
    replicas: tuple[Negotiation, Negotiation],
) -> None:
    first, second = replicas
    other = "f" * 32
    texts = first.text(), first.text("official_required = true\n", id="civil-desk-2")
    await first.say(first.housing, "propose", text=texts[0])
    await first.say(first.housing, "propose", text=texts[1], proposal=other)
    steps = (
        first.step(first.civil, "approve", text=texts[0]),
        second.step(second.civil, "approve", text=texts[1], proposal=other),
    )
    results = await asyncio.gather(
        first.bring(first.civil, "approve", steps[0], texts[0]),
        second.bring(second.civil, "approve", steps[1], texts[1]),
        return_exceptions=True,
    )
    assert outcome_of(results) == ["AGREEMENT_CONTRADICTS", "done"]
    assert len(second.agreements.list()) == 1


async def test_a_suspension_counts_at_the_other_replica_at_its_very_next_question(
    replicas: tuple[Negotiation, Negotiation],
) -> None:
    first, second = replicas
    await first.approved()

    def found(side: Negotiation) -> bool:
        who = ("housing", "counter", "civil.resident", "school_enrolment", LegalBasis.MANDATE, NOW_MS)
        return side.agreements.find(*who) is not None

    assert found(second)
    for act, there in (("suspend", False), ("resume", True), ("terminate", False)):
        await first.say(first.civil, act)
        assert found(second) is there
    assert second.proposals.get(ID) == replace(first.proposals.get(ID))
