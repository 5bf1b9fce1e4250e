"""`oncegate erasure`: erasures of profiles as the operator sees them, and receipts as anyone can check them."""

import base64
import binascii
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import EXIT_UNVERIFIED, command, emit, fail, moment, say, table
from gateway.errors import bad_request
from keys.erasure_receipt import open_receipt
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys, open_certified
from keys.signing import VerifyKey
from oncegate.v1 import profile_pb2

FORMAT = "oncegate.signed-erasure-receipt/1"
_MAX_FILE = 64 * 1024

app = typer.Typer(no_args_is_help=True, help="Erasures of profiles: what is complete, and checking a receipt.")


def receipt_document(response: profile_pb2.EraseProfileResponse) -> dict[str, Any]:
    """A signed receipt as the JSON file that a person keeps; byte strings in base64."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "receipt": _b64(response.receipt),
        "signature": _b64(response.signature),
        "signing_key": _b64(response.signing_key),
    }
    if response.HasField("keys"):
        keys = response.keys
        parts = {"body": keys.body, "signature": keys.signature, "department_key": keys.department_key}
        document["certificate"] = {name: _b64(part) for name, part in parts.items()}
    return document


@app.command("list")
@command
def list_(home: Home, as_json: AsJson = False) -> None:
    """List erasures, newest first: when, what, whom it told, and whether any copy can still be opened."""
    from gateway.bootstrap.erasures import account  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        found = account(offline)
    rows = [
        (
            one["erasure"],
            moment(one["erased_unix_ms"]),
            ", ".join(one["fields"]),
            f"{one['acknowledged']}/{one['notices']}",
            one["kek_version"],
            "complete" if one["complete"] else f"by {moment(one['complete_by_unix_ms'])}",
        )
        for one in found
    ]
    columns = ("erasure", "erased", "fields", "notices acknowledged", "key-encryption key", "copies")
    emit(found, as_json=as_json, human=lambda: table("Erasures", columns, rows))


@app.command("register")
@command
def register(
    out: Annotated[Path, typer.Argument(help="Where to write the register (JSON lines); replaced in one step.")],
    home: Home,
    as_json: AsJson = False,
) -> None:
    """Write the register of erased persons for `oncegate restore --erasures`. Keep it newer than any key backup."""
    from gateway.bootstrap.erasures import register_lines  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        lines = register_lines(offline)
    staged = out.with_name(out.name + ".new")
    staged.write_text("".join(line + "\n" for line in lines), encoding="ascii")
    staged.replace(out)
    emit({"persons": len(lines)}, as_json=as_json, human=lambda: say(f"{len(lines)} erased persons in {out}"))


@app.command("check")
@command
def check(
    receipt: Annotated[Path, typer.Argument(help="The signed receipt (JSON).", exists=True)],
    fingerprint: Annotated[
        str, typer.Option("--department-key", help='Fingerprint of the vault department\'s key, "sha256:…".')
    ],
    as_json: AsJson = False,
) -> None:
    """Check a receipt of an erasure offline, with nothing but the department's key fingerprint."""
    try:
        content = json.loads(receipt.read_bytes()[:_MAX_FILE])
        body, signature, signing_key = (_raw(content[name]) for name in ("receipt", "signature", "signing_key"))
        certificate = CertifiedKeys(
            *(_raw(content["certificate"][name]) for name in ("body", "signature", "department_key"))
        )
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise bad_request(
            "receipt", "must be a signed receipt with its certificate, as `oncegate me` wrote it"
        ) from None
    try:
        said = open_receipt(VerifyKey.from_der(signing_key), body, signature)
        # As of the erasure: the certificate may have run out since.
        opened = open_certified(certificate, accepted_fingerprint=fingerprint, now_ms=said.erased_ms)
    except KeysError as error:
        fail(f"{error.code}: {error}", EXIT_UNVERIFIED)
    if opened.signing_key != signing_key:
        fail("the certificate is for another key", EXIT_UNVERIFIED)
    facts = {
        "gateway": said.gateway,
        "signed_by": opened.holder,
        "erased_unix_ms": said.erased_ms,
        "fields": list(said.fields),
        "complete_by_unix_ms": said.complete_by_ms,
        "notices": said.notices,
        "entry": said.entry,
    }

    def human() -> None:
        say(f"genuine: signed by {opened.holder}")
        say(
            f"erased {', '.join(said.fields) or 'an empty profile'} at {moment(said.erased_ms)}, log entry {said.entry}"
        )
        say(f"no copy can be opened after {moment(said.complete_by_ms)}; {said.notices} departments were told")

    emit(facts, as_json=as_json, human=human)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _raw(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
