"""`oncegate agreement`: what providers agreed to, as files that the provider's department signed."""

import base64
import binascii
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import agreement_talk
from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, emit, moment, say, table
from gateway.errors import bad_request
from policies.civil_time import DAY_MS

if TYPE_CHECKING:
    from gateway.sharing.agreements import ListedAgreement

app = typer.Typer(no_args_is_help=True, help="Sharing agreements, signed by the provider's department.")
app.command("show")(agreement_talk.show)
app.command("history")(agreement_talk.history)
app.command("overdue")(agreement_talk.overdue)
_MAX_FILE = 256 * 1024


def read_signature(path: Path) -> tuple[bytes, bytes]:
    """Signer's key (DER) and signature out of a .sig file: JSON with `department_key` and `signature`, base64.

    Raises:
        Refused: BAD_REQUEST, the file has another form.
        OSError: It cannot be read.
    """
    try:
        content = json.loads(path.read_bytes()[:_MAX_FILE])
        key = base64.b64decode(content["department_key"], validate=True)
        return key, base64.b64decode(content["signature"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise bad_request("signature", "must be JSON with department_key and signature in base64") from None


@app.command("add")
@command
def add(
    file: Annotated[Path, typer.Argument(help="The agreement (TOML).", exists=True, dir_okay=False)],
    home: Home,
    signature: Annotated[Path | None, typer.Option("--signature", help="Default: the same name with .sig.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take in an agreement. A higher revision replaces the one in force."""
    if file.stat().st_size > _MAX_FILE:
        raise bad_request("agreement", f"must be at most {_MAX_FILE} bytes")
    key, signed = read_signature(signature or file.with_suffix(".sig"))
    with open_offline(home) as offline:
        agreement = offline.membership.add_agreement(file.read_bytes(), signed, key)
    emit(
        {"id": agreement.id, "revision": agreement.revision, "digest": agreement.digest.hex()},
        as_json=as_json,
        human=lambda: say(f"in force: {agreement.id} revision {agreement.revision}, sha256 {agreement.digest.hex()}"),
    )


@app.command("list")
@command
def list_(
    home: Home,
    expiring: Annotated[
        int | None, typer.Option("--expiring", help="Only those whose term ends within so many days, or has ended.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List agreements in their newest revision, and agreements and proposals that are not what was signed."""
    with open_offline(home) as offline:
        now_ms = offline.clock.now_ms()
        found = [
            _facts(listed, now_ms)
            for listed in offline.agreements.list()
            if expiring is None or listed.agreement.valid_until_ms <= now_ms + expiring * DAY_MS
        ]
        problems = [
            {"id": p.agreement_id, "revision": p.revision, "problem": p.rule} for p in offline.agreements.problems()
        ]
        changed = [
            {"proposal": p.id, "id": p.agreement_id, "step": p.number, "problem": p.rule}
            for p in offline.proposals.problems()
        ]
    rows = [
        (
            f"{a['id']} r{a['revision']}",
            f"{a['provider']} → {a['consumer']}",
            a["resource"],
            ", ".join(a["purposes"]),
            "\n".join(f"{field}: {', '.join(forms)}" for field, forms in a["items"].items()),
            moment(a["valid_until_unix_ms"]),
            a["state"],
        )
        for a in found
    ]
    columns = ("agreement", "who", "resource", "purposes", "fields and forms", "until", "state")

    def human() -> None:
        table("Agreements", columns, rows)
        for one in found:
            if one["overlaps"]:
                say(f"overlaps, and says the same: {one['id']} with {', '.join(one['overlaps'])}")
        for problem in problems:
            say(f"NOT USED: {problem['id']} r{problem['revision']}: {problem['problem']}")
        for change in changed:
            say(f"CHANGED: {change['id']}, proposal {change['proposal']}, step {change['step']}: {change['problem']}")

    emit({"agreements": found, "problems": problems, "changed_proposals": changed}, as_json=as_json, human=human)


def _facts(listed: "ListedAgreement", now_ms: int) -> dict[str, Any]:
    agreement = listed.agreement
    return {
        "id": agreement.id,
        "revision": agreement.revision,
        "provider": agreement.provider,
        "consumer": agreement.consumer,
        "resource": agreement.resource,
        "purposes": sorted(agreement.purposes),
        "legal_basis": str(agreement.legal_basis),
        "valid_until_unix_ms": agreement.valid_until_ms,
        "items": {field: sorted(map(str, forms)) for field, forms in agreement.items.items()},
        "state": _state(listed, now_ms),
        "suspended_by": sorted(listed.suspended_by),
        "overlaps": list(listed.overlaps),
    }


def _state(listed: "ListedAgreement", now_ms: int) -> str:
    if listed.revoked_ms:
        return "revoked"
    return "suspended" if listed.suspended_by else str(listed.agreement.term(now_ms))


@app.command("revoke")
@command
def revoke(
    agreement: Annotated[str, typer.Argument(help="Agreement id.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes on the ledger.")],
    home: Home,
    as_json: AsJson = False,
) -> None:
    """Withdraw an agreement. The next release under it is refused."""
    with open_offline(home) as offline:
        offline.membership.revoke_agreement(agreement, reason)
    emit({"id": agreement, "status": "revoked"}, as_json=as_json, human=lambda: say(f"revoked {agreement}"))
