"""`oncegate me`: what a citizen does. The person is always the one whom the token names."""

import json
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import own_access, own_consent, own_correction, own_field, own_request
from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.emergency_texts import own_emergencies
from gateway.cli.erasures import receipt_document
from gateway.cli.options import Address, AsJson, CaFile, TokenFile
from gateway.cli.output import command, emit, moment, say, table
from gateway.cli.profile_texts import FIELD_COLUMNS, field_json, field_row
from gateway.clock import SystemClock
from gateway.errors import bad_request
from keys.erasure_receipt import open_receipt
from keys.signing import VerifyKey
from oncegate.v1 import profile_pb2, profile_pb2_grpc

app = typer.Typer(
    no_args_is_help=True, help="For citizens: your own profile, and who looked at your data. 本人档案与访问记录"
)
profile_app = typer.Typer(no_args_is_help=True, help="Your own contact data, entered once. 个人档案")
app.add_typer(profile_app, name="profile")
profile_app.command("verify")(own_field.verify)
app.add_typer(own_consent.app, name="consent")
app.add_typer(own_request.app, name="request")
app.command("dispute")(own_field.dispute)
app.command("withdraw-dispute")(own_field.withdraw_dispute)
app.command("restrict")(own_field.restrict)
app.command("release-restriction")(own_field.release_restriction)
app.command("history")(own_field.history)
app.command("export")(own_field.export)
app.command("correct")(own_correction.correct)
app.command("corrections")(own_correction.corrections)
app.command("withdraw-correction")(own_correction.withdraw_correction)
app.command("emergencies")(own_emergencies)
own_access.register(app)


@profile_app.command("show")
@command
def show(gateway: Address, ca: CaFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """Show your profile: every field with its source, status, age and validity."""
    with people_channel(gateway, ca) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        response = stub.GetProfile(
            profile_pb2.GetProfileRequest(selection=profile_pb2.FIELD_SELECTION_ALL),
            metadata=bearer_metadata(token_file),
            timeout=DEADLINE_S,
        )
    now_ms = SystemClock().now_ms()
    rows = [field_row(field, now_ms) for field in response.fields]
    fields = [field_json(field) for field in response.fields]
    emit(fields, as_json=as_json, human=lambda: table("Your profile 个人档案", FIELD_COLUMNS, rows))


@profile_app.command("set")
@command
def set_field(
    field: Annotated[str, typer.Argument(help="phone, email, mailing_address, emergency_contact or bank_account.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    value: Annotated[str, typer.Argument(help="The value; none together with --not-applicable.")] = "",
    not_applicable: Annotated[bool, typer.Option("--not-applicable", help="You have nothing to enter here.")] = False,
    as_json: AsJson = False,
) -> None:
    """Enter or change one field of your profile. What a department verified is corrected there: `me correct`."""
    with people_channel(gateway, ca) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        request = profile_pb2.SetProfileFieldRequest(
            field=field, value=value, unavailable_reason="not_applicable" if not_applicable else ""
        )
        response = stub.SetProfileField(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    stored = field_json(response.field)
    emit(stored, as_json=as_json, human=lambda: say(f"saved 已保存: {stored['field']} (version {stored['version']})"))


@profile_app.command("delete")
@command
def delete_field(
    field: Annotated[str, typer.Argument(help="Field code.")], gateway: Address, ca: CaFile, token_file: TokenFile
) -> None:
    """Remove one field of your profile, with its history."""
    with people_channel(gateway, ca) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        request = profile_pb2.DeleteProfileFieldRequest(field=field)
        stub.DeleteProfileField(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    say(f"removed 已删除: {field}")


@profile_app.command("erase")
@command
def erase(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    out: Annotated[Path, typer.Option("--out", help="Where to write the signed receipt (JSON).")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase your whole profile for good and keep the signed receipt. 永久删除个人档案."""
    if out.exists():
        raise bad_request("out", "must be a new file, so that no earlier receipt is lost")
    if not yes:
        typer.confirm("This cannot be undone. Erase your profile? 此操作不可撤销，确定删除？", abort=True)
    with people_channel(gateway, ca) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        response = stub.EraseProfile(
            profile_pb2.EraseProfileRequest(), metadata=bearer_metadata(token_file), timeout=DEADLINE_S
        )
    receipt = open_receipt(VerifyKey.from_der(response.signing_key), response.receipt, response.signature)
    document = receipt_document(response)
    out.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    def human() -> None:
        say(f"erased 已删除: {', '.join(receipt.fields) or '-'} (log entry 日志号 {receipt.entry})")
        say(f"departments told 已通知部门数: {receipt.notices}")
        say(f"no copy can be opened after 此后任何备份均无法解密: {moment(receipt.complete_by_ms)}")
        say(f"receipt 回执: {out}")

    emit(document, as_json=as_json, human=human)
