"""`oncegate me request`: the click by which you start a public task. It is not a consent."""

import json
from typing import Annotated, Any

import typer

from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.options import Address, AsJson, CaFile, TokenFile
from gateway.cli.output import command, emit, moment, say, table
from oncegate.v1 import explicit_request_pb2, explicit_request_pb2_grpc

app = typer.Typer(no_args_is_help=True, help="Explicit requests: what you asked a department to do. 本人办事申请")
_COLUMNS = ("digest 摘要", "department 部门", "purpose 用途", "resources 信息资源", "until 至")


@app.command("make")
@command
def make(
    *,
    to: Annotated[str, typer.Option("--to", help="Department that serves the task.")],
    purpose: Annotated[str, typer.Option("--purpose", help="Purpose code.")],
    resource: Annotated[list[str], typer.Option("--resource", help="Resource that it needs; may be repeated.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    days: Annotated[int, typer.Option("--days", help="How long it counts; 0: 30 days.", min=0, max=90)] = 0,
    as_json: AsJson = False,
) -> None:
    """Record that you ask a department for a public task; give it the digest."""
    request = explicit_request_pb2.MakeExplicitRequestRequest(
        consumer=to, purpose=purpose, resources=resource, days=days
    )
    with people_channel(gateway, ca) as channel:
        stub = explicit_request_pb2_grpc.ExplicitRequestServiceStub(channel)
        made = stub.MakeExplicitRequest(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S).request
    document = _json(made)
    emit(document, as_json=as_json, human=lambda: say(f"recorded 已登记: {document['digest']}"))


@app.command("list")
@command
def list_(gateway: Address, ca: CaFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """List what you asked departments to do, newest first."""
    with people_channel(gateway, ca) as channel:
        stub = explicit_request_pb2_grpc.ExplicitRequestServiceStub(channel)
        response = stub.ListExplicitRequests(
            explicit_request_pb2.ListExplicitRequestsRequest(),
            metadata=bearer_metadata(token_file),
            timeout=DEADLINE_S,
        )
    found = [_json(one) for one in response.requests]
    rows = [
        (one["digest"], one["consumer"], one["purpose"], ", ".join(one["resources"]), moment(one["valid_until_ms"]))
        for one in found
    ]
    emit(found, as_json=as_json, human=lambda: table("Your requests 办事申请", _COLUMNS, rows))


def _json(one: explicit_request_pb2.ExplicitRequest) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(one.artefact)
    return {"digest": one.digest.hex(), **said}
