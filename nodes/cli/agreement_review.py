"""`oncegate-node agreement inbox`, `show`, `ask`, `narrow`, `approve`, `refuse`: the provider's side."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from nodes.agreements.acts import check_floors, check_parties, check_purposes
from nodes.agreements.chain import Approved, VerifiedProposal
from nodes.agreements.client import calling
from nodes.agreements.memory import Memory
from nodes.cli.agreement_folder import agreement_folder, known_purposes
from nodes.cli.exits import command
from nodes.cli.language import language_of
from nodes.cli.options import AsJson, DepartmentKey, HomePath, Lang, PassphraseFile
from nodes.cli.output import emit, moment, say, table
from nodes.cli.proposal_options import (
    AgreementText,
    OptionalReason,
    OtherKey,
    ProposalName,
    Reason,
    Side,
    act_on,
    found,
    open_key,
    side_of,
    summary_json,
    tell,
)
from nodes.cli.proposal_view import (
    changes_json,
    comparison,
    show_changes,
    show_state,
    show_steps,
    show_text,
    status_word,
    steps_json,
    text_facts,
)
from nodes.clock import SystemClock
from nodes.enrolment.agreement_files import accept_signed, read_agreement
from nodes.enrolment.errors import BadInput
from nodes.enrolment.private_files import PUBLIC, write_whole
from nodes.errors import BadConfig
from nodes.provider.config import load_node
from policies.agreements import Agreement
from policies.agreements.workflow import Act, Talk
from policies.resources import ResourceDescription


@command
def inbox(
    *,
    home: HomePath,
    everything: Annotated[bool, typer.Option("--all", help="All proposals, not only those that wait for you.")] = False,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """List the proposals in which this department is waited for, the ones due first."""
    side = side_of(home)
    proposals = asyncio.run(calling(side.home, lambda client: client.list(waiting=not everything)))
    ordered = sorted(proposals, key=lambda one: (not one.due_ms, one.due_ms, one.id))
    language = language_of(lang, os.environ)
    rows = [
        (
            one.agreement_id,
            str(one.revision),
            f"{one.provider} → {one.consumer}",
            one.resource,
            status_word(one.status, language) + ("" if one.talk in {"none", one.status} else f" ({one.talk})"),
            one.waited_for,
            moment(one.due_ms, "") + ("" if one.late is None else f" (+{one.late})"),
            one.id,
        )
        for one in ordered
    ]
    heads = (
        "agreement 协议",
        "r",
        "between 双方",
        "resource 资源",
        "status 状态",
        "waits for 等待",
        "due 期限",
        "proposal",
    )
    emit([summary_json(one) for one in ordered], as_json=as_json, human=lambda: table("Proposals 申请", heads, rows))


@command
def show(
    *,
    proposal: ProposalName,
    home: HomePath,
    output: Annotated[
        Path | None, typer.Option("--output", help="Also write the text that is talked about there.", dir_okay=False)
    ] = None,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Show a proposal, verified: its text, what it changes, and what was said. Look at it before you approve it."""
    side = side_of(home)
    summary, known = found(side, proposal)
    current = known.history.current
    compared = comparison(known)
    language = language_of(lang, os.environ)
    if output is not None:
        write_whole(output, current.raw, PUBLIC)

    def human() -> None:
        show_text(current, language)
        if compared is not None:
            show_changes(*compared, language)
        show_steps(known, language)
        show_state(summary, known, side.department, language)

    facts: dict[str, Any] = {
        **summary_json(summary),
        "text": text_facts(current),
        "digest": current.digest.hex(),
        "changes": [] if compared is None else changes_json(compared[1]),
        "said": steps_json(known),
    }
    emit(facts, as_json=as_json, human=human)
    Memory(side.home).show(known)


