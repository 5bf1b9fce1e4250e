"""Emergencies at a node: a gateway that was taken over neither invents one nor hides one nor stretches an agreement."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from keys.signing import REQUEST, digest
from nodes.link.codec import declaration_in
from nodes.provider.model import IncomingAsk, Refusal, Released
from nodes.provider.node import ProviderNode
from nodes.provider.state import list_receipts, open_reader
from oncegate.v1 import signed_pb2
from policies.emergencies import Emergency
from policies.reasons import Reason
from tests.support import provider_files, provider_world
from tests.support.provider_world import ZHANG, Ask, World, handles_of, texts

DECLARED = signed_pb2.EmergencyDeclaration(reason="life_saving_care", statement="昏迷患者送医")
TERMS = 'emergency = { reasons = ["life_saving_care"], uses_per_day = 2, review_hours = 24, notify_person = true }\n'


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


@pytest.fixture
def emergency(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The node's own copy is an agreement for emergencies."""
    text = provider_files.AGREEMENT_TOML
    terms = TERMS.replace("{", "{{").replace("}", "}}")
    monkeypatch.setattr(provider_world, "AGREEMENT_TOML", text.replace("\n[[items]]", terms + "\n[[items]]", 1))
    world.agreement = world.accept_agreement()
    return world


@pytest.fixture
async def node(world: World) -> AsyncIterator[ProviderNode]:
    node = world.node()
    node.compare()
    node.start()
    yield node
    await node.close()


async def asking(world: World, node: ProviderNode, declared: Any = DECLARED, **ticket: Any) -> IncomingAsk:
    """An ask under a declared emergency, but for changes of its ticket."""
    handle = (await handles_of(node))[ZHANG]
    request = world.request(request_id=os.urandom(8).hex(), **({"emergency": declared} if declared else {}))
    [ask] = world.send(world.ask(handle, request=request, **{"emergency": "life_saving_care", **ticket}))
    return ask


async def refusal(node: ProviderNode, ask: IncomingAsk) -> Reason:
    reply = await node.answer(ask)
    assert isinstance(reply, Refusal)
    return reply.reason


async def test_an_emergency_under_its_own_agreement_is_answered(emergency: World, node: ProviderNode) -> None:
    handle = (await handles_of(node))[ZHANG]
    honest: Ask = emergency.ask(handle, request=emergency.request(emergency=DECLARED), emergency="life_saving_care")
    [ask] = emergency.send(honest)
    reply = await node.answer(ask)
    assert isinstance(reply, Released)
    assert texts(emergency.open(honest, reply)) == ["张三丰", "1990"]


async def test_the_node_says_so_itself_and_keeps_what_was_stated(emergency: World, node: ProviderNode) -> None:
    with capture_logs() as log:
        assert isinstance(await node.answer(await asking(emergency, node)), Released)
    [rung] = [line for line in log if line["event"] == "emergency"]
    assert (rung["log_level"], rung["reason"]) == ("warning", "life_saving_care")
    assert DECLARED.statement not in str(log)
    reader = open_reader(emergency.folder / "state" / "node.sqlite")
    [kept] = list_receipts(reader, None, 10, emergencies=True)
    reader.close()
    assert (digest(kept.ticket.body).hex(), kept.agreement) == (rung["ticket"], rung["agreement"])
    assert declaration_in(kept.request) == Emergency("life_saving_care", DECLARED.statement)


async def test_an_ordinary_release_rings_no_bell(world: World, node: ProviderNode) -> None:
    with capture_logs() as log:
        assert isinstance(await node.answer(await asking(world, node, None, emergency="")), Released)
    assert [line for line in log if line["event"] == "emergency"] == []
    reader = open_reader(world.folder / "state" / "node.sqlite")
    assert list_receipts(reader, None, 10, emergencies=True) == []
    assert len(list_receipts(reader, None, 10)) == 1
    reader.close()


