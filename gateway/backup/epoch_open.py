"""Opening a new epoch of the log with a statement that enough custodians signed.

In order: the statement's signatures; that it follows the epochs known; that the log still ends at the head that it
restores; that no head that can be seen is newer than the last one it names, the anchor's included; that the keyring has
the new key. Then one entry, `epoch_opened`, in one commit: from then on the log is in its new epoch, whatever is
killed. The head that is published next, and only that one, takes the anchor's place.

Repeating it finishes it. Another statement for an epoch that was begun is refused.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gateway.audit.epochs import GREW, Lineage, opening
from gateway.audit.errors import LedgerCorrupt, RiderRefused
from gateway.audit.ledger import SqlLedger
from gateway.backup.epoch_evidence import Seen, custodians_of, heads_seen, newest_head, read_note, stored_head
from gateway.backup.epoch_prepare import lineage_with
from gateway.backup.errors import EpochRefused
from gateway.bootstrap.offline import LEDGER_ANCHOR, Offline, ledger_keys
from gateway.bootstrap.secrets import epoch_signer
from gateway.bootstrap.witnessing import witnessing_of
from gateway.rpc import codec
from gateway.settings import STATUS_FILE
from keys.errors import BadEpoch
from keys.log.custodians import SignedEpoch, merge
from keys.log.notes import NoteVerifier

_STALE_MS: Final = 5000


@dataclass(frozen=True, slots=True)
class Opened:
    """An epoch that is open.

    Attributes:
        signed: The statement with which it began.
        index: Index of its first entry.
        already: Whether it had been opened before.
    """

    signed: SignedEpoch
    index: int
    already: bool


def open_epoch(
    offline: Offline, notes: Sequence[Path], last: Sequence[Path] = (), earlier: Sequence[Path] = ()
) -> Opened:
    """Open an epoch.

    Args:
        offline: The gateway's parts; the gateway does not serve.
        notes: The signed statement; several when each custodian signed a copy.
        last: Files with checkpoints of the old log that others hold, as a further check.
        earlier: Signed statements of epochs that the restored log does not know of.

    Raises:
        EpochRefused: Something that the statement says is not so; nothing was changed.
        BadEpoch: The statement does not hold, or too few custodians signed it.
        UnknownKey: The keyring does not have the new key.
        AuditError: It cannot be recorded. Fails closed.
    """
    custodians = custodians_of(offline)
    signed = custodians.open(merge(read_note(path) for path in notes))
    statement, known = signed.statement, offline.ledger.lineage
    if statement.number <= known.number:
        return _again(offline, signed)
    _require_stopped(offline)
    before = lineage_with(offline, [custodians.open(read_note(path)) for path in earlier])
    ending = before.key or offline.secrets.note_signer.vkey
    if statement.previous_key != ending or statement.number != before.number + 1:
        raise EpochRefused("the statement does not end the epoch in which this log is")
    try:
        lineage = Lineage(known.first_origin, [*before.notes, signed.note])
    except BadEpoch as error:
        raise EpochRefused(f"the statement does not follow the one before: {error}") from error
    size, root = stored_head(offline)
    if (size, root) != (statement.restored_size, statement.restored_root):
        raise EpochRefused("the log does not end at the head that the statement restores: prepare another statement")
    seen = [*heads_seen(offline, last), Seen("the last checkpoint that the statement names", statement.last)]
    _, newest = newest_head(offline, before, ending, seen, size)
    statement.admits(newest)
    for one in seen:
        try:
            lineage.known(one.what, one.note, NoteVerifier(statement.key))
        except LedgerCorrupt as error:
            raise EpochRefused(f"{one.what}: {error}") from error
    signer = epoch_signer(offline.secrets.keyring, statement.number, statement.key)
    ledger = SqlLedger(
        offline.engine,
        replace(ledger_keys(offline.secrets), note=signer),
        offline.settings.log_origin,
        offline.clock,
        codec.promise,
        offline.settings.home / LEDGER_ANCHOR,
        # With witnesses, nothing is published by a command: a gateway that serves asks them.
        witnessing=witnessing_of(offline.settings, signer.vkey),
        lineage=lineage,
    )
    try:
        index = ledger.append_blocking(opening(signed, lineage.notes)).leaf_index
    except RiderRefused as error:
        if error.reason != GREW:
            raise
        raise EpochRefused(
            "the log grew meanwhile: stop whatever writes to it and prepare another statement"
        ) from error
    finally:
        # Publishes the first head of the new epoch, which takes the anchor's place.
        ledger.stop()
    return Opened(signed, index, already=False)


def _again(offline: Offline, signed: SignedEpoch) -> Opened:
    """An epoch that was begun: by this statement, then what was left undone is done; by another, then refused."""
    begun = offline.ledger.lineage.chain.statements[signed.statement.number - 2]
    if begun.digest != signed.statement.digest:
        raise EpochRefused(f"epoch {begun.number} was begun by another statement")
    # A start publishes the head that an interrupted opening did not publish.
    offline.ledger.start()
    return Opened(signed, begun.restored_size, already=True)


def _require_stopped(offline: Offline) -> None:
    """Accept by returning a home whose gateway does not run: it would go on under the old name.

    Raises:
        EpochRefused: It wrote its status just now.
    """
    try:
        status = json.loads((offline.settings.home / STATUS_FILE).read_text(encoding="utf-8"))
        written_ms = int(status["written_unix_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if 0 <= offline.clock.now_ms() - written_ms < _STALE_MS:
        raise EpochRefused("the gateway is running: stop it first")
