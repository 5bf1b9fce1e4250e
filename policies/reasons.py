"""Why an item is withheld, why a node refuses, why a provider is silent: one table of codes with public texts.

Rules kept here: the codes are stable and are written to the access log; every code has a text in Chinese and in
English (tested, and the table in docs/policies.md is tested against this one); no text has a place for a name, an
identifier or a value.

What it does not do: it does not decide which reasons a caller may be told; that is the exchange's work. Only reasons of
kind `decision` are settled before any look-up, so only those may be told apart to a caller.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Text:
    """A public text in the two languages."""

    zh: str
    en: str


class Kind(StrEnum):
    """Who gives a reason."""

    DECISION = "decision"
    """Policy, before anything is looked up."""
    NODE = "node"
    """A provider's node, about a ticket."""
    SILENCE = "silence"
    """The gateway, about a provider that gave no answer."""


class Reason(StrEnum):
    """Stable reason codes."""

    # Policy.
    UNKNOWN_TERM = "UNKNOWN_TERM"
    NOT_SHARED = "NOT_SHARED"
    NO_AGREEMENT = "NO_AGREEMENT"
    AGREEMENT_SUSPENDED = "AGREEMENT_SUSPENDED"
    AGREEMENT_NOT_STARTED = "AGREEMENT_NOT_STARTED"
    AGREEMENT_EXPIRED = "AGREEMENT_EXPIRED"
    AGREEMENT_MISMATCH = "AGREEMENT_MISMATCH"
    WRONG_DEPARTMENT = "WRONG_DEPARTMENT"
    WRONG_SYSTEM = "WRONG_SYSTEM"
    PURPOSE_MISSING = "PURPOSE_MISSING"
    PURPOSE_NOT_COVERED = "PURPOSE_NOT_COVERED"
    PURPOSE_RETIRED = "PURPOSE_RETIRED"
    BASIS_NOT_FOR_PURPOSE = "BASIS_NOT_FOR_PURPOSE"
    SERVICE_NOT_COVERED = "SERVICE_NOT_COVERED"
    BASIS_NOT_COVERED = "BASIS_NOT_COVERED"
    EMERGENCY_ONLY = "EMERGENCY_ONLY"
    EMERGENCY_NOT_AGREED = "EMERGENCY_NOT_AGREED"
    EMERGENCY_REASON_NOT_COVERED = "EMERGENCY_REASON_NOT_COVERED"
    EMERGENCY_REVIEW_OVERDUE = "EMERGENCY_REVIEW_OVERDUE"
    CONSENT_MISSING = "CONSENT_MISSING"
    CONSENT_UNKNOWN = "CONSENT_UNKNOWN"
    CONSENT_WRONG_PERSON = "CONSENT_WRONG_PERSON"
    CONSENT_WRONG_CONSUMER = "CONSENT_WRONG_CONSUMER"
    CONSENT_WRONG_PURPOSE = "CONSENT_WRONG_PURPOSE"
    CONSENT_WRONG_AGREEMENT = "CONSENT_WRONG_AGREEMENT"
    CONSENT_NOT_COVERED = "CONSENT_NOT_COVERED"
    CONSENT_NOT_STARTED = "CONSENT_NOT_STARTED"
    CONSENT_EXPIRED = "CONSENT_EXPIRED"
    CONSENT_NOT_GRANTED = "CONSENT_NOT_GRANTED"
    CONSENT_PAUSED = "CONSENT_PAUSED"
    CONSENT_REVOKED = "CONSENT_REVOKED"
    CONSENT_SUPERSEDED = "CONSENT_SUPERSEDED"
    CONSENT_EXHAUSTED = "CONSENT_EXHAUSTED"
    EXPLICIT_REQUEST_UNKNOWN = "EXPLICIT_REQUEST_UNKNOWN"
    EXPLICIT_REQUEST_NOT_COVERED = "EXPLICIT_REQUEST_NOT_COVERED"
    EXPLICIT_REQUEST_EXPIRED = "EXPLICIT_REQUEST_EXPIRED"
    CASE_REQUIRED = "CASE_REQUIRED"
    OFFICIAL_REQUIRED = "OFFICIAL_REQUIRED"
    SCHEME_NOT_ACCEPTED = "SCHEME_NOT_ACCEPTED"
    NOT_IN_AGREEMENT = "NOT_IN_AGREEMENT"
    FORM_NOT_ALLOWED = "FORM_NOT_ALLOWED"
    PREDICATE_NOT_AGREED = "PREDICATE_NOT_AGREED"
    SENSITIVE_TERM = "SENSITIVE_TERM"
    IMPACT_ASSESSMENT_MISSING = "IMPACT_ASSESSMENT_MISSING"
    USES_EXHAUSTED = "USES_EXHAUSTED"
    PREDICATES_EXHAUSTED = "PREDICATES_EXHAUSTED"
    GUESSES_EXHAUSTED = "GUESSES_EXHAUSTED"
    SUBJECTS_EXHAUSTED = "SUBJECTS_EXHAUSTED"
    RATE_EXCEEDED = "RATE_EXCEEDED"
    GUARDRAIL = "GUARDRAIL"
    POLICY_EMPTY = "POLICY_EMPTY"
    POLICY_ERROR = "POLICY_ERROR"
    # A node, about a ticket.
    BAD_TICKET = "BAD_TICKET"
    TICKET_BAD_SIGNATURE = "TICKET_BAD_SIGNATURE"
    TICKET_EXPIRED = "TICKET_EXPIRED"
    TICKET_REPLAYED = "TICKET_REPLAYED"
    LOG_NOT_SEEN = "LOG_NOT_SEEN"
    WRONG_NODE = "WRONG_NODE"
    WRONG_SESSION = "WRONG_SESSION"
    REQUEST_BAD_SIGNATURE = "REQUEST_BAD_SIGNATURE"
    REQUEST_EXPIRED = "REQUEST_EXPIRED"
    REQUEST_MISMATCH = "REQUEST_MISMATCH"
    RECIPIENT_NOT_CERTIFIED = "RECIPIENT_NOT_CERTIFIED"
    SUBJECT_MISMATCH = "SUBJECT_MISMATCH"
    PROMISE_MISSING = "PROMISE_MISSING"
    AGREEMENT_UNKNOWN = "AGREEMENT_UNKNOWN"
    CONSENT_MISMATCH = "CONSENT_MISMATCH"
    RESOURCE_UNKNOWN = "RESOURCE_UNKNOWN"
    BAD_OPERAND = "BAD_OPERAND"
    DEPARTMENT_RULE = "DEPARTMENT_RULE"
    NODE_BUSY = "NODE_BUSY"
    # The gateway, about a silent provider.
    NOT_CONNECTED = "NOT_CONNECTED"
    NODE_DOWN = "NODE_DOWN"
    DEADLINE = "DEADLINE"
    NODE_REFUSED = "NODE_REFUSED"
    BAD_ANSWER = "BAD_ANSWER"

    @property
    def kind(self) -> Kind:
        """Who gives this reason."""
        return _ENTRIES[self][0]

    @property
    def text(self) -> Text:
        """The public text of this reason."""
        return _ENTRIES[self][1]