async def test_a_mark_that_the_gateway_adds_is_refused(emergency: World, node: ProviderNode) -> None:
    assert await refusal(node, await asking(emergency, node, None)) is Reason.REQUEST_MISMATCH


async def test_a_mark_that_the_gateway_strips_is_refused(emergency: World, node: ProviderNode) -> None:
    assert await refusal(node, await asking(emergency, node, emergency="")) is Reason.REQUEST_MISMATCH


async def test_a_reason_that_the_gateway_changes_is_refused(emergency: World, node: ProviderNode) -> None:
    assert await refusal(node, await asking(emergency, node, emergency="disaster_relief")) is Reason.REQUEST_MISMATCH


async def test_a_declaration_that_the_gateway_writes_into_the_request_is_refused(
    emergency: World, node: ProviderNode
) -> None:
    handle = (await handles_of(node))[ZHANG]
    signed = emergency.request()
    forged = emergency.request(emergency=DECLARED)
    ask = emergency.ask(handle, request=forged, emergency="life_saving_care")
    ask = replace(ask, request_signature=emergency.system.signing.sign(REQUEST, signed))
    [sent] = emergency.send(ask)
    assert await refusal(node, sent) is Reason.REQUEST_BAD_SIGNATURE


async def test_an_ordinary_request_under_an_agreement_for_emergencies_is_refused(
    emergency: World, node: ProviderNode
) -> None:
    assert await refusal(node, await asking(emergency, node, None, emergency="")) is Reason.EMERGENCY_ONLY


async def test_an_emergency_under_an_ordinary_agreement_is_refused(world: World, node: ProviderNode) -> None:
    assert await refusal(node, await asking(world, node)) is Reason.EMERGENCY_NOT_AGREED


async def test_a_reason_that_our_copy_does_not_list_is_refused(emergency: World, node: ProviderNode) -> None:
    other = signed_pb2.EmergencyDeclaration(reason="disaster_relief", statement="x")
    ask = await asking(emergency, node, other, emergency="disaster_relief")
    assert await refusal(node, ask) is Reason.EMERGENCY_REASON_NOT_COVERED


async def test_an_agreement_whose_own_copy_here_lacks_the_section_is_refused(
    world: World, node: ProviderNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The gateway names the digest of a text with the section; the node's steward accepted the one without it.
    terms = TERMS.replace("{", "{{").replace("}", "}}")
    with_section = world.agreement.replace(b"\n[[items]]", terms.encode() + b"\n[[items]]", 1)
    ask = await asking(world, node, agreement_digest=digest(with_section))
    assert await refusal(node, ask) is Reason.AGREEMENT_MISMATCH


async def test_a_ticket_of_an_emergency_is_carried_out_once(emergency: World, node: ProviderNode) -> None:
    ask = await asking(emergency, node)
    assert isinstance(await node.answer(ask), Released)
    assert await refusal(node, ask) is Reason.TICKET_REPLAYED


async def test_the_uses_of_the_section_are_what_the_node_counts(emergency: World, node: ProviderNode) -> None:
    for _ in range(2):
        assert isinstance(await node.answer(await asking(emergency, node)), Released)
    assert await refusal(node, await asking(emergency, node)) is Reason.USES_EXHAUSTED


@pytest.mark.parametrize(
    ("code", "statement"),
    [
        ("", "x"),
        ("curiosity", "x"),
        ("life_saving_care", ""),
        ("life_saving_care", "\x1b[2J"),
        ("life_saving_care", "a\nb"),
        ("life_saving_care", "x" * 501),
    ],
)
async def test_a_declaration_that_breaks_a_rule_is_none(
    emergency: World, node: ProviderNode, code: str, statement: str
) -> None:
    declared = signed_pb2.EmergencyDeclaration(reason=code, statement=statement)
    assert await refusal(node, await asking(emergency, node, declared, emergency=code)) is Reason.REQUEST_MISMATCH
