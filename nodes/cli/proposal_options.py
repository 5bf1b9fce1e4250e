"""What the commands about proposals share: their options, and how one act gets from a steward to the gateway."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from keys.signing import SigningKey, fingerprint_of
from nodes.agreements.acts import Prepared, prepare
from nodes.agreements.chain import VerifiedProposal
from nodes.agreements.client import AgreementClient, Summary, calling
from nodes.cli.options import passphrase
from nodes.cli.output import emit, moment, say
from nodes.clock import SystemClock
from nodes.enrolment.department_key import load_department_key
from nodes.enrolment.errors import BadInput
from nodes.enrolment.home import Home
from policies.agreements import Agreement
from policies.agreements.workflow import Act

ProposalName = Annotated[str, typer.Argument(help="The proposal's id, or its agreement's.")]
AgreementText = Annotated[Path, typer.Argument(help="The agreement (TOML).", dir_okay=False)]
Reason = Annotated[str, typer.Option("--reason", help="Why, at most 1000 characters; names no person.")]
OptionalReason = Annotated[str, typer.Option("--reason", help="Why, if you want to say it; names no person.")]
OtherKey = Annotated[
    str,
    typer.Option(
        "--fingerprint",
        help="Fingerprint of the other department's key, as you learned it from that department itself.",
    ),
]


@dataclass(frozen=True, slots=True)
class Side:
    """The department in whose name a command is given.

    Args:
        home: A home of one of its nodes or systems.
        department: Its id.
        own_key: Fingerprint of its key, as the home was certified.
    """

    home: Home
    department: str
    own_key: str


def side_of(home: Path) -> Side:
    """The department of a home.

    Raises:
        HomeInvalid: The home is missing or damaged.
    """
    member = Home(home)
    return Side(member, member.spiffe().department, fingerprint_of(member.certified().department_key))


def open_key(side: Side, department_key: Path, passphrase_file: Path | None) -> SigningKey:
    """The department's key, which must be the one that certified the home.

    Raises:
        BadInput: It is another department's.
        HomeInvalid: It does not open.
    """
    key = load_department_key(department_key, passphrase(passphrase_file))
    if key.verify_key.fingerprint != side.own_key:
        raise BadInput("--department-key", "is not the key of this home's department")
    return key


def found(side: Side, named: str) -> tuple[Summary, VerifiedProposal]:
    """One proposal, verified.

    Raises:
        NodeError: As `AgreementClient.find`.
    """
    return asyncio.run(calling(side.home, lambda client: client.find(named)))


def submitted(side: Side, prepared: Prepared) -> Summary:
    """Bring a step to the gateway.

    Raises:
        NodeError: As `AgreementClient.submit`.
    """

    async def work(client: AgreementClient) -> Summary:
        return await client.submit(prepared.signed, prepared.text, prepared.agreement_signature)

    return asyncio.run(calling(side.home, work))


def act_on(
    side: Side,
    key: SigningKey,
    proposal: VerifiedProposal,
    act: Act,
    *,
    text: Agreement | None = None,
    reason: str = "",
    law: str = "",
) -> Summary:
    """Sign the next step of a proposal and bring it to the gateway.

    Raises:
        NodeError: The act cannot come now, or the gateway refused it.
    """
    prepared = prepare(
        key,
        side.department,
        act,
        proposal=proposal,
        now_ms=SystemClock().now_ms(),
        text=text,
        reason=reason,
        law=law,
    )
    return submitted(side, prepared)


def tell(summary: Summary, *, as_json: bool, more: str = "") -> None:
    """Print where a proposal is.

    Args:
        summary: In the gateway's words.
        as_json: As one document.
        more: A further line for people.
    """

    def human() -> None:
        waits = f"; waits for {summary.waited_for} until {moment(summary.due_ms)}" if summary.turn else ""
        say(f"{summary.agreement_id} revision {summary.revision}: {summary.status}{waits}")
        say(f"proposal {summary.id}, step {summary.steps}")
        if more:
            say(more)

    emit(summary_json(summary), as_json=as_json, human=human)


def summary_json(summary: Summary) -> dict[str, Any]:
    """Where a proposal is, for programs."""
    return {
        "proposal": summary.id,
        "agreement": summary.agreement_id,
        "provider": summary.provider,
        "consumer": summary.consumer,
        "resource": summary.resource,
        "revision": summary.revision,
        "revision_in_force": summary.revision_in_force,
        "status": summary.status,
        "talk": summary.talk,
        "waits_for": summary.waited_for,
        "steps": summary.steps,
        "opened_unix_ms": summary.opened_ms,
        "changed_unix_ms": summary.changed_ms,
        "due_unix_ms": summary.due_ms,
        "late": summary.late is not None,
        "late_working_days": summary.late or 0,
    }
