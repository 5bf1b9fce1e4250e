"""Exported copies of a small log for tests: one honest, and the tools of whoever forges one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.audit.entries import EntryDraft
from gateway.audit.verify import layout
from gateway.audit.verify.copy import Report, verify_export
from gateway.storage.database import open_database
from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.merkle import root_of
from keys.log.notes import NoteSigner
from tests.support.ledgers import NOTE_KEY, ORIGIN, PERSON, make_ledger


@dataclass(frozen=True)
class Copy:
    """A copy in memory: lines as written, and every published head, smallest first."""

    lines: tuple[bytes, ...]
    notes: tuple[str, ...]

    @property
    def entries(self) -> list[layout.Line]:
        return [layout.read_line(line) for line in self.lines]

    def with_lines(self, lines: Sequence[bytes]) -> "Copy":
        return replace(self, lines=tuple(lines))

    def with_entries(self, entries: Sequence[layout.Line]) -> "Copy":
        """Written correctly, so that only hashes can tell."""
        return self.with_lines([layout.write_line(entry) for entry in entries])

    def head(self, size: int) -> str:
        """The published head of that size."""
        return self.notes[size]

    def verify(self, folder: Path, earlier: str | Sequence[str] | None = None, before: Path | None = None) -> Report:
        self.write(folder)
        return verify_export(folder, NOTE_KEY.vkey, earlier, before)

    def write(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / layout.ENTRIES).write_bytes(b"".join(line + b"\n" for line in self.lines))
        heads = "".join(json.dumps(note, ensure_ascii=False) + "\n" for note in self.notes)
        (folder / layout.CHECKPOINTS).write_text(heads, encoding="utf-8")
        (folder / layout.CHECKPOINT).write_text(self.notes[-1], encoding="utf-8")


def honest_copy(folder: Path) -> Copy:
    """A log of seven entries, one with its person part erased, that published a head at every size."""
    engine = open_database(f"sqlite:///{folder / 'log.db'}")
    drafts = [
        EntryDraft("gateway_started", {"v": 1}),
        EntryDraft("asked", {"department": "tax", "case": "案件一"}, {"scheme": "cn.uscc"}, about=PERSON),
        EntryDraft("asked", {"department": "tax"}, {"scheme": "cn.uscc"}, about=PERSON),
        EntryDraft("released", {"request": 1}, {"n": 3}, about=PERSON),
        EntryDraft("refused", {"request": 2, "reason": "WITHHELD"}),
    ]
    for draft in drafts:
        ledger = make_ledger(engine)
        ledger.append_blocking(draft)
        ledger.stop()
    ledger = make_ledger(engine)
    ledger.start()
    ledger.erase_person_part(2, "COURT_ORDER")
    ledger.stop()
    ledger = make_ledger(engine)
    ledger.append_blocking(EntryDraft("log_read", {"auditor": "x"}))
    ledger.stop()
    target = folder / "honest"
    ledger.export(target)
    engine.dispose()
    lines = (target / layout.ENTRIES).read_bytes().splitlines()
    notes = [json.loads(one) for one in (target / layout.CHECKPOINTS).read_text(encoding="utf-8").splitlines()]
    return Copy(tuple(lines), tuple(notes))


def rehashed(entry: layout.Line) -> layout.Line:
    """The entry with the leaf hash of what it says now."""
    return replace(entry, leaf_hash=entry.computed_leaf_hash())


def renumbered(entries: Sequence[layout.Line]) -> list[layout.Line]:
    """Entries with consecutive indices."""
    return [replace(entry, index=index) for index, entry in enumerate(entries)]


def forged(entry: layout.Line) -> layout.Line:
    """Another, well-formed entry in the same place."""
    return rehashed(replace(entry, accountability=b'{"kind":"asked","time_ms":1}', person=b"", person_salt=b""))


def resigned(copy: Copy, signer: NoteSigner = NOTE_KEY) -> Copy:
    """The copy with every head signed anew over what it says now: what the holder of the log's key can do."""
    leaves = [entry.leaf_hash for entry in copy.entries]
    heads = [Checkpoint(ORIGIN, size, root_of(leaves[:size])) for size in range(len(leaves) + 1)]
    return replace(copy, notes=tuple(sign_checkpoint(signer, head) for head in heads))
