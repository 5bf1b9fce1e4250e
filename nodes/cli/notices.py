"""`oncegate-node notices`: what this department received and now has to erase."""

import asyncio
from typing import Annotated, Any

import typer

from nodes.cli.exits import command
from nodes.cli.options import AsJson, HomePath
from nodes.cli.output import emit, moment, say, table
from nodes.consumer.client import AsyncClient
from nodes.consumer.notices import Notice

app = typer.Typer(no_args_is_help=True, help="What this department received and now has to erase.")


@app.command("list")
@command
def list_(*, home: HomePath, as_json: AsJson = False) -> None:
    """List open notices, oldest first, with the request ids and case numbers they are about."""

    async def read() -> tuple[Notice, ...]:
        async with AsyncClient(home, renew=False) as client:
            return await client.notices()

    found = asyncio.run(read())
    rows = [
        (notice.notice_id, notice.kind, moment(notice.due_ms), *said)
        for notice in found
        for said in [(r.request_id, r.case_reference, ", ".join(r.fields)) for r in notice.releases] or [("", "", "")]
    ]
    heads = ("notice 通知", "to do 事项", "due 期限", "request id 请求编号", "case 案件编号", "fields 信息项")
    emit([_json(notice) for notice in found], as_json=as_json, human=lambda: table("Notices 通知", heads, rows))


@app.command("acknowledge")
@command
def acknowledge(
    notice: Annotated[str, typer.Argument(help="Id of the notice, as listed.")],
    *,
    home: HomePath,
    as_json: AsJson = False,
) -> None:
    """Say that the department has acted on a notice. It is on the access log and cannot be taken back."""

    async def send() -> int:
        async with AsyncClient(home, renew=False) as client:
            return await client.acknowledge_notice(notice)

    at_ms = asyncio.run(send())
    facts = {"notice_id": notice, "acknowledged_unix_ms": at_ms}
    emit(facts, as_json=as_json, human=lambda: say(f"acknowledged 已确认: {moment(at_ms)}"))


def _json(notice: Notice) -> dict[str, Any]:
    return {
        "notice_id": notice.notice_id,
        "kind": notice.kind,
        "created_unix_ms": notice.created_ms,
        "due_unix_ms": notice.due_ms,
        "consent": notice.consent,
        "releases": [
            {
                "system": release.system,
                "request_id": release.request_id,
                "purpose": release.purpose,
                "case_reference": release.case_reference,
                "fields": list(release.fields),
                "released_unix_ms": release.released_ms,
                "leaf_index": release.leaf_index,
            }
            for release in notice.releases
        ],
    }
