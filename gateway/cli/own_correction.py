"""`oncegate me …`: asking a department to correct what it verified, and what became of it."""

from typing import Annotated

import typer

from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.options import Address, AsJson, CaFile, CorrectionId, TokenFile, correction_id_of
from gateway.cli.output import command, emit, say, table
from gateway.cli.own_field import FieldCode
from gateway.cli.profile_texts import CORRECTION_COLUMNS, correction_json, correction_row
from oncegate.v1 import profile_pb2, profile_pb2_grpc


@command
def correct(
    field: FieldCode,
    proposal: Annotated[str, typer.Option("--proposal", help="The value that you hold for right.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, 1 to 1000 characters.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    as_json: AsJson = False,
) -> None:
    """Ask the department that verified a field to correct it."""
    with people_channel(gateway, ca) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        request = profile_pb2.SubmitCorrectionRequest(field=field, proposal=proposal, reason=reason)
        response = stub.SubmitCorrection(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    made = correction_json(response.correction)
    emit(made, as_json=as_json, human=lambda: say(f"sent to 已提交至 {made['department']}: {made['correction']}"))


@command
def corrections(gateway: Address, ca: CaFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """Show your requests for correction and what became of them, newest first."""
    with people_channel(gateway, ca) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        response = stub.ListMyCorrections(
            profile_pb2.ListMyCorrectionsRequest(), metadata=bearer_metadata(token_file), timeout=DEADLINE_S
        )
    rows = [correction_row(one) for one in response.corrections]
    documents = [correction_json(one) for one in response.corrections]
    emit(documents, as_json=as_json, human=lambda: table("Your requests 更正申请", CORRECTION_COLUMNS, rows))


@command
def withdraw_correction(correction: CorrectionId, gateway: Address, ca: CaFile, token_file: TokenFile) -> None:
    """Take a request for correction back that was not decided yet."""
    request = profile_pb2.WithdrawCorrectionRequest(correction_id=correction_id_of(correction))
    with people_channel(gateway, ca) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        stub.WithdrawCorrection(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    say(f"withdrawn 已撤回: {correction}")
