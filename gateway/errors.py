"""The gateway's errors: a table of codes, each with a gRPC status and a public text in Chinese and English.

Rules kept here: a `Refused` carries a stable code, never a person's data; its public text is fixed by the table;
`detail` is internal, for the operator's log, and must be free of identifiers and values too. Fields in
`violations` name a path and a rule, never the value that broke it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The gRPC status names that the gateway uses; the rpc door maps them to numbers."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class PublicError:
    """What the outside is told about one code."""

    status: Status
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule of an input: the path of the field and the rule, never the value."""

    field: str
    rule: str


class Code(StrEnum):
    """Stable reason codes; the table below is total (tested)."""

    BAD_REQUEST = "BAD_REQUEST"
    BAD_IDENTIFIER = "BAD_IDENTIFIER"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    UNKNOWN_RESOURCE = "UNKNOWN_RESOURCE"
    UNKNOWN_PURPOSE = "UNKNOWN_PURPOSE"
    TOO_LARGE = "TOO_LARGE"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    CERTIFICATE_MISSING = "CERTIFICATE_MISSING"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    CERTIFICATE_REVOKED = "CERTIFICATE_REVOKED"
    CERTIFICATE_UNKNOWN = "CERTIFICATE_UNKNOWN"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    BAD_KEY_CERTIFICATE = "BAD_KEY_CERTIFICATE"
    BAD_TOKEN = "BAD_TOKEN"  # noqa: S105 - a reason code, not a secret
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105 - a reason code, not a secret
    REQUEST_EXPIRED = "REQUEST_EXPIRED"
    WRONG_SYSTEM = "WRONG_SYSTEM"
    WRONG_GATEWAY = "WRONG_GATEWAY"
    WRONG_SUBJECT = "WRONG_SUBJECT"
    NOT_ALLOWED = "NOT_ALLOWED"
    WITHHELD = "WITHHELD"
    NO_AGREEMENT = "NO_AGREEMENT"
    AGREEMENT_CONTRADICTS = "AGREEMENT_CONTRADICTS"
    STEP_OUT_OF_ORDER = "STEP_OUT_OF_ORDER"
    STEP_TAKEN = "STEP_TAKEN"
    REQUEST_REPLAYED = "REQUEST_REPLAYED"
    ANSWER_EXPIRED = "ANSWER_EXPIRED"
    REQUEST_BROKEN_OFF = "REQUEST_BROKEN_OFF"
    REQUEST_UNSETTLED = "REQUEST_UNSETTLED"
    DEPARTMENT_UNKNOWN = "DEPARTMENT_UNKNOWN"
    DEPARTMENT_REVOKED = "DEPARTMENT_REVOKED"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    NOT_FOUND = "NOT_FOUND"
    IDENTITY_NOT_SEALED = "IDENTITY_NOT_SEALED"
    OPENINGS_EXHAUSTED = "OPENINGS_EXHAUSTED"
    ENTRY_PRUNED = "ENTRY_PRUNED"
    QUESTION_NOT_OPEN = "QUESTION_NOT_OPEN"
    OVERLOADED = "OVERLOADED"
    NODE_REFUSED = "NODE_REFUSED"
    BAD_FRAME = "BAD_FRAME"
    PROTOCOL_VERSION = "PROTOCOL_VERSION"
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    LOG_NOT_COSIGNED = "LOG_NOT_COSIGNED"
    POLICY_UNAVAILABLE = "POLICY_UNAVAILABLE"
    BUNDLE_REFUSED = "BUNDLE_REFUSED"
    OWN_PROPOSAL = "OWN_PROPOSAL"
    NOT_APPROVED = "NOT_APPROVED"
    ALL_PROVIDERS_SILENT = "ALL_PROVIDERS_SILENT"
    FIELD_NOT_EDITABLE = "FIELD_NOT_EDITABLE"
    NOT_AT_A_SOURCE = "NOT_AT_A_SOURCE"
    ALREADY_DECIDED = "ALREADY_DECIDED"
    CONSENT_NOT_POSSIBLE = "CONSENT_NOT_POSSIBLE"
    CONSENT_PROOF_NEEDED = "CONSENT_PROOF_NEEDED"
    CONSENT_PROOF_INVALID = "CONSENT_PROOF_INVALID"
    CONSENT_PROOF_NONCE = "CONSENT_PROOF_NONCE"
    CONSENT_PROOF_TIME = "CONSENT_PROOF_TIME"
    CONSENT_PROOF_PERSON = "CONSENT_PROOF_PERSON"
    RELATION_NOT_VOUCHED = "RELATION_NOT_VOUCHED"
    ALREADY_REVIEWED = "ALREADY_REVIEWED"
    ALREADY_JUDGED = "ALREADY_JUDGED"
    DEADLINE = "DEADLINE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    SEALED = "SEALED"
    KEY_IN_USE = "KEY_IN_USE"
    INTERNAL = "INTERNAL"


