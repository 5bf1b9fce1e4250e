"""What can be wrong with a copy of the log, in Chinese and English, with the evidence."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.audit.errors import AuditError


class Fault(StrEnum):
    """Stable codes; the table below is total (tested)."""

    COPY_MALFORMED = "COPY_MALFORMED"
    CHECKPOINT_BAD = "CHECKPOINT_BAD"
    EARLIER_CHECKPOINT_BAD = "EARLIER_CHECKPOINT_BAD"
    LOG_SHRANK = "LOG_SHRANK"
    ENTRY_MALFORMED = "ENTRY_MALFORMED"
    ENTRY_MISSING = "ENTRY_MISSING"
    ENTRY_OUT_OF_PLACE = "ENTRY_OUT_OF_PLACE"
    ENTRY_CHANGED = "ENTRY_CHANGED"
    ENTRY_BEYOND_CHECKPOINT = "ENTRY_BEYOND_CHECKPOINT"
    ENTRIES_REWRITTEN = "ENTRIES_REWRITTEN"
    LOG_FORKED = "LOG_FORKED"
    ERASURE_UNEXPLAINED = "ERASURE_UNEXPLAINED"
    BODY_MISSING = "BODY_MISSING"
    PRUNING_MALFORMED = "PRUNING_MALFORMED"
    PRUNED_BEYOND_RULE = "PRUNED_BEYOND_RULE"
    PRUNED_UNDER_HOLD = "PRUNED_UNDER_HOLD"
    PRUNED_ROOT_WRONG = "PRUNED_ROOT_WRONG"
    ENTRY_UNREADABLE = "ENTRY_UNREADABLE"
    COLUMN_CONTRADICTS = "COLUMN_CONTRADICTS"
    TREE_HASH_WRONG = "TREE_HASH_WRONG"
    SEARCH_TABLE_WRONG = "SEARCH_TABLE_WRONG"
    TILE_MISSING = "TILE_MISSING"
    TILE_MALFORMED = "TILE_MALFORMED"
    TILE_CONTRADICTS = "TILE_CONTRADICTS"
    PROOF_MALFORMED = "PROOF_MALFORMED"
    PROOF_BAD = "PROOF_BAD"
    PROOF_OF_ANOTHER_ENTRY = "PROOF_OF_ANOTHER_ENTRY"
    NOT_REACHED = "NOT_REACHED"
    NOT_COSIGNED = "NOT_COSIGNED"
    COSIGNATURE_BAD = "COSIGNATURE_BAD"
    EPOCH_UNEXPLAINED = "EPOCH_UNEXPLAINED"
    EPOCH_UNSIGNED = "EPOCH_UNSIGNED"
    EPOCH_BAD = "EPOCH_BAD"
    EPOCH_HIDES = "EPOCH_HIDES"


@dataclass(frozen=True, slots=True)
class FaultText:
    """What a fault means, for people."""

    zh: str
    en: str


TEXT: Final[dict[Fault, FaultText]] = {
    Fault.COPY_MALFORMED: FaultText("副本缺少文件或格式不正确", "The copy lacks a file or is malformed"),
    Fault.CHECKPOINT_BAD: FaultText(
        "副本中的检查点不是由该日志密钥签名的", "A checkpoint in the copy is not signed by this log's key"
    ),
    Fault.EARLIER_CHECKPOINT_BAD: FaultText(
        "所持的早期检查点不是由该日志密钥签名的", "The earlier checkpoint is not signed by this log's key"
    ),
    Fault.LOG_SHRANK: FaultText(
        "副本比所持的早期检查点更短：条目已被删除",
        "The copy is shorter than the earlier checkpoint: entries were removed",
    ),
    Fault.ENTRY_MALFORMED: FaultText("条目的写法不正确", "The entry is not written as it must be"),
    Fault.ENTRY_MISSING: FaultText("缺少条目", "The entry is missing"),
    Fault.ENTRY_OUT_OF_PLACE: FaultText("条目不在其位置上", "The entry is not in its place"),
    Fault.ENTRY_CHANGED: FaultText("条目内容与其哈希不符", "The entry does not fit its hash"),
    Fault.ENTRY_BEYOND_CHECKPOINT: FaultText("条目超出检查点的范围", "The entry is beyond the checkpoint"),
    Fault.ENTRIES_REWRITTEN: FaultText(
        "条目与已签名的检查点不符：日志被改写", "The entries do not fit a signed checkpoint: they were rewritten"
    ),
    Fault.LOG_FORKED: FaultText(
        "日志密钥签署了与早期检查点矛盾的历史：日志已分叉",
        "The log's key signed a history that contradicts the earlier checkpoint: the log was forked",
    ),
    Fault.ERASURE_UNEXPLAINED: FaultText(
        "个人部分缺失，但没有后续条目记录其删除（若在导出期间删除，请重新导出）",
        "A person part is gone and no later entry says that it was erased (if it was erased while the copy was being "
        "made, another copy has that entry)",
    ),
    Fault.BODY_MISSING: FaultText(
        "条目内容缺失，但没有 log_pruned 条目涵盖它（若在导出期间清理，请重新导出）",
        "The entry's body is gone and no entry log_pruned covers it (if it was pruned while the copy was being made, "
        "another copy has that entry)",
    ),
    Fault.PRUNING_MALFORMED: FaultText(
        "关于清理或保全的条目写法不正确", "An entry about pruning or holding is not written as it must be"
    ),
    Fault.PRUNED_BEYOND_RULE: FaultText(
        "log_pruned 条目所列内容超出其规则在当时允许的范围",
        "An entry log_pruned names more than its rule allows at its time",
    ),
    Fault.PRUNED_UNDER_HOLD: FaultText(
        "清理了处于保全之下的条目", "An entry was pruned although a legal hold covered it"
    ),
    Fault.PRUNED_ROOT_WRONG: FaultText(
        "log_pruned 条目所列的根与日志不符", "The root that an entry log_pruned names is not that of the log"
    ),
    Fault.ENTRY_UNREADABLE: FaultText(
        "存储的条目无法解密或与其哈希不符", "The stored entry does not open, or does not fit its leaf hash"
    ),
    Fault.COLUMN_CONTRADICTS: FaultText(
        "用于检索的列与条目内容不符", "A column by which the entry is found contradicts what it says"
    ),
    Fault.TREE_HASH_WRONG: FaultText("存储的树哈希不正确", "A stored tree hash is wrong"),
    Fault.SEARCH_TABLE_WRONG: FaultText(
        "日志本身完好，但检索用表与其不一致：请运行 oncegate audit rebuild-search 重建",
        "The log itself is sound, but a table for searching contradicts it: make it again with oncegate audit "
        "rebuild-search",
    ),
    Fault.TILE_MISSING: FaultText("缺少数据块", "A tile is missing"),
    Fault.TILE_MALFORMED: FaultText("数据块长度或格式不正确", "A tile has the wrong length or is malformed"),
    Fault.TILE_CONTRADICTS: FaultText(
        "上层数据块与其下的条目不符", "A tile of hashes contradicts the entries below it"
    ),
    Fault.PROOF_MALFORMED: FaultText("证明文件格式不正确", "The proof file is malformed"),
    Fault.PROOF_BAD: FaultText(
        "证明不能从该条目推出已签名的根", "The proof does not lead from the entry to the signed root"
    ),
    Fault.PROOF_OF_ANOTHER_ENTRY: FaultText("证明属于另一条目", "The proof is another entry's"),
    Fault.NOT_REACHED: FaultText("无法从该地址读取日志", "The log cannot be read from that address"),
    Fault.NOT_COSIGNED: FaultText(
        "检查点未获足够见证方联署：其后的条目可能只对您如此",
        "Too few witnesses have cosigned the checkpoint: these entries may be shown to you alone",
    ),
    Fault.COSIGNATURE_BAD: FaultText(
        "检查点上有见证方的无效签名", "The checkpoint holds a witness's signature that does not verify"
    ),
    Fault.EPOCH_UNEXPLAINED: FaultText(
        "该检查点属于此日志的另一纪元，须以保管人签署的声明（--epoch）及其公钥（--custodian）说明",
        "The checkpoint is of another epoch of this log: only a statement signed by its custodians explains that "
        "(--epoch, with --custodian and --custodians-needed)",
    ),
    Fault.EPOCH_UNSIGNED: FaultText(
        "新纪元声明的保管人签名不足", "The epoch statement is not signed by enough of the custodians"
    ),
    Fault.EPOCH_BAD: FaultText(
        "新纪元声明不成立，或与该日志不连续", "The epoch statement does not hold, or does not lead to this log"
    ),
    Fault.EPOCH_HIDES: FaultText(
        "新纪元声明隐瞒了所持的检查点", "The epoch statement hides a checkpoint that you hold"
    ),
}


class VerificationFailed(AuditError):
    """The copy is not a faithful copy of the log that was signed.

    Args:
        fault: What is wrong.
        first: The first bad entry; when only signed heads can tell, the first entry that can be bad. None when no
            entry is at fault.
        last: The last entry that can be the first bad one; equal to `first` when it is known exactly.
        evidence: Hashes and signed notes that prove it to others.
    """

    def __init__(self, fault: Fault, first: int | None = None, last: int | None = None, **evidence: str | int) -> None:
        self.fault = fault
        self.first = first
        self.last = first if last is None else last
        self.evidence = evidence
        super().__init__(f"{self.text_zh} / {self.text_en}")

    def at(self, place: int | None) -> "VerificationFailed":
        """The same failure, with the first bad entry known exactly; unchanged when it is not (None)."""
        return self if place is None else VerificationFailed(self.fault, place, place, **self.evidence)

    @property
    def text_zh(self) -> str:
        """For people, in Chinese."""
        if self.first is None:
            return TEXT[self.fault].zh
        where = f"条目 {self.first}" if self.first == self.last else f"首个异常条目在 {self.first} 至 {self.last} 之间"
        return f"{TEXT[self.fault].zh}（{where}）"

    @property
    def text_en(self) -> str:
        """For people, in English."""
        if self.first is None:
            return TEXT[self.fault].en
        exact = self.first == self.last
        where = f"entry {self.first}" if exact else f"the first bad entry is one of {self.first} to {self.last}"
        return f"{TEXT[self.fault].en} ({where})"
