"""`oncegate me consent`: what departments may have because you agreed, and taking it back."""

import json
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.options import Address, AsJson, CaFile, TokenFile
from gateway.cli.output import command, emit, moment, say, table
from gateway.errors import bad_request
from oncegate.v1 import consent_pb2, consent_pb2_grpc
from policies.vocabulary import Form

app = typer.Typer(
    no_args_is_help=True, help="Consents: what departments may have because you agreed, and taking it back. 授权同意"
)

ConsentId = Annotated[str, typer.Argument(help="Id of the consent, 32 hexadecimal digits.")]
ActingFor = Annotated[
    str,
    typer.Option(
        "--for",
        help="RELATION:SCHEME=IDENTIFIER of the person for whom you act, such as guardian:cn.resident-id=…; your token "
        "must vouch for it; a single - reads it from standard input. 代他人办理",
    ),
]
STATUS_WORDS = {
    "requested": "asks for your consent / 等待您的答复",
    "granted": "in force / 有效",
    "denied": "you refused / 已拒绝",
    "paused": "paused by you / 已暂停",
    "revoked": "withdrawn by you / 已撤回",
    "expired": "expired / 已到期",
    "superseded": "replaced by another / 已被取代",
}
_COLUMNS = (
    "consent 编号",
    "status 状态",
    "who 使用方",
    "purpose 用途",
    "fields 信息项",
    "until 至",
    "uses 次数",
    "last 最近",
)
_ID_BYTES = 16


@app.command("list")
@command
def list_(
    gateway: Address, ca: CaFile, token_file: TokenFile, acting_for: ActingFor = "", as_json: AsJson = False
) -> None:
    """List your consents and what departments ask you for, newest first, with how often each was used."""
    with people_channel(gateway, ca) as channel:
        response = consent_pb2_grpc.ConsentServiceStub(channel).ListConsents(
            consent_pb2.ListConsentsRequest(subject=acting_subject(acting_for)),
            metadata=bearer_metadata(token_file),
            timeout=DEADLINE_S,
        )
    found = [consent_json(record) for record in response.consents]
    emit(found, as_json=as_json, human=lambda: table("Your consents 授权同意", _COLUMNS, [_row(one) for one in found]))


