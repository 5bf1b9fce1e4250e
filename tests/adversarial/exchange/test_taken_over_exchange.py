"""Promises 4 and 5 over the wire: a gateway in hostile hands gets nothing out of real nodes, nor into a system's answer.

Each test changes one thing that such a gateway can change, and sees the node refuse with the reason of that very check
and keep no receipt of a release. The first test is the positive control.
"""

import os
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from gateway.federation.model import Answer, Order, Silence
from keys.sealing import RecipientKey, SealingKey, answer_info
from keys.signing import AGREEMENT, REQUEST, SigningKey
from nodes.consumer import AsyncClient
from nodes.consumer.distrust import UntrustedAnswer
from nodes.enrolment.home import Home
from oncegate.v1 import exchange_pb2, signed_pb2
from policies.reasons import Reason
from policies.vocabulary import Form, LegalBasis
from tests.support.city import ALICE, BO, PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import RawSystem
from tests.support.taken_over import Replaying, TakenOver, Twisting

pytestmark = shared_city("adversarial-taken-over")

FULL_ADDRESS = ("address", Form.VALUE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def taken(city: City, raw: RawSystem) -> TakenOver:
    return TakenOver(city, raw)


def receipts(city: City, department: str = "civil") -> int:
    """How many releases the department's own node has on record."""
    with sqlite3.connect(city.member_home(department, "registry") / "state" / "node.sqlite") as base:
        count: int = base.execute("select count(*) from receipts").fetchone()[0]
    base.close()
    return count


async def refusal(taken: TakenOver, outcome: Awaitable[Answer | Silence]) -> str:
    """The reason with which the node refused; nothing was released."""
    before = receipts(taken.city)
    silence = await outcome
    assert isinstance(silence, Silence)
    assert silence.reason is Reason.NODE_REFUSED
    assert receipts(taken.city) == before
    return silence.detail


async def test_what_an_honest_gateway_would_ask_is_answered_for_the_system_alone(taken: TakenOver) -> None:
    before = receipts(taken.city)
    request = taken.system.asking()
    answer = await taken.ask(await taken.order(request))
    assert isinstance(answer, Answer)
    assert receipts(taken.city) == before + 1
    info = answer_info(answer.order.request_digest, answer.ticket_digest, "civil.resident")
    body = signed_pb2.AnswerBody.FromString(taken.system.sealing.open(answer.sealed, info))
    assert body.fields[0].text == "欧阳静好"
    for foreign in (taken.city.parts.secrets.vault_sealing, SealingKey.generate()):
        with pytest.raises(Exception, match="seal"):
            foreign.open(answer.sealed, info)


# The recipient.


@pytest.mark.domain_check(number=16)
async def test_a_recipient_that_the_department_did_not_certify_gets_nothing(taken: TakenOver) -> None:
    order = await taken.order()
    # Certified by nobody known; and the same with the department's true public key beside the forged signature.
    for spy in (taken.spy(), taken.spy(department_key=taken.city.keys["education"])):
        assert await refusal(taken, taken.ask(replace(order, requester_keys=spy.certified))) == (
            "RECIPIENT_NOT_CERTIFIED"
        )
        # Nor when all of it fits together: the attacker signs a request of its own that names its own key.
        body = taken.system.body(sealing_key_id=spy.sealing.key_id)
        signature = spy.signing.sign(REQUEST, body.SerializeToString())
        forged = await taken.order(taken.system.request(body, signature=signature))
        assert await refusal(taken, taken.ask(replace(forged, requester_keys=spy.certified))) == (
            "RECIPIENT_NOT_CERTIFIED"
        )


async def test_another_departments_certified_system_gets_nothing(taken: TakenOver) -> None:
    booking = Home(taken.city.member_home("tourism", "booking")).certified()
    order = replace(await taken.order(), requester_keys=booking)
    assert await refusal(taken, taken.ask(order)) == "RECIPIENT_NOT_CERTIFIED"


async def test_a_node_of_the_consumers_department_is_no_recipient(taken: TakenOver) -> None:
    own = Home(taken.city.member_home("civil", "registry")).certified()
    order = replace(await taken.order(), requester_keys=own)
    assert await refusal(taken, taken.ask(order)) == "RECIPIENT_NOT_CERTIFIED"


# The request.


async def test_a_request_that_no_system_signed_gets_nothing(taken: TakenOver) -> None:
    key = taken.city.parts.secrets.ticket_key
    body = taken.system.body(BO)
    for signature in (key.sign(REQUEST, body.SerializeToString()), b"", taken.system.asking().signature):
        order = await taken.order(taken.system.request(body, typed=BO, signature=signature), BO)
        assert await refusal(taken, taken.ask(order)) == "REQUEST_BAD_SIGNATURE"


@pytest.mark.domain_check(number=16)
async def test_a_signed_request_stretched_to_more_fields_gets_nothing(taken: TakenOver) -> None:
    order = await taken.order()
    for items in (
        (*order.items, ("birth_date", Form.YEAR)),
        (FULL_ADDRESS,),
        (("birth_date", Form.VALUE),),
    ):
        assert await refusal(taken, taken.ask(replace(order, items=items))) == "REQUEST_MISMATCH"
    masked = taken.system.asking(items=[("civil.resident", "name", signed_pb2.FORM_MASKED)])
    assert await refusal(taken, taken.ask(await taken.order(masked))) == "REQUEST_MISMATCH"


async def test_a_signed_request_for_more_than_the_agreement_gives_gets_nothing(taken: TakenOver) -> None:
    # The policy is the gateway's; here it has none. The node's own copy of the agreement still says no.
    greedy = taken.system.asking(items=[("civil.resident", "address", signed_pb2.FORM_VALUE)])
    order = replace(await taken.order(greedy), items=(FULL_ADDRESS,))
    assert await refusal(taken, taken.ask(order)) == "NOT_IN_AGREEMENT"
    birthday = taken.system.asking(items=[("civil.resident", "birth_date", signed_pb2.FORM_VALUE)])
    order = replace(await taken.order(birthday), items=(("birth_date", Form.VALUE),))
    assert await refusal(taken, taken.ask(order)) in {"FORM_NOT_ALLOWED", "NOT_IN_AGREEMENT"}


async def test_a_purpose_or_basis_other_than_signed_or_agreed_gets_nothing(taken: TakenOver) -> None:
    order = await taken.order()
    assert await refusal(taken, taken.ask(replace(order, purpose="marriage_registration"))) == "REQUEST_MISMATCH"
    assert await refusal(taken, taken.ask(replace(order, basis=LegalBasis.CONSENT))) == "REQUEST_MISMATCH"
    signed = taken.system.asking(purpose="marriage_registration")
    order = replace(await taken.order(signed), purpose="marriage_registration")
    assert await refusal(taken, taken.ask(order)) == "PURPOSE_NOT_COVERED"


async def test_a_request_for_another_gateway_or_from_another_day_gets_nothing(taken: TakenOver) -> None:
    elsewhere = taken.system.asking(trust_domain="elsewhere.test")
    assert await refusal(taken, taken.ask(await taken.order(elsewhere))) == "REQUEST_MISMATCH"
    for created_ms in (1, 1 << 45):
        old = taken.system.asking(created_unix_ms=created_ms)
        assert await refusal(taken, taken.ask(await taken.order(old))) == "REQUEST_EXPIRED"


# The subject.


@pytest.mark.domain_check(number=16)
async def test_another_persons_record_is_not_released_under_a_signed_request(taken: TakenOver) -> None:
    request = taken.system.asking(ALICE)
    answer = await taken.ask(replace(await taken.order(request), handle=taken.handle(BO)))
    assert isinstance(answer, Answer)
    assert [outcome for _, _, outcome in answer.outcomes] == ["subject_mismatch"]
    info = answer_info(answer.order.request_digest, answer.ticket_digest, "civil.resident")
    body = signed_pb2.AnswerBody.FromString(taken.system.sealing.open(answer.sealed, info))
    assert (body.fields[0].status, body.fields[0].text) == (signed_pb2.FIELD_STATUS_NOT_AVAILABLE, "")


@pytest.mark.domain_check(number=16)
async def test_a_nonce_of_the_gateways_choice_opens_no_record(taken: TakenOver) -> None:
    order = await taken.order()
    answer = await taken.ask(replace(order, subject_nonce=os.urandom(32)))
    assert isinstance(answer, Answer)
    assert [outcome for _, _, outcome in answer.outcomes] == ["subject_mismatch"]
    again = await taken.order(taken.system.asking())
    assert await refusal(taken, taken.ask(replace(again, subject_nonce=b""))) == "SUBJECT_MISMATCH"


# The agreement, the promise.


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"agreement_id": "made-up"}, "AGREEMENT_UNKNOWN"),
        ({"agreement_revision": 2}, "AGREEMENT_MISMATCH"),
        ({"agreement_digest": bytes(32)}, "AGREEMENT_MISMATCH"),
        ({"resource": "housing.property"}, None),
        ({"resource": "civil.other"}, None),
    ],
)
async def test_another_agreement_or_resource_than_the_stewards_gets_nothing(
    taken: TakenOver, change: dict[str, Any], reason: str | None
) -> None:
    outcome = taken.ask(replace(await taken.order(), **change))
    if reason is None:
        silence = await outcome
        assert isinstance(silence, Silence)
        assert silence.reason is Reason.NOT_CONNECTED
    else:
        assert await refusal(taken, outcome) == reason


