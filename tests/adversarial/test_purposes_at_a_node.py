"""A node holds each order to its own vocabulary of purposes, whatever a taken-over gateway signs."""

from pathlib import Path

import pytest

from nodes.provider.model import Refusal
from nodes.provider.node import ProviderNode
from policies.reasons import Reason
from tests.support.provider_files import NODE_TOML
from tests.support.provider_world import Ask, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


async def refusal(node: ProviderNode, world: World, ask: Ask) -> Reason:
    reply = await node.answer(world.send(ask)[0])
    assert isinstance(reply, Refusal)
    return reply.reason


async def test_a_purpose_that_our_own_vocabulary_retired_is_refused(world: World) -> None:
    (world.folder / "purposes.toml").write_text(
        'format = "oncegate.purposes/1"\n[school_enrolment]\nretired = 2001-01-01\n'
    )
    (world.folder / "node.toml").write_text(f'purposes = "purposes.toml"\n{NODE_TOML}')
    node = world.node()
    node.start()
    try:
        assert await refusal(node, world, world.ask(b"h" * 16)) is Reason.PURPOSE_RETIRED
    finally:
        await node.close()


async def test_a_legal_basis_that_the_purpose_does_not_have_is_refused(world: World) -> None:
    # What is signed and agreed says a mandate; the purpose may only rest on the person's own word.
    purpose = "profile_verification"
    world.agreement = world.accept_agreement(purpose=purpose)
    node = world.node()
    node.start()
    try:
        ask = world.ask(b"h" * 16, request=world.request(purpose=purpose), purpose=purpose)
        assert await refusal(node, world, ask) is Reason.BASIS_NOT_FOR_PURPOSE
    finally:
        await node.close()
