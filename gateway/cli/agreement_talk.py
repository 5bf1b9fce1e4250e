"""`oncegate agreement show`, `history`, `overdue`: proposals as the operator sees them, which is metadata."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, emit, moment, say, table
from gateway.errors import Code, Refused

if TYPE_CHECKING:
    from gateway.bootstrap.offline import Offline
    from gateway.sharing.proposals import Proposal

Named = Annotated[str, typer.Argument(help="Agreement id, or proposal id.")]


@command
def show(agreement: Named, home: Home, as_json: AsJson = False) -> None:
    """Show where the proposals of an agreement are and who is waited for."""
    with open_offline(home) as offline:
        found = [facts(proposal) for proposal in proposals_of(offline, agreement)]

    def human() -> None:
        for one in found:
            for key, value in one.items():
                say(f"{key}: {moment(value) if key.endswith('_unix_ms') and value else value}")

    emit({"proposals": found}, as_json=as_json, human=human)


@command
def history(agreement: Named, home: Home, as_json: AsJson = False) -> None:
    """List the steps of an agreement's proposals, verified: who did what when, without texts and reasons."""
    with open_offline(home) as offline:
        steps = []
        for proposal in proposals_of(offline, agreement):
            chain = offline.proposals.chain(proposal.id)
            steps += [
                {
                    "proposal": step.proposal,
                    "number": step.number,
                    "department": step.department,
                    "act": step.act,
                    "text": step.text.hex(),
                    "law": step.law,
                    "received_unix_ms": kept.received_ms,
                    "digest": kept.signed.digest.hex(),
                }
                for kept, step in (zip(chain.kept, chain.steps, strict=True) if chain else ())
            ]
    rows = [
        (
            str(one["proposal"])[:8],
            str(one["number"]),
            moment(int(str(one["received_unix_ms"]))),
            str(one["department"]),
            str(one["act"]),
            str(one["law"]),
            str(one["text"])[:16],
        )
        for one in steps
    ]
    columns = ("proposal", "step", "when", "department", "act", "law", "text")
    emit({"steps": steps}, as_json=as_json, human=lambda: table("Steps", columns, rows))


@command
def overdue(home: Home, as_json: AsJson = False) -> None:
    """List who is late with a proposal, by how many working days, the latest first. Nothing is granted by it."""
    with open_offline(home) as offline:
        found = [facts(proposal) for proposal in offline.proposals.overdue()]
    rows = [
        (
            one["waits_for"],
            str(one["late_working_days"]),
            moment(one["due_unix_ms"]),
            f"{one['agreement']} r{one['revision']}",
            f"{one['provider']} → {one['consumer']}",
            one["talk"],
            one["proposal"],
        )
        for one in found
    ]
    columns = ("who is late", "working days", "due", "agreement", "between", "state", "proposal")
    emit({"overdue": found}, as_json=as_json, human=lambda: table("Overdue", columns, rows))


def proposals_of(offline: "Offline", named: str) -> list["Proposal"]:
    """The proposals of an agreement, or the one of an id, oldest first.

    Raises:
        Refused: NOT_FOUND.
    """
    found = [one for one in offline.proposals.all() if named in {one.id, one.agreement_id}]
    if not found:
        raise Refused(Code.NOT_FOUND)
    return sorted(found, key=lambda one: one.opened_ms)


def facts(proposal: "Proposal") -> dict[str, Any]:
    """A proposal's metadata."""
    return {
        "proposal": proposal.id,
        "agreement": proposal.agreement_id,
        "provider": proposal.provider,
        "consumer": proposal.consumer,
        "resource": proposal.resource,
        "revision": proposal.revision,
        "revision_in_force": proposal.revision_in_force,
        "status": proposal.status,
        "talk": proposal.talk,
        "waits_for": proposal.waited_for,
        "steps": proposal.steps,
        "opened_unix_ms": proposal.opened_ms,
        "changed_unix_ms": proposal.changed_ms,
        "due_unix_ms": proposal.due_ms,
        "late_working_days": proposal.late,
    }