async def test_an_agreement_that_only_the_gateway_knows_gets_nothing(taken: TakenOver) -> None:
    city = taken.city
    text = city.agreement_text("civil", "civil.resident", {"address": ["value"]}, id='"backdoor"')
    path = city.sign("civil", text)
    raw = path.read_bytes()
    # Even signed with the provider department's key: its steward did not accept it at the node.
    key = city.keys["civil"]
    city.parts.membership.add_agreement(raw, key.sign(AGREEMENT, raw), key.verify_key.der)
    try:
        greedy = taken.system.asking(items=[("civil.resident", "address", signed_pb2.FORM_VALUE)])
        order = replace(await taken.order(greedy), items=(FULL_ADDRESS,), **taken.agreement("backdoor"))
        assert await refusal(taken, taken.ask(order)) == "AGREEMENT_UNKNOWN"
    finally:
        city.parts.membership.revoke_agreement("backdoor", "test is over")


async def test_without_the_logs_promise_of_this_very_request_nothing_is_released(taken: TakenOver) -> None:
    order = await taken.order()
    other = await taken.promise(os.urandom(32))
    none = await taken.promise(b"")
    not_the_logs = taken.forged_promise(order.request_digest, SigningKey.generate())
    torn = replace(order.promise, body=order.promise.body[:-1])
    for promise in (other, none, not_the_logs, torn, replace(order.promise, signature=b"")):
        assert await refusal(taken, taken.ask(replace(order, promise=promise))) == "PROMISE_MISSING"


