"""Looking whether a backup is what it says, before one byte of it is put anywhere.

In order: the manifest and every file's digest, the schema's revision, the keyring, the manifest's signature, the rows
of each table, and the access log, which must have the root that the manifest names, fit its own checkpoint and the
anchor, and open at its end. Fails closed at the first thing that does not hold.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from gateway.audit.bodies import Bodies
from gateway.audit.checkpoints import Checkpoints
from gateway.audit.epochs import read_lineage
from gateway.audit.errors import LedgerCorrupt
from gateway.audit.recover import recover, require_whole
from gateway.audit.store import stored_log
from gateway.backup.errors import BackupDamaged, BackupRefused
from gateway.backup.make import keyring_files
from gateway.backup.manifest import DATABASE, HOME, KEYRING, Manifest, read_manifest, verify_signature
from gateway.backup.snapshot import count_rows, open_snapshot
from gateway.bootstrap.offline import LEDGER_ANCHOR, ledger_keys
from gateway.bootstrap.secrets import Secrets, epoch_signer, open_secrets
from gateway.settings import FILE_NAME, Settings
from gateway.storage.migrate import configuration
from keys.errors import UnknownKey
from keys.log.notes import NoteVerifier

_MANIFEST_HEAD: Final = "the head named in the manifest"


@dataclass(frozen=True, slots=True)
class Checked:
    """A backup that was found to be what it says.

    Attributes:
        folder: Where it is.
        manifest: What it says.
        settings: Settings of the home that it is to become.
        secrets: Its keyring, open.
        keyring: Where the keyring's files are: name to place.
        root_keys: Where the root keys' file is; None when they are in place already, or in a token.
    """

    folder: Path
    manifest: Manifest
    settings: Settings
    secrets: Secrets
    keyring: dict[str, Path]
    root_keys: Path | None

    @property
    def anchor(self) -> Path:
        """The backup's copy of the ledger's anchor; may be missing."""
        return self.folder / HOME / LEDGER_ANCHOR

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """The copied database, for reading.

        Raises:
            BackupDamaged: It is no database with this program's tables.
        """
        with open_snapshot(self.folder / DATABASE) as connection:
            yield connection


def check_backup(
    folder: Path,
    home: Path,
    settings_file: Path | None = None,
    keyring: Path | None = None,
    passphrase_file: Path | None = None,
    root_keys: Path | None = None,
) -> Checked:
    """Look through a whole backup. Nothing is written.

    Args:
        folder: The backup.
        home: The home folder that it is to become.
        settings_file: Settings to use instead of those in the backup.
        keyring: The keyring's file, when it is not in the backup.
        passphrase_file: The passphrase, when it is not where the settings say.
        root_keys: The root keys' file, which is never in the backup; None when it is where the settings say, or when
            a token holds them.

    Raises:
        BackupRefused: It is no backup, of another format or schema, or its keyring is not at hand.
        BackupDamaged: It is not what was written.
        BadSettings: The settings cannot be used.
        KeysError: The keyring does not open.
    """
    manifest = read_manifest(folder)
    _check_revision(manifest)
    settings = Settings.load(home, settings_file or folder / HOME / FILE_NAME)
    if settings.log_origin != manifest.ledger.origin:
        raise BackupRefused(f"the backup is of the log {manifest.ledger.origin}, the settings of {settings.log_origin}")
    places = _keyring_places(folder, manifest, settings, keyring)
    elsewhere: dict[str, object] = {"keyring": next(iter(places.values())).absolute()}
    if passphrase_file is not None:
        elsewhere["passphrase_file"] = passphrase_file.absolute()
    if root_keys is not None:
        elsewhere["keys"] = settings.keys.model_copy(update={"root_file": root_keys.absolute()})
    secrets = open_secrets(settings.model_copy(update=elsewhere))
    verify_signature(folder, secrets.promise_key.verify_key)
    checked = Checked(folder, manifest, settings, secrets, places, root_keys)
    try:
        with checked.snapshot() as connection:
            check_rows(manifest, connection)
            check_log(checked, connection)
    except DatabaseError:
        raise BackupDamaged("the copied database cannot be read") from None
    return checked


def _check_revision(manifest: Manifest) -> None:
    scripts = ScriptDirectory.from_config(configuration())
    if manifest.alembic_revision == scripts.get_current_head():
        return
    known = {script.revision for script in scripts.walk_revisions()}
    what = "an older" if manifest.alembic_revision in known else "a newer"
    raise BackupRefused(
        f"the backup has the schema of {what} program (revision {manifest.alembic_revision}, oncegate "
        f"{manifest.program}): restore it with that version, then upgrade"
    )


def _keyring_places(folder: Path, manifest: Manifest, settings: Settings, keyring: Path | None) -> dict[str, Path]:
    places = {}
    for name in keyring_files(settings):
        if keyring is not None:
            places[name] = keyring
        elif f"{KEYRING}/{name}" in manifest.files:
            places[name] = folder / KEYRING / name
        else:
            raise BackupRefused("the keyring is not in the backup: name its file with --keyring")
    return places


def check_rows(manifest: Manifest, connection: Connection) -> None:
    """Accept by returning a database with as many rows in each table as the manifest names.

    Raises:
        BackupDamaged: A table has more or fewer, or is not named.
    """
    found = count_rows(connection)
    if found.keys() != manifest.rows.keys():
        raise BackupDamaged("the manifest does not name this program's tables")
    for name, count in found.items():
        if count != manifest.rows[name]:
            raise BackupDamaged(f"{name} has {count} rows, and the manifest names {manifest.rows[name]}")


def check_log(checked: Checked, connection: Connection) -> None:
    """Accept by returning a database whose access log is the one that the manifest names.

    Raises:
        BackupDamaged: It does not fit a head that is known, or its end is not sound.
    """
    origin, head = checked.settings.log_origin, checked.manifest.ledger
    signer = checked.secrets.note_signer
    log, bodies = stored_log(connection), Bodies(ledger_keys(checked.secrets), origin)
    try:
        lineage = read_lineage(connection, bodies, origin)
        if lineage.key:
            signer = epoch_signer(checked.secrets.keyring, lineage.number, lineage.key)
        heads = Checkpoints(signer, lineage, checked.anchor).known(log)
        if head.checkpoint:
            signed = lineage.known("the checkpoint in the manifest", head.checkpoint, NoteVerifier(signer.vkey))
            heads += [] if signed is None else [signed]
        found = recover(log, bodies, heads)
        require_whole(log)
    except UnknownKey:
        raise BackupDamaged("the keyring does not have the key of the log's newest epoch") from None
    except LedgerCorrupt as error:
        raise BackupDamaged(f"the access log is not sound: {error}") from None
    if found.size != head.size or found.root().hex() != head.root:
        raise BackupDamaged(f"the access log does not fit {_MANIFEST_HEAD} ({found.size} and {head.size} entries)")
