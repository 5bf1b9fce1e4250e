"""`oncegate-node agreement`: registers the commands about proposals; sign and accept files, see what is accepted."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nodes.agreements.acts import check_purposes
from nodes.cli import agreement_propose, agreement_review, agreement_stand
from nodes.cli.agreement_folder import agreement_folder, known_purposes
from nodes.cli.exits import command
from nodes.cli.options import AsJson, DepartmentKey, HomePath, PassphraseFile, passphrase
from nodes.cli.output import emit, moment, say, table
from nodes.cli.proposal_options import OtherKey, found, side_of
from nodes.clock import SystemClock
from nodes.enrolment.agreement_files import (
    accept_agreement,
    accept_signed,
    list_agreements,
    read_agreement,
    sign_agreement,
    verified_agreement,
)
from nodes.enrolment.agreement_stops import stopped
from nodes.enrolment.department_key import load_department_key
from nodes.enrolment.errors import BadInput
from nodes.enrolment.home import Home
from policies.agreements import Agreement
from policies.civil_time import DAY_MS

app = typer.Typer(no_args_is_help=True, help="Agreements between this department and others.")
app.command("new")(agreement_propose.new)
app.command("propose")(agreement_propose.propose)
app.command("inbox")(agreement_review.inbox)
app.command("show")(agreement_review.show)
app.command("ask")(agreement_review.ask)
app.command("answer")(agreement_propose.answer)
app.command("narrow")(agreement_review.narrow)
app.command("approve")(agreement_review.approve)
app.command("refuse")(agreement_review.refuse)
app.command("withdraw")(agreement_propose.withdraw)
app.command("suspend")(agreement_stand.suspend)
app.command("resume")(agreement_stand.resume)
app.command("terminate")(agreement_stand.terminate)
app.command("history")(agreement_stand.history)

AgreementFile = Annotated[Path, typer.Argument(help="The agreement (TOML).", dir_okay=False)]


@app.command("sign")
@command
def sign(
    *,
    file: AgreementFile,
    department_key: DepartmentKey,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Sign an agreement as its provider; writes the signature beside it."""
    read_agreement(file)
    signature = sign_agreement(file, load_department_key(department_key, passphrase(passphrase_file)))
    emit({"signature": str(signature)}, as_json=as_json, human=lambda: say(f"wrote {signature}"))


@app.command("accept")
@command
def accept(
    *,
    file: Annotated[
        Path | None, typer.Argument(help="The agreement (TOML); not with --proposal.", dir_okay=False)
    ] = None,
    home: HomePath,
    fingerprint: OtherKey,
    proposal: Annotated[
        str,
        typer.Option("--proposal", help="Fetch the approved text of this proposal, or agreement, from the gateway."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Accept an agreement, and with it the other department's key, for a node or system of this department."""
    side = side_of(home)
    folder, known, now_ms = agreement_folder(side.home), known_purposes(side.home), SystemClock().now_ms()
    if file is not None and not proposal:
        check_purposes(read_agreement(file), known, now_ms)
        agreement = accept_agreement(
            file, folder, department=side.department, own_key=side.own_key, accepted=fingerprint
        )
    elif proposal and file is None:
        approved = found(side, proposal)[1].approved
        if approved is None:
            raise BadInput("proposal", "is not approved")
        check_purposes(approved.agreement, known, now_ms)
        agreement = accept_signed(
            approved.agreement,
            approved.signature,
            approved.signer_key,
            folder,
            department=side.department,
            own_key=side.own_key,
            accepted=fingerprint,
        )
    else:
        raise BadInput("agreement", "give either a file or --proposal")
    emit(
        {"id": agreement.id, "revision": agreement.revision},
        as_json=as_json,
        human=lambda: say(f"accepted {agreement.id} revision {agreement.revision}"),
    )


@app.command("list")
@command
def list_(
    *,
    home: HomePath,
    expiring: Annotated[
        int | None, typer.Option("--expiring", help="Only those whose term ends within so many days, or has ended.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the accepted agreements of a home, with those that do not hold or are stopped here."""
    folder = agreement_folder(Home(home))
    files = list(list_agreements(folder))
    now_ms = SystemClock().now_ms()
    entries: list[dict[str, Any]] = [
        {"file": file.name, "problem": file.problem}
        if file.agreement is None
        else {
            "file": file.name,
            "problem": "",
            **_facts(file.agreement, now_ms),
            "stopped": str(stopped(folder, file.agreement.id) or ""),
        }
        for file in files
        if expiring is None
        or (file.agreement is not None and file.agreement.valid_until_ms <= now_ms + expiring * DAY_MS)
    ]
    rows = [
        (
            f["file"],
            str(f.get("revision", "")),
            f"{f.get('provider', '')} → {f.get('consumer', '')}",
            f.get("resource", ""),
            moment(f.get("valid_until_ms"), ""),
            f["problem"] or f["stopped"] or f["term"],
        )
        for f in entries
    ]
    emit(
        entries,
        as_json=as_json,
        human=lambda: table("Agreements", ("agreement", "revision", "between", "resource", "until", "state"), rows),
    )


@app.command("check")
@command
def check(*, file: AgreementFile, as_json: AsJson = False) -> None:
    """Check an agreement file, and its signature where there is one beside it."""
    signed = file.with_suffix(".sig").exists()
    agreement = verified_agreement(file) if signed else read_agreement(file)
    facts = {"signed": signed, **_facts(agreement, SystemClock().now_ms())}

    def human() -> None:
        for name, value in facts.items():
            say(f"{name}: {', '.join(value) if isinstance(value, list) else value}")

    emit(facts, as_json=as_json, human=human)


def _facts(agreement: Agreement, now_ms: int) -> dict[str, Any]:
    return {
        "id": agreement.id,
        "revision": agreement.revision,
        "provider": agreement.provider,
        "provider_key": agreement.provider_key,
        "consumer": agreement.consumer,
        "consumer_key": agreement.consumer_key,
        "systems": sorted(agreement.systems),
        "resource": agreement.resource,
        "legal_basis": str(agreement.legal_basis),
        "purposes": sorted(agreement.purposes),
        "items": [f"{field}={form}" for field, forms in sorted(agreement.items.items()) for form in sorted(forms)],
        "valid_from_ms": agreement.valid_from_ms,
        "valid_until_ms": agreement.valid_until_ms,
        "term": str(agreement.term(now_ms)),
        "digest": agreement.digest.hex(),
    }
