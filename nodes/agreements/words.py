"""What a steward reads about proposals, in Chinese and English; every table is total (tested)."""

from collections.abc import Mapping
from typing import Final

from nodes.errors import PublicText
from policies.agreements.compare import Effect
from policies.agreements.workflow import Act, Status

STATUS: Final[Mapping[Status, PublicText]] = {
    Status.REVIEW: PublicText("待提供方审核", "waits for the provider's review"),
    Status.QUESTIONED: PublicText("待使用方答复", "waits for the consumer's answer"),
    Status.NARROWED: PublicText("待使用方确认缩小范围", "waits for the consumer to accept a narrower text"),
    Status.APPROVED: PublicText("已生效", "approved"),
    Status.SUSPENDED: PublicText("已暂停", "suspended"),
    Status.REFUSED: PublicText("已拒绝", "refused"),
    Status.WITHDRAWN: PublicText("已撤回", "withdrawn"),
    Status.TERMINATED: PublicText("已终止", "terminated"),
}
ACTS: Final[Mapping[Act, PublicText]] = {
    Act.PROPOSE: PublicText("提出申请", "proposed"),
    Act.ASK: PublicText("询问", "asked"),
    Act.ANSWER: PublicText("答复", "answered"),
    Act.NARROW: PublicText("提出缩小范围", "offered a narrower text"),
    Act.ACCEPT_NARROWING: PublicText("接受缩小范围", "accepted the narrower text"),
    Act.APPROVE: PublicText("批准", "approved"),
    Act.REFUSE: PublicText("拒绝", "refused"),
    Act.WITHDRAW: PublicText("撤回", "withdrew"),
    Act.SUSPEND: PublicText("暂停", "suspended"),
    Act.RESUME: PublicText("恢复", "resumed"),
    Act.TERMINATE: PublicText("终止", "terminated"),
    Act.REVISE: PublicText("提出修订", "proposed a new revision"),
}
EFFECTS: Final[Mapping[Effect, PublicText]] = {
    Effect.WIDENS: PublicText("扩大", "widens"),
    Effect.NARROWS: PublicText("缩小", "narrows"),
    Effect.CHANGES: PublicText("变更", "changes"),
}
KEYS: Final[Mapping[str, PublicText]] = {
    "id": PublicText("协议编号", "Agreement"),
    "revision": PublicText("版本", "Revision"),
    "provider": PublicText("提供方", "Provider"),
    "provider_key": PublicText("提供方密钥指纹", "Provider's key"),
    "consumer": PublicText("使用方", "Consumer"),
    "consumer_key": PublicText("使用方密钥指纹", "Consumer's key"),
    "systems": PublicText("业务系统", "Systems"),
    "resource": PublicText("信息资源", "Resource"),
    "sharing_type": PublicText("共享类型", "Sharing"),
    "condition": PublicText("共享条件", "Condition"),
    "legal_basis": PublicText("法律依据", "Legal basis"),
    "purposes": PublicText("用途", "Purposes"),
    "valid_from": PublicText("生效时间", "In force from"),
    "valid_until": PublicText("失效时间", "In force until"),
    "case_required": PublicText("须注明办件编号", "Case reference required"),
    "official_required": PublicText("须注明经办人员", "Official required"),
    "uses_per_day": PublicText("每日使用上限", "Uses per day"),
    "items": PublicText("信息项与形式", "Fields and forms"),
    "predicates": PublicText("可作的判断", "Questions"),
    "consent": PublicText("同意条款", "Terms of consent"),
    "emergency": PublicText("紧急使用条款", "Terms for declared emergencies"),
    "retention_days": PublicText("留存天数", "Kept for days"),
    "impact_assessment": PublicText("影响评估编号", "Impact assessment"),
    "onward_transfer": PublicText("再次提供", "Onward transfer"),
}
"""Keys of an agreement; a key that is not here is shown as it is written."""
WORDS: Final[Mapping[str, PublicText]] = {
    "proposal": PublicText("申请编号", "Proposal"),
    "status": PublicText("状态", "Status"),
    "waited_for": PublicText("等待", "Waits for"),
    "due": PublicText("期限", "Due"),
    "late": PublicText("已逾期 {days} 个工作日", "late by {days} working days"),
    "digest": PublicText("文本摘要（SHA-256）", "Digest of the text (SHA-256)"),
    "other_key": PublicText(
        "请通过其他途径向 {department} 核对其密钥指纹", "Ask {department} by another way for the fingerprint of its key"
    ),
    "against_in_force": PublicText("与现行版本（第 {revision} 版）相比", "Compared with revision {revision} in force"),
    "against_proposed": PublicText("与使用方提出的文本相比", "Compared with the text that the consumer proposed"),
    "no_changes": PublicText("无差异", "no differences"),
    "effect": PublicText("作用", "Effect"),
    "key": PublicText("条款", "Key"),
    "before": PublicText("原为", "Before"),
    "after": PublicText("现为", "After"),
    "said": PublicText("往来", "What was said"),
    "number": PublicText("序号", "No"),
    "when": PublicText("时间", "When"),
    "who": PublicText("部门", "Department"),
    "act": PublicText("行为", "Act"),
    "law": PublicText("法律条款", "Law"),
    "reason": PublicText("理由", "Reason"),
    "verified": PublicText(
        "已验证：{steps} 个步骤的签名、顺序与文本均相符。",
        "Verified: signatures, order and texts of all {steps} steps.",
    ),
    "revoked": PublicText("已由平台撤销", "withdrawn by the operator"),
    "proposals": PublicText("申请", "Proposals"),
    "yes": PublicText("是", "yes"),
    "no": PublicText("否", "no"),
}
