"""Letting a restored gateway serve: a person has seen how old it is, and the ledger says so from then on.

The entry `gateway_restored` names the backup and the head of the log that came back; it is durable before the mark
goes. Repeating it after a crash in between writes no second entry.

Where custodians are pinned, a log that may have lost its end waits for a new epoch (`epoch_open.py`), or for a
checkpoint that shows that nothing was lost.
"""

from pathlib import Path

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.kinds import Kind
from gateway.audit.store import stored_log
from gateway.backup.epoch_evidence import read_note, stored_root
from gateway.backup.errors import BackupRefused
from gateway.backup.snapshot import consistent, log_root
from gateway.bootstrap.offline import Offline
from gateway.bootstrap.restored import Mark, State, clear_mark, held, read_mark, write_mark
from keys.log.notes import NoteVerifier


def pending(offline: Offline) -> Mark:
    """The restore that waits for confirmation.

    Raises:
        BackupRefused: None does.
        RestorePending: The mark cannot be read.
    """
    mark = read_mark(offline.settings.home)
    if mark is None or mark.state is not State.UNCONFIRMED:
        raise BackupRefused(f"{offline.settings.home}: no restored backup waits for confirmation here")
    return mark


def _require_the_log(offline: Offline, mark: Mark) -> None:
    """Accept by returning a log that goes on from the head that was restored.

    Raises:
        BackupRefused: It is shorter, or another one.
    """
    with consistent(offline.engine) as connection:
        log = stored_log(connection)
        if log.size() < mark.ledger_size:
            raise BackupRefused("the database is not the one that was restored: its log is shorter")
        root = log_root(log, mark.ledger_size)
    if root != mark.ledger_root:
        raise BackupRefused("the database is not the one that was restored: its log is another one")


def waits_for_epoch(offline: Offline, mark: Mark) -> bool:
    """Whether the log may have lost its end, so that custodians have to begin a new epoch first."""
    return bool(held(mark, offline.ledger.lineage.begins, custodians=bool(offline.settings.custodians.keys)))


def show_present(offline: Offline, newest: Path) -> None:
    """Note that nothing was lost: the newest checkpoint that is known from elsewhere is one that the log covers.

    The parts have to be opened again before the log can be written.

    Args:
        offline: The gateway's parts.
        newest: File with the checkpoint, such as the anchor that was kept on another disk.

    Raises:
        BackupRefused: No restore waits for confirmation, or the log does not cover that checkpoint.
        LedgerCorrupt: It is not one of this log.
    """
    mark, note = pending(offline), read_note(newest)
    head = offline.ledger.lineage.known("the checkpoint", note, NoteVerifier(offline.ledger_key))
    if head is None or head.size > mark.ledger_size or head.size > offline.ledger.size():
        raise BackupRefused(f"{newest}: is newer than what was restored: entries were lost, and a new epoch is needed")
    if stored_root(offline, head.size) != head.root:
        raise BackupRefused(f"{newest}: is a head of another log than the one that was restored")
    write_mark(offline.settings.home, mark.model_copy(update={"present": note}))


def confirm(offline: Offline) -> int:
    """Record the restore and let the gateway serve.

    Returns:
        Index of the entry.

    Raises:
        BackupRefused: No restore waits for confirmation, or the log is not the one that was restored, or it waits for
            a new epoch.
        AuditError: It cannot be recorded; the gateway still does not serve. Fails closed.
    """
    mark, ledger = pending(offline), offline.ledger
    if waits_for_epoch(offline, mark):
        raise BackupRefused(
            "the log may have lost its end: open a new epoch first (oncegate epoch prepare), or show with --last that "
            "the newest checkpoint known is one that it covers"
        )
    _require_the_log(offline, mark)
    recorded = ledger.entries(kind=Kind.GATEWAY_RESTORED, limit=1).entries
    if recorded and recorded[0].account.get("restored_ms") == mark.restored_ms:
        index = recorded[0].leaf_index
    else:
        facts: dict[str, Json] = {
            "backup": mark.backup_id,
            "backup_made_ms": mark.created_ms,
            "restored_ms": mark.restored_ms,
            "ledger_size": mark.ledger_size,
            "ledger_root": mark.ledger_root,
            "checkpoint": mark.checkpoint,
            "keys_put": mark.keys_put,
            "keys_missing": mark.keys_missing,
            "keys_erased": mark.keys_erased,
            "epoch": offline.ledger.lineage.number,
            "present": mark.present,
        }
        index = ledger.append_blocking(EntryDraft(Kind.GATEWAY_RESTORED, facts)).leaf_index
    clear_mark(offline.settings.home)
    return index
