"""A gateway that was taken over cannot turn one predicate into another, nor an operand into one of its own choice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keys.operands import operand_commitment
from nodes.provider.check_failed import CheckFailed
from nodes.provider.config import load_node
from nodes.provider.form_checks import check_forms
from nodes.provider.model import Refusal, Released
from nodes.provider.node import ProviderNode
from oncegate.v1 import signed_pb2
from policies.agreements import parse_agreement
from policies.reasons import Reason
from policies.vocabulary import Form
from tests.support.provider_world import (
    ADULT,
    DAY_MS,
    LI,
    RESOURCE,
    ZHANG,
    Ask,
    World,
    handles_of,
    items,
    needed,
    outcomes,
    predicate,
    texts,
)

EQUALS = {"operator": signed_pb2.PREDICATE_OPERATOR_EQUALS}


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


async def asking(
    world: World, node: ProviderNode, item: signed_pb2.RequestItem, *ordered: Any, subject: str = ZHANG
) -> Ask:
    """An ask of one item, as an honest gateway makes it out of what is ordered."""
    request = world.request(subject, items=[item])
    handle = (await handles_of(node)).get(subject, b"h" * 16)
    return world.ask(handle, request=request, items=list(ordered))


async def answered(world: World, node: ProviderNode, ask: Ask) -> list[str | None]:
    reply = await node.answer(world.send(ask)[0])
    assert isinstance(reply, Released)
    return texts(world.open(ask, reply))


async def refusal(world: World, node: ProviderNode, ask: Ask) -> Reason:
    reply = await node.answer(world.send(ask)[0])
    assert isinstance(reply, Refusal)
    return reply.reason


async def equality(world: World, node: ProviderNode, operand: str, *, sent: str | None = None) -> Ask:
    """The consumer commits to one operand; another may be sent in its place."""
    commitment = operand_commitment(world.nonce, RESOURCE, "name", operand)
    item = needed("name", **EQUALS, operand_commitment=commitment)
    ask = await asking(world, node, item, predicate("name", "same_name"))
    return replace(ask, operands={"name": operand if sent is None else sent})


async def test_an_honest_predicate_is_answered_by_name_and_by_what_it_asks(world: World, node: ProviderNode) -> None:
    for said in (ADULT, {"predicate": "adult"}):
        ask = await asking(world, node, needed("birth_date", **said), predicate("birth_date", "adult"))
        assert await answered(world, node, ask) == ["true"]


async def test_another_predicate_than_the_one_signed_for_is_refused(world: World, node: ProviderNode) -> None:
    for said in (ADULT, {"predicate": "adult"}):
        ask = await asking(world, node, needed("birth_date", **said), predicate("birth_date", "pensioner"))
        assert await refusal(world, node, ask) is Reason.REQUEST_MISMATCH


@pytest.mark.parametrize(
    ("said", "ordered", "reason"),
    [
        (ADULT, predicate("birth_date", "unknown"), Reason.PREDICATE_NOT_AGREED),
        (ADULT, predicate("birth_date", ""), Reason.PREDICATE_NOT_AGREED),
        (ADULT, predicate("birth_date", "same_name"), Reason.PREDICATE_NOT_AGREED),
        (ADULT, items(("birth_date", signed_pb2.FORM_YEAR))[0], Reason.REQUEST_MISMATCH),
        (ADULT, items(("birth_date", signed_pb2.FORM_VALUE))[0], Reason.REQUEST_MISMATCH),
        ({**ADULT, "constants": ["17"]}, predicate("birth_date", "adult"), Reason.REQUEST_MISMATCH),
        (
            {"operator": signed_pb2.PREDICATE_OPERATOR_GE, "constants": ["18"]},
            predicate("birth_date", "adult"),
            Reason.REQUEST_MISMATCH,
        ),
        ({**ADULT, "operator": 99}, predicate("birth_date", "adult"), Reason.REQUEST_MISMATCH),
        ({**ADULT, "predicate": "adult"}, predicate("birth_date", "adult"), Reason.REQUEST_MISMATCH),
    ],
)
async def test_what_was_not_signed_for_or_not_agreed_is_refused(
    world: World, node: ProviderNode, said: dict[str, Any], ordered: signed_pb2.TicketItem, reason: Reason
) -> None:
    ask = await asking(world, node, needed("birth_date", **said), ordered)
    assert await refusal(world, node, ask) is reason


async def test_a_form_accepted_instead_is_ordered_only_when_it_was_signed_for(world: World, node: ProviderNode) -> None:
    item = needed("birth_date", **{**ADULT, "constants": ["21"]}, accepted=[signed_pb2.FORM_YEAR])
    year, value = (items(("birth_date", form))[0] for form in (signed_pb2.FORM_YEAR, signed_pb2.FORM_VALUE))
    assert await answered(world, node, await asking(world, node, item, year)) == ["1990"]
    assert await refusal(world, node, await asking(world, node, item, value)) is Reason.REQUEST_MISMATCH


ALL = [signed_pb2.FORM_YEAR, signed_pb2.FORM_VALUE]
YEAR_OR_VALUE = signed_pb2.RequestItem(
    resource=RESOURCE,
    field="birth_date",
    form=signed_pb2.FORM_YEAR,
    necessity=signed_pb2.NECESSITY_REQUIRED,
    accepted=[signed_pb2.FORM_VALUE],
)


@pytest.mark.parametrize(
    ("item", "form"),
    [
        # The predicate that is needed is in the agreement, so neither the year nor the value is.
        (needed("birth_date", **ADULT, accepted=ALL), signed_pb2.FORM_YEAR),
        (needed("birth_date", predicate="adult", accepted=ALL), signed_pb2.FORM_VALUE),
        # Another question than the agreement's: the year is the least revealing form that it has.
        (needed("birth_date", **{**ADULT, "constants": ["21"]}, accepted=ALL), signed_pb2.FORM_VALUE),
        (YEAR_OR_VALUE, signed_pb2.FORM_VALUE),
    ],
)
async def test_a_more_revealing_form_is_not_released_while_a_less_revealing_one_would_do(
    world: World, node: ProviderNode, item: signed_pb2.RequestItem, form: signed_pb2.Form
) -> None:
    ordered = items(("birth_date", form))[0]
    assert await refusal(world, node, await asking(world, node, item, ordered)) is Reason.REQUEST_MISMATCH


async def test_a_form_that_the_consent_does_not_cover_is_none_that_would_do(world: World) -> None:
    codec, agreement = world.codec, parse_agreement(world.agreement)
    request = world.request(items=[needed("birth_date", **ADULT, accepted=ALL)])
    ordered = items(("birth_date", signed_pb2.FORM_VALUE))
    ticket, asked = codec.parse_ticket(world.ticket(request, b"h" * 16, items=ordered)), codec.parse_request(request)
    _, offer = load_node(world.folder / "node.toml", "civil", {})
    offered = offer.resources[RESOURCE]
    check_forms(ticket, asked, agreement, offered, lambda _field, form: form is Form.VALUE)
    with pytest.raises(CheckFailed):
        check_forms(ticket, asked, agreement, offered, lambda _field, form: form in {Form.VALUE, Form.YEAR})


async def test_a_field_that_is_asked_for_twice_is_not_answered(world: World, node: ProviderNode) -> None:
    twice = [needed("birth_date", **ADULT), needed("birth_date", predicate="pensioner")]
    request = world.request(items=twice)
    ask = world.ask(b"h" * 16, request=request, items=[predicate("birth_date", "adult")])
    assert await refusal(world, node, ask) is Reason.REQUEST_MISMATCH


@pytest.mark.parametrize(("operand", "expected"), [("张三丰", "true"), ("张 三丰\u200b", "true"), ("张三", "false")])
async def test_an_equality_compares_with_the_consumers_operand(
    world: World, node: ProviderNode, operand: str, expected: str
) -> None:
    assert await answered(world, node, await equality(world, node, operand)) == [expected]


@pytest.mark.parametrize("sent", ["张三丰", "", "x" * 513, "王五 "])
async def test_an_operand_of_the_gateways_choice_gives_nothing(world: World, node: ProviderNode, sent: str) -> None:
    assert await refusal(world, node, await equality(world, node, "王五", sent=sent)) is Reason.BAD_OPERAND


async def test_a_commitment_for_another_field_or_nonce_gives_nothing(world: World, node: ProviderNode) -> None:
    for commitment in (
        operand_commitment(world.nonce, RESOURCE, "birth_date", "张三丰"),
        operand_commitment(world.nonce, "civil.other", "name", "张三丰"),
        operand_commitment(b"m" * 32, RESOURCE, "name", "张三丰"),
        b"c" * 32,
    ):
        item = needed("name", **EQUALS, operand_commitment=commitment)
        ask = replace(await asking(world, node, item, predicate("name", "same_name")), operands={"name": "张三丰"})
        assert await refusal(world, node, ask) is Reason.BAD_OPERAND
    ask = await asking(world, node, needed("name", predicate="same_name"), predicate("name", "same_name"))
    assert await refusal(world, node, replace(ask, operands={"name": "张三丰"})) is Reason.BAD_OPERAND


async def test_yes_no_and_nothing_have_one_size_and_shape(world: World, node: ProviderNode) -> None:
    world.sql("UPDATE residents SET csrq = ? WHERE id = 2", "2020-01-01")
    sizes: set[int] = set()
    said: list[tuple[list[str | None], str]] = []
    for subject, handle_of in ((ZHANG, ZHANG), (LI, LI), (ZHANG, LI), (ZHANG, None)):
        request = world.request(subject, items=[needed("birth_date", **ADULT)])
        handle = b"r" * 16 if handle_of is None else (await handles_of(node))[handle_of]
        ask = world.ask(handle, request=request, items=[predicate("birth_date", "adult")])
        reply = await node.answer(world.send(ask)[0])
        assert isinstance(reply, Released)
        opened = world.open(ask, reply)
        sizes.add(len(reply.sealed))
        said.append((texts(opened), outcomes(reply)[0]))
        assert [(field.field, field.form) for field in opened.fields] == [("birth_date", signed_pb2.FORM_PREDICATE)]
    assert said == [
        (["true"], "RELEASED"),
        (["false"], "RELEASED"),
        ([None], "SUBJECT_MISMATCH"),
        ([None], "NO_RECORD"),
    ]
    assert len(sizes) == 1


async def test_no_operand_is_kept_at_the_node(world: World, node: ProviderNode, tmp_path: Path) -> None:
    operand = "某某某某某"
    assert await answered(world, node, await equality(world, node, operand)) == ["false"]
    kept = b"".join(file.read_bytes() for file in (tmp_path / "home" / "state").iterdir())
    assert b"same_name" in kept
    assert operand.encode() not in kept


async def test_an_age_is_counted_by_the_nodes_own_clock(world: World, node: ProviderNode) -> None:
    # The node's clock stands at 2027-01-15 16:00 in China: 18 years back, a birthday is over the day after.
    ask = await asking(world, node, needed("birth_date", **ADULT), predicate("birth_date", "adult"))
    world.sql("UPDATE residents SET csrq = ? WHERE id = 1", "2009-01-15")
    assert await answered(world, node, ask) == ["false"]
    world.clock.at_ms += DAY_MS
    ask = await asking(world, node, needed("birth_date", **ADULT), predicate("birth_date", "adult"))
    assert await answered(world, node, ask) == ["true"]