_R, _D, _N, _S = Reason, Kind.DECISION, Kind.NODE, Kind.SILENCE
_ENTRIES: dict[Reason, tuple[Kind, Text]] = {
    _R.UNKNOWN_TERM: (
        _D,
        Text("请求中有未登记的词项（资源、信息项、用途等）", "The request uses a term that is not registered"),
    ),
    _R.NOT_SHARED: (_D, Text("该信息资源不予共享", "The resource is not shared")),
    _R.NO_AGREEMENT: (_D, Text("没有适用的共享协议", "No agreement applies")),
    _R.AGREEMENT_SUSPENDED: (_D, Text("共享协议已暂停或撤销", "The agreement is suspended or withdrawn")),
    _R.AGREEMENT_NOT_STARTED: (_D, Text("共享协议尚未生效", "The agreement is not yet in force")),
    _R.AGREEMENT_EXPIRED: (_D, Text("共享协议已到期", "The agreement has expired")),
    _R.AGREEMENT_MISMATCH: (
        _D,
        Text(
            "共享协议与资源、版本或共享条件不符", "The agreement does not fit the resource, revision or sharing terms"
        ),
    ),
    _R.WRONG_DEPARTMENT: (_D, Text("共享协议的使用方不是该部门", "The agreement is with another department")),
    _R.WRONG_SYSTEM: (_D, Text("共享协议未列明该业务系统", "The agreement does not list this system")),
    _R.PURPOSE_MISSING: (_D, Text("未说明用途", "No purpose is stated")),
    _R.PURPOSE_NOT_COVERED: (_D, Text("共享协议不包含该用途", "The agreement does not cover this purpose")),
    _R.PURPOSE_RETIRED: (_D, Text("该用途已停用", "The purpose is retired")),
    _R.BASIS_NOT_FOR_PURPOSE: (
        _D,
        Text("该用途不得以此法律依据办理", "The purpose cannot rest on this legal basis"),
    ),
    _R.SERVICE_NOT_COVERED: (
        _D,
        Text("共享协议只用于所列事项", "The agreement is for other services than the one named, if any"),
    ),
    _R.BASIS_NOT_COVERED: (_D, Text("共享协议不包含该法律依据", "The agreement does not cover this legal basis")),
    _R.EMERGENCY_ONLY: (
        _D,
        Text("该共享协议仅用于已声明的紧急情况", "The agreement serves declared emergencies only"),
    ),
    _R.EMERGENCY_NOT_AGREED: (
        _D,
        Text("没有提供方事先批准的紧急共享协议", "No agreement approved beforehand serves a declared emergency"),
    ),
    _R.EMERGENCY_REASON_NOT_COVERED: (
        _D,
        Text("共享协议不包含该紧急事由", "The agreement does not cover this reason for an emergency"),
    ),
    _R.EMERGENCY_REVIEW_OVERDUE: (
        _D,
        Text(
            "先前的紧急使用逾期未复核，复核前不再提供",
            "An earlier emergency use was not reviewed in time; nothing more until it is",
        ),
    ),
    _R.CONSENT_MISSING: (_D, Text("没有本人的有效授权同意", "There is no valid consent of the person")),
    _R.CONSENT_UNKNOWN: (_D, Text("没有该授权同意", "There is no such consent")),
    _R.CONSENT_WRONG_PERSON: (_D, Text("该授权同意不是该主体作出的", "The consent is another person's")),
    _R.CONSENT_WRONG_CONSUMER: (
        _D,
        Text("该授权同意不是给予该业务系统的", "The consent is for another department or system"),
    ),
    _R.CONSENT_WRONG_PURPOSE: (_D, Text("该授权同意用于另一用途", "The consent is for another purpose")),
    _R.CONSENT_WRONG_AGREEMENT: (
        _D,
        Text("该授权同意依据的是共享协议的另一版本", "The consent is under another revision of the agreement"),
    ),
    _R.CONSENT_NOT_COVERED: (
        _D,
        Text("该授权同意不包含该信息项或形式", "The consent does not cover this field or form"),
    ),
    _R.CONSENT_NOT_STARTED: (_D, Text("该授权同意尚未生效", "The consent is not yet in force")),
    _R.CONSENT_EXPIRED: (_D, Text("该授权同意已到期", "The consent has expired")),
    _R.CONSENT_NOT_GRANTED: (_D, Text("本人尚未同意或已拒绝", "The person has not consented, or has refused")),
    _R.CONSENT_PAUSED: (_D, Text("本人已暂停该授权同意", "The person has paused the consent")),
    _R.CONSENT_REVOKED: (_D, Text("本人已撤回该授权同意", "The person has withdrawn the consent")),
    _R.CONSENT_SUPERSEDED: (_D, Text("该授权同意已被新的授权同意取代", "Another consent has taken this one's place")),
    _R.CONSENT_EXHAUSTED: (_D, Text("该授权同意的使用次数已用完", "The uses of the consent are exhausted")),
    _R.EXPLICIT_REQUEST_UNKNOWN: (_D, Text("没有该主体的此项办事申请", "The person made no such explicit request")),
    _R.EXPLICIT_REQUEST_NOT_COVERED: (
        _D,
        Text(
            "该办事申请不包含此部门、用途或信息资源",
            "The explicit request is for another department, purpose or resource",
        ),
    ),
    _R.EXPLICIT_REQUEST_EXPIRED: (_D, Text("该办事申请已过期", "The explicit request has expired")),
    _R.CASE_REQUIRED: (_D, Text("共享协议要求注明办件编号", "The agreement requires a case reference")),
    _R.OFFICIAL_REQUIRED: (_D, Text("共享协议要求注明经办人员", "The agreement requires an identified official")),
    _R.SCHEME_NOT_ACCEPTED: (
        _D,
        Text("该资源不能按此类标识查询", "The resource is not searched by this kind of identifier"),
    ),
    _R.NOT_IN_AGREEMENT: (_D, Text("共享协议不包含该信息项", "The agreement does not include this field")),
    _R.FORM_NOT_ALLOWED: (
        _D,
        Text("目录或共享协议不允许以该形式提供", "The catalogue or the agreement does not allow this form"),
    ),
    _R.PREDICATE_NOT_AGREED: (
        _D,
        Text("共享协议没有列明该判断条件", "The agreement has no predicate with this name, operator and constants"),
    ),
    _R.IMPACT_ASSESSMENT_MISSING: (
        _D,
        Text(
            "提供敏感信息的共享协议须注明影响评估", "Sensitive data needs an agreement that names an impact assessment"
        ),
    ),
    _R.SENSITIVE_TERM: (
        _D,
        Text(
            "敏感信息的共享协议须有不超过一年的期限",
            "Sensitive data needs an agreement with a term of at most one year",
        ),
    ),
    _R.USES_EXHAUSTED: (_D, Text("共享协议的当日使用次数已用完", "The agreement's uses for today are exhausted")),
    _R.PREDICATES_EXHAUSTED: (
        _D,
        Text(
            "对同一人同一信息项的不同判断已达上限",
            "As many different predicates as allowed were asked about this person and field",
        ),
    ),
    _R.GUESSES_EXHAUSTED: (
        _D,
        Text(
            "对同一人同一信息项当日的比对次数已用完",
            "The comparisons of this person's field for today are exhausted",
        ),
    ),
    _R.SUBJECTS_EXHAUSTED: (
        _D,
        Text(
            "共享协议当日可查询的主体数量已用完",
            "The agreement's number of different subjects for today is exhausted",
        ),
    ),
    _R.RATE_EXCEEDED: (_D, Text("请求频率超过共享协议的限制", "Requests come faster than the agreement allows")),
    _R.GUARDRAIL: (_D, Text("本地规则不允许提供", "A local rule forbids this")),
    _R.POLICY_EMPTY: (_D, Text("没有规则允许提供", "No rule permits this")),
    _R.POLICY_ERROR: (_D, Text("规则无法执行，按不予提供处理", "The rules could not be evaluated, so it is withheld")),
    _R.BAD_TICKET: (_N, Text("放行凭单格式不正确", "The ticket is malformed")),
    _R.TICKET_BAD_SIGNATURE: (_N, Text("放行凭单签名无效", "The ticket's signature does not verify")),
    _R.TICKET_EXPIRED: (_N, Text("放行凭单已过期", "The ticket has expired")),
    _R.LOG_NOT_SEEN: (
        _N,
        Text(
            "节点未见到经见证方联署的访问日志检查点",
            "The node has seen no checkpoint of the log that its witnesses cosigned",
        ),
    ),
    _R.TICKET_REPLAYED: (_N, Text("放行凭单已使用过", "The ticket was used before")),
    _R.WRONG_NODE: (_N, Text("放行凭单不是发给本节点的", "The ticket is for another node")),
    _R.WRONG_SESSION: (_N, Text("放行凭单属于另一会话", "The ticket is of another session")),
    _R.REQUEST_BAD_SIGNATURE: (_N, Text("使用方的请求签名无效", "The consumer's signature does not verify")),
    _R.REQUEST_EXPIRED: (_N, Text("请求时间超出允许范围", "The request's time is outside the allowed window")),
    _R.REQUEST_MISMATCH: (_N, Text("放行凭单与使用方的请求不符", "The ticket does not fit the consumer's request")),
    _R.RECIPIENT_NOT_CERTIFIED: (
        _N,
        Text("接收方密钥未经其部门认证", "The recipient's keys are not certified by its department"),
    ),
    _R.SUBJECT_MISMATCH: (_N, Text("主体与请求不符", "The subject does not fit the request")),
    _R.PROMISE_MISSING: (_N, Text("缺少访问日志的登记凭据", "The access log's promise is missing or does not fit")),
    _R.AGREEMENT_UNKNOWN: (_N, Text("本节点未接受该共享协议", "The node has not accepted this agreement")),
    _R.CONSENT_MISMATCH: (
        _N,
        Text("授权同意与请求或放行凭单不符", "The consent does not fit the request or the ticket"),
    ),
    _R.RESOURCE_UNKNOWN: (_N, Text("本节点没有该资源", "The node does not serve this resource")),
    _R.BAD_OPERAND: (_N, Text("比对值缺失或与使用方的请求不符", "The operand is missing or not the consumer's")),
    _R.DEPARTMENT_RULE: (_N, Text("提供部门自身规则不允许", "The providing department's own rule forbids this")),
    _R.NODE_BUSY: (_N, Text("节点繁忙", "The node is busy")),
    _R.NOT_CONNECTED: (_S, Text("提供方节点未连接", "The provider's node is not connected")),
    _R.NODE_DOWN: (_S, Text("提供方节点中断", "The provider's node went down")),
    _R.DEADLINE: (_S, Text("提供方未在时限内应答", "The provider did not answer in time")),
    _R.NODE_REFUSED: (_S, Text("提供方节点拒绝了请求", "The provider's node refused")),
    _R.BAD_ANSWER: (_S, Text("提供方的应答未通过验证", "The provider's answer did not verify")),
}

TEXT: dict[Reason, Text] = {reason: entry[1] for reason, entry in _ENTRIES.items()}
"""The public text of every reason; total (tested)."""
