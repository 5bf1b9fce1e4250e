"""Signing, keeping and checking the log's heads.

Each head is published twice: as a row beside the entries, and as a small file that the operator can keep on another
disk (the anchor). A database that is restored from a backup, or cut at its end, fits its own rows but not the anchor,
and is refused instead of being mistaken for the present.
"""

import os
from pathlib import Path

from gateway.audit.epochs import Lineage
from gateway.audit.recover import Known
from gateway.audit.store import Store, StoredLog
from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.frontier import Frontier
from keys.log.notes import NoteSigner, NoteVerifier


class Checkpoints:
    """Publishes heads and knows the newest ones.

    Args:
        signer: Note key of the newest epoch.
        lineage: The log's epochs.
        anchor: File outside the database that keeps the newest checkpoint; None for none.
    """

    def __init__(self, signer: NoteSigner, lineage: Lineage, anchor: Path | None = None) -> None:
        self._signer = signer
        self._verifier = NoteVerifier(signer.vkey)
        self._lineage = lineage
        self._anchor = anchor

    def known(self, store: StoredLog) -> list[Known]:
        """The heads that the stored log must fit.

        Raises:
            LedgerCorrupt: A kept checkpoint is not one of this log, or newer than the statement that ended its epoch.
        """
        stored = store.checkpoint()
        heads = [] if stored is None else [self._open("its last checkpoint", stored[1])]
        if self._anchor is not None and self._anchor.exists():
            heads.append(self._open("the checkpoint kept outside the database", self._anchor.read_text("utf-8")))
        return [*self._lineage.restored(), *(head for head in heads if head is not None)]

    def publish(self, store: Store, frontier: Frontier, now_ms: int) -> None:
        """Sign the head of a durable tree and keep it, unless there is one of that size.

        Nothing is signed, nor put over the head kept outside, before the first entry of an epoch is durable.

        Raises:
            OSError: The anchor cannot be written.
            sqlalchemy.exc.SQLAlchemyError: The row cannot be written.
        """
        if frontier.size <= self._lineage.begins:
            return
        stored = store.checkpoint()
        if stored is None or stored[0] < frontier.size:
            note = sign_checkpoint(self._signer, Checkpoint(self._lineage.origin, frontier.size, frontier.root()))
            store.add_checkpoint(frontier.size, now_ms, note)
        else:
            note = stored[1]
        self._keep_outside(note)

    def _keep_outside(self, note: str) -> None:
        if self._anchor is None:
            return
        # Synced before it takes the name, so that a power cut leaves this note or the one before, never half of one.
        # The folder is not synced: the older note is as good, for the log only grew since.
        fresh = self._anchor.with_name(self._anchor.name + ".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._anchor)

    def _open(self, what: str, note: str) -> Known | None:
        return self._lineage.known(what, note, self._verifier)
