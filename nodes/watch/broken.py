"""What is wrong with a log: a closed table, each with a public text in Chinese and English.

A `LedgerBroken` is a security event: the gateway signed something that contradicts what it signed before.
"""

from enum import StrEnum

from nodes.errors import NodeError, PublicText


class Broken(StrEnum):
    """Stable codes; the table below is total (tested)."""

    LOG_UNSIGNED = "LOG_UNSIGNED"
    LOG_SHRUNK = "LOG_SHRUNK"
    LOG_REWRITTEN = "LOG_REWRITTEN"
    PROMISE_BROKEN = "PROMISE_BROKEN"
    EPOCH_UNEXPLAINED = "EPOCH_UNEXPLAINED"
    EPOCH_UNSIGNED = "EPOCH_UNSIGNED"
    EPOCH_HIDES = "EPOCH_HIDES"
    CONFLICT_KEPT = "CONFLICT_KEPT"


PUBLIC: dict[Broken, PublicText] = {
    Broken.LOG_UNSIGNED: PublicText(
        "访问日志检查点没有网关的有效签名", "The access log's checkpoint is not signed by its key"
    ),
    Broken.LOG_SHRUNK: PublicText("访问日志比先前更短", "The access log is shorter than it was"),
    Broken.LOG_REWRITTEN: PublicText(
        "访问日志与先前的检查点不一致", "The access log does not continue the checkpoint that was seen before"
    ),
    Broken.PROMISE_BROKEN: PublicText(
        "访问日志中没有承诺的条目", "An entry that was promised is not in the access log"
    ),
    Broken.EPOCH_UNEXPLAINED: PublicText(
        "访问日志换了名称，但没有从所认定的日志延续过来的保管人声明",
        "The access log has another name, and no statement of its custodians leads there from the one that is pinned",
    ),
    Broken.EPOCH_UNSIGNED: PublicText(
        "日志新纪元声明的保管人签名不足，或此处未认定保管人",
        "Too few of the custodians pinned here signed the log's epoch statement, or none are pinned",
    ),
    Broken.EPOCH_HIDES: PublicText(
        "日志新纪元声明隐瞒了已见过的检查点", "The log's epoch statement hides a checkpoint that was seen here"
    ),
    Broken.CONFLICT_KEPT: PublicText(
        "先前发现的访问日志冲突尚未处理", "A conflict of the access log was found before and is not resolved"
    ),
}


class LedgerBroken(NodeError):
    """The log contradicts itself. Fails closed: whoever meets this stops believing promises.

    Args:
        reason: What is wrong.
        detail: Sizes and positions; no identifiers, names or values.
    """

    def __init__(self, reason: Broken, detail: str = "") -> None:
        super().__init__(reason, PUBLIC[reason].zh, PUBLIC[reason].en, detail)
        self.reason = reason
