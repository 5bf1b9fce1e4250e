"""Making an ordinary backup beside a gateway that serves.

In order: the anchor is read (so it can never be ahead of the snapshot), the database is copied as of one moment, the
home's files are copied, the manifest is written and signed, the backup goes onto the ledger, and only then does it get
its name. So a backup that can be found is on record, and one that failed has no name; the entry itself is not in it.

The keyring is copied as it is, encrypted. The passphrase is never copied, wherever it lies.
"""

import importlib.metadata
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from gateway.audit.entries import EntryDraft
from gateway.audit.kinds import Kind
from gateway.audit.store import read_checkpoint, stored_log
from gateway.backup.classification import WITHHELD
from gateway.backup.errors import BackupRefused
from gateway.backup.files import copy_new, make_folders, staged_folder, write_new
from gateway.backup.manifest import DATABASE, FORMAT, HOME, KEYRING, LedgerHead, Manifest, files_in, write_manifest
from gateway.backup.snapshot import Progress, consistent, log_root, revision_of, write_snapshot
from gateway.bootstrap.offline import LEDGER_ANCHOR, Offline
from gateway.bootstrap.vault_identity import ASKING_CERTIFICATE_FILE, CERTIFICATE_FILE
from gateway.settings import FILE_NAME, Settings

_PROGRAM: Final = "oncegate"


class KeyringCopy(Enum):
    """Whether the encrypted keyring lies in the backup too, or is kept apart."""

    INCLUDED = "included"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Made:
    """An ordinary backup that was made."""

    backup_id: str
    out: Path
    created_ms: int
    ledger_size: int
    rows: int
    bytes: int


def keyring_files(settings: Settings) -> Mapping[str, Path]:
    """The keyring's files: the name of each in a backup, and its place. The one list of them."""
    path = settings.path(settings.keyring)
    return {path.name: path}


def home_files(settings: Settings) -> Mapping[str, Path]:
    """The other files of a home that a backup carries: the name of each from the home folder, and its place.

    What lies outside the home folder, a policy bundle and the passphrase are not among them.
    """
    names = [FILE_NAME, CERTIFICATE_FILE, ASKING_CERTIFICATE_FILE]
    names += [str(issuer.jwks_file) for issuer in settings.issuers if _inside(issuer.jwks_file)]
    if settings.purposes_file is not None and _inside(settings.purposes_file):
        names.append(str(settings.purposes_file))
    return {name: settings.home / name for name in names if (settings.home / name).is_file()}


def _inside(path: Path) -> bool:
    return not path.is_absolute() and ".." not in path.parts


def make_backup(offline: Offline, out: Path, keyring: KeyringCopy, progress: Progress) -> Made:
    """Make an ordinary backup.

    Args:
        offline: The gateway's parts.
        out: Name of the folder to make; nothing is there yet.
        keyring: Whether the encrypted keyring is part of it.
        progress: Told how far the database is copied.

    Returns:
        What was made.

    Raises:
        BackupRefused: The name is taken, or the backup cannot be written; nothing with that name is left.
        AuditError: It cannot be recorded; nothing with that name is left. Fails closed.
    """
    settings, backup_id, created_ms = offline.settings, secrets.token_hex(16), offline.clock.now_ms()
    try:
        with staged_folder(out) as staging:
            _copy_files(settings, staging, keyring)
            with consistent(offline.engine) as connection:
                rows = write_snapshot(connection, staging / DATABASE, progress)
                head = _head(offline, connection)
                revision = revision_of(connection)
            manifest = Manifest(
                format=FORMAT,
                backup_id=backup_id,
                created_ms=created_ms,
                program=importlib.metadata.version(_PROGRAM),
                database=offline.engine.dialect.name,
                alembic_revision=revision,
                ledger=head,
                rows=rows,
                withheld={table: sorted(columns) for table, columns in WITHHELD.items()},
                files=files_in(staging),
            )
            write_manifest(staging, manifest, offline.secrets.promise_key)
            offline.ledger.append_blocking(
                EntryDraft(
                    Kind.BACKUP_MADE,
                    {
                        "what": "database",
                        "backup": backup_id,
                        "ledger_size": head.size,
                        "ledger_root": head.root,
                        "keyring": keyring.value,
                    },
                )
            )
    except OSError as error:
        raise BackupRefused(f"the backup cannot be written: {error.strerror or type(error).__name__}") from None
    total = sum(entry.bytes for entry in manifest.files.values())
    return Made(backup_id, out, created_ms, head.size, sum(rows.values()), total)


def _copy_files(settings: Settings, staging: Path, keyring: KeyringCopy) -> None:
    home = staging / HOME
    make_folders(home)
    anchor = settings.home / LEDGER_ANCHOR
    if anchor.is_file():
        write_new(home / LEDGER_ANCHOR, anchor.read_bytes())
    for name, place in home_files(settings).items():
        copy_new(place, home / name)
    if keyring is KeyringCopy.INCLUDED:
        for name, place in keyring_files(settings).items():
            copy_new(place, staging / KEYRING / name)


def _head(offline: Offline, connection: Connection) -> LedgerHead:
    log = stored_log(connection)
    size, newest = log.size(), read_checkpoint(connection)
    return LedgerHead(
        origin=offline.settings.log_origin,
        size=size,
        root=log_root(log, size),
        checkpoint="" if newest is None else newest[1],
    )