_S = Status
PUBLIC: dict[Code, PublicError] = {
    Code.BAD_REQUEST: PublicError(_S.INVALID_ARGUMENT, "请求格式不正确", "The request is malformed"),
    Code.BAD_IDENTIFIER: PublicError(
        _S.INVALID_ARGUMENT, "主体标识不符合其编码规则", "The subject identifier breaks its scheme's rule"
    ),
    Code.UNKNOWN_FIELD: PublicError(_S.INVALID_ARGUMENT, "资源中没有该信息项", "The resource has no such field"),
    Code.UNKNOWN_RESOURCE: PublicError(
        _S.INVALID_ARGUMENT, "目录中没有该信息资源", "The catalogue has no such resource"
    ),
    Code.UNKNOWN_PURPOSE: PublicError(_S.INVALID_ARGUMENT, "用途未登记", "The purpose is not registered"),
    Code.TOO_LARGE: PublicError(_S.INVALID_ARGUMENT, "内容超过大小限制", "The content is larger than the limit"),
    Code.UNAUTHENTICATED: PublicError(_S.UNAUTHENTICATED, "无法确认调用方身份", "The caller is not known"),
    Code.CERTIFICATE_MISSING: PublicError(_S.UNAUTHENTICATED, "缺少客户端证书", "A client certificate is required"),
    Code.CERTIFICATE_EXPIRED: PublicError(_S.UNAUTHENTICATED, "证书已过期", "The certificate has expired"),
    Code.CERTIFICATE_REVOKED: PublicError(_S.UNAUTHENTICATED, "证书已吊销", "The certificate is revoked"),
    Code.CERTIFICATE_UNKNOWN: PublicError(
        _S.UNAUTHENTICATED, "证书身份不被接受", "The certificate's identity is not accepted"
    ),
    Code.BAD_SIGNATURE: PublicError(_S.UNAUTHENTICATED, "签名验证失败", "The signature does not verify"),
    Code.BAD_KEY_CERTIFICATE: PublicError(
        _S.UNAUTHENTICATED, "密钥未经部门认证", "The keys are not certified by the department"
    ),
    Code.BAD_TOKEN: PublicError(_S.UNAUTHENTICATED, "令牌无效", "The token is not valid"),
    Code.TOKEN_EXPIRED: PublicError(_S.UNAUTHENTICATED, "令牌已过期", "The token has expired"),
    Code.REQUEST_EXPIRED: PublicError(
        _S.UNAUTHENTICATED, "请求时间超出允许范围", "The request's time is outside the allowed window"
    ),
    Code.WRONG_SYSTEM: PublicError(
        _S.PERMISSION_DENIED, "请求中的系统与证书不符", "The request names another system than the certificate"
    ),
    Code.WRONG_GATEWAY: PublicError(
        _S.PERMISSION_DENIED, "请求不是发给本网关的", "The request is meant for another gateway"
    ),
    Code.WRONG_SUBJECT: PublicError(
        _S.INVALID_ARGUMENT, "主体承诺与标识不符", "The subject commitment does not fit the identifier"
    ),
    Code.NOT_ALLOWED: PublicError(_S.PERMISSION_DENIED, "不允许该操作", "This is not allowed"),
    Code.WITHHELD: PublicError(_S.PERMISSION_DENIED, "必需的信息项不予提供", "A required field is withheld"),
    Code.NO_AGREEMENT: PublicError(_S.PERMISSION_DENIED, "没有有效的共享协议", "There is no agreement in force"),
    Code.AGREEMENT_CONTRADICTS: PublicError(
        _S.FAILED_PRECONDITION,
        "与另一份共享协议对同一数据规定了不同的义务",
        "Another agreement puts other duties on the same release",
    ),
    Code.STEP_OUT_OF_ORDER: PublicError(
        _S.FAILED_PRECONDITION, "协议当前状态下不能进行该操作", "The agreement is not in a state for this act"
    ),
    Code.STEP_TAKEN: PublicError(
        _S.ALREADY_EXISTS,
        "已有他人先行操作，请查看最新状态后再试",
        "Another act came first; look at the proposal again",
    ),
    Code.REQUEST_REPLAYED: PublicError(
        _S.ALREADY_EXISTS, "请求编号已用于另一请求", "The request id was used for another request"
    ),
    Code.ANSWER_EXPIRED: PublicError(
        _S.ALREADY_EXISTS, "该请求已应答且答复不再保留", "The request was answered and its answer is no longer kept"
    ),
    Code.REQUEST_BROKEN_OFF: PublicError(
        _S.ALREADY_EXISTS,
        "该请求已中断且未提供任何数据，请使用新编号重新请求",
        "The request broke off and nothing was released; ask again with a new id",
    ),
    Code.REQUEST_UNSETTLED: PublicError(
        _S.UNAVAILABLE,
        "该请求的结果尚未确定，请稍后以同一编号重试",
        "The outcome of the request is not settled yet; repeat it in a moment with the same id",
    ),
    Code.DEPARTMENT_UNKNOWN: PublicError(_S.NOT_FOUND, "没有该部门", "There is no such department"),
    Code.DEPARTMENT_REVOKED: PublicError(_S.PERMISSION_DENIED, "部门已被停用", "The department is revoked"),
    Code.ALREADY_EXISTS: PublicError(_S.ALREADY_EXISTS, "已存在", "It exists already"),
    Code.NOT_FOUND: PublicError(_S.NOT_FOUND, "未找到", "It was not found"),
    Code.IDENTITY_NOT_SEALED: PublicError(
        _S.NOT_FOUND,
        "没有以这些密钥封存的身份",
        "No identity is sealed to these keys",
    ),
    Code.OPENINGS_EXHAUSTED: PublicError(
        _S.RESOURCE_EXHAUSTED,
        "今日查明身份的次数已用完",
        "You have opened as many identities today as you may",
    ),
    Code.ENTRY_PRUNED: PublicError(
        _S.NOT_FOUND,
        "该条目保留期已满，内容已清理，其位置与哈希仍在日志中",
        "The entry's retention has ended: what it said is gone, its place and hash are still in the log",
    ),
    Code.QUESTION_NOT_OPEN: PublicError(
        _S.FAILED_PRECONDITION,
        "该核查问题未提出或已有答复",
        "Nobody wants this question answered, or it was answered",
    ),
    Code.OVERLOADED: PublicError(_S.RESOURCE_EXHAUSTED, "系统繁忙，请稍后重试", "Too many requests; try again later"),
    Code.NODE_REFUSED: PublicError(_S.FAILED_PRECONDITION, "节点未被接受", "The node was not accepted"),
    Code.BAD_FRAME: PublicError(_S.INVALID_ARGUMENT, "数据帧不符合协议", "The frame breaks the protocol"),
    Code.PROTOCOL_VERSION: PublicError(
        _S.FAILED_PRECONDITION, "没有共同的协议版本", "There is no common protocol version"
    ),
    Code.LEDGER_UNAVAILABLE: PublicError(
        _S.UNAVAILABLE, "访问日志不可写，未提供任何数据", "The access log cannot be written; nothing was released"
    ),
    Code.LOG_NOT_COSIGNED: PublicError(
        _S.UNAVAILABLE,
        "访问日志长时间未获足够见证方联署，暂停提供数据",
        "Too few witnesses have cosigned the access log lately, so nothing is released",
    ),
    Code.POLICY_UNAVAILABLE: PublicError(
        _S.UNAVAILABLE, "没有可用的规则包，暂停提供", "No policy bundle can be used, so nothing is decided"
    ),
    Code.BUNDLE_REFUSED: PublicError(
        _S.INVALID_ARGUMENT, "规则包未通过检查", "The policy bundle does not pass its checks"
    ),
    Code.OWN_PROPOSAL: PublicError(
        _S.PERMISSION_DENIED, "不能批准自己提交的规则包", "Nobody approves a bundle of their own"
    ),
    Code.NOT_APPROVED: PublicError(
        _S.FAILED_PRECONDITION, "规则包尚未经另一人批准", "The bundle is not approved by a second person"
    ),
    Code.ALL_PROVIDERS_SILENT: PublicError(_S.UNAVAILABLE, "所有提供方均未应答", "No provider answered"),
    Code.FIELD_NOT_EDITABLE: PublicError(
        _S.FAILED_PRECONDITION,
        "该信息项由部门核实，请向来源部门申请更正",
        "A department verified this field: ask for a correction there",
    ),
    Code.NOT_AT_A_SOURCE: PublicError(
        _S.FAILED_PRECONDITION,
        "该信息项不是部门核实的，请本人直接修改",
        "No department verified this field: change it yourself",
    ),
    Code.ALREADY_DECIDED: PublicError(
        _S.FAILED_PRECONDITION, "更正申请已办结或已撤回", "The correction was decided or withdrawn already"
    ),
    Code.CONSENT_NOT_POSSIBLE: PublicError(
        _S.FAILED_PRECONDITION,
        "授权同意的当前状态不允许该操作",
        "As the consent stands, this cannot be done with it",
    ),
    Code.CONSENT_PROOF_NEEDED: PublicError(
        _S.FAILED_PRECONDITION,
        "提供部门要求本人的电子签名或身份令牌",
        "The provider asks for the person's own token or signature",
    ),
    Code.CONSENT_PROOF_INVALID: PublicError(
        _S.UNAUTHENTICATED, "授权同意的证明无效", "The proof of the consent is not valid"
    ),
    Code.CONSENT_PROOF_NONCE: PublicError(
        _S.UNAUTHENTICATED, "该证明是另一授权同意的", "The proof is of another consent"
    ),
    Code.CONSENT_PROOF_TIME: PublicError(
        _S.UNAUTHENTICATED, "该证明的时间与授权同意不符", "The proof's time does not fit the consent"
    ),
    Code.CONSENT_PROOF_PERSON: PublicError(
        _S.UNAUTHENTICATED, "该证明不是本人或其代理人的", "The proof is not the person's or the delegate's"
    ),
    Code.RELATION_NOT_VOUCHED: PublicError(
        _S.PERMISSION_DENIED, "代理关系未经认证", "Nobody vouches that you may act for this person"
    ),
    Code.ALREADY_REVIEWED: PublicError(
        _S.FAILED_PRECONDITION, "该紧急使用已复核", "This emergency use was reviewed already"
    ),
    Code.ALREADY_JUDGED: PublicError(
        _S.FAILED_PRECONDITION, "该告警已有此结论或已办结", "This alert was judged so already, or for good"
    ),
    Code.DEADLINE: PublicError(_S.DEADLINE_EXCEEDED, "超过时限", "The deadline passed"),
    Code.UNIMPLEMENTED: PublicError(_S.UNIMPLEMENTED, "没有该方法", "There is no such method"),
    Code.SEALED: PublicError(
        _S.UNAVAILABLE,
        "网关处于封存状态，密钥尚未开启，请稍后重试",
        "The gateway is sealed: its keys are not open yet; try again later",
    ),
    Code.KEY_IN_USE: PublicError(
        _S.FAILED_PRECONDITION, "该密钥版本仍在使用，不能停用", "Something is still under this version of the key"
    ),
    Code.INTERNAL: PublicError(_S.INTERNAL, "内部错误", "Internal error"),
}


