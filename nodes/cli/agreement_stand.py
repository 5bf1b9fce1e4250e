"""`oncegate-node agreement suspend`, `resume`, `terminate`, `history`: what stands, and how it came about."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from nodes.agreements.chain import VerifiedProposal, from_json, to_json
from nodes.cli.agreement_folder import agreement_folder
from nodes.cli.exits import command
from nodes.cli.language import language_of
from nodes.cli.options import AsJson, DepartmentKey, HomePath, Lang, PassphraseFile
from nodes.cli.output import emit, say
from nodes.cli.proposal_options import OptionalReason, ProposalName, Reason, act_on, found, open_key, side_of, tell
from nodes.cli.proposal_view import show_steps, steps_json
from nodes.clock import SystemClock
from nodes.enrolment.agreement_stops import Stop, stop
from nodes.enrolment.agreement_stops import resume as resume_here
from nodes.enrolment.errors import BadInput
from nodes.enrolment.private_files import PUBLIC, read_public, write_whole
from policies.agreements.workflow import Act

Known = Annotated[str, typer.Argument(help="The proposal's id, or its agreement's.")]


@command
def suspend(
    *,
    proposal: ProposalName,
    home: HomePath,
    department_key: DepartmentKey,
    reason: Reason,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Suspend an agreement: the next release is refused, at this home's node at once, at the gateway too."""
    _stop(home, proposal, department_key, passphrase_file, Act.SUSPEND, Stop.SUSPENDED, reason, as_json)


@command
def terminate(
    *,
    proposal: ProposalName,
    home: HomePath,
    department_key: DepartmentKey,
    reason: Reason,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """End an agreement for good, all its revisions: the next release is refused, here at once, at the gateway too."""
    _stop(home, proposal, department_key, passphrase_file, Act.TERMINATE, Stop.TERMINATED, reason, as_json)


@command
def resume(
    *,
    proposal: ProposalName,
    home: HomePath,
    department_key: DepartmentKey,
    reason: OptionalReason = "",
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Resume an agreement that this department suspended; what the other side suspended stays suspended."""
    side = side_of(home)
    summary, known = found(side, proposal)
    key = open_key(side, department_key, passphrase_file)
    party = known.history.party_of(side.department)
    if party in known.history.state.suspended_by:
        summary = act_on(side, key, known, Act.RESUME, reason=reason)
    # Last, so that the node releases nothing before the gateway knows; also when only the node still holds it.
    resume_here(agreement_folder(side.home), known.history.first.id)
    tell(summary, as_json=as_json)


@command
def history(
    *,
    proposal: Annotated[str, typer.Argument(help="The proposal's id, or its agreement's; not with --file.")] = "",
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="ONCEGATE_HOME", help="Home folder of the node or system.", file_okay=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Verify this history file offline instead of asking the gateway.", dir_okay=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Write the history there, to verify it offline.", dir_okay=False)
    ] = None,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Show and verify everything that was said about an agreement, step by step, with the keys that signed it."""
    known = _known(proposal, home, file)
    if output is not None:
        write_whole(output, to_json(known), PUBLIC)
    keys = {str(party): sorted(known.history.keys_of(party)) for party in ("consumer", "provider")}  # type: ignore[arg-type]  # a text equals its word
    facts: dict[str, Any] = {
        "proposal": known.id,
        "agreement": known.history.first.id,
        "provider": known.history.first.provider,
        "consumer": known.history.first.consumer,
        "status": str(known.history.state.status),
        "keys": keys,
        "digest": known.digest.hex(),
        "steps": steps_json(known),
    }

    def human() -> None:
        show_steps(known, language_of(lang, os.environ))
        for party, fingerprints in keys.items():
            say(f"{party}: {', '.join(fingerprints)}")

    emit(facts, as_json=as_json, human=human)


def _known(proposal: str, home: Path | None, file: Path | None) -> VerifiedProposal:
    if file is not None:
        return from_json(read_public(file))
    if home is None or not proposal:
        raise BadInput("proposal", "give a proposal with --home, or --file")
    return found(side_of(home), proposal)[1]


def _stop(
    home: Path,
    proposal: str,
    department_key: Path,
    passphrase_file: Path | None,
    act: Act,
    how: Stop,
    reason: str,
    as_json: bool,
) -> None:
    side = side_of(home)
    key = open_key(side, department_key, passphrase_file)
    _, known = found(side, proposal)
    if not known.history.state.in_force:
        raise BadInput("proposal", "nothing was approved yet")
    # First, so that the node stops even if the gateway is not reached or refuses.
    stop(agreement_folder(side.home), known.history.first.id, how, SystemClock().now_ms())
    tell(act_on(side, key, known, act, reason=reason), as_json=as_json)
