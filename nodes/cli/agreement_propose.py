"""`oncegate-node agreement new`, `propose`, `answer`, `withdraw`: the consumer's side."""

import asyncio
import os
from typing import Annotated

import typer

from nodes.agreements.acts import check_parties, prepare
from nodes.agreements.client import AgreementClient, Summary, calling
from nodes.agreements.memory import Memory
from nodes.agreements.template import Wish, write
from nodes.cli.exits import command
from nodes.cli.language import language_of
from nodes.cli.options import AsJson, Basis, DepartmentKey, HomePath, Lang, PassphraseFile
from nodes.cli.output import emit, say
from nodes.cli.proposal_options import (
    AgreementText,
    OptionalReason,
    OtherKey,
    ProposalName,
    act_on,
    found,
    open_key,
    side_of,
    submitted,
    tell,
)
from nodes.cli.proposal_view import show_text
from nodes.clock import SystemClock
from nodes.consumer.catalog import CatalogResource
from nodes.consumer.client import AsyncClient
from nodes.enrolment.agreement_files import read_agreement
from nodes.enrolment.errors import BadInput
from nodes.enrolment.private_files import PUBLIC, write_whole
from policies.agreements import Agreement
from policies.agreements.workflow import Act, Talk

_SHORTEST_YEAR = 365


