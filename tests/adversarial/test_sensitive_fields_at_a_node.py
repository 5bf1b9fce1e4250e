"""Sensitive fields at a node: a gateway that was taken over gets none under an agreement that names no assessment.

The gateway may believe an older description of the resource, or say that it does: what counts is the node's own.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nodes.provider.model import Refusal, Released, Reply
from nodes.provider.node import ProviderNode
from oncegate.v1 import signed_pb2
from policies.reasons import Reason
from tests.support import provider_files, provider_world
from tests.support.provider_world import DAY_MS, NOW_MS, ZHANG, World, handles_of, items

BORN, SEX = ("birth_date", signed_pb2.FORM_YEAR), ("sex", signed_pb2.FORM_VALUE)
RAISED = provider_files.RESOURCES_TOML.replace(
    'classification = "confidential"\nsharing_type', 'classification = "sensitive"\nsharing_type'
).replace('type = "date"\nclassification = "confidential"', 'type = "date"\nclassification = "sensitive"')


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


@asynccontextmanager
async def running(world: World) -> AsyncIterator[ProviderNode]:
    node = world.node()
    node.compare()
    node.start()
    yield node
    await node.close()


async def reply(world: World, node: ProviderNode, *ordered: Any) -> Reply:
    handle = (await handles_of(node))[ZHANG]
    request = world.request(request_id=os.urandom(8).hex())
    [ask] = world.send(world.ask(handle, request=request, items=items(*ordered)))
    return await node.answer(ask)


def agree(world: World, monkeypatch: pytest.MonkeyPatch, further: str = "", **changes: Any) -> None:
    """Our own copy of the agreement, with further keys."""
    text = provider_files.AGREEMENT_TOML.replace("\n[[items]]", f"{further}\n[[items]]", 1)
    monkeypatch.setattr(provider_world, "AGREEMENT_TOML", text)
    world.agreement = world.accept_agreement(**changes)


async def test_a_field_whose_class_was_raised_stays_here_whatever_the_gateway_orders(world: World) -> None:
    async with running(world) as node:
        assert isinstance(await reply(world, node, BORN), Released)
    (world.folder / "resources.toml").write_text(RAISED)
    async with running(world) as node:
        assert await reply(world, node, BORN) == Refusal(Reason.IMPACT_ASSESSMENT_MISSING)
        assert await reply(world, node, SEX, BORN) == Refusal(Reason.IMPACT_ASSESSMENT_MISSING)
        # The record is as sensitive as its resource.
        assert await reply(world, node, ("record", signed_pb2.FORM_EXISTS)) == Refusal(Reason.IMPACT_ASSESSMENT_MISSING)
        assert isinstance(await reply(world, node, SEX), Released)


async def test_under_an_agreement_that_names_an_assessment_it_is_released(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.folder / "resources.toml").write_text(RAISED)
    agree(world, monkeypatch, 'impact_assessment = "PIA-2026-1"\n')
    async with running(world) as node:
        assert isinstance(await reply(world, node, BORN), Released)


async def test_nor_is_it_released_under_an_agreement_of_more_than_a_year(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.folder / "resources.toml").write_text(RAISED)
    agree(
        world,
        monkeypatch,
        'impact_assessment = "PIA-2026-1"\n',
        valid_from=provider_world._moment(NOW_MS - 67 * DAY_MS),
    )
    async with running(world) as node:
        assert await reply(world, node, BORN) == Refusal(Reason.SENSITIVE_TERM)
        assert isinstance(await reply(world, node, SEX), Released)
