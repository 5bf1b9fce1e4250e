"""Why an answer is not believed: a closed table, each with a public text in Chinese and English.

An `UntrustedAnswer` is a security event, not a transport fault: someone between the provider and this system is
broken or lies. Nothing of the answer is handed to the caller.
"""

from enum import StrEnum

from nodes.errors import NodeError, PublicText


class Distrust(StrEnum):
    """Stable codes; the table below is total (tested)."""

    UNKNOWN_PROVIDER = "UNKNOWN_PROVIDER"
    NODE_KEYS = "NODE_KEYS"
    RECEIPT = "RECEIPT"
    PROMISE = "PROMISE"
    SEALED = "SEALED"
    UNASKED = "UNASKED"
    MISSING = "MISSING"
    MALFORMED = "MALFORMED"


PUBLIC: dict[Distrust, PublicText] = {
    Distrust.UNKNOWN_PROVIDER: PublicText(
        "没有与该提供方就该资源接受的有效共享协议",
        "No accepted agreement in force covers this provider and resource",
    ),
    Distrust.NODE_KEYS: PublicText(
        "节点密钥未经提供方部门认证", "The node's keys are not certified by the providing department"
    ),
    Distrust.RECEIPT: PublicText("提供方的回执与答复不符", "The provider's receipt does not fit the answer"),
    Distrust.PROMISE: PublicText(
        "访问日志的登记凭据缺失或无效", "The access log's promise is missing or does not verify"
    ),
    Distrust.SEALED: PublicText("密封的答复无法开启", "The sealed answer cannot be opened"),
    Distrust.UNASKED: PublicText(
        "答复中有未请求的资源、信息项或形式", "The answer holds a resource, field or form that was not asked for"
    ),
    Distrust.MISSING: PublicText(
        "答复缺少请求的资源或信息项", "The answer leaves out a resource or field that was asked for"
    ),
    Distrust.MALFORMED: PublicText("答复格式不正确", "The answer is malformed"),
}


class UntrustedAnswer(NodeError):
    """An answer that does not verify. Nothing of it is handed out.

    Args:
        reason: Which check failed.
        detail: What exactly, free of identifiers, names and values.
    """

    def __init__(self, reason: Distrust, detail: str = "") -> None:
        super().__init__(reason, PUBLIC[reason].zh, PUBLIC[reason].en, detail)
        self.reason = reason
