"""What a department decides itself, above every agreement: whom it does not serve, and how often."""

from pathlib import Path

import pytest

from nodes.provider.model import Refusal, Released
from policies.reasons import Reason
from tests.support.provider_world import BIRTH_YEAR, ZHANG, World, handles_of, items


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


async def test_a_department_that_ours_does_not_serve_is_refused(world: World) -> None:
    (world.folder / "node.toml").write_text(
        'format = "oncegate.node/1"\nsync_every_s = 3600\n[withhold]\ndepartments = ["education"]\n'
    )
    node = world.node()
    node.start()
    assert await node.answer(world.send(world.ask(b"h" * 16))[0]) == Refusal(Reason.DEPARTMENT_RULE)
    await node.close()


async def test_the_uses_of_a_day_are_counted_by_the_node_also_over_a_restart(world: World) -> None:
    world.agreement = world.accept_agreement(uses_per_day=2)
    node = world.node()
    node.compare()
    node.start()
    handle = (await handles_of(node))[ZHANG]
    assert isinstance(await node.answer(world.send(world.ask(handle))[0]), Released)
    await node.close()
    again = world.node()
    again.start()
    assert isinstance(await again.answer(world.send(world.ask(handle))[0]), Released)
    assert await again.answer(world.send(world.ask(handle))[0]) == Refusal(Reason.USES_EXHAUSTED)
    world.clock.at_ms += 86_400_000
    assert isinstance(await again.answer(world.send(world.ask(handle, items=items(BIRTH_YEAR)))[0]), Released)
    await again.close()