@command
def new(
    *,
    file: AgreementText,
    home: HomePath,
    resource: Annotated[str, typer.Option("--resource", help="Resource code; the catalogue names its provider.")],
    items: Annotated[list[str], typer.Option("--item", help="field=form,form; give it once per field.")],
    predicates: Annotated[
        list[str] | None,
        typer.Option("--predicate", help="NAME=FIELD:OPERATOR:VALUE for an item with the form predicate."),
    ] = None,
    purposes: Annotated[list[str], typer.Option("--purpose", help="Registered purpose; may be given again.")],
    basis: Basis,
    fingerprint: OtherKey,
    agreement_id: Annotated[str, typer.Option("--id", help="Id of the agreement; default from its parties.")] = "",
    revision: Annotated[int, typer.Option("--revision", help="From 1; a new revision has a higher one.")] = 1,
    days: Annotated[int, typer.Option("--days", help="For how many days, from now on.")] = _SHORTEST_YEAR,
    uses_per_day: Annotated[int, typer.Option("--uses-per-day", help="Uses per day.")] = 100,
    condition: Annotated[str, typer.Option("--condition", help="The condition of conditional sharing.")] = "",
    case_required: Annotated[bool, typer.Option("--case-required", help="Each request states a case.")] = False,
    official_required: Annotated[
        bool, typer.Option("--official-required", help="Each request names its official.")
    ] = False,
    retention_days: Annotated[int, typer.Option("--retention-days", help="Kept for so many days; 0: not said.")] = 0,
    impact_assessment: Annotated[
        str, typer.Option("--impact-assessment", help="Its reference; needed for sensitive fields.")
    ] = "",
    services: Annotated[
        list[str] | None,
        typer.Option("--service", help="Only for this service item; may be given again. Else for every one."),
    ] = None,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Write a new agreement for a system of this department, out of the catalogue; change it as you like."""
    side = side_of(home)
    if file.exists():
        raise BadInput(str(file), "exists already and is not overwritten")
    forms = _forms(items)

    async def look() -> CatalogResource:
        async with AsyncClient(home, renew=False) as client:
            return await client.resource(resource)

    offered = asyncio.run(look())
    further: dict[str, str | int | bool | list[str]] = {}
    if offered.sharing_type is not None:
        further["sharing_type"] = str(offered.sharing_type)
    terms = condition or (offered.sharing_terms if str(offered.sharing_type) == "conditional" else "")
    further |= {"condition": terms} if terms else {}
    further |= {"official_required": True} if official_required else {}
    further |= {"retention_days": retention_days} if retention_days else {}
    further |= {"impact_assessment": impact_assessment} if impact_assessment else {}
    further |= {"services": list(services)} if services else {}
    further |= {"case_required": case_required}
    wish = Wish(
        id=agreement_id or f"{side.department}-{resource.replace('.', '-')}",
        revision=revision,
        provider=offered.provider,
        provider_key=fingerprint,
        consumer=side.department,
        consumer_key=side.own_key,
        systems=[side.home.spiffe().name],
        resource=resource,
        legal_basis=basis,
        purposes=purposes,
        items=forms,
        begin_ms=SystemClock().now_ms(),
        days=days,
        uses_per_day=uses_per_day,
        further=further,
        questions=predicates or (),
    )
    write_whole(file, write(wish), PUBLIC)
    agreement = read_agreement(file)

    def human() -> None:
        show_text(agreement, language_of(lang, os.environ))
        say(f"wrote {file}")

    emit({"file": str(file), "id": agreement.id, "digest": agreement.digest.hex()}, as_json=as_json, human=human)


@command
def propose(
    *,
    file: AgreementText,
    home: HomePath,
    department_key: DepartmentKey,
    reason: OptionalReason = "",
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Propose an agreement to its provider, or a new revision of one that the provider approved."""
    side = side_of(home)
    text = read_agreement(file)
    if text.consumer != side.department:
        raise BadInput("consumer", "must be this department")
    check_parties(text, side.department, side.own_key)
    key = open_key(side, department_key, passphrase_file)

    async def work(client: AgreementClient) -> Summary | None:
        same = [one for one in await client.list() if one.agreement_id == text.id and one.revision_in_force]
        return same[0] if same else None

    standing = asyncio.run(calling(side.home, work))
    if standing is not None:
        _, proposal = found(side, standing.id)
        tell(act_on(side, key, proposal, Act.REVISE, text=text, reason=reason), as_json=as_json)
        return
    now_ms = SystemClock().now_ms()
    prepared = prepare(key, side.department, Act.PROPOSE, proposal=None, now_ms=now_ms, text=text, reason=reason)
    tell(submitted(side, prepared), as_json=as_json)


@command
def answer(
    *,
    proposal: ProposalName,
    home: HomePath,
    department_key: DepartmentKey,
    reason: OptionalReason = "",
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept the narrower text that the provider offers.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Answer the provider's question, or its narrower text: accept it, or stand by your own and say why."""
    side = side_of(home)
    _, known = found(side, proposal)
    key = open_key(side, department_key, passphrase_file)
    if not accept:
        tell(act_on(side, key, known, Act.ANSWER, reason=reason), as_json=as_json)
        return
    offered = _offered(known.history.offered, known.history.state.talk)
    check_parties(offered, side.department, side.own_key)
    if not Memory(side.home).was_shown(known.id, offered.digest):
        raise BadInput("proposal", "look at the narrower text first: agreement show")
    tell(act_on(side, key, known, Act.ACCEPT_NARROWING, text=offered, reason=reason), as_json=as_json)


@command
def withdraw(
    *,
    proposal: ProposalName,
    home: HomePath,
    department_key: DepartmentKey,
    reason: OptionalReason = "",
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw a proposal or a new revision that is not approved yet; what is in force stays in force."""
    side = side_of(home)
    _, known = found(side, proposal)
    key = open_key(side, department_key, passphrase_file)
    tell(act_on(side, key, known, Act.WITHDRAW, reason=reason), as_json=as_json)


def _offered(offered: Agreement | None, talk: Talk) -> Agreement:
    if offered is None or talk is not Talk.NARROWED:
        raise BadInput("--accept", "the provider offers no narrower text")
    return offered


def _forms(items: list[str]) -> dict[str, list[str]]:
    forms: dict[str, list[str]] = {}
    for item in items:
        field, equals, listed = item.partition("=")
        if not equals or field in forms:
            raise BadInput("--item", "must be field=form,form, once per field")
        forms[field] = listed.split(",")
    return forms
