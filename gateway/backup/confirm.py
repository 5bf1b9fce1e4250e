"""Letting a restored gateway serve: a person has seen how old it is, and the ledger says so from then on.

The entry `gateway_restored` names the backup and the head of the log that came back; it is durable before the mark
goes. Repeating it after a crash in between writes no second entry.
"""

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.kinds import Kind
from gateway.audit.store import stored_log
from gateway.backup.errors import BackupRefused
from gateway.backup.snapshot import consistent, log_root
from gateway.bootstrap.offline import Offline
from gateway.bootstrap.restored import Mark, State, clear_mark, read_mark


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


def confirm(offline: Offline) -> int:
    """Record the restore and let the gateway serve.

    Returns:
        Index of the entry.

    Raises:
        BackupRefused: No restore waits for confirmation, or the log is not the one that was restored.
        AuditError: It cannot be recorded; the gateway still does not serve. Fails closed.
    """
    mark, ledger = pending(offline), offline.ledger
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
        }
        index = ledger.append_blocking(EntryDraft(Kind.GATEWAY_RESTORED, facts)).leaf_index
    clear_mark(offline.settings.home)
    return index
