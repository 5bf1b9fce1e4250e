"""How profile fields and requests for correction are shown: words in English and Chinese, rows and JSON documents.

Rules kept: every word of the vault has both languages (tested for totality); what is unknown is shown as unknown, an
age that is not known never as fresh.
"""

from typing import Any, Final

from gateway.cli.output import moment
from oncegate.v1 import profile_pb2

SOURCES: Final = {
    "government_verified": "verified by a department / 部门核实",
    "platform_verified": "entered by you, equal to a register / 本人填报，已比对一致",
    "user_provided": "entered by you / 本人填报",
    "not_applicable": "you: does not apply / 本人注明不适用",
}
STATUSES: Final = {
    "active": "in use / 有效",
    "disputed": "disputed by you / 本人提出异议",
    "restricted": "restricted by you, not released / 本人限制提供",
    "superseded": "earlier version / 历史版本",
    "erased": "removed / 已删除",
}
UNAVAILABLE: Final = {
    "not_collected": "not collected / 未采集",
    "not_applicable": "does not apply / 不适用",
    "withheld": "withheld by the source / 来源部门不予提供",
    "source_down": "source not reachable / 来源暂不可用",
}
SUPERSEDED: Final = {
    "replaced_by_person": "you changed it / 本人修改",
    "replaced_by_source": "a department recorded it / 部门更新",
    "confirmed": "confirmed by a register / 比对一致",
    "corrected": "corrected at your request / 申请更正",
}
CORRECTIONS: Final = {
    "submitted": "waiting / 待办理",
    "accepted": "accepted / 已采纳",
    "rejected": "rejected / 已驳回",
    "withdrawn": "withdrawn by you / 已撤回",
}
FIELD_COLUMNS: Final = (
    "field 信息项",
    "value 内容",
    "source 来源",
    "status 状态",
    "age 数据时效",
    "valid until 有效期",
)
CORRECTION_COLUMNS: Final = (
    "request 申请号",
    "field 信息项",
    "department 部门",
    "proposal 更正为",
    "reason 理由",
    "status 状态",
    "note 办理意见",
    "submitted 提交时间",
)
_DAY_MS: Final = 86_400_000


def field_json(field: profile_pb2.ProfileField) -> dict[str, Any]:
    """A version of a field as a JSON document; null for what there is not."""
    return {
        "field": field.field,
        "value": None if field.unavailable_reason else field.value,
        "unavailable_reason": field.unavailable_reason or None,
        "version": field.version,
        "status": field.status,
        "source": field.source,
        "source_department": field.source_department or None,
        "source_record": field.source_record or None,
        "classification": field.classification,
        "editable": field.editable,
        "collected_unix_ms": field.collected_unix_ms or None,
        "updated_unix_ms": field.updated_unix_ms or None,
        "last_updated_unix_ms": field.last_updated_unix_ms or None,
        "verified_unix_ms": field.verified_unix_ms or None,
        "valid_until_unix_ms": field.valid_until_unix_ms or None,
        "dispute_reason": field.dispute_reason or None,
        "disputed_unix_ms": field.disputed_unix_ms or None,
        "restricted_unix_ms": field.restricted_unix_ms or None,
        "superseded_unix_ms": field.superseded_unix_ms or None,
        "superseded_reason": field.superseded_reason or None,
    }


def field_row(field: profile_pb2.ProfileField, now_ms: int) -> tuple[str, ...]:
    """A version of a field as a row under `FIELD_COLUMNS`."""
    if not field.version:
        return (field.field, "", "", UNAVAILABLE["not_collected"], "", "")
    reason = field.unavailable_reason
    return (
        field.field,
        f"({UNAVAILABLE.get(reason, reason)})" if reason else field.value,
        SOURCES.get(field.source, field.source) + (f" ({field.source_department})" if field.source_department else ""),
        status_text(field),
        age_text(field.last_updated_unix_ms, now_ms),
        validity_text(field.valid_until_unix_ms, now_ms),
    )


def status_text(field: profile_pb2.ProfileField) -> str:
    """How a field stands, with the person's own words."""
    status = STATUSES.get(field.status, field.status)
    if field.superseded_reason:
        status = SUPERSEDED.get(field.superseded_reason, field.superseded_reason)
    return f"{status}: {field.dispute_reason}" if field.dispute_reason else status


def age_text(last_updated_ms: int, now_ms: int) -> str:
    """How long ago the source last changed it, in days; unknown when the source does not say."""
    if not last_updated_ms:
        return "unknown / 未知"
    return f"{max(0, now_ms - last_updated_ms) // _DAY_MS} d / 天"


def validity_text(valid_until_ms: int, now_ms: int) -> str:
    """Until when it is valid."""
    if not valid_until_ms:
        return "no end / 长期"
    ended = " expired / 已过期" if now_ms > valid_until_ms else ""
    return moment(valid_until_ms) + ended


def correction_json(correction: profile_pb2.Correction) -> dict[str, Any]:
    """A request for correction as a JSON document."""
    return {
        "correction": correction.correction_id.hex(),
        "field": correction.field,
        "department": correction.department,
        "record": correction.record or None,
        "proposal": correction.proposal,
        "reason": correction.reason,
        "status": correction.status,
        "created_unix_ms": correction.created_unix_ms,
        "changed_unix_ms": correction.changed_unix_ms,
        "note": correction.note or None,
    }


def correction_row(correction: profile_pb2.Correction) -> tuple[str, ...]:
    """A request for correction as a row under `CORRECTION_COLUMNS`."""
    return (
        correction.correction_id.hex(),
        correction.field,
        correction.department,
        correction.proposal,
        correction.reason,
        CORRECTIONS.get(correction.status, correction.status),
        correction.note,
        moment(correction.created_unix_ms),
    )