# Tickets.


def later(ticket: signed_pb2.TicketBody) -> None:
    ticket.expires_unix_ms += 600_000


def earlier(ticket: signed_pb2.TicketBody) -> None:
    ticket.expires_unix_ms -= 600_000


def for_housing(ticket: signed_pb2.TicketBody) -> None:
    ticket.node = ticket.node.replace("civil", "housing")


def other_session(ticket: signed_pb2.TicketBody) -> None:
    ticket.session_id = os.urandom(16)


def other_request(ticket: signed_pb2.TicketBody) -> None:
    ticket.request_digest = os.urandom(32)


def empty(ticket: signed_pb2.TicketBody) -> None:
    ticket.ClearField("items")


def doubled(ticket: signed_pb2.TicketBody) -> None:
    ticket.items.append(ticket.items[0])


@pytest.mark.parametrize(
    ("twist", "reason"),
    [
        (later, "TICKET_EXPIRED"),
        (earlier, "TICKET_EXPIRED"),
        (for_housing, "WRONG_NODE"),
        (other_session, "WRONG_SESSION"),
        (other_request, "REQUEST_MISMATCH"),
        (empty, "BAD_TICKET"),
        (doubled, "BAD_TICKET"),
    ],
)
async def test_a_ticket_that_does_not_hold_is_refused_although_the_gateway_signed_it(
    taken: TakenOver, twist: Callable[[signed_pb2.TicketBody], None], reason: str
) -> None:
    assert await refusal(taken, taken.ask_with(await taken.order(), Twisting(taken, twist))) == reason


