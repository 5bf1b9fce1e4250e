"""The errors of a department's side: stable codes, each with a public text in Chinese and English.

Rules kept here: the public text of a code is fixed; `detail` names places (files, keys, lines, rules) and is free of
identifiers, names and values.
"""

from dataclasses import dataclass
from enum import StrEnum


class NodeCode(StrEnum):
    """Stable codes of the provider's side; the table below is total (tested)."""

    BAD_CONFIG = "BAD_CONFIG"
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    STATE_UNUSABLE = "STATE_UNUSABLE"


@dataclass(frozen=True, slots=True)
class PublicText:
    """A text in the two public languages."""

    zh: str
    en: str


PUBLIC: dict[NodeCode, PublicText] = {
    NodeCode.BAD_CONFIG: PublicText("配置文件有误", "The configuration has mistakes"),
    NodeCode.SOURCE_UNAVAILABLE: PublicText("数据源不可用", "The data source is not available"),
    NodeCode.STATE_UNUSABLE: PublicText("节点状态文件不可用", "The node's state file cannot be used"),
}


class NodeError(Exception):
    """Base of what a department's side raises on purpose.

    Args:
        code: The stable reason.
        zh: The public text in Chinese.
        en: The public text in English.
        detail: What exactly, free of identifiers, names and values.
    """

    def __init__(self, code: str, zh: str, en: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail or en}")
        self.code = code
        self.zh = zh
        self.en = en
        self.detail = detail


class ProviderError(NodeError):
    """Base of the provider's own errors.

    Args:
        code: The stable reason.
        detail: What exactly, free of identifiers, names and values.
    """

    def __init__(self, code: NodeCode, detail: str = "") -> None:
        super().__init__(code, PUBLIC[code].zh, PUBLIC[code].en, detail)


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


class BadConfig(ProviderError):
    """A configuration with mistakes; all of them are listed.

    Args:
        mistakes: At least one, in the order of the file.
    """

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__(NodeCode.BAD_CONFIG, "; ".join(str(m) for m in mistakes))
        self.mistakes = mistakes


class SourceFailed(ProviderError):
    """A data source did not deliver: down, too slow, or broken off in the middle of a scan."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(NodeCode.SOURCE_UNAVAILABLE, detail)


class StateUnusable(ProviderError):
    """The node's own state file cannot be used."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(NodeCode.STATE_UNUSABLE, detail)
