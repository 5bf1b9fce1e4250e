"""`oncegate-node receipts`: what this node released, from its own signed records."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keys.batch import BatchItem
from nodes.cli.exits import command
from nodes.cli.options import AsJson, HomePath
from nodes.cli.output import emit, moment, say, table
from nodes.enrolment.home import Home
from nodes.provider.config import load_settings
from policies.emergencies import REASONS, Emergency

if TYPE_CHECKING:
    from nodes.provider.state import KeptReceipt

app = typer.Typer(no_args_is_help=True, help="What this node released, from its own signed records.")


@app.command("list")
@command
def list_(
    *,
    home: HomePath,
    before: Annotated[
        int | None, typer.Option("--before", help="Only releases with a smaller number: the next page.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most this many.", min=1, max=10_000)] = 50,
    emergencies: Annotated[
        bool,
        typer.Option("--emergencies", help="Only what was released under declared emergencies, with what was stated."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List releases, newest first; with --json, each with its whole evidence."""
    # Imported here: what comes with it takes longer to load than the other commands to run.
    from nodes.link.codec import declaration_in  # noqa: PLC0415
    from nodes.provider.state import list_receipts, open_reader  # noqa: PLC0415

    reader = open_reader(load_settings(home / "node.toml").state)
    try:
        kept = list_receipts(reader, before, limit, emergencies=emergencies)
    finally:
        reader.close()
    stated = {k.number: declaration_in(k.request) for k in kept if k.emergency}
    if emergencies:
        _show_emergencies(kept, stated, as_json=as_json)
        return
    rows = [
        (
            str(k.number),
            moment(k.released_ms),
            k.resource,
            f"{k.consumer}/{k.system}",
            k.purpose,
            f"{k.agreement} r{k.revision}",
        )
        for k in kept
    ]
    heads = ("number", "released", "resource", "to", "purpose", "agreement")
    documents = [_document(k, stated.get(k.number)) for k in kept]
    emit(documents, as_json=as_json, human=lambda: table("Receipts", heads, rows))


@app.command("export")
@command
def export(
    *,
    file: Annotated[Path, typer.Argument(help="New file for the receipts, to hand to an auditor.", dir_okay=False)],
    home: HomePath,
    request: Annotated[
        str, typer.Option("--request", help="Only about this request: the SHA-256 that the access log names.")
    ] = "",
) -> None:
    """Write this node's signed receipts into a file that an auditor compares with the access log."""
    from nodes.cli.receipt_file import write_receipts  # noqa: PLC0415 - as in `list`

    count = write_receipts(file, Home(home), load_settings(home / "node.toml").state, request)
    say(f"{count} receipts in {file} / 已写入 {count} 份回执")


def _show_emergencies(kept: "Sequence[KeptReceipt]", stated: Mapping[int, Emergency | None], *, as_json: bool) -> None:
    rows = []
    for one in kept:
        declared, reason = stated.get(one.number), REASONS.get(one.emergency)
        rows.append(
            (
                str(one.number),
                moment(one.released_ms),
                one.resource,
                f"{one.consumer}/{one.system}",
                one.emergency if reason is None else f"{reason.zh} / {reason.en}",
                "" if declared is None else declared.statement,
                f"{one.agreement} r{one.revision}",
            )
        )
    heads = ("number", "released", "resource", "to", "reason 事由", "statement 说明", "agreement")
    documents = [_document(one, stated.get(one.number)) for one in kept]
    emit(documents, as_json=as_json, human=lambda: table("Emergencies 紧急使用", heads, rows))


def _document(kept: "KeptReceipt", declared: Emergency | None) -> dict[str, Any]:
    document = receipt_json(kept)
    if declared is not None:
        document["emergency"] = {"reason": declared.reason, "statement": declared.statement}
    return document


def receipt_json(kept: "KeptReceipt") -> dict[str, Any]:
    """A release with its evidence as a JSON document; every byte string in base64.

    Args:
        kept: The release.

    Returns:
        The document.
    """
    return {
        "number": kept.number,
        "released_ms": kept.released_ms,
        "resource": kept.resource,
        "consumer": kept.consumer,
        "system": kept.system,
        "purpose": kept.purpose,
        "agreement": kept.agreement,
        "revision": kept.revision,
        "session_id": _b64(kept.session_id),
        "request": _b64(kept.request),
        "request_signature": _b64(kept.request_signature),
        "ticket": _item(kept.ticket),
        "promise": _item(kept.promise),
        "disclosure": _b64(kept.disclosure),
        "receipt": _item(kept.receipt),
    }


def _item(item: BatchItem) -> dict[str, Any]:
    return {
        "body": _b64(item.body),
        "signature": _b64(item.signature),
        "leaf_index": item.leaf_index,
        "leaf_count": item.leaf_count,
        "path": [_b64(step) for step in item.path],
    }


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
