"""Writing a copy of the published log that anyone can verify offline (`verify/`).

The copy holds both parts of every entry in the clear: it is for auditors, and as confidential as the log. It ends at
the newest checkpoint; entries behind it are in the next copy.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from gateway.audit.errors import AuditError
from gateway.audit.reader import Reader
from gateway.audit.verify import layout
from gateway.audit.verify.pruned import Pruned
from gateway.audit.views import LogEntry
from keys.log.checkpoints import parse_checkpoint
from keys.log.notes import split_note

_README: Final = """# {origin}

访问日志副本，共 {size} 条。用该日志的公钥（从副本以外的渠道取得）和自己留存的早期检查点离线验证：
A copy of the access log, {size} entries. Verify it offline with the log's public key (from elsewhere than this copy)
and a checkpoint that you kept from before:

    oncegate audit verify DIRECTORY --key PUBLIC_KEY --earlier EARLIER_CHECKPOINT

- `checkpoint`: the signed head (C2SP signed note) that covers exactly these entries / 覆盖全部条目的已签名检查点
- `checkpoints.jsonl`: every head published before it, one JSON text a line / 此前发布的全部检查点
- `entries.jsonl`: one entry a line, canonical JSON / 每行一个条目（规范 JSON）
{pruned}
How leaf hashes are computed is described in docs/audit.md of oncegate. / 叶哈希算法见 oncegate 的 docs/audit.md。
"""


class NotEmpty(AuditError):
    """The directory holds something already; a copy is never mixed with another."""


def write_export(reader: Reader, directory: Path) -> int:
    """Write a copy out of the log itself.

    Args:
        reader: Reads the log.
        directory: Made if it does not exist; must be empty.

    Returns:
        Number of entries written.

    Raises:
        NotEmpty: The directory holds something.
        NoSuchEntry: No checkpoint was published yet.
        LedgerCorrupt: A stored entry does not fit its leaf hash.
        OSError: The copy cannot be written.
    """
    note, batches = reader.export_batches()
    size = parse_checkpoint(split_note(note)[0]).size
    return write_copy(directory, note, reader.checkpoints(size), chain.from_iterable(batches))


def write_copy(directory: Path, note: str, heads: Iterable[str], entries: Iterable[LogEntry]) -> int:
    """Write a copy out of what was received, by whatever way.

    Args:
        directory: Made if it does not exist; must be empty.
        note: The checkpoint that covers exactly the entries; not verified here.
        heads: Checkpoints published before it; may be none.
        entries: All entries from the first on, in order.

    Returns:
        The size that the checkpoint states.

    Raises:
        NotEmpty: The directory holds something.
        OSError: The copy cannot be written.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise NotEmpty("the directory is not empty")
    head = parse_checkpoint(split_note(note)[0])
    pruned = Pruned()
    with (directory / layout.ENTRIES).open("wb") as lines:
        lines.writelines(layout.write_line(line_of(entry)) + b"\n" for entry in _noting(entries, pruned))
    with (directory / layout.CHECKPOINTS).open("w", encoding="utf-8") as published:
        published.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in heads)
    readme = _README.format(origin=head.origin, size=head.size, pruned=_said(pruned))
    (directory / layout.README).write_text(readme, encoding="utf-8")
    # Last: a copy without a checkpoint is one that was not finished.
    (directory / layout.CHECKPOINT).write_text(note, encoding="utf-8")
    return head.size


def _noting(entries: Iterable[LogEntry], pruned: Pruned) -> Iterator[LogEntry]:
    for entry in entries:
        if entry.pruned_digest:
            pruned.body_missing(entry.leaf_index)
        yield entry


def _said(pruned: Pruned) -> str:
    """For whoever reads the copy: from where it holds what entries said."""
    if not pruned.missing:
        return ""
    return (
        f"- {pruned.entries} entries below {pruned.missing[-1][1]} are there by their hashes only: their retention had "
        "ended, see the entries `log_pruned` / "
        f"{pruned.entries} 个条目（均在 {pruned.missing[-1][1]} 之前）保留期已满，"
        "仅存哈希，见 `log_pruned` 条目\n"
    )


def line_of(entry: LogEntry) -> layout.Line:
    """An entry as a line of a copy."""
    return layout.Line(
        index=entry.leaf_index,
        leaf_hash=entry.leaf_hash,
        accountability=entry.accountability,
        accountability_salt=entry.accountability_salt,
        person=entry.person,
        person_salt=entry.person_salt,
        person_erased=entry.erased_digest,
        pruned=entry.pruned_digest,
    )
