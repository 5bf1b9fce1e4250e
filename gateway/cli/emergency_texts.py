"""How emergency uses are shown, and `oncegate me emergencies`."""

from typing import Any, Final

from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.options import Address, AsJson, CaFile, TokenFile
from gateway.cli.output import command, emit, moment, table
from oncegate.v1 import emergency_pb2, emergency_pb2_grpc, signed_pb2
from policies.emergencies import REASONS

OUTCOMES: Final = {
    emergency_pb2.REVIEW_OUTCOME_JUSTIFIED: ("justified", "justified / 正当"),
    emergency_pb2.REVIEW_OUTCOME_NOT_JUSTIFIED: ("not_justified", "not justified / 不正当"),
    emergency_pb2.REVIEW_OUTCOME_FOLLOW_UP: ("follow_up", "to be followed up / 待跟进"),
}
OWN_COLUMNS: Final = (
    "time 时间",
    "who 部门",
    "from 来源",
    "resource 资源",
    "reason 事由",
    "fields 信息项",
    "review 复核",
)


def reason_text(code: str) -> str:
    """A reason in both public languages; the code when it is not known here."""
    reason = REASONS.get(code)
    return code if reason is None else f"{reason.zh} / {reason.en}"


def use_json(use: emergency_pb2.EmergencyUse) -> dict[str, Any]:
    """A use as a JSON document."""
    return {
        "use": use.use_id.hex(),
        "provider": use.provider,
        "consumer": use.consumer,
        "system": use.system,
        "resource": use.resource,
        "agreement": use.agreement_id,
        "revision": use.agreement_revision,
        "reason": use.reason,
        "statement": use.statement,
        "case_reference": use.case_reference,
        "official": use.official,
        "items": [
            {"field": item.field, "form": signed_pb2.Form.Name(item.form).removeprefix("FORM_").lower()}
            for item in use.items
        ],
        "asked_unix_ms": use.asked_unix_ms,
        "entry": use.entry,
        "due_unix_ms": use.due_unix_ms,
        "overdue": use.overdue,
        "person_from_unix_ms": use.person_from_unix_ms,
        "law": use.law,
        "reviewed_unix_ms": use.reviewed_unix_ms,
        "outcome": OUTCOMES.get(use.outcome, ("", ""))[0],
        "review_text": use.review_text,
    }


def summary_json(row: emergency_pb2.EmergencySummary) -> dict[str, Any]:
    """A row of a summary as a JSON document."""
    return {
        "provider": row.provider,
        "consumer": row.consumer,
        "agreement": row.agreement_id,
        "reason": row.reason,
        "uses": row.uses,
        "justified": row.justified,
        "not_justified": row.not_justified,
        "open": row.open,
        "overdue": row.overdue,
        "unread": row.unread,
        "kept_from_person": row.kept_from_person,
    }


def summary_lines(row: emergency_pb2.EmergencySummary) -> list[str]:
    """A row of a summary for people."""
    return [
        f"{row.provider} → {row.consumer}  {row.agreement_id}  {reason_text(row.reason)}",
        f"  uses 次数 {row.uses}; justified 正当 {row.justified}, not justified 不正当 {row.not_justified}",
        f"  open 未结 {row.open}, overdue 逾期 {row.overdue}",
        f"  unread by a steward 管理员未读 {row.unread}, kept from the person 暂不告知本人 {row.kept_from_person}",
    ]


def use_lines(use: emergency_pb2.EmergencyUse) -> list[str]:
    """A use for people: its number on a line of its own, then what has to be known for a review."""
    due = moment(use.due_unix_ms) + (" OVERDUE 逾期" if use.overdue else "")
    lines = [
        use.use_id.hex(),
        f"  {moment(use.asked_unix_ms)}  {use.provider} → {use.consumer} ({use.system.rsplit('/', 1)[-1]})",
        f"  reason 事由: {reason_text(use.reason)}",
    ]
    if use.statement:
        lines.append(f"  statement 说明: {use.statement}")
    if use.case_reference:
        lines.append(f"  case 办件: {use.case_reference}")
    lines += [
        f"  fields 信息项: {use.resource}: {', '.join(item.field for item in use.items)}",
        f"  agreement 协议: {use.agreement_id} r{use.agreement_revision}; log entry 日志号 {use.entry}",
        f"  review 复核: {OUTCOMES.get(use.outcome, ('', 'not reviewed / 未复核'))[1]}; due 期限 {due}",
    ]
    if use.review_text:
        lines.append(f"  found 结论: {use.review_text}")
    if use.law:
        lines.append(f"  person told from 告知本人自: {moment(use.person_from_unix_ms)} ({use.law})")
    return lines


@command
def own_emergencies(gateway: Address, ca: CaFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """Show what was asked about you under declared emergencies, newest first."""
    with people_channel(gateway, ca) as channel:
        stub = emergency_pb2_grpc.EmergencyServiceStub(channel)
        request = emergency_pb2.ListMyEmergenciesRequest()
        response = stub.ListMyEmergencies(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    rows = [
        (
            moment(use.asked_unix_ms),
            use.consumer,
            use.provider,
            use.resource,
            reason_text(use.reason),
            ", ".join(item.field for item in use.items),
            OUTCOMES.get(use.outcome, ("", "not reviewed / 未复核"))[1],
        )
        for use in response.uses
    ]
    emit(
        [use_json(use) for use in response.uses],
        as_json=as_json,
        human=lambda: table("Emergencies 紧急使用", OWN_COLUMNS, rows),
    )