async def test_a_ticket_that_the_gateway_did_not_sign_is_refused(taken: TakenOver) -> None:
    issuer = Twisting(taken, lambda ticket: ticket.items.add(field="birth_date", form=2), resign=False)
    assert await refusal(taken, taken.ask_with(await taken.order(), issuer)) == "TICKET_BAD_SIGNATURE"


async def test_a_used_ticket_is_used_up(taken: TakenOver) -> None:
    order = await taken.order()
    issuer = Replaying(taken)
    assert isinstance(await taken.ask_with(order, issuer), Answer)
    for _ in range(3):
        assert await refusal(taken, taken.ask_with(order, issuer)) == "TICKET_REPLAYED"


# What reaches the asking system.


async def fetched(taken: TakenOver, school: AsyncClient, lie: Callable[[exchange_pb2.FetchResponse], None]) -> Any:
    """A fetch by the SDK through a gateway that changes what it hands on."""
    prepared = school.prepare(
        subject=("cn.resident-id", ALICE),
        purpose=PURPOSE,
        basis="mandate",
        items=["civil.resident:name=value", "housing.property:location=value"],
    )
    session = school._current()
    message = exchange_pb2.FetchRequest(
        body=prepared.body,
        signature=prepared.signature,
        keys=session.keys,
        subject_identifier=prepared.identifier,
        subject_nonce=prepared.nonce,
    )
    response = await taken.system.fetch(message)
    lie(response)
    return session.verifier.fetched(prepared, response, taken.city.parts.clock.now_ms())


def swapped(response: exchange_pb2.FetchResponse) -> None:
    first, second = response.answers
    first.sealed, second.sealed = second.sealed, first.sealed


def left_out(response: exchange_pb2.FetchResponse) -> None:
    del response.answers[1]


def cut(response: exchange_pb2.FetchResponse) -> None:
    response.answers[0].sealed = response.answers[0].sealed[:-1]


def unreceipted(response: exchange_pb2.FetchResponse) -> None:
    response.answers[0].ClearField("receipt")


def unrecorded(response: exchange_pb2.FetchResponse) -> None:
    response.outcome.signature = b""


def asked_elsewhere(response: exchange_pb2.FetchResponse) -> None:
    response.asked.CopyFrom(response.outcome)
    response.asked.body = b""


@pytest.mark.parametrize("lie", [swapped, left_out, cut, unreceipted, unrecorded, asked_elsewhere])
async def test_an_answer_that_was_tampered_with_on_the_way_is_not_handed_out(
    taken: TakenOver, school: AsyncClient, lie: Callable[[exchange_pb2.FetchResponse], None]
) -> None:
    with pytest.raises(UntrustedAnswer):
        await fetched(taken, school, lie)


async def test_an_answer_of_the_gateways_own_making_is_not_handed_out(taken: TakenOver, school: AsyncClient) -> None:
    assert (await fetched(taken, school, lambda _response: None)).complete

    def made_up(response: exchange_pb2.FetchResponse) -> None:
        # Sealed as a node would seal it; everything that the seal is bound to is known to the gateway.
        answer = response.answers[0]
        asked = signed_pb2.PromiseBody.FromString(response.asked.body).request_digest
        body = signed_pb2.AnswerBody(request_digest=asked, resource=answer.resource)
        body.fields.add(
            field="name",
            form=signed_pb2.FORM_VALUE,
            status=signed_pb2.FIELD_STATUS_RELEASED,
            text="张三",
            data_type="string",
            source="government_verified",
        )
        recipient = RecipientKey.from_bytes(taken.system.sealing.public)
        info = answer_info(asked, answer.ticket_digest, answer.resource)
        answer.sealed = recipient.seal(body.SerializeToString(), info)

    with pytest.raises(UntrustedAnswer) as caught:
        await fetched(taken, school, made_up)
    assert caught.value.code == "RECEIPT"


async def test_an_order_to_a_node_that_never_offered_the_resource_is_never_sent(taken: TakenOver) -> None:
    order: Order = replace(await taken.order(), node=taken.city.node_id("housing"))
    silence = await taken.ask(order)
    assert isinstance(silence, Silence)
    assert silence.reason is Reason.NOT_CONNECTED
