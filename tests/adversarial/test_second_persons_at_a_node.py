"""Comparing a value with a second person's tells yes or no, and nothing else of either of them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.operands import operand_commitment
from nodes.provider.model import Refusal, Released
from nodes.provider.node import ProviderNode
from oncegate.v1 import signed_pb2
from policies.identifiers import resident_id
from policies.reasons import Reason
from tests.support.provider_world import (
    LI,
    RESOURCE,
    ZHANG,
    Ask,
    World,
    handles_of,
    needed,
    outcomes,
    predicate,
    texts,
)

SAME_AS = {"operator": signed_pb2.PREDICATE_OPERATOR_SAME_AS}
TWIN = resident_id("11010119900307002")
BLANK = resident_id("11010119900307003")
TWICE = resident_id("11010119900307004")
NOBODY = resident_id("11010119900307005")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "home")
    people = [(3, TWIN, "1990-03-07"), (4, BLANK, None), (5, TWICE, "1990-03-07"), (6, TWICE, "1990-03-07")]
    for number, who, born in people:
        world.sql("INSERT INTO residents VALUES (?, ?, ?, ?, ?, ?)", number, who, "某", born, "1", None)
    return world


@pytest.fixture
async def node(world: World) -> AsyncIterator[ProviderNode]:
    node = world.node()
    node.compare()
    node.start()
    yield node
    await node.close()


async def comparing(world: World, node: ProviderNode, second: str, *, subject: str = ZHANG, sent: str = "") -> Ask:
    """The consumer commits to a second person; another may be sent in that one's place."""
    commitment = operand_commitment(world.nonce, RESOURCE, "birth_date", second)
    item = needed("birth_date", **SAME_AS, operand_commitment=commitment)
    request = world.request(subject, items=[item])
    handle = (await handles_of(node)).get(subject, b"h" * 16)
    ask = world.ask(handle, request=request, items=[predicate("birth_date", "born_like")])
    return replace(ask, operands={"birth_date": sent or second})


async def told(world: World, node: ProviderNode, ask: Ask) -> tuple[list[str | None], str, int]:
    """What the consumer reads, what the gateway is told, and the size of what is sealed."""
    reply = await node.answer(world.send(ask)[0])
    assert isinstance(reply, Released)
    return texts(world.open(ask, reply)), outcomes(reply)[0], len(reply.sealed)


async def test_two_people_with_one_value_are_told_apart_from_two_with_different_ones(
    world: World, node: ProviderNode
) -> None:
    assert (await told(world, node, await comparing(world, node, TWIN)))[0] == ["true"]
    assert (await told(world, node, await comparing(world, node, LI)))[0] == ["false"]


@pytest.mark.parametrize("second", [NOBODY, BLANK, TWICE, "not an identifier"])
async def test_a_second_person_without_a_record_or_a_value_is_told_as_a_different_one(
    world: World, node: ProviderNode, second: str
) -> None:
    different = await told(world, node, await comparing(world, node, LI))
    assert await told(world, node, await comparing(world, node, second)) == different == (["false"], "RELEASED", 2160)


async def test_a_subject_without_a_value_is_told_as_a_different_one_even_of_another_without(
    world: World, node: ProviderNode
) -> None:
    assert await told(world, node, await comparing(world, node, LI, subject=BLANK)) == (["false"], "RELEASED", 2160)
    assert (await told(world, node, await comparing(world, node, BLANK, subject=BLANK)))[0] == ["false"]


async def test_a_subject_without_a_record_is_told_as_with_any_field_whatever_the_second_person_has(
    world: World, node: ProviderNode
) -> None:
    for second in (TWIN, NOBODY):
        ask = await comparing(world, node, second, subject=NOBODY)
        assert await told(world, node, ask) == ([None], "NO_RECORD", 2160)


async def test_a_second_person_s_record_that_changed_hands_since_the_last_look_is_not_compared(
    world: World, node: ProviderNode
) -> None:
    world.sql("UPDATE residents SET id_no = ? WHERE id = 3", NOBODY)
    assert (await told(world, node, await comparing(world, node, TWIN)))[0] == ["false"]


async def test_a_gateway_that_puts_another_second_person_in_gets_nothing(world: World, node: ProviderNode) -> None:
    reply = await node.answer(world.send(await comparing(world, node, LI, sent=TWIN))[0])
    assert isinstance(reply, Refusal)
    assert reply.reason is Reason.BAD_OPERAND


@pytest.mark.parametrize("second", [TWIN, NOBODY])
async def test_so_many_comparisons_with_one_second_person_in_a_day_whether_or_not_there_is_a_record(
    world: World, node: ProviderNode, second: str
) -> None:
    subjects = [ZHANG, LI, BLANK, TWIN]
    said = [await told(world, node, await comparing(world, node, second, subject=who)) for who in subjects]
    assert {outcome for _, outcome, _ in said} == {"RELEASED"}
    said = [await told(world, node, await comparing(world, node, second, subject=who)) for who in subjects[:2]]
    assert [(text, size) for text, _, size in said] == [(said[0][0], 2160), ([None], 2160)]
    assert said[1][1] == "WITHHELD"
    # Who has nothing told about them at all: the same work, and nothing counted against anybody.
    assert (await told(world, node, await comparing(world, node, second, subject=NOBODY)))[0] == [None]


async def test_no_identifier_of_a_second_person_is_kept_at_the_node(
    world: World, node: ProviderNode, tmp_path: Path
) -> None:
    await told(world, node, await comparing(world, node, NOBODY))
    kept = b"".join(file.read_bytes() for file in (tmp_path / "home" / "state").iterdir())
    assert b"born_like" in kept
    assert NOBODY.encode() not in kept


async def test_a_second_person_who_is_withheld_is_told_as_one_without_a_record(world: World) -> None:
    # Published before the department withheld it, and not yet withdrawn.
    before = world.node()
    before.compare()
    await before.close()
    settings = (world.folder / "node.toml").read_text(encoding="utf-8")
    (world.folder / "node.toml").write_text(f'{settings}[withhold.records]\n"{RESOURCE}" = ["3"]\n', encoding="utf-8")
    node = world.node()
    node.start()
    try:
        assert (await told(world, node, await comparing(world, node, TWIN)))[0] == ["false"]
    finally:
        await node.close()