@app.command("show")
@command
def show(
    consent: ConsentId,
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    acting_for: ActingFor = "",
    text_out: Annotated[Path | None, typer.Option("--text-out", help="Write the exact text to a new file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show one consent in full: what you are asked to agree to, the notice, and the nonce for a token of your own."""
    with people_channel(gateway, ca) as channel:
        shown = consent_pb2_grpc.ConsentServiceStub(channel).GetConsent(
            consent_pb2.GetConsentRequest(consent_id=_id(consent), subject=acting_subject(acting_for)),
            metadata=bearer_metadata(token_file),
            timeout=DEADLINE_S,
        )
    if text_out is not None:
        with text_out.open("xb") as file:
            file.write(shown.consent.artefact)
    _show(shown, as_json=as_json)


@app.command("draft")
@command
def draft(
    *,
    to: Annotated[str, typer.Option("--to", help="DEPARTMENT/SYSTEM that is to have the data.")],
    purpose: Annotated[str, typer.Option("--purpose", help="Purpose code.")],
    item: Annotated[list[str], typer.Option("--item", help="RESOURCE:FIELD=FORM; may be repeated.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    periodic: Annotated[bool, typer.Option("--periodic", help="Again and again, not once.")] = False,
    instead_of: Annotated[str, typer.Option("--instead-of", help="Id of the consent whose place it takes.")] = "",
    acting_for: ActingFor = "",
    as_json: AsJson = False,
) -> None:
    """Draw up a consent unasked, or a narrower one, within what an agreement allows; nothing is granted yet."""
    department, slash, system = to.partition("/")
    if not slash:
        raise bad_request("to", "须为 部门/系统 / must be DEPARTMENT/SYSTEM")
    fetch = consent_pb2.CONSENT_FETCH_PERIODIC if periodic else consent_pb2.CONSENT_FETCH_ONCE
    request = consent_pb2.DraftConsentRequest(
        consumer=department,
        systems=[system],
        wish=consent_pb2.ConsentWish(purpose=purpose, fetch=fetch, items=[_item(text) for text in item]),
        supersedes=_id(instead_of) if instead_of else b"",
        subject=acting_subject(acting_for),
    )
    with people_channel(gateway, ca) as channel:
        stub = consent_pb2_grpc.ConsentServiceStub(channel)
        shown = stub.DraftConsent(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S).draft
    _show(shown, as_json=as_json)


@app.command("grant")
@command
def grant(
    consent: ConsentId,
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    proof_token_file: Annotated[
        Path | None,
        typer.Option(
            "--proof-token-file", help="A token of your issuer over this consent (its nonce).", dir_okay=False
        ),
    ] = None,
    acting_for: ActingFor = "",
    as_json: AsJson = False,
) -> None:
    """Agree to exactly the text that `show` shows."""
    metadata, subject = bearer_metadata(token_file), acting_subject(acting_for)
    with people_channel(gateway, ca) as channel:
        stub = consent_pb2_grpc.ConsentServiceStub(channel)
        request = consent_pb2.GetConsentRequest(consent_id=_id(consent), subject=subject)
        record = stub.GetConsent(request, metadata=metadata, timeout=DEADLINE_S).consent
        # The digest of the text that came, not the one that the gateway says: what is granted is this text.
        agreed = consent_pb2.GrantConsentRequest(
            consent_id=record.consent_id, digest=sha256(record.artefact).digest(), subject=subject
        )
        if proof_token_file is not None:
            agreed.token = proof_token_file.read_text(encoding="ascii", errors="replace").strip()
        record = stub.GrantConsent(agreed, metadata=metadata, timeout=DEADLINE_S).consent
    document = consent_json(record)
    emit(document, as_json=as_json, human=lambda: table("Granted 已同意", _COLUMNS, [_row(document)]))


@app.command("deny")
@command
def deny(consent: ConsentId, gateway: Address, ca: CaFile, token_file: TokenFile, acting_for: ActingFor = "") -> None:
    """Refuse what a department asked you for. It is final."""
    _act("Deny", consent, gateway, ca, token_file, acting_for)
    say(f"refused 已拒绝: {consent}")


@app.command("pause")
@command
def pause(consent: ConsentId, gateway: Address, ca: CaFile, token_file: TokenFile, acting_for: ActingFor = "") -> None:
    """Let nothing be released under a consent until you resume it."""
    _act("Pause", consent, gateway, ca, token_file, acting_for)
    say(f"paused 已暂停: {consent}")


@app.command("resume")
@command
def resume(consent: ConsentId, gateway: Address, ca: CaFile, token_file: TokenFile, acting_for: ActingFor = "") -> None:
    """Let a paused consent go on."""
    _act("Resume", consent, gateway, ca, token_file, acting_for)
    say(f"in force again 已恢复: {consent}")


@app.command("withdraw")
@command
def withdraw(
    consent: ConsentId, gateway: Address, ca: CaFile, token_file: TokenFile, acting_for: ActingFor = ""
) -> None:
    """Withdraw a consent for good. From now on nothing is released under it; who got data is told to erase it."""
    _act("Withdraw", consent, gateway, ca, token_file, acting_for)
    say(f"withdrawn 已撤回: {consent}")


def consent_json(record: consent_pb2.ConsentRecord) -> dict[str, Any]:
    """A consent as a JSON document."""
    said = json.loads(record.artefact)
    return {
        "consent_id": record.consent_id.hex(),
        "digest": record.digest.hex(),
        "status": consent_pb2.ConsentStatus.Name(record.status).removeprefix("CONSENT_STATUS_").lower(),
        "consumer": said["consumer"],
        "systems": said["systems"],
        "purpose": said["purpose"],
        "items": {part["resource"]: part["items"] for part in said["parts"]},
        "valid_from_unix_ms": said["valid"]["from_ms"],
        "valid_until_unix_ms": said["valid"]["until_ms"],
        "requested_by": record.requested_by,
        "proof": record.proof,
        "uses": record.uses,
        "last_used_unix_ms": record.last_used_unix_ms,
        "superseded_by": record.superseded_by.hex(),
    }


def _row(one: dict[str, Any]) -> Sequence[Any]:
    fields = [f"{resource}.{field}" for resource, items in one["items"].items() for field in items]
    return (
        one["consent_id"],
        STATUS_WORDS.get(one["status"], one["status"]),
        f"{one['consumer']} ({', '.join(one['systems'])})",
        one["purpose"]["text"],
        ", ".join(fields),
        moment(one["valid_until_unix_ms"]),
        one["uses"],
        moment(one["last_used_unix_ms"]) if one["last_used_unix_ms"] else "",
    )


def _show(shown: consent_pb2.GetConsentResponse, *, as_json: bool) -> None:
    document = consent_json(shown.consent) | {
        "notice": shown.notice,
        "nonce": shown.nonce,
        "salt": shown.salt.hex(),
        "text": json.loads(shown.consent.artefact),
    }

    def human() -> None:
        table("Consent 授权同意", _COLUMNS, [_row(document)])
        said = document["text"]
        say(f"notice 告知: {shown.notice or '-'}")
        say(f"kept for 保存期限: {said['data_life_days']} days 天 ({said['mode']}, {said['fetch']})")
        say(f"digest 摘要: {document['digest']}")
        say(f"nonce for a token of your own 身份令牌随机数: {shown.nonce}")

    emit(document, as_json=as_json, human=human)


def _item(text: str) -> consent_pb2.ConsentItem:
    resource, _, rest = text.partition(":")
    field, _, form = rest.partition("=")
    if not resource or not field or (form or Form.VALUE) not in frozenset(Form):
        raise bad_request("item", "须为 资源:信息项=形式 / must be RESOURCE:FIELD=FORM")
    number = f"FORM_{(form or Form.VALUE).upper()}"
    return consent_pb2.ConsentItem(resource=resource, field=field, form=number)


def _act(what: str, consent: str, gateway: str, ca: Path, token_file: Path, acting_for: str) -> None:
    request = getattr(consent_pb2, f"{what}ConsentRequest")(consent_id=_id(consent), subject=acting_subject(acting_for))
    with people_channel(gateway, ca) as channel:
        stub = consent_pb2_grpc.ConsentServiceStub(channel)
        getattr(stub, f"{what}Consent")(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)


def acting_subject(text: str) -> consent_pb2.ConsentSubject | None:
    """The person acted for, out of an option; None for oneself.

    Raises:
        typer.BadParameter: It is not written as it must be.
    """
    if not text:
        return None
    if text == "-":
        text = sys.stdin.readline().strip()
    relation, colon, rest = text.partition(":")
    scheme, equals, identifier = rest.partition("=")
    if not colon or not equals:
        raise typer.BadParameter("must be RELATION:SCHEME=IDENTIFIER", param_hint="--for")
    return consent_pb2.ConsentSubject(relation=relation, scheme=scheme, identifier=identifier)


def _id(text: str) -> bytes:
    try:
        consent_id = bytes.fromhex(text)
    except ValueError:
        consent_id = b""
    if len(consent_id) != _ID_BYTES:
        raise typer.BadParameter("must be 32 hexadecimal digits", param_hint="CONSENT")
    return consent_id
