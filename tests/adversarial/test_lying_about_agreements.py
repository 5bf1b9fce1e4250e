"""A gateway that shows something else than the parties said: nothing of it is used, and nothing lands in a home."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from keys.passphrase import LOWEST
from keys.signing import AGREEMENT, SigningKey
from nodes.agreements.chain import Received, verify
from nodes.agreements.client import calling
from nodes.agreements.errors import ProposalUntrusted
from nodes.cli.main import app
from nodes.enrolment.home import Home
from nodes.enrolment.private_files import write_whole
from oncegate.v1 import agreement_pb2
from policies.agreements.workflow import Act
from tests.support.exchange_gateway import ExchangeGateway
from tests.support.proposals import Showing, Talk, showing, talk_with

Response = agreement_pb2.GetProposalResponse


@pytest.fixture
def gateway() -> ExchangeGateway:
    return ExchangeGateway.create(time.time_ns() // 1_000_000)


@pytest.fixture
def talk(gateway: ExchangeGateway, tmp_path: Path) -> Talk:
    return talk_with(gateway, tmp_path / "texts")


@pytest.fixture
async def door(gateway: ExchangeGateway) -> AsyncIterator[Showing]:
    async with showing(gateway) as door:
        yield door


@pytest.fixture
def home(gateway: ExchangeGateway, door: Showing, tmp_path: Path) -> Home:
    return gateway.consumer_home(tmp_path / "home", address=door.address, agreements=False)


async def run(*arguments: object, expect: int = 0) -> Result:
    result = await asyncio.to_thread(
        CliRunner().invoke, app, [str(a) for a in arguments], env={"ONCEGATE_PASSPHRASE": "long enough", "LANG": "C"}
    )
    assert result.exit_code == expect, (result.output, result.exception)
    return result


def approved(talk: Talk) -> None:
    text = talk.text()
    talk.say(Act.PROPOSE, text)
    talk.say(Act.APPROVE, text, provider=True)


def with_text(response: Response) -> None:
    response.steps[0].text = response.steps[0].text.replace(b"uses_per_day = 1000", b"uses_per_day = 9999")


def without_first(response: Response) -> None:
    del response.steps[0]


def swapped(response: Response) -> None:
    first = Response()
    first.CopyFrom(response)
    response.steps[0].CopyFrom(first.steps[1])
    response.steps[1].CopyFrom(first.steps[0])


def another_reason(response: Response) -> None:
    body = response.steps[1].step.body
    response.steps[1].step.body = body.replace("因办理业务需要".encode(), "因办理业务不要".encode())


def own_key(response: Response) -> None:
    """The gateway signs the approval itself, under its own key."""
    key = SigningKey.generate()
    step = response.steps[1]
    step.step.signature = key.sign("oncegate/v1/agreement-step", step.step.body)
    step.step.department_key = key.verify_key.der
    step.agreement_signature = key.sign(AGREEMENT, response.steps[0].text)


def foreign_approval(response: Response) -> None:
    response.steps[1].agreement_signature = SigningKey.generate().sign(AGREEMENT, response.steps[0].text)


def no_approval(response: Response) -> None:
    response.steps[1].agreement_signature = b""


def twice(response: Response) -> None:
    response.steps.add().CopyFrom(response.steps[1])


def nothing(response: Response) -> None:
    del response.steps[:]


@pytest.mark.parametrize(
    "lie",
    [
        with_text,
        without_first,
        swapped,
        another_reason,
        own_key,
        foreign_approval,
        no_approval,
        twice,
        nothing,
    ],
)
async def test_what_the_parties_did_not_say_is_not_believed(
    talk: Talk, door: Showing, home: Home, lie: Callable[[Response], None]
) -> None:
    approved(talk)
    assert talk.proposal is not None
    door.show(talk.proposal)
    door.twist = lie
    fingerprint = talk.provider.verify_key.fingerprint
    accept = ("agreement", "accept", "--proposal", "civil-school", "--home", home.path, "--fingerprint", fingerprint)
    for command in (("agreement", "show", "civil-school", "--home", home.path), accept):
        refused = await run(*command, expect=5)
        assert "PROPOSAL_UNTRUSTED" in refused.stderr
        assert not refused.stdout
    assert list(home.agreements.iterdir()) == []
    door.twist = lambda _: None
    await run(*accept)
    assert (home.agreements / "civil-school.toml").read_bytes() == talk.text()


async def test_a_past_that_was_seen_cannot_become_another_one_or_none(
    talk: Talk, door: Showing, home: Home, gateway: ExchangeGateway, tmp_path: Path
) -> None:
    approved(talk)
    assert talk.proposal is not None
    door.show(talk.proposal)
    show = ("agreement", "show", talk.proposal.id, "--home", home.path)
    await run(*show)
    honest = list(door.received)
    door.received = honest[:1]
    assert "fewer steps" in (await run(*show, expect=5)).stderr
    fork = talk_with(gateway, tmp_path / "fork")
    fork.proposal = verify(honest[:1])
    fork.say(Act.REFUSE, provider=True)
    door.received = list(fork.proposal.received)
    assert "past" in (await run(*show, expect=5)).stderr
    door.received = honest
    await run(*show)


async def test_a_question_that_was_asked_and_answered_cannot_be_left_out(talk: Talk, door: Showing, home: Home) -> None:
    text = talk.text()
    talk.say(Act.PROPOSE, text)
    talk.say(Act.ASK, provider=True)
    talk.say(Act.ANSWER)
    talk.say(Act.APPROVE, text, provider=True)
    assert talk.proposal is not None
    door.show(talk.proposal)
    del door.received[1:3]
    refused = await run("agreement", "show", door.proposal_id, "--home", home.path, expect=5)
    assert "step 2" in refused.stderr


async def test_a_gateway_that_shows_another_proposal_than_the_one_asked_for_is_not_believed(
    talk: Talk, door: Showing, home: Home
) -> None:
    approved(talk)
    assert talk.proposal is not None
    door.show(talk.proposal)
    with pytest.raises(ProposalUntrusted, match="another proposal"):
        await calling(home, lambda client: client.get("f" * 32))
    door.agreement_id = "somebody-elses"
    await run("agreement", "show", "somebody-elses", "--home", home.path, expect=5)


async def test_many_steps_come_in_pages_and_are_verified_together(talk: Talk, door: Showing, home: Home) -> None:
    talk.say(Act.PROPOSE, talk.text())
    for _ in range(3):
        talk.say(Act.ASK, provider=True)
        talk.say(Act.ANSWER)
    assert talk.proposal is not None
    door.show(talk.proposal)
    door.at_once = 2
    _, found = await calling(home, lambda client: client.get(door.proposal_id))
    assert found.digest == talk.proposal.digest


async def test_hostile_text_reaches_no_terminal(talk: Talk, door: Showing, home: Home) -> None:
    talk.say(Act.PROPOSE, talk.text())
    assert talk.proposal is not None
    door.show(talk.proposal)
    door.agreement_id = "evil\x1b[2J\u202e"
    shown = await run("agreement", "inbox", "--home", home.path)
    assert "\x1b" not in shown.stdout
    assert "\u202e" not in shown.stdout
    assert "evil" in shown.stdout


async def test_an_approval_is_only_of_the_text_that_was_shown(
    talk: Talk, door: Showing, home: Home, gateway: ExchangeGateway, tmp_path: Path
) -> None:
    """Here school narrows nothing and accepts only what it looked at; the same guard is before an approval."""
    talk.say(Act.PROPOSE, talk.text())
    talk.say(Act.NARROW, talk.text(uses_per_day="10"), provider=True)
    assert talk.proposal is not None
    door.show(talk.proposal)
    write_whole(tmp_path / "school.key", gateway.consumer_key.to_pem(b"long enough", LOWEST))
    answer = ("agreement", "answer", door.proposal_id, "--accept", "--home", home.path)
    key = ("--department-key", tmp_path / "school.key")
    assert "look at" in (await run(*answer, *key, expect=2)).stderr
    assert door.submitted == []
    shown = await run("agreement", "show", door.proposal_id, "--home", home.path, "--lang", "zh")
    assert "缩小" in shown.stdout
    await run(*answer, *key)
    assert len(door.submitted) == 1


def test_a_step_under_a_key_that_no_text_names_is_not_believed(talk: Talk) -> None:
    proposal = talk.say(Act.PROPOSE, talk.text())
    talk.provider = SigningKey.generate()
    forged = replace(proposal.received[0], agreement_signature=b"x")
    with pytest.raises(ProposalUntrusted):
        verify([forged])
    with pytest.raises(ProposalUntrusted):
        verify([Received(proposal.received[0].signed, b"")])
