"""`oncegate me …`: what a person says about a single field, its history, and taking the whole profile along."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.options import Address, AsJson, CaFile, TokenFile
from gateway.cli.output import command, emit, moment, say, table
from gateway.cli.profile_texts import FIELD_COLUMNS, field_json, field_row
from gateway.clock import SystemClock
from keys.secret_file import sync_folder
from oncegate.v1 import profile_pb2, profile_pb2_grpc

FieldCode = Annotated[str, typer.Argument(help="Field code, such as phone.")]


@command
def dispute(
    field: FieldCode,
    reason: Annotated[str, typer.Option("--reason", help="What is wrong with it, 1 to 1000 characters.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
) -> None:
    """Say that a field is wrong. From now on departments get it only together with that mark."""
    _mark(gateway, ca, token_file, profile_pb2.PROFILE_MARK_DISPUTE, field, reason)
    say(f"disputed 已提出异议: {field}")


@command
def withdraw_dispute(field: FieldCode, gateway: Address, ca: CaFile, token_file: TokenFile) -> None:
    """Take a dispute back."""
    _mark(gateway, ca, token_file, profile_pb2.PROFILE_MARK_WITHDRAW_DISPUTE, field)
    say(f"not disputed any more 已撤回异议: {field}")


@command
def restrict(field: FieldCode, gateway: Address, ca: CaFile, token_file: TokenFile) -> None:
    """Keep a field from being released. You still see it; departments cannot tell it from one that is not set."""
    _mark(gateway, ca, token_file, profile_pb2.PROFILE_MARK_RESTRICT, field)
    say(f"restricted 已限制提供: {field}")


@command
def release_restriction(field: FieldCode, gateway: Address, ca: CaFile, token_file: TokenFile) -> None:
    """Let a restricted field be released again."""
    _mark(gateway, ca, token_file, profile_pb2.PROFILE_MARK_RELEASE_RESTRICTION, field)
    say(f"may be released again 已解除限制: {field}")


@command
def verify(
    field: FieldCode,
    register: Annotated[str, typer.Option("--register", help="Code of the register's resource.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    as_json: AsJson = False,
) -> None:
    """Have a register say whether it has the same value; it tells nothing else. 与登记信息比对."""
    with people_channel(gateway, ca) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        request = profile_pb2.VerifyProfileFieldRequest(field=field, resource=register)
        response = stub.VerifyProfileField(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    said = "equal, now verified 一致，已核验" if response.equal else "not equal, or no record there 不一致或无记录"
    document = {"equal": response.equal, "field": field_json(response.field)}
    emit(document, as_json=as_json, human=lambda: say(f"{field} / {register}: {said}"))


@command
def history(field: FieldCode, gateway: Address, ca: CaFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """Show earlier versions of a field, newest first, with when and why each one ended. At most 20 are kept."""
    with people_channel(gateway, ca) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        request = profile_pb2.GetFieldHistoryRequest(field=field)
        response = stub.GetFieldHistory(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    now_ms = SystemClock().now_ms()
    rows = [
        (version.version, *field_row(version, now_ms), moment(version.superseded_unix_ms))
        for version in response.versions
    ]
    columns = ("version 版本", *FIELD_COLUMNS, "ended 失效时间")
    documents = [field_json(version) for version in response.versions]
    emit(documents, as_json=as_json, human=lambda: table("Earlier versions 历史版本", columns, rows))


@command
def export(
    out: Annotated[str, typer.Option("--out", help="New file (mode 0600), or - for standard output.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
) -> None:
    """Write everything that the profile holds about you as one JSON document (docs/profile.md)."""
    with people_channel(gateway, ca) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        stream = stub.ExportProfile(
            profile_pb2.ExportProfileRequest(), metadata=bearer_metadata(token_file), timeout=DEADLINE_S
        )
        pieces = (response.piece for response in stream)
        if out == "-":
            # Whole or not at all: half a document on a pipe could be taken for one.
            sys.stdout.write(b"".join(pieces).decode())
            return
        _write_new(Path(out), pieces)
    say(f"wrote 已导出: {out}")


def _mark(
    gateway: str, ca: Path, token_file: Path, mark: "profile_pb2.ProfileMark", field: str, reason: str = ""
) -> None:
    with people_channel(gateway, ca) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        request = profile_pb2.MarkProfileFieldRequest(field=field, mark=mark, reason=reason)
        stub.MarkProfileField(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)


def _write_new(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that only its owner can read and that is there only once it is whole.

    Raises:
        FileExistsError: There is a file of that name; it is left alone.
    """
    staged = path.with_name(f".{path.name}.part")
    staged.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, does not replace what is there.
        os.link(staged, path)
        sync_folder(path.parent)
    finally:
        staged.unlink(missing_ok=True)
