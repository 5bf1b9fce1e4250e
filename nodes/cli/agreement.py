"""`oncegate-node agreement`: sign as a provider, accept as a steward, see what is accepted."""

from pathlib import Path
from typing import Annotated, Any

import typer

from keys.signing import VerifyKey
from nodes.cli.exits import command
from nodes.cli.options import AsJson, DepartmentKey, HomePath, PassphraseFile, passphrase
from nodes.cli.output import emit, moment, say, table
from nodes.clock import SystemClock
from nodes.enrolment.agreement_files import (
    accept_agreement,
    list_agreements,
    read_agreement,
    sign_agreement,
    verified_agreement,
)
from nodes.enrolment.department_key import load_department_key
from nodes.enrolment.home import Home
from nodes.provider.config import load_settings
from policies.agreements import Agreement

app = typer.Typer(no_args_is_help=True, help="Agreements between this department and others.")

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
    file: AgreementFile,
    home: HomePath,
    fingerprint: Annotated[
        str,
        typer.Option(
            "--fingerprint",
            help="Fingerprint of the other department's key, as you learned it from that department itself.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Accept an agreement, and with it the other department's key, for a node or system of this department."""
    member = Home(home)
    own_key = VerifyKey.from_der(member.certified().department_key).fingerprint
    agreement = accept_agreement(
        file, agreement_folder(member), department=member.spiffe().department, own_key=own_key, accepted=fingerprint
    )
    emit(
        {"id": agreement.id, "revision": agreement.revision},
        as_json=as_json,
        human=lambda: say(f"accepted {agreement.id} revision {agreement.revision}"),
    )


@app.command("list")
@command
def list_(*, home: HomePath, as_json: AsJson = False) -> None:
    """List the accepted agreements of a home, with those that do not hold."""
    files = list(list_agreements(agreement_folder(Home(home))))
    now_ms = SystemClock().now_ms()
    found: list[dict[str, Any]] = [
        {"file": file.name, "problem": file.problem}
        if file.agreement is None
        else {"file": file.name, "problem": "", **_facts(file.agreement, now_ms)}
        for file in files
    ]
    rows = [
        (
            f["file"],
            str(f.get("revision", "")),
            f"{f.get('provider', '')} → {f.get('consumer', '')}",
            f.get("resource", ""),
            moment(f.get("valid_until_ms"), ""),
            f["problem"] or f["term"],
        )
        for f in found
    ]
    emit(
        found,
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


def agreement_folder(home: Home) -> Path:
    """Where a member keeps its agreements: a node may say so in node.toml.

    Args:
        home: The home.

    Returns:
        The folder.

    Raises:
        BadConfig: node.toml has mistakes.
    """
    settings = home.path / "node.toml"
    return load_settings(settings).agreements if settings.exists() else home.agreements
