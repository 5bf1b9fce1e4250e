"""Services at a node: a gateway that was taken over cannot use an agreement for a service that nobody asked for."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nodes.provider.model import Refusal, Released
from nodes.provider.node import ProviderNode
from oncegate.v1 import signed_pb2
from policies.reasons import Reason
from tests.support import provider_files, provider_world
from tests.support.provider_world import ZHANG, World, handles_of, texts


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The node's own copy of the agreement is for one service."""
    text = provider_files.AGREEMENT_TOML
    listed = text.replace("\n[[items]]", 'services = ["school-enrolment"]\n\n[[items]]', 1)
    monkeypatch.setattr(provider_world, "AGREEMENT_TOML", listed)
    return World(tmp_path / "home")


@pytest.fixture
async def node(world: World) -> AsyncIterator[ProviderNode]:
    node = world.node()
    node.compare()
    node.start()
    yield node
    await node.close()


async def ask(world: World, node: ProviderNode, service: str) -> tuple[Any, Any]:
    handle = (await handles_of(node))[ZHANG]
    named = {"service": signed_pb2.ServiceReference(code=service, version=1, digest=bytes(32))} if service else {}
    honest = world.ask(handle, request=world.request(request_id=os.urandom(8).hex(), **named))
    [sent] = world.send(honest)
    return honest, await node.answer(sent)


async def test_the_service_of_the_agreement_is_answered(world: World, node: ProviderNode) -> None:
    honest, reply = await ask(world, node, "school-enrolment")
    assert isinstance(reply, Released)
    assert texts(world.open(honest, reply)) == ["张三丰", "1990"]


@pytest.mark.domain_check(number=6)
@pytest.mark.parametrize("service", ["newborn", ""])
async def test_domain_check_6_another_service_is_refused_at_the_node(
    world: World, node: ProviderNode, service: str
) -> None:
    _, reply = await ask(world, node, service)
    assert isinstance(reply, Refusal)
    assert reply.reason is Reason.SERVICE_NOT_COVERED
