"""`oncegate source`: what a department's steward does about fields that the department verifies."""

import sys
from typing import Annotated

import typer

from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.options import Address, AsJson, CaFile, CorrectionId, TokenFile, correction_id_of
from gateway.cli.output import command, emit, say, table
from gateway.cli.profile_texts import CORRECTION_COLUMNS, correction_json, correction_row
from oncegate.v1 import profile_pb2, source_pb2, source_pb2_grpc

app = typer.Typer(
    no_args_is_help=True,
    help="For a department's steward: verified fields of people's profiles, and requests to correct them. 核实与更正",
)

ARRIVALS = {
    source_pb2.ARRIVAL_TAKEN: ("taken", "recorded / 已记录"),
    source_pb2.ARRIVAL_KEPT_STRONGER: ("kept_stronger", "nothing changed: what stands is newer / 未改动：现有记录更新"),
}
ValidUntil = Annotated[
    int, typer.Option("--valid-until", min=0, help="Last moment of its validity, Unix ms; 0 for no end.")
]


@app.command("record")
@command
def record(
    *,
    field: Annotated[str, typer.Argument(help="Field code, such as mailing_address.")],
    subject: Annotated[
        str,
        typer.Option(
            "--subject",
            help="SCHEME=IDENTIFIER; a single - reads it from standard input, out of sight of the process list.",
        ),
    ],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    value: Annotated[str, typer.Option("--value", help="The value as your department has it.")] = "",
    unavailable: Annotated[
        str,
        typer.Option("--unavailable", help="Why there is none: not_collected, not_applicable, withheld, source_down."),
    ] = "",
    reference: Annotated[str, typer.Option("--record", help="Your own name for your record, opaque.")] = "",
    last_updated: Annotated[
        int, typer.Option("--last-updated", min=0, help="When you last changed your record, Unix ms; 0 when unknown.")
    ] = 0,
    valid_until: ValidUntil = 0,
    as_json: AsJson = False,
) -> None:
    """State a field of a person as your department has it. It stands over what the person entered."""
    scheme, equals, identifier = (sys.stdin.readline().strip() if subject == "-" else subject).partition("=")
    if not equals:
        raise typer.BadParameter("must be SCHEME=IDENTIFIER", param_hint="--subject")
    request = source_pb2.RecordVerifiedFieldRequest(
        subject_scheme=scheme,
        subject_identifier=identifier,
        field=field,
        value=value,
        unavailable_reason=unavailable,
        record=reference,
        last_updated_unix_ms=last_updated,
        valid_until_unix_ms=valid_until,
    )
    with people_channel(gateway, ca) as channel:
        stub = source_pb2_grpc.SourceServiceStub(channel)
        response = stub.RecordVerifiedField(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    code, text = ARRIVALS.get(response.arrival, ("unknown", "unknown / 未知"))
    emit({"field": field, "arrival": code}, as_json=as_json, human=lambda: say(f"{field}: {text}"))


@app.command("list")
@command
def waiting(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    page_size: Annotated[int, typer.Option("--page-size", min=1, max=50, help="Requests a page.")] = 20,
    page: Annotated[str, typer.Option("--page", help="Page token printed by the page before.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show requests for correction that wait for your department, oldest first. The persons see that you read them."""
    with people_channel(gateway, ca) as channel:
        stub = source_pb2_grpc.SourceServiceStub(channel)
        request = source_pb2.ListCorrectionsRequest(page_size=page_size, page_token=page)
        response = stub.ListCorrections(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)

    def human() -> None:
        columns = ("record 记录号", *CORRECTION_COLUMNS)
        table("Waiting 待办理", columns, [(one.record, *correction_row(one)) for one in response.corrections])
        if response.next_page_token:
            say(f"more 更多: --page {response.next_page_token}")

    documents = [correction_json(one) for one in response.corrections]
    emit({"corrections": documents, "next_page": response.next_page_token}, as_json=as_json, human=human)


@app.command("accept")
@command
def accept(
    correction: CorrectionId,
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    value: Annotated[
        str, typer.Option("--value", help="The value as your department has it now; else the proposal.")
    ] = "",
    note: Annotated[str, typer.Option("--note", help="Your words to the person.")] = "",
    valid_until: ValidUntil = 0,
    as_json: AsJson = False,
) -> None:
    """Decide for the person, after correcting your own record. The corrected value is in the profile at once."""
    request = source_pb2.AnswerCorrectionRequest(
        correction_id=correction_id_of(correction),
        answer=source_pb2.CORRECTION_ANSWER_ACCEPT,
        note=note,
        value=value,
        valid_until_unix_ms=valid_until,
    )
    decided = _answer(gateway, ca, token_file, request)
    emit(correction_json(decided), as_json=as_json, human=lambda: say(f"accepted 已采纳: {correction}"))


@app.command("reject")
@command
def reject(
    correction: CorrectionId,
    note: Annotated[str, typer.Option("--note", help="Why, told to the person; 1 to 1000 characters.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    as_json: AsJson = False,
) -> None:
    """Decide against the person, saying why. The field stays as it is."""
    request = source_pb2.AnswerCorrectionRequest(
        correction_id=correction_id_of(correction), answer=source_pb2.CORRECTION_ANSWER_REJECT, note=note
    )
    decided = _answer(gateway, ca, token_file, request)
    emit(correction_json(decided), as_json=as_json, human=lambda: say(f"rejected 已驳回: {correction}"))


def _answer(
    gateway: Address, ca: CaFile, token_file: TokenFile, request: source_pb2.AnswerCorrectionRequest
) -> profile_pb2.Correction:
    with people_channel(gateway, ca) as channel:
        stub = source_pb2_grpc.SourceServiceStub(channel)
        response = stub.AnswerCorrection(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
        decided: profile_pb2.Correction = response.correction
        return decided
