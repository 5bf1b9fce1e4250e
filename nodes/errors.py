"""The errors of a department's side: a table of codes, each with a public text in Chinese and English.

Rules kept here: a `NodeError` carries a stable code; its public text is fixed by the table; `detail` names places
(files, keys, lines, rules) and is free of identifiers, names and values.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class PublicText:
    """A text in the two public languages."""

    zh: str
    en: str


class NodeCode(StrEnum):
    """Stable codes; the table below is total (tested)."""

    BAD_CONFIG = "BAD_CONFIG"
    BAD_AGREEMENT = "BAD_AGREEMENT"
    AGREEMENT_NOT_ACCEPTED = "AGREEMENT_NOT_ACCEPTED"
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    STATE_UNUSABLE = "STATE_UNUSABLE"
    NOT_ENROLLED = "NOT_ENROLLED"
    ENROLMENT_REFUSED = "ENROLMENT_REFUSED"
    KEY_LOCKED = "KEY_LOCKED"
    BAD_KEY = "BAD_KEY"
    REQUEST_REFUSED = "REQUEST_REFUSED"
    BAD_REQUEST = "BAD_REQUEST"
    UNTRUSTED_ANSWER = "UNTRUSTED_ANSWER"
    GATEWAY_UNAVAILABLE = "GATEWAY_UNAVAILABLE"


PUBLIC: dict[NodeCode, PublicText] = {
    NodeCode.BAD_CONFIG: PublicText("配置文件有误", "The configuration has mistakes"),
    NodeCode.BAD_AGREEMENT: PublicText("共享协议文件有误", "The agreement file is not valid"),
    NodeCode.AGREEMENT_NOT_ACCEPTED: PublicText(
        "共享协议未被本部门接受", "The agreement is not accepted by this department"
    ),
    NodeCode.SOURCE_UNAVAILABLE: PublicText("数据源不可用", "The data source is not available"),
    NodeCode.STATE_UNUSABLE: PublicText("节点状态文件不可用", "The node's state file cannot be used"),
    NodeCode.NOT_ENROLLED: PublicText("尚未登记到网关", "Not enrolled with a gateway yet"),
    NodeCode.ENROLMENT_REFUSED: PublicText("网关拒绝了登记", "The gateway refused the enrolment"),
    NodeCode.KEY_LOCKED: PublicText("密钥口令不正确或缺失", "The key's passphrase is wrong or missing"),
    NodeCode.BAD_KEY: PublicText("密钥文件不可用", "The key file cannot be used"),
    NodeCode.REQUEST_REFUSED: PublicText("网关拒绝了请求", "The gateway refused the request"),
    NodeCode.BAD_REQUEST: PublicText("请求内容有误", "The request is not valid"),
    NodeCode.UNTRUSTED_ANSWER: PublicText("答复未通过验证，不可采信", "The answer does not verify and is not trusted"),
    NodeCode.GATEWAY_UNAVAILABLE: PublicText("网关不可用", "The gateway is not available"),
}


class NodeError(Exception):
    """Base of everything a department's side raises on purpose.

    Args:
        code: The stable reason.
        detail: What exactly, free of identifiers, names and values.
    """

    def __init__(self, code: NodeCode, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else str(code))
        self.code = code
        self.detail = detail

    @property
    def public(self) -> PublicText:
        """The public text of this error."""
        return PUBLIC[self.code]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file: where it is and which rule it breaks, never the value.

    Args:
        file: Name of the file.
        line: Line from 1, or None when it belongs to no line.
        key: Dotted key, for example `resources[0].fields[2].type`.
        rule: What is expected there.
    """

    file: str
    line: int | None
    key: str
    rule: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.key}: {self.rule}" if self.key else f"{where}: {self.rule}"


class BadConfig(NodeError):
    """A configuration with mistakes; all of them are listed.

    Args:
        mistakes: At least one, in the order of the file.
    """

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__(NodeCode.BAD_CONFIG, "; ".join(str(m) for m in mistakes))
        self.mistakes = mistakes


class SourceFailed(NodeError):
    """A data source did not deliver: down, timed out, or broke off in the middle of a scan."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(NodeCode.SOURCE_UNAVAILABLE, detail)


class StateUnusable(NodeError):
    """The node's own state file cannot be used."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(NodeCode.STATE_UNUSABLE, detail)
