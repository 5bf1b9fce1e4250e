"""A gateway that was taken over holds every key of the gateway, and still gets no record out of a node.

Each test replaces one thing that the gateway could replace, signs whatever the gateway signs, and sees the node refuse
with the reason of that very check. The first test is the positive control: unchanged, the same ask is answered.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.certificates.spiffe import SpiffeId
from keys.sealing import SealingKey
from keys.signing import REQUEST, SigningKey, digest
from keys.subjects import subject_commitment
from nodes.enrolment.agreement_stops import Stop, resume, stop
from nodes.provider.model import IncomingAsk, Refusal, Released
from nodes.provider.node import ProviderNode
from oncegate.v1 import signed_pb2
from policies.reasons import Reason
from tests.support.provider_world import (
    DOMAIN,
    LI,
    NAME_VALUE,
    RESOURCE,
    SCHEME,
    ZHANG,
    Ask,
    System,
    World,
    handles_of,
    items,
    outcomes,
    texts,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


@pytest.fixture
async def node(world: World) -> AsyncIterator[ProviderNode]:
    node = world.node()
    node.compare()
    node.start()
    yield node
    await node.close()


@pytest.fixture
async def honest(world: World, node: ProviderNode) -> Ask:
    return world.ask((await handles_of(node))[ZHANG])


async def refusal(node: ProviderNode, ask: IncomingAsk) -> Reason:
    reply = await node.answer(ask)
    assert isinstance(reply, Refusal)
    return reply.reason


async def test_an_honest_ask_is_answered(world: World, node: ProviderNode, honest: Ask) -> None:
    [ask] = world.send(honest)
    reply = await node.answer(ask)
    assert isinstance(reply, Released)
    assert texts(world.open(honest, reply)) == ["张三丰", "1990"]


# The recipient.


async def test_the_gateways_own_sealing_key_is_refused(world: World, node: ProviderNode, honest: Ask) -> None:
    spy = System("education", SigningKey.generate())
    asked = world.request(sealing_key_id=spy.sealing.key_id)
    swapped = replace(world.ask(b"h" * 16, request=asked), requester_keys=spy.certified)
    assert await refusal(node, world.send(swapped)[0]) is Reason.RECIPIENT_NOT_CERTIFIED
    assert await refusal(node, world.send(replace(honest, requester_keys=spy.certified))[0]) is (
        Reason.RECIPIENT_NOT_CERTIFIED
    )


async def test_a_certificate_with_the_departments_key_but_anothers_signature_is_refused(
    world: World, node: ProviderNode, honest: Ask
) -> None:
    spy = System("education", SigningKey.generate())
    forged = replace(spy.certified, department_key=world.consumer_key.verify_key.der)
    assert await refusal(node, world.send(replace(honest, requester_keys=forged))[0]) is Reason.RECIPIENT_NOT_CERTIFIED


async def test_a_sealing_key_that_the_request_does_not_name_is_refused_even_if_certified(
    world: World, node: ProviderNode, honest: Ask
) -> None:
    other = world.system.certify(sealing_key=SealingKey.generate().public)
    assert await refusal(node, world.send(replace(honest, requester_keys=other))[0]) is Reason.RECIPIENT_NOT_CERTIFIED


async def test_another_system_of_the_same_department_does_not_get_the_answer(
    world: World, node: ProviderNode, honest: Ask
) -> None:
    other = System("education", world.consumer_key, "archive")
    assert await refusal(node, world.send(replace(honest, requester_keys=other.certified))[0]) is (
        Reason.RECIPIENT_NOT_CERTIFIED
    )


async def test_the_same_keys_under_another_systems_name_are_refused(
    world: World, node: ProviderNode, honest: Ask
) -> None:
    renamed = world.system.certify(holder=str(SpiffeId(DOMAIN, "education", "system", "archive")))
    assert await refusal(node, world.send(replace(honest, requester_keys=renamed))[0]) is (
        Reason.RECIPIENT_NOT_CERTIFIED
    )


async def test_keys_of_a_node_or_of_another_trust_domain_are_not_a_systems_keys(
    world: World, node: ProviderNode, honest: Ask
) -> None:
    for holder in (
        str(SpiffeId(DOMAIN, "education", "node", "counter")),
        str(SpiffeId("other.test", "education", "system", "counter")),
    ):
        request = world.request(system=holder)
        ask = replace(world.ask(b"h" * 16, request=request), requester_keys=world.system.certify(holder=holder))
        assert await refusal(node, world.send(ask)[0]) is Reason.RECIPIENT_NOT_CERTIFIED


async def test_an_expired_key_certificate_is_refused(world: World, node: ProviderNode, honest: Ask) -> None:
    stale = world.system.certify(not_after_ms=world.clock.at_ms - 1)
    assert await refusal(node, world.send(replace(honest, requester_keys=stale))[0]) is Reason.RECIPIENT_NOT_CERTIFIED


# The request.


async def test_a_request_that_the_gateway_made_up_is_refused(world: World, node: ProviderNode) -> None:
    made_up = world.ask(b"h" * 16, request=world.request(LI))
    for signature in (world.ticket_key.sign(REQUEST, made_up.request), b"", b"\x30\x00"):
        ask = replace(made_up, request_signature=signature)
        assert await refusal(node, world.send(ask)[0]) is Reason.REQUEST_BAD_SIGNATURE


async def test_another_signed_request_than_the_tickets_is_refused(
    world: World, node: ProviderNode, honest: Ask
) -> None:
    other = world.request(request_id="another")
    swapped = replace(honest, request=other, request_signature=world.system.signing.sign(REQUEST, other))
    assert await refusal(node, world.send(swapped)[0]) is Reason.REQUEST_MISMATCH


async def test_a_request_from_long_ago_cannot_be_used_again(world: World, node: ProviderNode, honest: Ask) -> None:
    old = honest.request
    world.clock.at_ms += 300_001
    again = world.ask(b"h" * 16, request=old)
    assert await refusal(node, world.send(again)[0]) is Reason.REQUEST_EXPIRED
    early = world.ask(b"h" * 16, request=world.request(created_unix_ms=world.clock.at_ms + 300_001))
    assert await refusal(node, world.send(early)[0]) is Reason.REQUEST_EXPIRED


async def test_a_request_for_another_gateway_is_refused(world: World, node: ProviderNode) -> None:
    ask = world.ask(b"h" * 16, request=world.request(trust_domain="other.test"))
    assert await refusal(node, world.send(ask)[0]) is Reason.REQUEST_MISMATCH


async def test_what_is_not_a_request_is_refused(world: World, node: ProviderNode) -> None:
    ask = world.ask(b"h" * 16, request=b"\xff\xff")
    assert await refusal(node, world.send(ask)[0]) is Reason.REQUEST_MISMATCH


# The subject.


async def test_another_persons_handle_gives_nothing(world: World, node: ProviderNode) -> None:
    handles = await handles_of(node)
    swapped = world.ask(handles[LI], request=world.request(ZHANG))
    reply = await node.answer(world.send(swapped)[0])
    assert isinstance(reply, Released)
    assert texts(world.open(swapped, reply)) == [None, None]
    assert outcomes(reply) == ["SUBJECT_MISMATCH"] * 2


async def test_a_nonce_of_the_gateways_choice_gives_nothing(world: World, node: ProviderNode, honest: Ask) -> None:
    handles = await handles_of(node)
    swapped = replace(world.ask(handles[LI], request=honest.request), nonce=b"\x01" * 32)
    reply = await node.answer(world.send(swapped)[0])
    assert isinstance(reply, Released)
    assert outcomes(reply) == ["SUBJECT_MISMATCH"] * 2
    assert await refusal(node, world.send(replace(honest, nonce=b""))[0]) is Reason.SUBJECT_MISMATCH


async def test_another_kind_of_subject_is_refused(world: World, node: ProviderNode, honest: Ask) -> None:
    commitment = subject_commitment(world.nonce, "cn.uscc", ZHANG)
    ask = world.ask(b"h" * 16, request=world.request(subject_scheme="cn.uscc", subject_commitment=commitment))
    assert await refusal(node, world.send(ask)[0]) is Reason.SCHEME_NOT_ACCEPTED


async def test_a_commitment_made_for_another_scheme_gives_nothing(world: World, node: ProviderNode) -> None:
    handles = await handles_of(node)
    commitment = subject_commitment(world.nonce, "cn.uscc", ZHANG)
    ask = world.ask(handles[ZHANG], request=world.request(subject_commitment=commitment, subject_scheme=SCHEME))
    reply = await node.answer(world.send(ask)[0])
    assert isinstance(reply, Released)
    assert texts(world.open(ask, reply)) == [None, None]


# The field list, forms, purpose, basis.


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"items": items(NAME_VALUE, ("phone", 4))}, Reason.UNKNOWN_TERM),
        ({"items": items(("sex", 3))}, Reason.FORM_NOT_ALLOWED),
        ({"items": items(("record", 4))}, Reason.FORM_NOT_ALLOWED),
        ({"items": items(NAME_VALUE, NAME_VALUE)}, Reason.BAD_TICKET),
        ({"items": []}, Reason.BAD_TICKET),
        ({"items": items(("name", 0))}, Reason.BAD_TICKET),
        ({"purpose": "housing_fund_withdrawal"}, Reason.REQUEST_MISMATCH),
        ({"legal_basis": signed_pb2.LEGAL_BASIS_EXPLICIT_REQUEST}, Reason.REQUEST_MISMATCH),
        ({"resource": "civil.marriage"}, Reason.RESOURCE_UNKNOWN),
        ({"agreement_id": "made-up"}, Reason.AGREEMENT_UNKNOWN),
        ({"agreement_revision": 2}, Reason.AGREEMENT_MISMATCH),
        ({"agreement_digest": digest(b"another agreement")}, Reason.AGREEMENT_MISMATCH),
        ({"node": str(SpiffeId(DOMAIN, "civil", "node", "node-2"))}, Reason.WRONG_NODE),
        ({"session_id": b"T" * 16}, Reason.WRONG_SESSION),
        ({"request_digest": digest(b"another request")}, Reason.REQUEST_MISMATCH),
        ({"ticket_id": b"short"}, Reason.BAD_TICKET),
        ({"expires_unix_ms": 1_800_000_000_000 - 1}, Reason.TICKET_EXPIRED),
        ({"expires_unix_ms": 1_800_000_000_000 + 300_001}, Reason.TICKET_EXPIRED),
    ],
)
async def test_a_ticket_with_one_thing_swapped_is_refused(
    world: World, node: ProviderNode, changes: dict[str, object], reason: Reason
) -> None:
    assert await refusal(node, world.send(world.ask(b"h" * 16, **changes))[0]) is reason


async def test_a_field_beyond_the_signed_request_is_refused(world: World, node: ProviderNode) -> None:
    asked = [signed_pb2.RequestItem(resource=RESOURCE, field="name", form=signed_pb2.FORM_MASKED, necessity=1)]
    request = world.request(items=asked)
    for wanted in (("birth_date", 4), NAME_VALUE):
        ask = world.ask(b"h" * 16, request=request, items=items(wanted))
        assert await refusal(node, world.send(ask)[0]) is Reason.REQUEST_MISMATCH
    elsewhere = [signed_pb2.RequestItem(resource="tax.person", field="name", form=4, necessity=1)]
    ask = world.ask(b"h" * 16, request=world.request(items=elsewhere), items=items(NAME_VALUE))
    assert await refusal(node, world.send(ask)[0]) is Reason.REQUEST_MISMATCH


async def test_what_our_copy_of_the_agreement_does_not_permit_is_refused(world: World, node: ProviderNode) -> None:
    purpose = world.request(purpose="housing_fund_withdrawal")
    ask = world.ask(b"h" * 16, request=purpose, purpose="housing_fund_withdrawal")
    assert await refusal(node, world.send(ask)[0]) is Reason.PURPOSE_NOT_COVERED
    basis = world.request(legal_basis=signed_pb2.LEGAL_BASIS_EXPLICIT_REQUEST)
    ask = world.ask(b"h" * 16, request=basis, legal_basis=signed_pb2.LEGAL_BASIS_EXPLICIT_REQUEST)
    assert await refusal(node, world.send(ask)[0]) is Reason.BASIS_NOT_COVERED


async def test_a_system_that_the_agreement_does_not_list_is_refused(world: World, node: ProviderNode) -> None:
    other = System("education", world.consumer_key, "archive")
    request = world.request(system=other.spiffe, sealing_key_id=other.sealing.key_id)
    ask = replace(
        world.ask(b"h" * 16, request=request),
        request_signature=other.signing.sign(REQUEST, request),
        requester_keys=other.certified,
    )
    assert await refusal(node, world.send(ask)[0]) is Reason.WRONG_SYSTEM


async def test_a_department_that_certifies_itself_under_another_name_is_refused(
    world: World, node: ProviderNode
) -> None:
    # The consumer's own key certifies a system of another department: the agreement is not with that one.
    other = System("tax", world.consumer_key)
    request = world.request(system=other.spiffe, sealing_key_id=other.sealing.key_id)
    ask = replace(
        world.ask(b"h" * 16, request=request),
        request_signature=other.signing.sign(REQUEST, request),
        requester_keys=other.certified,
    )
    assert await refusal(node, world.send(ask)[0]) is Reason.WRONG_DEPARTMENT


async def test_an_agreement_taken_out_of_the_folder_stops_the_next_release_within_a_second(
    world: World, node: ProviderNode, honest: Ask
) -> None:
    assert isinstance(await node.answer(world.send(honest)[0]), Released)
    (world.folder / "agreements" / "civil-education-1.toml").unlink()
    world.clock.at_ms += 500
    again = world.ask((await handles_of(node))[ZHANG])
    assert await refusal(node, world.send(again)[0]) is Reason.AGREEMENT_UNKNOWN


async def test_an_agreement_that_its_department_suspended_at_the_node_releases_nothing_whatever_the_gateway_orders(
    world: World, node: ProviderNode, honest: Ask
) -> None:
    folder = world.folder / "agreements"
    assert isinstance(await node.answer(world.send(honest)[0]), Released)
    stop(folder, "civil-education-1", Stop.SUSPENDED, 1)
    world.clock.at_ms += 500
    again = world.ask((await handles_of(node))[ZHANG])
    assert await refusal(node, world.send(again)[0]) is Reason.AGREEMENT_SUSPENDED
    resume(folder, "civil-education-1")
    world.clock.at_ms += 500
    once_more = world.ask((await handles_of(node))[ZHANG])
    assert isinstance(await node.answer(world.send(once_more)[0]), Released)


async def test_an_agreement_signed_by_another_key_than_the_departments_own_does_not_count(
    world: World, node: ProviderNode
) -> None:
    world.provider_key = SigningKey.generate()
    world.agreement = world.accept_agreement(revision=2)
    world.clock.at_ms += 500
    ask = world.ask(b"h" * 16, agreement_revision=2)
    assert await refusal(node, world.send(ask)[0]) is Reason.AGREEMENT_UNKNOWN
    assert [problem.key for problem in node.agreements.problems()] == ["provider"]


# The gateway's signature, session, expiry.


async def test_a_ticket_not_signed_by_the_gateways_ticket_key_is_refused(
    world: World, node: ProviderNode, honest: Ask
) -> None:
    assert await refusal(node, world.send(honest, key=world.promise_key)[0]) is Reason.TICKET_BAD_SIGNATURE


async def test_a_frame_signed_for_another_session_is_refused(world: World, node: ProviderNode, honest: Ask) -> None:
    assert await refusal(node, world.send(honest, session_id=b"T" * 16)[0]) is Reason.TICKET_BAD_SIGNATURE


async def test_a_ticket_taken_out_of_its_frame_is_refused(world: World, node: ProviderNode, honest: Ask) -> None:
    two = world.send(honest, world.ask(b"h" * 16))
    alone = replace(two[0], frame=replace(two[0].frame, bodies=two[0].frame.bodies[:1]))
    assert await refusal(node, alone) is Reason.TICKET_BAD_SIGNATURE
    assert await refusal(node, replace(two[0], position=2, frame=two[0].frame)) is Reason.BAD_TICKET


async def test_a_lie_about_the_clock_does_not_revive_a_ticket(world: World, node: ProviderNode, honest: Ask) -> None:
    # The ticket expired 41 s ago; a gateway whose clock were 45 s behind would still call it valid.
    world.clock.at_ms += 51_000
    for lie_ms in (-45_000, -1_000_000_000):
        late = replace(honest, clock_offset_ms=lie_ms)
        assert await refusal(node, world.send(late)[0]) is Reason.TICKET_EXPIRED


async def test_a_measured_offset_within_its_bound_is_allowed_for(world: World, node: ProviderNode) -> None:
    ask = world.ask((await handles_of(node))[ZHANG], expires_unix_ms=world.clock.at_ms - 5_000)
    assert isinstance(await node.answer(world.send(replace(ask, clock_offset_ms=-10_000))[0]), Released)


# The promise.


async def test_without_the_ledgers_promise_nothing_is_released(world: World, node: ProviderNode, honest: Ask) -> None:
    other_request = world.promise(world.request(request_id="another"))
    about_nothing = replace(honest.promise, body=signed_pb2.PromiseBody(leaf_hash=bytes(32)).SerializeToString())
    for promise in (
        replace(honest.promise, signature=b"", path=()),
        world.promise(honest.request, key=world.ticket_key),
        world.promise(honest.request, origin="other.test/ledger"),
        other_request,
        about_nothing,
    ):
        ask = replace(world.ask(b"h" * 16, request=honest.request), promise=promise)
        assert await refusal(node, world.send(ask)[0]) is Reason.PROMISE_MISSING


# Replays.


async def test_a_ticket_is_carried_out_once(world: World, node: ProviderNode, honest: Ask) -> None:
    assert isinstance(await node.answer(world.send(honest)[0]), Released)
    assert await refusal(node, world.send(honest)[0]) is Reason.TICKET_REPLAYED


async def test_a_ticket_twice_in_one_frame_is_carried_out_once(world: World, node: ProviderNode, honest: Ask) -> None:
    replies = [await node.answer(ask) for ask in world.send(honest, honest)]
    assert [type(reply) for reply in replies] == [Released, Refusal]


async def test_a_ticket_of_an_earlier_boot_is_refused(world: World, node: ProviderNode, honest: Ask) -> None:
    await node.close()
    again = world.node(session_id=b"T" * 16)
    again.start()
    assert await refusal(again, world.send(honest)[0]) is Reason.TICKET_BAD_SIGNATURE
    assert await refusal(again, world.send(honest, session_id=b"T" * 16)[0]) is Reason.WRONG_SESSION
    await again.close()


async def test_a_used_ticket_is_refused_after_a_restart_even_in_the_same_session(
    world: World, node: ProviderNode, honest: Ask
) -> None:
    assert isinstance(await node.answer(world.send(honest)[0]), Released)
    await node.close()
    again = world.node()
    again.start()
    assert await refusal(again, world.send(honest)[0]) is Reason.TICKET_REPLAYED
    await again.close()
