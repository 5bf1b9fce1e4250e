"""Signing, keeping and checking the log's heads.

Each head is published twice: as a row beside the entries, and as a small file that the operator can keep on another
disk (the anchor). A database that is restored from a backup, or cut at its end, fits its own rows but not the anchor,
and is refused instead of being mistaken for the present.

Where the log has witnesses, a signed head is only *asked* for: it is kept outside the database (`.asked` beside the
anchor) before any witness sees it, so that no other head of that size is ever signed, and it is published when enough
of them have cosigned it (`cosigning.py`).
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from gateway.audit.epochs import Lineage
from gateway.audit.recover import Known
from gateway.audit.store import Store, StoredLog
from keys.errors import BadCheckpoint
from keys.log.checkpoints import Checkpoint, parse_checkpoint, sign_checkpoint
from keys.log.cosignatures import Quorum, open_cosigned
from keys.log.frontier import Frontier
from keys.log.notes import NoteSigner, NoteVerifier, split_note


class Checkpoints:
    """Publishes heads and knows the newest ones.

    Args:
        signer: Note key of the newest epoch.
        lineage: The log's epochs.
        anchor: File outside the database that keeps the newest checkpoint; None for none.
        quorum: The witnesses without whom nothing is published; None when the log has none.

    Attributes:
        ask: Is told each head to be cosigned, in the writer's thread; None while nobody asks witnesses, such as in the
            operator's commands. Then nothing is published.
    """

    def __init__(
        self, signer: NoteSigner, lineage: Lineage, anchor: Path | None = None, quorum: Quorum | None = None
    ) -> None:
        self._signer = signer
        self._verifier = NoteVerifier(signer.vkey)
        self._lineage = lineage
        self._anchor = anchor
        self._asked = None if anchor is None else asked_beside(anchor)
        self._quorum = quorum
        self.ask: Callable[[str, int], None] | None = None

    def known(self, store: StoredLog) -> list[Known]:
        """The heads that the stored log must fit.

        Raises:
            LedgerCorrupt: A kept checkpoint is not one of this log, or newer than the statement that ended its epoch.
        """
        stored = store.checkpoint()
        heads = [] if stored is None else [self._open("its last checkpoint", stored[1])]
        if self._anchor is not None and self._anchor.exists():
            heads.append(self._open("the checkpoint kept outside the database", self._anchor.read_text("utf-8")))
        if self._asked is not None and self._asked.exists():
            heads.append(self._open("the head that witnesses were last asked for", self._asked.read_text("utf-8")))
        return [*self._lineage.restored(), *(head for head in heads if head is not None)]

    def publish(self, store: Store, frontier: Frontier, now_ms: int) -> None:
        """Sign the head of a durable tree and keep it, unless there is one of that size; or have it cosigned.

        Nothing is signed, nor put over the head kept outside, before the first entry of an epoch is durable.

        Raises:
            OSError: The anchor cannot be written.
            sqlalchemy.exc.SQLAlchemyError: The row cannot be written.
        """
        if frontier.size <= self._lineage.begins:
            return
        if self._quorum is not None:
            self._have_cosigned(Checkpoint(self._lineage.origin, frontier.size, frontier.root()))
            return
        stored = store.checkpoint()
        if stored is None or stored[0] < frontier.size:
            note = sign_checkpoint(self._signer, Checkpoint(self._lineage.origin, frontier.size, frontier.root()))
            store.add_checkpoint(frontier.size, now_ms, note)
        else:
            note = stored[1]
        _keep(self._anchor, note)

    def keep_cosigned(self, store: Store, note: str, now_ms: int) -> None:
        """Publish a head that the witnesses have cosigned. Fails closed.

        Raises:
            BadCheckpoint: It is not this log's, or too few have cosigned it.
            OSError: The anchor cannot be written.
            sqlalchemy.exc.SQLAlchemyError: The row cannot be written.
        """
        checkpoint = open_cosigned(note, self._verifier, self._lineage.origin, self._quorum)
        store.renew_checkpoint(checkpoint.size, now_ms, note)
        newest = store.checkpoint()
        _keep(self._anchor, note if newest is None else newest[1])

    def _have_cosigned(self, head: Checkpoint) -> None:
        if self.ask is None:
            return
        note = sign_checkpoint(self._signer, head)
        _keep(self._asked, note)
        self.ask(note, head.size)

    def _open(self, what: str, note: str) -> Known | None:
        return self._lineage.known(what, note, self._verifier)


def asked_beside(anchor: Path) -> Path:
    """Where the head is kept that witnesses were last asked for."""
    return anchor.with_name(anchor.name + ".asked")


def _keep(path: Path | None, note: str) -> None:
    """Keep a note as a small file, unless there is already one of a larger log of that name.

    Processes take turns: a gateway and the operator's command may be here at once.
    """
    if path is None:
        return
    fresh = path.with_name(path.name + ".new")
    handle = _locked(fresh)
    try:
        if _ahead(path, note):
            fresh.unlink()
            return
        # Synced before it takes the name, so that a power cut leaves this note or the one before, never half of one.
        # The folder is not synced: the older note is as good, for the log only grew since.
        os.ftruncate(handle, 0)
        view = memoryview(note.encode())
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
        fresh.replace(path)
    finally:
        os.close(handle)


def _locked(fresh: Path) -> int:
    """A handle of the file that only this process may write and rename, until it is closed."""
    while True:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # Whoever had the lock before has given the file its final name, and this would be written over.
            if os.path.samestat(os.fstat(handle), fresh.stat()):
                return handle
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _ahead(path: Path, note: str) -> bool:
    """Whether another process has kept a head of a larger log of the same name meanwhile."""
    try:
        kept, ours = (parse_checkpoint(split_note(one)[0]) for one in (path.read_text(encoding="utf-8"), note))
    except (FileNotFoundError, BadCheckpoint, UnicodeDecodeError):
        return False
    return kept.origin == ours.origin and kept.size > ours.size
