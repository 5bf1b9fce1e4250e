"""`oncegate audit evidence` and `oncegate audit unjoined`: one release from end to end, and those that do not join.

The program believes nothing that it can check: each entry against its leaf hash and proof, each statement of a system
against its signature, and the steps against each other; the gateway only finds the entries.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.audit.joining import Gap, Statements, acknowledgement_of, gaps, node_gaps
from gateway.audit.kinds import OUTCOMES, Kind
from gateway.audit.verify.evidence import NotProven, Shown, check_proven
from gateway.audit.views import LogEntry
from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.node_receipts import NodeRecords, read_records
from gateway.cli.options import Address, AsJson, CaFile, TokenFile
from gateway.cli.output import EXIT_UNVERIFIED, command, emit, fail, moment, say, table
from gateway.cli.retained import retained_of, say_retained
from oncegate.v1 import audit_pb2, audit_pb2_grpc

_DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
_STEPS = {Kind.ASKED: "asked 请求", Kind.ACKNOWLEDGED: "received 收到", Kind.RELEASED: "released 放行"}


@command
def evidence(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    entry: Annotated[int | None, typer.Option("--entry", min=0, help="Index of the question or its outcome.")] = None,
    request_id: Annotated[str, typer.Option("--request", help="The request id, with --system.")] = "",
    system: Annotated[str, typer.Option("--system", help="SPIFFE id of the asking system, with --request.")] = "",
    receipts: Annotated[
        list[Path] | None,
        typer.Option("--receipts", help="A node's own records, from `oncegate-node receipts export`.", dir_okay=False),
    ] = None,
    key: Annotated[str, typer.Option("--key", help="The ledger's verifier key (from elsewhere).")] = "",
    as_json: AsJson = False,
) -> None:
    """Prove one request: asked, decided, released, received. Exit code 5 when something does not join."""
    if (entry is None) == (not request_id):
        raise typer.BadParameter("give either --entry, or --request with --system", param_hint="--entry")
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        asking = audit_pb2.GetEvidenceRequest(leaf_index=entry or 0, system=system, request_id=request_id)
        response = stub.GetEvidence(asking, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    proven = [(_entry(one.entry), tuple(one.path)) for one in response.entries]
    try:
        shown = check_proven(proven, response.checkpoint, key)
    except NotProven as problem:
        fail(f"NOT PROVEN 证明不成立: {problem}", EXIT_UNVERIFIED)
    found = [one for one, _ in proven]
    records = _records(receipts or [], found)
    statements = Statements()
    problems = _problems(found, records, statements)
    document = _document(found, shown, records, statements, problems)
    emit(document, as_json=as_json, human=lambda: _show(document, shown))
    if problems:
        raise typer.Exit(EXIT_UNVERIFIED)


@command
def unjoined(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=_DATES, help="Released from then on, UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=_DATES, help="Released before, UTC; default: a minute ago.")
    ] = None,
    department: Annotated[str, typer.Option("--department", help="Only to this department.")] = "",
    page_size: Annotated[int, typer.Option("--page-size", min=1, max=200, help="Releases a page.")] = 50,
    page: Annotated[str, typer.Option("--page", help="Page token printed by the page before.")] = "",
    as_json: AsJson = False,
) -> None:
    """List releases whose receipts or acknowledgements are missing or do not fit, newest first."""
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        request = audit_pb2.ListUnjoinedRequest(
            since_unix_ms=_ms(since),
            until_unix_ms=_ms(until),
            department=department,
            page_size=page_size,
            page_token=page,
        )
        response = stub.ListUnjoined(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    found = [
        {
            "leaf_index": one.leaf_index,
            "time_ms": one.time_unix_ms,
            "department": one.department,
            "system": one.system,
            "request_id": one.request_id,
            "gaps": [
                {
                    "code": gap.code,
                    "text_zh": gap.text_zh,
                    "text_en": gap.text_en,
                    "about": gap.about,
                    "entry": gap.leaf_index if gap.in_entry else None,
                }
                for gap in one.gaps
            ],
        }
        for one in response.releases
    ]

    def human() -> None:
        rows = [
            (
                one["leaf_index"],
                moment(one["time_ms"]),
                one["system"].removeprefix("spiffe://"),
                one["request_id"],
                "\n".join(_gap_text(gap) for gap in one["gaps"]),
            )
            for one in found
        ]
        columns = ("entry 日志号", "time 时间", "system 系统", "request 请求号", "what does not join 不能衔接之处")
        table("Releases that do not join 不能衔接的放行", columns, rows)
        say(f"examined 已检查: {response.examined}")
        if response.next_page_token:
            say(f"more 更多: --page {response.next_page_token}")
        say_retained(retained)

    retained = retained_of(response)
    document = {
        "releases": found,
        "examined": response.examined,
        "next_page": response.next_page_token,
        "retained": retained,
    }
    emit(document, as_json=as_json, human=human)


def register(app: typer.Typer) -> None:
    """Puts the commands among those for auditors."""
    app.command("evidence")(evidence)
    app.command("unjoined")(unjoined)


def _ms(when: datetime | None) -> int:
    return 0 if when is None else int(when.replace(tzinfo=UTC).timestamp() * 1000)


def _entry(message: audit_pb2.Entry) -> LogEntry:
    said = json.loads(message.accountability)
    return LogEntry(
        leaf_index=message.leaf_index,
        leaf_hash=message.leaf_hash,
        time_ms=int(said["time_ms"]),
        kind=str(said["kind"]),
        accountability=message.accountability,
        accountability_salt=message.accountability_salt,
        person=message.person,
        person_salt=message.person_salt,
        erased_digest=message.person_digest,
    )


def _split(found: Sequence[LogEntry]) -> tuple[LogEntry | None, LogEntry | None, list[LogEntry]]:
    """The question, its outcome, and what acknowledges that."""
    asked = next((one for one in found if one.kind == Kind.ASKED), None)
    outcome = next((one for one in found if one.kind in OUTCOMES), None)
    return asked, outcome, [one for one in found if one.kind == Kind.ACKNOWLEDGED]


def _records(files: Sequence[Path], found: Sequence[LogEntry]) -> list[NodeRecords]:
    first = next((one for one in found if one.account.get("request_digest")), None)
    digest = bytes.fromhex(str(first.account["request_digest"])) if first is not None else b""
    return [read_records(path, digest) for path in files]


def _problems(found: Sequence[LogEntry], records: Sequence[NodeRecords], statements: Statements) -> list[Gap]:
    asked, outcome, acknowledgements = _split(found)
    problems = gaps(asked, outcome, acknowledgements, statements)
    if outcome is not None and records:
        held = [receipt for one in records for receipt in one.receipts]
        problems += node_gaps(outcome, held, [one.department for one in records])
    return problems


def _document(
    found: Sequence[LogEntry],
    shown: Shown,
    records: Sequence[NodeRecords],
    statements: Statements,
    problems: Sequence[Gap],
) -> dict[str, Any]:
    _, outcome, acknowledgements = _split(found)
    named = [] if outcome is None else [one for one in outcome.account.get("receipts", ()) if isinstance(one, dict)]
    held = {receipt.digest.hex(): receipt for one in records for receipt in one.receipts}
    receipts = [
        {**one, "at_node": digest in held, "node": held[digest].node, "node_signature": held[digest].signed}
        if (digest := str(one.get("receipt", ""))) in held
        else {**one, "at_node": False if one.get("department") in {r.department for r in records} else None}
        for one in named
    ]
    return {
        "joined": not problems and outcome is not None,
        "entries": [
            {"leaf_index": one.leaf_index, "leaf_hash": one.leaf_hash.hex(), "accountability": dict(one.account)}
            for one in found
        ],
        "receipts": receipts,
        "received": [_received(one, outcome, statements) for one in acknowledgements],
        "nodes": [
            {"node": one.node, "department_key": one.fingerprint, "receipts": len(one.receipts)} for one in records
        ],
        "checkpoint": {
            "origin": shown.checkpoint.origin,
            "size": shown.checkpoint.size,
            "root": shown.checkpoint.root.hex(),
            "signature_verified": shown.signed,
        },
        "gaps": [
            {
                "code": str(gap.kind),
                "text_zh": gap.texts[0],
                "text_en": gap.texts[1],
                "about": gap.about,
                "entry": gap.entry,
            }
            for gap in problems
        ],
    }


def _received(entry: LogEntry, outcome: LogEntry | None, statements: Statements) -> dict[str, Any]:
    statement = statements.open(entry)
    said = None if statement is None or outcome is None else acknowledgement_of(statement, outcome.leaf_index)
    return {
        "entry": entry.leaf_index,
        "verified": statement is not None,
        "department_key": statements.fingerprints.get(entry.leaf_index, ""),
        "said_ms": 0 if statement is None else statement.time_ms,
        "received": [] if said is None else [digest.hex() for digest in said.received],
        "wrong": "" if said is None else said.wrong,
    }


def _show(document: dict[str, Any], shown: Shown) -> None:
    rows = []
    for one in document["entries"]:
        said = one["accountability"]
        rows.append(
            (
                _STEPS.get(said["kind"], f"{said['kind']} 结果"),
                one["leaf_index"],
                moment(said["time_ms"]),
                str(said.get("system", "")).removeprefix("spiffe://"),
                one["leaf_hash"],
                _facts(said),
            )
        )
    table("Evidence 证据链", ("step 步骤", "entry 日志号", "time 时间", "system 系统", "leaf hash", "what 内容"), rows)
    table(
        "Receipts 节点回执",
        ("department 部门", "resource 资源", "digest 摘要", "at the node 节点记录"),
        [
            (
                one.get("department", ""),
                one["resource"],
                one.get("receipt") or one.get("sealed", ""),
                _at_node(one),
            )
            for one in document["receipts"]
        ],
    )
    for one in document["received"]:
        state = one["wrong"] or ("signature verified 签名有效" if one["verified"] else "NOT VERIFIED 签名无效")
        say(f"received 收到: entry {one['entry']}, {state}, department key {one['department_key']}")
    head = (
        "signed by the ledger's key 日志密钥已签名" if shown.signed else "signature not checked: give --key 未验证签名"
    )
    say(f"proven in a tree of {shown.checkpoint.size} 已证明在树中 ({head}), root {shown.checkpoint.root.hex()}")
    if document["joined"]:
        say("Everything joins 全部衔接: asked, decided, released, received.")
    for gap in document["gaps"]:
        say(f"DOES NOT JOIN 不能衔接: {_gap_text(gap)}")


def _facts(said: dict[str, Any]) -> str:
    lines = [f"request 请求: {said['request_digest']}"] if said.get("request_digest") else []
    if said.get("rules"):
        lines.append(f"rules 规则: {', '.join(map(str, said['rules']))}")
    lines += [f"agreement 协议: {one['id']} r{one['revision']} {one['digest']}" for one in said.get("agreements", ())]
    if said.get("bundle"):
        lines.append(f"bundle 策略包: {said['bundle']}")
    return "\n".join(lines)


def _at_node(one: dict[str, Any]) -> str:
    if one["at_node"] is None:
        return "not compared 未比对"
    if not one["at_node"]:
        return "NOT THERE 没有"
    return "there, signed 有，签名有效" if one["node_signature"] else "there, SIGNATURE BAD 有，签名无效"


def _gap_text(gap: dict[str, Any]) -> str:
    about = f" ({gap['about']})" if gap["about"] else ""
    where = "" if gap["entry"] is None else f" [entry {gap['entry']}]"
    return f"{gap['code']}: {gap['text_en']} / {gap['text_zh']}{about}{where}"
