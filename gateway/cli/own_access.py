"""`oncegate me accesses | proof | usage`: who asked about you, with a proof to check offline, and how often."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.audit.review.formats import safe_cell
from gateway.audit.verify import layout
from gateway.cli.audit_conditions import moment_of
from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.emergency_texts import reason_text
from gateway.cli.options import Address, AsJson, CaFile, TokenFile
from gateway.cli.output import EXIT_USAGE, command, emit, fail, moment, say, table
from gateway.cli.own_consent import ActingFor, acting_subject
from gateway.cli.retained import retained_of, say_retained
from keys.log.proof_files import ProofFile, write_proof_file
from oncegate.v1 import audit_pb2, audit_pb2_grpc
from policies.civil_time import civil_date

OUTCOMES = {
    "asked": "asked, no answer yet / 已请求",
    "released": "released / 已提供",
    "refused": "refused / 已拒绝",
    "abandoned": "broken off, nothing released / 已中断，未提供",
    "replayed": "same answer given again / 重复答复",
    "profile_written": "you changed your profile / 本人修改档案",
    "profile_read": "you read your profile / 本人查看档案",
    "profile_deleted": "you removed a field / 本人删除信息项",
    "profile_erased": "profile erased / 档案已删除",
    "profile_recorded": "a department recorded a field / 部门记录核实信息",
    "correction_read": "a department read your request / 部门查阅更正申请",
    "correction_answered": "a department decided your request / 部门办结更正申请",
    "consent_requested": "asks for your consent / 请求授权同意",
    "emergency_read": "a department's steward read the notice / 部门数据专员查阅紧急使用通知",
    "emergency_reviewed": "a department's steward reviewed the emergency / 部门数据专员复核紧急使用",
    "person_searched": "an auditor looked for who asked about you / 审计人员查阅了与您有关的访问记录",
    "identity_opened": "an auditor looked up who you are in the access log / 审计人员查明了访问记录中您的身份",
    "profile_found": "found by the operator by a value / 运营方按内容查到本档案",
    "accesses_read": "somebody who acts for you read this list / 代理人查看了访问记录",
}
_WITHOUT_DEPARTMENT = {
    "person_searched": "an auditor 审计人员",
    "identity_opened": "an auditor 审计人员",
    "profile_found": "the operator 运营方",
    "accesses_read": "who acts for you 您的代理人",
}
FORMS = {
    "value": "value / 原值",
    "masked": "masked / 部分遮盖",
    "year": "year only / 仅年份",
    "predicate": "yes or no / 是否判断",
    "exists": "whether there is one / 是否存在",
}
BECAME = {
    "released": "given / 已提供",
    "withheld": "not given / 未提供",
    "not_available": "there was none / 无此信息",
    "silent": "no answer / 未应答",
}
_PAGE = 200
_MOST = 20_000
_CSV = (
    "entry", "time", "department", "department_name_zh", "department_name_en", "system", "purpose", "purpose_zh",
    "purpose_en", "law_zh", "law_en", "legal_basis", "basis_zh", "basis_en", "case", "outcome", "reason", "emergency",
    "hidden_by_law", "hidden_until", "why", "fields",
)  # fmt: skip

From = Annotated[str, typer.Option("--from", help="From this day (2026-03-01), month or moment on; days are UTC+8.")]
Until = Annotated[str, typer.Option("--until", help="Up to and not including this day, month or moment.")]


@command
def accesses(  # noqa: PLR0917 - typer calls it by name
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    from_: From = "",
    until: Until = "",
    department: Annotated[str, typer.Option("--department", help="Only what this department asked.")] = "",
    acting_for: ActingFor = "",
    page_size: Annotated[int, typer.Option("--page-size", min=1, max=200, help="Accesses a page.")] = 50,
    page: Annotated[str, typer.Option("--page", help="Page token printed by the page before.")] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write all of them to this new file: .csv for a spreadsheet, else JSON."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who asked about you, for what, when, on what basis and with which outcome, newest first.

    What a law keeps from you for a time is shown from its day on, with the law. Each row can be proven: `me proof`.
    """
    if out is not None and page:
        fail("--out writes all of them; give no --page", EXIT_USAGE)
    rows: list[dict[str, Any]] = []
    # Read once: the identifier may come from standard input.
    subject = _subject(acting_for)
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        while True:
            request = audit_pb2.ListMyAccessesRequest(
                page_size=page_size if out is None else _PAGE,
                page_token=page,
                from_unix_ms=moment_of(from_, "--from"),
                until_unix_ms=moment_of(until, "--until"),
                department=department,
                subject=subject,
            )
            response = stub.ListMyAccesses(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
            rows += [_access(access) for access in response.accesses]
            page = response.next_page_token
            if out is None or not page or len(rows) >= _MOST:
                break
    retained = retained_of(response)
    document: dict[str, Any] = {"accesses": rows, "next_page": page, "retained": retained}
    if out is not None:
        _write(out, document)

    def human() -> None:
        if out is not None:
            say(f"wrote 已写出 {len(rows)}: {out}")
        else:
            table("Who asked about you 访问记录", _COLUMNS, [_shown(row) for row in rows])
        if page:
            say(f"more 更多: --page {page}" if out is None else "there are more; choose less time 还有更多，请缩短时段")
        say_retained(retained)

    if out is not None and as_json:
        document = {"file": str(out), "accesses": len(rows), "more": bool(page), "retained": retained}
    emit(document, as_json=as_json, human=human)


@command
def proof(
    entry: Annotated[int, typer.Argument(min=0, help="Number of the entry, as `me accesses` shows it.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    out: Annotated[Path, typer.Option("--out", help="New file for the proof (.tlog-proof).")],
    acting_for: ActingFor = "",
    as_json: AsJson = False,
) -> None:
    """Keep what the log says of one access with the proof that it does; anyone verifies it offline.

    The file holds the accountability part of the entry. Its person part stays closed: only its commitment is in there.
    """
    from gateway.audit.export import line_of  # noqa: PLC0415 - see gateway.cli.offline
    from gateway.cli.audit_conditions import log_entry  # noqa: PLC0415 - as above

    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        request = audit_pb2.GetMyAccessProofRequest(leaf_index=entry, subject=_subject(acting_for))
        found = stub.GetMyAccessProof(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    line = line_of(log_entry(found.entry, json.loads))
    closed = layout.Line(
        line.index, line.leaf_hash, line.accountability, line.accountability_salt, person_closed=line.person_erased
    )
    extra = layout.write_line(closed)
    text = write_proof_file(ProofFile(entry, tuple(found.path), found.checkpoint, extra))
    out.touch(mode=0o600, exist_ok=False)
    out.write_text(text, encoding="utf-8", newline="")
    document = {
        "entry": entry,
        "file": str(out),
        "leaf_hash": found.entry.leaf_hash.hex(),
        "tree_size": found.tree_size,
    }

    def human() -> None:
        say(f"kept in 已保存: {out}")
        say(f"verify it with 验证: oncegate audit verify {out} --key PUBLIC_KEY")

    emit(document, as_json=as_json, human=human)


@command
def usage(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    from_: From = "",
    until: Until = "",
    acting_for: ActingFor = "",
    as_json: AsJson = False,
) -> None:
    """Count who asked about you, month by month (UTC+8); without times of the last year."""
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        request = audit_pb2.GetMyUsageRequest(
            from_unix_ms=moment_of(from_, "--from"),
            until_unix_ms=moment_of(until, "--until"),
            subject=_subject(acting_for),
        )
        response = stub.GetMyUsage(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    rows = [
        {
            "month": f"{civil_date(row.month_unix_ms):%Y-%m}",
            "department": row.department,
            "department_name": _words(row, "department_name"),
            "purpose": row.purpose,
            "purpose_name": _words(row, "purpose_name"),
            "outcome": row.outcome,
            "count": row.count,
        }
        for row in response.rows
    ]
    retained = retained_of(response)

    def human() -> None:
        shown = [
            (
                row["month"],
                _named(row["department_name"], row["department"] or _nobody(row["outcome"])),
                _named(row["purpose_name"], row["purpose"]),
                OUTCOMES.get(row["outcome"], row["outcome"]),
                row["count"],
            )
            for row in rows
        ]
        table(
            "How often 访问次数",
            ("month 月份", "who 部门", "purpose 用途", "outcome 结果", "times 次数"),
            shown,
        )
        say(f"the log holds what it said since 日志内容留存自: {moment(response.held_from_unix_ms)}")
        say(f"counted from 统计自: {moment(response.counted_from_unix_ms)}")
        say_retained(retained)

    document = {
        "rows": rows,
        "counted_from_unix_ms": response.counted_from_unix_ms,
        "held_from_unix_ms": response.held_from_unix_ms,
        "retained": retained,
    }
    emit(document, as_json=as_json, human=human)


_COLUMNS = (
    "time 时间",
    "who 部门",
    "system 系统",
    "purpose 用途",
    "basis 依据",
    "outcome 结果",
    "fields 信息项",
    "entry 日志号",
)


def _shown(row: dict[str, Any]) -> tuple[Any, ...]:
    purpose = _named(row["purpose_name"], row["purpose"])
    if row["service"]:
        purpose += f"\n{row['service']} v{row['service_version']}"
    outcome = _outcome_text(row)
    if row["hidden_by_law"]:
        outcome += f"\nkept from you until 依法延迟告知至 {moment(row['hidden_until_unix_ms'])}: {row['hidden_by_law']}"
    if row["why"]:
        outcome += f"\nwhy 理由: {row['why']}"
    return (
        moment(row["time_unix_ms"]),
        _named(row["department_name"], row["department"] or _nobody(row["outcome"])),
        row["system"].rsplit("/", 1)[-1],
        purpose,
        _named(row["basis_name"], row["legal_basis"]),
        outcome,
        "\n".join(_field_text(field) for field in row["fields"]),
        row["leaf_index"],
    )


def _field_text(field: dict[str, Any]) -> str:
    name = _named(field["field_name"], f"{field['resource']}.{field['field']}")
    became = f" → {BECAME.get(field['outcome'], field['outcome'])}" if field["outcome"] else ""
    return f"{name} ({FORMS.get(field['form'], field['form'])}){became}"


def _outcome_text(row: dict[str, Any]) -> str:
    text = OUTCOMES.get(row["outcome"], row["outcome"]) + (f" ({row['reason']})" if row["reason"] else "")
    return f"EMERGENCY 紧急 {reason_text(row['emergency'])}: {text}" if row["emergency"] else text


def _nobody(outcome: str) -> str:
    return _WITHOUT_DEPARTMENT.get(outcome, "you 本人")


def _named(words: dict[str, str] | None, code: str) -> str:
    return code if words is None else f"{words['zh']} / {words['en']}"


def _words(message: Any, name: str) -> dict[str, str] | None:
    if not message.HasField(name):
        return None
    found = getattr(message, name)
    return {"zh": found.zh, "en": found.en}


def _subject(text: str) -> audit_pb2.AccessSubject | None:
    said = acting_subject(text)
    if said is None:
        return None
    return audit_pb2.AccessSubject(scheme=said.scheme, identifier=said.identifier, relation=said.relation)


def _access(access: audit_pb2.Access) -> dict[str, Any]:
    return {
        "time_unix_ms": access.time_unix_ms,
        "department": access.department,
        "department_name": _words(access, "department_name"),
        "system": access.system,
        "purpose": access.purpose,
        "purpose_name": _words(access, "purpose_name"),
        "purpose_law": _words(access, "purpose_law"),
        "legal_basis": access.legal_basis,
        "basis_name": _words(access, "basis_name"),
        "case_reference": access.case_reference,
        "outcome": access.outcome,
        "reason": access.reason,
        "leaf_index": access.leaf_index,
        "emergency": access.emergency,
        "hidden_by_law": access.hidden_by_law,
        "hidden_until_unix_ms": access.hidden_until_unix_ms,
        "why": access.why,
        "service": access.service,
        "service_version": access.service_version,
        "fields": [
            {
                "resource": f.resource,
                "resource_name": _words(f, "resource_name"),
                "field": f.field,
                "field_name": _words(f, "field_name"),
                "form": f.form,
                "outcome": f.outcome,
            }
            for f in access.fields
        ],
    }


def _write(out: Path, document: dict[str, Any]) -> None:
    """Never over a file that is there; readable by its owner only.

    Raises:
        OSError: It is there, or cannot be written.
    """
    text = _csv(document["accesses"]) if out.suffix == ".csv" else json.dumps(document, ensure_ascii=False, indent=2)
    out.touch(mode=0o600, exist_ok=False)
    out.write_text(text + ("" if out.suffix == ".csv" else "\n"), encoding="utf-8", newline="")


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    """RFC 4180 in UTF-8 with a mark that spreadsheets see; no cell is a formula."""
    file = io.StringIO()
    file.write("\ufeff")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(_CSV)
    for row in rows:
        cells = [
            row["leaf_index"], moment(row["time_unix_ms"]), row["department"], *_both(row["department_name"]),
            row["system"], row["purpose"], *_both(row["purpose_name"]), *_both(row["purpose_law"]), row["legal_basis"],
            *_both(row["basis_name"]), row["case_reference"], row["outcome"], row["reason"], row["emergency"],
            row["hidden_by_law"], moment(row["hidden_until_unix_ms"]) if row["hidden_by_law"] else "", row["why"],
            "; ".join(f"{f['resource']}.{f['field']}:{f['form']}={f['outcome']}" for f in row["fields"]),
        ]  # fmt: skip
        writer.writerow([safe_cell(str(cell)) for cell in cells])
    return file.getvalue()


def _both(words: dict[str, str] | None) -> tuple[str, str]:
    return ("", "") if words is None else (words["zh"], words["en"])


def register(app: typer.Typer) -> None:
    """Add the commands to `oncegate me`."""
    for name, function in (("accesses", accesses), ("proof", proof), ("usage", usage)):
        named: Callable[..., Any] = app.command(name)
        named(function)