@command
def ask(
    *,
    proposal: ProposalName,
    home: HomePath,
    department_key: DepartmentKey,
    reason: Reason,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Ask the consumer a question about its proposal; the time until it answers does not count against you."""
    side = side_of(home)
    _, known = found(side, proposal)
    key = open_key(side, department_key, passphrase_file)
    tell(act_on(side, key, known, Act.ASK, reason=reason), as_json=as_json)


@command
def narrow(
    *,
    proposal: ProposalName,
    file: AgreementText,
    home: HomePath,
    department_key: DepartmentKey,
    reason: OptionalReason = "",
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Offer a narrower text than the consumer's, or than the one in force; it counts once the consumer accepts it."""
    side = side_of(home)
    text = read_agreement(file)
    check_parties(text, side.department, side.own_key)
    _, known = found(side, proposal)
    key = open_key(side, department_key, passphrase_file)
    tell(act_on(side, key, known, Act.NARROW, text=text, reason=reason), as_json=as_json)


@command
def approve(
    *,
    proposal: ProposalName,
    home: HomePath,
    department_key: DepartmentKey,
    fingerprint: OtherKey,
    reason: OptionalReason = "",
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Approve exactly the text that you were shown: sign it, put it in force, and accept it for this home's node."""
    side = side_of(home)
    summary, known = found(side, proposal)
    key = open_key(side, department_key, passphrase_file)
    approved = _unfinished(side, known)
    if approved is None:
        text = _reviewed(known)
        check_parties(text, side.department, side.own_key, fingerprint)
        now_ms = SystemClock().now_ms()
        check_floors(text, _offered(side, text.resource), now_ms)
        check_purposes(text, known_purposes(side.home), now_ms)
        if not Memory(side.home).was_shown(known.id, text.digest):
            raise BadInput("proposal", "look at this very text first: agreement show")
        summary = act_on(side, key, known, Act.APPROVE, text=text, reason=reason)
        _, known = found(side, known.id)
        approved = known.approved
    _accept(side, approved, fingerprint)
    tell(summary, as_json=as_json, more="accepted here 本节点已接受")


@command
def refuse(
    *,
    proposal: ProposalName,
    home: HomePath,
    department_key: DepartmentKey,
    law: Annotated[str, typer.Option("--law", help="The law that the refusal rests on.")],
    reason: Reason,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a proposal or a new revision, citing the law; what is in force stays in force."""
    side = side_of(home)
    _, known = found(side, proposal)
    key = open_key(side, department_key, passphrase_file)
    tell(act_on(side, key, known, Act.REFUSE, reason=reason, law=law), as_json=as_json)


def _reviewed(known: VerifiedProposal) -> Agreement:
    text = known.history.pending
    if text is None or known.history.state.talk is not Talk.REVIEW:
        raise BadInput("proposal", "there is no text under review")
    return text


def _unfinished(side: Side, known: VerifiedProposal) -> Approved | None:
    """What this department approved already, when nothing is under review: the command broke off before accepting."""
    approved = known.approved
    if known.history.state.talk is not Talk.NONE or known.history.state.ended is not None:
        return None
    return approved if approved is not None and approved.agreement.provider == side.department else None


def _accept(side: Side, approved: Approved | None, fingerprint: str) -> None:
    if approved is None:
        raise BadInput("proposal", "nothing was approved")
    accept_signed(
        approved.agreement,
        approved.signature,
        approved.signer_key,
        agreement_folder(side.home),
        department=side.department,
        own_key=side.own_key,
        accepted=fingerprint,
    )


def _offered(side: Side, code: str) -> ResourceDescription | None:
    """The resource as this home's node offers it; None where there is no node, or its files have mistakes."""
    settings = side.home.path / "node.toml"
    if not settings.exists():
        return None
    try:
        _, offer = load_node(settings, side.department, os.environ)
    except BadConfig as error:
        # The gateway keeps the same floors; a node with mistakes in its files does not serve anyway.
        say(f"the node's own files were not looked at: {error.detail}")
        return None
    resource = offer.resources.get(code)
    if resource is None:
        raise BadInput("resource", "is not offered by this home's node")
    return resource.description
