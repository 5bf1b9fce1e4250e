"""`oncegate audit`: for auditors.

Copies are verified offline with public keys only; reading the log is itself logged.
"""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.audit.review.formats import Format
from gateway.audit.verify import layout
from gateway.audit.verify.check import BadUse, Told, check, quorum_of
from gateway.audit.views import LogEntry
from gateway.cli import audit_conditions as conditions
from gateway.cli import audit_local as local
from gateway.cli import audit_retention
from gateway.cli.audit_alerts import app as alerts_app
from gateway.cli.audit_alerts import detect
from gateway.cli.audit_epochs import epochs
from gateway.cli.audit_figures import detect_figures
from gateway.cli.audit_lists import list_commands
from gateway.cli.audit_local import show
from gateway.cli.audit_review import hidden, rebuild_search, report, search, stats, write_found
from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.identity import identity, key_app
from gateway.cli.options import Address, AsJson, CaFile, TokenFile
from gateway.cli.output import EXIT_REFUSED, EXIT_USAGE, command, emit, fail, fields_text, moment, say, table
from keys.log.proof_files import ProofFile, write_proof_file
from oncegate.v1 import audit_pb2, audit_pb2_grpc

app = typer.Typer(no_args_is_help=True, help="For auditors: the access ledger and its proofs. 审计")
_EXPORT_DEADLINE_S = 3600.0


