"""Steps of a proposal at the gateway: who may bring which, what they do, and what is on the ledger."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import Code, Refused
from gateway.sharing import proposals
from keys.agreement_steps import SignedStep
from keys.signing import AGREEMENT, SigningKey
from policies.vocabulary import LegalBasis, SharingType
from tests.support.negotiation import ID, LAW, Negotiation
from tests.support.parties import NOW_MS, Department, Registry, moment


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Negotiation]:
    registry = Registry.create(tmp_path)
    talk = Negotiation(registry)
    yield talk
    talk.close()
    registry.close()


def found(talk: Negotiation):
    return talk.agreements.find("housing", "counter", "civil.resident", "school_enrolment", LegalBasis.MANDATE, NOW_MS)


async def refused(call) -> Refused:
    with pytest.raises(Refused) as caught:
        await call
    return caught.value


async def test_a_proposal_grants_nothing_until_the_provider_approves_it(talk: Negotiation) -> None:
    text = talk.text()
    proposal = await talk.say(talk.housing, "propose", text=text)
    assert (proposal.status, proposal.waited_for, proposal.revision_in_force) == ("review", "civil", 0)
    assert found(talk) is None
    proposal = await talk.say(talk.civil, "approve", text=text)
    assert (proposal.status, proposal.waited_for, proposal.revision_in_force) == ("approved", "", 1)
    assert found(talk).raw == text


async def test_every_act_is_on_the_ledger_with_what_it_is_about_and_without_its_free_text(talk: Negotiation) -> None:
    text = talk.text()
    await talk.say(talk.housing, "propose", text=text)
    await talk.say(talk.civil, "refuse", reason="没有法定职责依据")
    propose, refuse = (entry.account for entry in talk.entries())
    assert (propose["department"], propose["act"], propose["agreement"]) == ("housing", "propose", "civil-desk-1")
    assert propose["digest"] == talk.proposals.chain(ID).history.first.digest.hex()
    assert (refuse["department"], refuse["law"], refuse["status"]) == ("civil", LAW, "refused")
    assert refuse["step"] == talk.proposals.chain(ID).kept[1].signed.digest.hex()
    assert "法定职责" not in str(refuse)


async def test_nothing_happens_when_the_ledger_cannot_write(talk: Negotiation) -> None:
    text = talk.text()
    await talk.say(talk.housing, "propose", text=text)
    signed = talk.step(talk.civil, "approve", text=text)
    talk.ledger.stop()
    assert (await refused(talk.bring(talk.civil, "approve", signed, text))).code is Code.LEDGER_UNAVAILABLE
    assert found(talk) is None
    assert talk.proposals.get(ID).status == "review"


async def test_what_cannot_be_done_is_not_on_the_ledger(talk: Negotiation) -> None:
    await talk.approved()
    other = "f" * 32
    differing = talk.text("official_required = true\n", id="civil-desk-2")
    await talk.say(talk.housing, "propose", text=differing, proposal=other)
    refusal = await refused(talk.say(talk.civil, "approve", text=differing, proposal=other))
    assert (refusal.code, dict(refusal.facts)["agreement"]) == (Code.AGREEMENT_CONTRADICTS, "civil-desk-1")
    assert [entry.account["act"] for entry in talk.entries()] == ["propose", "approve", "propose"]
    assert talk.proposals.get(other).status == "review"


async def test_a_suspension_stops_the_agreement_at_once_and_only_its_own_party_ends_it(talk: Negotiation) -> None:
    await talk.approved()
    decided = found(talk)
    for first, second in ((talk.civil, talk.housing), (talk.housing, talk.civil)):
        await talk.say(first, "suspend")
        assert found(talk) is None
        with pytest.raises(Refused, match="NO_AGREEMENT"):
            talk.agreements.require_unchanged(decided, NOW_MS)
        assert (await refused(talk.say(second, "resume"))).code is Code.STEP_OUT_OF_ORDER
        assert (await talk.say(first, "resume")).status == "approved"
        assert found(talk) is not None


async def test_a_termination_is_final(talk: Negotiation) -> None:
    text = await talk.approved()
    assert (await talk.say(talk.housing, "terminate")).status == "terminated"
    assert found(talk) is None
    revised = talk.text(revision=2)
    for who, act, with_text in ((talk.housing, "revise", revised), (talk.housing, "resume", b"")):
        assert (await refused(talk.say(who, act, text=with_text))).code is Code.STEP_OUT_OF_ORDER
    signature = talk.civil.key.sign(AGREEMENT, text)
    with pytest.raises(Refused, match="NOT_ALLOWED"):
        talk.agreements.add(text, signature, talk.civil.key.verify_key.der)


async def test_a_revision_is_reviewed_while_the_old_one_stays_in_force(talk: Negotiation) -> None:
    await talk.approved()
    revised = talk.text(revision=2, uses_per_day=5)
    await talk.say(talk.housing, "revise", text=revised)
    assert (found(talk).revision, talk.proposals.get(ID).revision) == (1, 2)
    assert (await talk.say(talk.civil, "approve", text=revised)).revision_in_force == 2
    assert found(talk).raw == revised


async def test_a_narrowing_is_in_force_only_after_both_said_yes(talk: Negotiation) -> None:
    await talk.say(talk.housing, "propose", text=talk.text())
    narrow = talk.text(uses_per_day=10)
    assert (await talk.say(talk.civil, "narrow", text=narrow)).waited_for == "housing"
    wider = talk.text(uses_per_day=10_000)
    assert (await refused(talk.say(talk.civil, "approve", text=narrow))).code is Code.STEP_OUT_OF_ORDER
    await talk.say(talk.housing, "accept_narrowing", text=narrow)
    refusal = await refused(talk.say(talk.civil, "narrow", text=wider))
    assert refusal.violations[0].field == "text.uses_per_day"
    await talk.say(talk.civil, "approve", text=narrow)
    assert found(talk).uses_per_day == 10


async def test_a_question_and_its_answer_pass_the_turn(talk: Negotiation) -> None:
    await talk.say(talk.housing, "propose", text=talk.text())
    assert (await talk.say(talk.civil, "ask", reason="法律依据是什么？")).waited_for == "housing"
    assert (await talk.say(talk.housing, "answer", reason="义务教育法第十二条")).waited_for == "civil"


# Who may bring what.


async def test_a_step_of_another_department_is_not_taken_whoever_signed_it(talk: Negotiation) -> None:
    signed = talk.step(talk.housing, "propose", text=talk.text())
    for name in ("civil", "tax"):
        refusal = await refused(talk.negotiate.submit(talk.certificates[name], signed, talk.text(), b""))
        assert refusal.code is Code.NOT_ALLOWED


async def test_a_member_cannot_make_a_step_with_a_key_that_is_not_its_departments(talk: Negotiation) -> None:
    signed = talk.step(talk.housing, "propose", text=talk.text(), key=SigningKey.generate())
    assert (await refused(talk.bring(talk.housing, "propose", signed, talk.text()))).code is Code.BAD_SIGNATURE
    await talk.say(talk.housing, "propose", text=talk.text())
    forged = talk.step(talk.civil, "approve", text=talk.text(), key=talk.housing.key)
    assert (await refused(talk.bring(talk.civil, "approve", forged, talk.text()))).code is Code.BAD_SIGNATURE


async def test_only_a_party_acts_and_reads_and_others_learn_nothing(talk: Negotiation) -> None:
    text = talk.text()
    await talk.say(talk.housing, "propose", text=text)
    tax = talk.certificates["tax"]
    for act in ("ask", "approve", "terminate"):
        assert (await refused(talk.say(talk.tax, act, text=text if act == "approve" else b""))).code is Code.NOT_FOUND
    assert (await refused(talk.negotiate.read(tax, ID))).code is Code.NOT_FOUND
    assert (await refused(talk.negotiate.read(tax, "e" * 32))).code is Code.NOT_FOUND
    assert (await talk.negotiate.list(tax, waiting=False, cursor="", limit=0)).proposals == ()
    proposal, chain = await talk.negotiate.read(talk.certificates["civil"], ID)
    assert (proposal.id, chain.history.first.raw) == (ID, text)


async def test_a_consumer_cannot_approve_its_own_proposal_nor_a_provider_propose_to_itself(talk: Negotiation) -> None:
    text = talk.text()
    refusal = await refused(talk.say(talk.civil, "propose", text=text))
    assert refusal.violations[0].field == "act"
    await talk.say(talk.housing, "propose", text=text)
    refusal = await refused(talk.say(talk.housing, "approve", text=text))
    assert (refusal.code, refusal.violations[0].field) == (Code.STEP_OUT_OF_ORDER, "act")


async def test_an_approval_carries_the_providers_signature_over_exactly_that_text(talk: Negotiation) -> None:
    text = talk.text()
    await talk.say(talk.housing, "propose", text=text)
    signed = talk.step(talk.civil, "approve", text=text)
    certificate = talk.certificates["civil"]
    for signature in (
        talk.civil.key.sign(AGREEMENT, talk.text(uses_per_day=1)),
        talk.housing.key.sign(AGREEMENT, text),
    ):
        assert (await refused(talk.negotiate.submit(certificate, signed, b"", signature))).code is Code.BAD_SIGNATURE
    assert (await refused(talk.negotiate.submit(certificate, signed, b"", b""))).code is Code.STEP_OUT_OF_ORDER
    assert found(talk) is None


# Replays, races, clocks.


async def test_the_same_step_again_is_the_same_step(talk: Negotiation) -> None:
    text = talk.text()
    propose = talk.step(talk.housing, "propose", text=text)
    first = await talk.bring(talk.housing, "propose", propose, text)
    assert await talk.bring(talk.housing, "propose", propose, text) == first
    await talk.say(talk.civil, "approve", text=text)
    again = await talk.bring(talk.housing, "propose", propose, text)
    assert (again.status, again.steps, len(talk.entries())) == ("approved", 2, 2)


async def test_a_step_that_does_not_build_on_what_is_kept_is_refused(talk: Negotiation) -> None:
    text = talk.text()
    await talk.say(talk.housing, "propose", text=text)
    for changes, code in (
        ({"number": 3}, Code.STEP_OUT_OF_ORDER),
        ({"previous": b"x" * 32}, Code.STEP_OUT_OF_ORDER),
        ({"number": 1, "previous": b""}, Code.STEP_TAKEN),
    ):
        assert (await refused(talk.say(talk.civil, "ask", **changes))).code is code


async def test_a_step_of_one_proposal_counts_for_no_other(talk: Negotiation) -> None:
    text = talk.text()
    await talk.say(talk.housing, "propose", text=text)
    other = "f" * 32
    await talk.say(talk.housing, "propose", text=talk.text(id="civil-desk-2"), proposal=other)
    stolen = talk.step(
        talk.civil, "approve", text=text, proposal=other, previous=talk.proposals.chain(ID).kept[0].signed.digest
    )
    assert (await refused(talk.bring(talk.civil, "approve", stolen, text))).code is Code.STEP_OUT_OF_ORDER


async def test_of_two_stewards_who_act_at_once_one_wins_and_the_other_is_told_to_look_again(talk: Negotiation) -> None:
    text = talk.text()
    await talk.say(talk.housing, "propose", text=text)
    approve, refuse = talk.step(talk.civil, "approve", text=text), talk.step(talk.civil, "refuse")
    outcomes = await asyncio.gather(
        talk.bring(talk.civil, "approve", approve, text),
        talk.bring(talk.civil, "refuse", refuse),
        return_exceptions=True,
    )
    (lost,) = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert lost.code is Code.STEP_TAKEN
    assert talk.proposals.get(ID).steps == 2
    assert talk.proposals.problems() == ()
    assert len(talk.entries()) == 2


async def test_a_department_whose_clock_is_off_is_told_so(talk: Negotiation) -> None:
    for off in (-601_000, 601_000):
        refusal = await refused(talk.say(talk.housing, "propose", text=talk.text(), time_ms=NOW_MS + off))
        assert refusal.code is Code.REQUEST_EXPIRED


# Texts.


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"field": "shoe_size"}, Code.BAD_REQUEST, "items.shoe_size"),
        ({"purpose": "curiosity"}, Code.UNKNOWN_PURPOSE, "purposes"),
        ({"purpose": "Curiosity"}, Code.BAD_REQUEST, "purposes"),
        ({"purpose": "profile_verification"}, Code.BAD_REQUEST, "purposes"),
        ({"valid_until": moment(NOW_MS - 1)}, Code.BAD_REQUEST, "valid_until"),
        ({"resource": "civil.nothing"}, Code.UNKNOWN_RESOURCE, ""),
        ({"resource": "tax.payer"}, Code.BAD_REQUEST, "provider"),
        ({"provider_key": "sha256:" + "0" * 64}, Code.BAD_REQUEST, "provider_key"),
    ],
)
async def test_a_text_that_could_not_be_approved_is_not_even_proposed(
    talk: Negotiation, changes: dict, code: Code, field: str
) -> None:
    refusal = await refused(talk.say(talk.housing, "propose", text=talk.text(**changes)))
    assert (refusal.code, refusal.violations[0].field if field else "") == (code, field)
    assert talk.proposals.chain(ID) is None


async def test_a_text_other_than_the_signed_one_is_refused(talk: Negotiation) -> None:
    signed = talk.step(talk.housing, "propose", text=talk.text())
    refusal = await refused(talk.bring(talk.housing, "propose", signed, talk.text(uses_per_day=5)))
    assert (refusal.code, refusal.violations[0].field) == (Code.STEP_OUT_OF_ORDER, "text")
    assert (await refused(talk.bring(talk.housing, "propose", signed, b"#" * 65_537))).code is Code.TOO_LARGE
    assert (await refused(talk.bring(talk.housing, "propose", signed, b""))).code is Code.STEP_OUT_OF_ORDER


async def test_a_resource_that_became_unshared_meanwhile_is_not_approved(talk: Negotiation) -> None:
    text = talk.text()
    await talk.say(talk.housing, "propose", text=text)
    closed = replace(talk.resources["civil.resident"], sharing_type=SharingType.NOT_SHARED)
    talk.resources["civil.resident"] = closed
    assert (await refused(talk.say(talk.civil, "approve", text=text))).violations[0].field == "resource"


async def test_an_agreement_has_one_proposal_at_a_time_and_a_new_one_after_a_refusal(talk: Negotiation) -> None:
    await talk.say(talk.housing, "propose", text=talk.text())
    refusal = await refused(talk.say(talk.housing, "propose", text=talk.text(), proposal="f" * 32))
    assert refusal.code is Code.ALREADY_EXISTS
    await talk.say(talk.civil, "refuse")
    await talk.say(talk.housing, "propose", text=talk.text(), proposal="f" * 32)


async def test_a_step_that_is_no_step_is_refused_before_anything_is_looked_up(talk: Negotiation) -> None:
    certificate = talk.certificates["housing"]
    for body in (b"", b"{}", b"\xff" * 100, b"x" * 20_000):
        signed = SignedStep(body, b"s", talk.housing.key.verify_key.der)
        assert (await refused(talk.negotiate.submit(certificate, signed, b"", b""))).code is Code.BAD_REQUEST


async def test_a_department_that_was_revoked_neither_acts_nor_reads(talk: Negotiation) -> None:
    text = talk.text()
    await talk.say(talk.housing, "propose", text=text)
    signed = talk.step(talk.civil, "approve", text=text)
    talk.registry.departments.revoke("civil", "closed")
    assert (await refused(talk.bring(talk.civil, "approve", signed, text))).code is Code.DEPARTMENT_REVOKED
    assert (await refused(talk.negotiate.read(talk.certificates["civil"], ID))).code is Code.DEPARTMENT_REVOKED


async def test_an_approval_under_a_key_that_was_replaced_is_refused(talk: Negotiation) -> None:
    text = talk.text()
    await talk.say(talk.housing, "propose", text=text)
    renewed = Department("civil")
    talk.registry.departments.set_key("civil", renewed.fingerprint)
    assert (await refused(talk.say(talk.civil, "approve", text=text))).code is Code.BAD_SIGNATURE
    signed = talk.step(renewed, "approve", text=text)
    refusal = await refused(
        talk.negotiate.submit(talk.certificates["civil"], signed, b"", renewed.key.sign(AGREEMENT, text))
    )
    assert refusal.code is Code.STEP_OUT_OF_ORDER
    assert found(talk) is None


@pytest.mark.parametrize(("cursor", "limit"), [("x", 0), ("0" * 31, 0), ("", 101), ("", -1)])
async def test_a_page_that_cannot_be_is_refused(talk: Negotiation, cursor: str, limit: int) -> None:
    call = talk.negotiate.list(talk.certificates["civil"], waiting=False, cursor=cursor, limit=limit)
    assert (await refused(call)).code is Code.BAD_REQUEST


async def test_lists_come_in_pages_and_show_who_is_waited_for(talk: Negotiation) -> None:
    for number in range(3):
        await talk.say(talk.housing, "propose", text=talk.text(id=f"civil-desk-{number}"), proposal=f"{number}" * 32)
    civil, housing = talk.certificates["civil"], talk.certificates["housing"]
    page = await talk.negotiate.list(civil, waiting=True, cursor="", limit=2)
    assert [p.id[0] for p in page.proposals] == ["0", "1"]
    rest = await talk.negotiate.list(civil, waiting=True, cursor=page.next_cursor, limit=2)
    assert ([p.id[0] for p in rest.proposals], rest.next_cursor) == (["2"], "")
    assert (await talk.negotiate.list(housing, waiting=True, cursor="", limit=0)).proposals == ()
    assert len((await talk.negotiate.list(housing, waiting=False, cursor="", limit=0)).proposals) == 3


async def test_what_the_operator_withdrew_is_shown_as_withdrawn_and_not_approved_again(talk: Negotiation) -> None:
    await talk.approved()
    revised = talk.text(revision=2)
    await talk.say(talk.housing, "revise", text=revised)
    talk.agreements.revoke("civil-desk-1", "misused")
    assert talk.proposals.get(ID).status == "revoked"
    assert (await refused(talk.say(talk.civil, "approve", text=revised))).code is Code.NOT_ALLOWED
    assert talk.proposals.problems() == ()


async def test_a_consumer_cannot_have_any_number_of_proposals_waiting(
    talk: Negotiation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "MOST_OPEN", 2)
    for number in range(2):
        await talk.say(talk.housing, "propose", text=talk.text(id=f"desk-{number}"), proposal=f"{number}" * 32)
    more = {"text": talk.text(id="desk-2"), "proposal": "2" * 32}
    assert (await refused(talk.say(talk.housing, "propose", **more))).code is Code.OVERLOADED
    await talk.say(talk.civil, "refuse", proposal="0" * 32)
    await talk.say(talk.housing, "propose", **more)


async def test_a_suspended_agreement_is_told_apart_from_none(talk: Negotiation) -> None:
    assert not talk.agreements.is_suspended("housing", "civil.resident")
    await talk.approved()
    assert not talk.agreements.is_suspended("housing", "civil.resident")
    await talk.say(talk.civil, "suspend")
    assert talk.agreements.is_suspended("housing", "civil.resident")
    assert not talk.agreements.is_suspended("tax", "civil.resident")