class GatewayError(Exception):
    """Base of everything the gateway raises on purpose."""


class Refused(GatewayError):
    """A call that is not carried out.

    Args:
        code: The stable reason.
        detail: For the operator's log only; free of identifiers and values.
        violations: Broken input rules, told to the caller.
        retry_after_ms: When trying again makes sense, milliseconds.
        reason: A more exact stable reason code for the caller, such as a policy reason; defaults to the code.
        texts: The public text of that reason, Chinese and English; defaults to the code's.
        facts: Further facts for the caller, such as the items withheld; codes only, never values.
    """

    def __init__(
        self,
        code: Code,
        detail: str = "",
        *,
        violations: tuple[Violation, ...] = (),
        retry_after_ms: int | None = None,
        reason: str = "",
        texts: tuple[str, str] | None = None,
        facts: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else str(code))
        self.code = code
        self.detail = detail
        self.violations = violations
        self.retry_after_ms = retry_after_ms
        self.reason = reason or str(code)
        self.texts = texts
        self.facts = facts

    @property
    def public(self) -> PublicError:
        """The public face of this refusal."""
        entry = PUBLIC[self.code]
        return entry if self.texts is None else PublicError(entry.status, *self.texts)


def bad_request(field: str, rule: str, code: Code = Code.BAD_REQUEST) -> Refused:
    """A refusal for one broken input rule."""
    return Refused(code, f"{field}: {rule}", violations=(Violation(field, rule),))