@app.command("entries")
@command
def entries(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    kind: Annotated[str, typer.Option("--kind", help="Only this kind, such as released or refused.")] = "",
    department: Annotated[str, typer.Option("--department", help="Only this asking department.")] = "",
    page_size: Annotated[int, typer.Option("--page-size", min=1, max=500, help="Entries a page.")] = 50,
    page: Annotated[str, typer.Option("--page", help="Page token printed by the page before.")] = "",
    as_json: AsJson = False,
) -> None:
    """List entries, newest first. People appear as random ids."""
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        request = audit_pb2.ListEntriesRequest(page_size=page_size, page_token=page, kind=kind, department=department)
        response = stub.ListEntries(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    found = [
        {
            "leaf_index": entry.leaf_index,
            "leaf_hash": entry.leaf_hash.hex(),
            "accountability": json.loads(entry.accountability) if entry.accountability else {},
            "person": json.loads(entry.person) if entry.person else None,
            **({"pruned_under": entry.pruned_under} if entry.accountability_digest else {}),
        }
        for entry in response.entries
    ]

    def human() -> None:
        rows = [_row(entry) for entry in found]
        columns = ("entry 日志号", "time 时间", "kind 类型", "who 调用方", "purpose 用途", "person 主体", "what 内容")
        table("Ledger 访问日志", columns, rows)
        if response.next_page_token:
            say(f"more 更多: --page {response.next_page_token}")

    emit({"entries": found, "next_page": response.next_page_token}, as_json=as_json, human=human)


def _row(entry: dict[str, Any]) -> tuple[Any, ...]:
    said = entry["accountability"]
    if "pruned_under" in entry:
        under = f"pruned under entry {entry['pruned_under']} 保留期已满，已清理"
        return (entry["leaf_index"], "", "pruned", "", "", "", under)
    items = [fields_text(said["items"])] if said.get("items") else []
    reason = [said["reason"]] if said.get("reason") else []
    if said.get("emergency"):
        reason.insert(0, f"EMERGENCY 紧急: {said['emergency'].get('reason', '')}")
    # Requests name the bundle that decided them; it is what an entry is about only where there are no items.
    about = ("agreement", "member", "what", *(() if items else ("bundle",)))
    facts = [str(said[key]) for key in about if said.get(key)]
    if said.get("service"):
        facts.append(f"service 事项: {said['service']['code']} v{said['service']['version']}")
    return (
        entry["leaf_index"],
        moment(said["time_ms"]),
        said["kind"],
        said.get("system", said.get("department", "")).removeprefix("spiffe://"),
        said.get("purpose", ""),
        (entry["person"] or {}).get("person", "")[:8],
        "\n".join([*reason, *facts, *items]),
    )


@app.command("checkpoint")
@command
def checkpoint(
    gateway: Address,
    ca: CaFile,
    out: Annotated[Path | None, typer.Option("--out", help="Keep it in this file, for later verifications.")] = None,
) -> None:
    """Fetch the newest signed checkpoint. Keep one from time to time: it is what a forger cannot know."""
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        note = stub.GetCheckpoint(audit_pb2.GetCheckpointRequest(), timeout=DEADLINE_S).checkpoint
    if out is not None:
        out.write_text(note, encoding="utf-8")
        say(f"kept in {out}")
    else:
        typer.echo(note, nl=False)


@app.command("proof")
@command
def proof(
    entry: Annotated[int, typer.Argument(min=0, help="Index of the entry.")],
    gateway: Address,
    ca: CaFile,
    out: Annotated[
        Path | None, typer.Option("--out", help="Keep the proof in this file (.tlog-proof), to be verified offline.")
    ] = None,
    with_entry: Annotated[
        bool, typer.Option("--with-entry", help="Put the entry itself into the file. Auditors only; logged.")
    ] = False,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            envvar="ONCEGATE_TOKEN_FILE",
            help="File with your OIDC token, for --with-entry.",
            dir_okay=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the proof that an entry is in the log (RFC 6962); with --out as a file that anyone can verify offline."""
    if with_entry and (out is None or token_file is None):
        fail("--with-entry needs --out and a token", EXIT_USAGE)
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        found = stub.GetInclusionProof(audit_pb2.GetInclusionProofRequest(leaf_index=entry), timeout=DEADLINE_S)
        extra = found.leaf_hash
        if with_entry and token_file is not None:
            extra = _line_of(stub, entry, bearer_metadata(token_file))
    document = {
        "leaf_index": entry,
        "leaf_hash": found.leaf_hash.hex(),
        "tree_size": found.tree_size,
        "path": [step.hex() for step in found.path],
        "checkpoint": found.checkpoint,
    }
    if out is not None:
        text = write_proof_file(ProofFile(entry, tuple(found.path), found.checkpoint, extra))
        out.write_text(text, encoding="utf-8", newline="")
        document["file"] = str(out)

    def human() -> None:
        say(f"entry {entry}: leaf hash {document['leaf_hash']}, in a tree of {found.tree_size}")
        if out is not None:
            say(f"kept in {out}; verify it with: oncegate audit verify {out} --key PUBLIC_KEY")
            return
        for step in found.path:
            say(f"  {step.hex()}")

    emit(document, as_json=as_json, human=human)


def _line_of(stub: Any, entry: int, metadata: Any) -> bytes:
    """The entry as a line of a copy."""
    from gateway.audit.export import line_of  # noqa: PLC0415 - see gateway.cli.offline

    request = audit_pb2.ListEntriesRequest(page_size=1, page_token=str(entry + 1))
    entries = stub.ListEntries(request, metadata=metadata, timeout=DEADLINE_S).entries
    if [one.leaf_index for one in entries] != [entry]:
        fail("the gateway did not give the entry out", EXIT_REFUSED)
    return layout.write_line(line_of(conditions.log_entry(entries[0], json.loads)))


class Taken(StrEnum):
    """What an export is."""

    COPY = "copy"
    CSV = "csv"
    JSONL = "jsonl"
    OCSF = "ocsf"


@app.command("export")
@command
@conditions.searching
def export(
    target: Annotated[
        Path, typer.Argument(help="New or empty folder for a copy; otherwise a new file, or - for standard output.")
    ],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    wanted: audit_pb2.SearchFilter,
    form: Annotated[
        Taken,
        typer.Option(
            "--format", help="copy: the whole log, verifiable offline; csv, jsonl or ocsf: what a search finds."
        ),
    ] = Taken.COPY,
    most: Annotated[int, typer.Option("--most", min=1, max=1_000_000, help="Of a search, at most so many.")] = 100_000,
    as_json: AsJson = False,
) -> None:
    """Copy the log into a folder that can be verified offline, or write what a search finds to a file.

    The copy is as confidential as the log. The other formats show people as random ids only. Exporting is on the log.
    """
    if form is Taken.COPY and wanted.ByteSize():
        fail("a copy is of the whole log; conditions go with --format csv, jsonl or ocsf", EXIT_USAGE)
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        if form is Taken.COPY:
            size, more = _copied(stub, token_file, target), False
        else:
            request = audit_pb2.ExportEntriesRequest(filter=wanted, most=most)
            size, more = write_found(stub, request, token_file, target, Format(form))
    if str(target) == "-":
        return

    def human() -> None:
        say(f"wrote 已写出 {size} entries to {target}")
        if more:
            say("there are more; give times or raise --most 还有更多，请限定时段或提高 --most")

    emit({"target": str(target), "format": str(form), "entries": size, "more": more}, as_json=as_json, human=human)


def _copied(stub: audit_pb2_grpc.AuditServiceStub, token_file: Path, directory: Path) -> int:
    from gateway.audit.export import write_copy  # noqa: PLC0415 - see gateway.cli.offline

    stream = stub.ExportLog(
        audit_pb2.ExportLogRequest(), metadata=bearer_metadata(token_file), timeout=_EXPORT_DEADLINE_S
    )
    note = next(stream).checkpoint
    return write_copy(directory, note, (), _received(stream))


def _received(stream: Iterator[audit_pb2.ExportLogResponse]) -> Iterator[LogEntry]:
    for message in stream:
        yield from (conditions.log_entry(entry, json.loads) for entry in message.entries)


app.command("search")(search)
app.command("stats")(stats)
app.command("report")(report)
app.command("hidden")(hidden)
app.command("rebuild-search")(rebuild_search)
app.command("epochs")(epochs)
app.command("identity")(identity)
app.add_typer(key_app, name="identity-key")
app.command("detect")(detect)
app.command("detect-figures")(detect_figures)
app.add_typer(alerts_app, name="alerts")
app.add_typer(list_commands("watched", "Persons about whom others are curious. 关注名单"), name="watchlist")
app.add_typer(list_commands("honeytoken", "Persons who do not exist. 诱饵身份"), name="honeytoken")


@app.command("verify")
@command
def verify(  # noqa: PLR0917 - options of a command
    place: Annotated[
        str, typer.Argument(help="Folder of a copy or of tiles, a .tlog-proof file, or an http(s) address.")
    ],
    key: Annotated[str, typer.Option("--key", help="The ledger's verifier key (from elsewhere than the log).")],
    earlier: Annotated[
        list[Path] | None, typer.Option("--earlier", help="A checkpoint that you kept from before; may be repeated.")
    ] = None,
    before: Annotated[
        Path | None, typer.Option("--before", help="A copy or a folder of tiles that you kept from before.")
    ] = None,
    leaf: Annotated[
        str | None, typer.Option("--leaf", help="For a proof file: the leaf hash (hex) that it has to be about.")
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option("--witness", help="The verifier key of a witness; may be repeated.")
    ] = None,
    quorum: Annotated[
        int | None, typer.Option("--quorum", help="How many of the witnesses must have cosigned; all unless given.")
    ] = None,
    epoch: Annotated[
        list[Path] | None, typer.Option("--epoch", help="A signed statement of an epoch of the log; may be repeated.")
    ] = None,
    custodian: Annotated[
        list[str] | None, typer.Option("--custodian", help="The verifier key of a custodian; may be repeated.")
    ] = None,
    custodians_needed: Annotated[
        int | None, typer.Option("--custodians-needed", help="How many of them must have signed; all unless given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute everything, offline. Exit code 5 names the first bad entry and shows the evidence."""
    try:
        told = Told(epoch or (), custodian or (), custodians_needed)
        outcome = check(place, key, earlier or (), before, leaf, quorum_of(witness or (), quorum, key), told)
    except BadUse as error:
        fail(str(error), EXIT_USAGE)
    show(outcome, as_json=as_json)


local.register(app)
audit_retention.register(app)
