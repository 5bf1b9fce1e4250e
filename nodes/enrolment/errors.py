"""What goes wrong between a department's member and the gateway: codes with a public text in Chinese and English.

Rules kept here: no text carries an identifier, a name or a value; `violations` name a path and a rule. The code and
texts of a `RequestRefused` are the gateway's own, fixed by its table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from nodes.errors import NodeError, PublicText

NO_FACTS: Mapping[str, str] = MappingProxyType({})
RETRIABLE = frozenset({"UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"})


class MemberCode(StrEnum):
    """Stable codes; the table below is total (tested)."""

    BAD_INPUT = "BAD_INPUT"
    NOT_ENROLLED = "NOT_ENROLLED"
    HOME_INVALID = "HOME_INVALID"
    KEY_LOCKED = "KEY_LOCKED"
    ENROLMENT_UNTRUSTED = "ENROLMENT_UNTRUSTED"
    GATEWAY_UNREACHABLE = "GATEWAY_UNREACHABLE"


PUBLIC: dict[MemberCode, PublicText] = {
    MemberCode.BAD_INPUT: PublicText("输入不符合规则", "The input breaks a rule"),
    MemberCode.NOT_ENROLLED: PublicText("尚未登记到网关", "This is not enrolled with a gateway"),
    MemberCode.HOME_INVALID: PublicText("节点目录或密钥文件不可用", "The home or a key file cannot be used"),
    MemberCode.KEY_LOCKED: PublicText("密钥口令不正确", "The key's passphrase is wrong"),
    MemberCode.ENROLMENT_UNTRUSTED: PublicText(
        "网关签发的身份与申请不符", "The gateway issued another identity than the one asked for"
    ),
    MemberCode.GATEWAY_UNREACHABLE: PublicText("无法连接网关", "The gateway could not be reached"),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule of an input: the path of the field and the rule, never the value."""

    field: str
    rule: str


class MemberError(NodeError):
    """Base of what a member raises of itself.

    Args:
        code: The stable reason.
        detail: What exactly, free of identifiers, names and values.
    """

    def __init__(self, code: MemberCode, detail: str) -> None:
        super().__init__(code, PUBLIC[code].zh, PUBLIC[code].en, detail)


class BadInput(MemberError):
    """What the caller gave breaks a rule; nothing was sent.

    Args:
        field: Path of the input.
        rule: The rule that it breaks.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(MemberCode.BAD_INPUT, f"{field}: {rule}")
        self.violations = (Violation(field, rule),)


class HomeInvalid(MemberError):
    """A home, or a key file, that is missing, damaged or readable by others. Nothing is done with it.

    Args:
        part: Which file.
        rule: What is wrong with it.
        code: HOME_INVALID unless it is simply not there (NOT_ENROLLED) or the passphrase is wrong (KEY_LOCKED).
    """

    def __init__(self, part: str, rule: str, code: MemberCode = MemberCode.HOME_INVALID) -> None:
        super().__init__(code, f"{part}: {rule}")


class EnrolmentUntrusted(MemberError):
    """What the gateway returned is not the identity that was asked for; nothing of it was stored.

    Args:
        rule: What does not fit.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(MemberCode.ENROLMENT_UNTRUSTED, rule)


class GatewayUnreachable(MemberError):
    """The gateway was not reached, or broke off, and said nothing that says why.

    Args:
        status: Name of the gRPC status that the transport gave.
    """

    def __init__(self, status: str) -> None:
        super().__init__(MemberCode.GATEWAY_UNREACHABLE, status)
        self.status = status


class RequestRefused(NodeError):
    """The gateway refused the call and says why.

    Args:
        code: The gateway's stable reason code (docs/api.md), such as NO_AGREEMENT.
        status: Name of the gRPC status, such as PERMISSION_DENIED.
        zh: The gateway's text in Chinese.
        en: The gateway's text in English.
        violations: Broken input rules.
        retry_after_ms: When trying again makes sense, milliseconds; None when the gateway does not say.
        facts: Further facts in codes, such as `items`: which were withheld and why.
    """

    def __init__(
        self,
        code: str,
        *,
        status: str,
        zh: str,
        en: str,
        violations: tuple[Violation, ...] = (),
        retry_after_ms: int | None = None,
        facts: Mapping[str, str] = NO_FACTS,
    ) -> None:
        super().__init__(code, zh, en, "; ".join(f"{v.field}: {v.rule}" for v in violations))
        self.status = status
        self.violations = violations
        self.retry_after_ms = retry_after_ms
        self.facts = facts

    @property
    def unavailable(self) -> bool:
        """Whether the same call may succeed later without a change: the gateway is there but cannot serve now."""
        return self.status in RETRIABLE
