"""Putting a backup back into an empty home and an empty database.

In order: the backup is checked as a whole (`check.py`); the home gets its mark (`incomplete`) before anything else; the
files are written; in **one** transaction every row is put in, the persons' keys are decided, the rows are counted and
the access log is checked again where it now lies; when that is durable, the mark says `unconfirmed`. Until a person
confirms (`confirm.py`) the gateway does not serve from it: it is as old as its backup.

Whatever interrupts it, the database is empty or complete, and the mark says which home must not be used; the same call
starts again. A database or home that holds anything else is refused and left as it is.
"""

import glob
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.backup.check import Checked, check_log, check_rows
from gateway.backup.classification import ERASURES, VAULT_KEYS, tables
from gateway.backup.erasures import Erasures, erasures_in, read_register
from gateway.backup.errors import BackupRefused
from gateway.backup.files import PARTIAL, copy_new, digest_of, make_folders
from gateway.backup.key_backup import KeyBackup, read_key_backup
from gateway.backup.make import keyring_files
from gateway.backup.manifest import HOME
from gateway.backup.put_back import KeysBack, PutBack
from gateway.backup.snapshot import Progress, count_rows, read_rows
from gateway.bootstrap.restored import Mark, State, read_mark, write_mark
from gateway.clock import Clock
from gateway.settings import FILE_NAME
from gateway.storage.database import open_database, write_transaction
from gateway.vault.erasure import DAY_MS
from gateway.vault.forgetting import FORGOTTEN

_VERSION_TABLE: Final = "alembic_version"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back.

    Attributes:
        mark: The mark that the home carries, or would carry after a trial.
        keys: What became of the persons' keys.
        rows: Rows put in.
        key_backup: Whether a key backup was given.
    """

    mark: Mark
    keys: KeysBack
    rows: int
    key_backup: bool


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that a restore draws from.

    Attributes:
        checked: The ordinary backup.
        settings_file: Settings that replace those of the backup.
        keys: The key backup, read and verified; None for none.
        erasures: Who was erased, and when, from backup and register.
    """

    checked: Checked
    settings_file: Path | None
    keys: KeyBackup | None
    erasures: Erasures


def gather(
    checked: Checked, settings_file: Path | None, keys_file: Path | None, register: Path | None, clock: Clock
) -> Sources:
    """Read the key backup and the erasure register. Nothing is written.

    Raises:
        BackupRefused: One of them is not what it should be.
        BackupDamaged: The key backup was cut off or changed.
    """
    with checked.snapshot() as connection:
        erasures = erasures_in(connection)
    for person, erased_ms in (read_register(register) if register is not None else {}).items():
        erasures[person] = max(erasures.get(person, 0), erased_ms)
    keys = None
    if keys_file is not None:
        verify_key, origin = checked.secrets.promise_key.verify_key, checked.settings.log_origin
        keys = read_key_backup(keys_file, verify_key, origin, clock.now_ms())
    return Sources(checked, settings_file, keys, erasures)


def try_restore(sources: Sources, clock: Clock) -> Restored:
    """Say what a restore would do, without writing anything.

    Raises:
        BackupRefused: The home is not empty.
    """
    checked = sources.checked
    _check_home(checked)
    put_back = _put_back(sources)
    with checked.snapshot() as connection:
        table = next(t for t in tables() if t.name == VAULT_KEYS)
        for batch in read_rows(connection, table):
            for row in batch:
                put_back.row(row)
    return _restored(sources, _mark(checked, clock, State.UNCONFIRMED, put_back.done), put_back.done)


def restore(sources: Sources, clock: Clock, progress: Progress) -> Restored:
    """Put a backup back. See the module's own words for the order.

    Args:
        sources: From `gather`.
        clock: Tells when.
        progress: Told how far it is.

    Raises:
        BackupRefused: Home or database is not empty, or cannot be written.
        BackupDamaged: What was put in is not what the manifest names; the database stays empty.
        DatabaseRefused: The database does not open safely.
    """
    checked = sources.checked
    again = _check_home(checked)
    home = checked.settings.home
    put_back = _put_back(sources)
    try:
        make_folders(home)
        write_mark(home, _mark(checked, clock, State.INCOMPLETE, KeysBack()))
        _copy_home(checked, sources.settings_file)
    except OSError as error:
        raise BackupRefused(f"{home}: cannot be written: {error.strerror or type(error).__name__}") from None
    engine = open_database(checked.settings.database_url)
    try:
        with checked.snapshot() as source, write_transaction(engine) as target:
            _make_room(checked, target, again=again)
            _fill(source, target, put_back, progress, sum(checked.manifest.rows.values()))
            check_rows(checked.manifest, target)
            put_back.forget(target, checked.settings.vault.key_backup_days * DAY_MS)
            check_log(checked, target)
    except SQLAlchemyError as error:
        raise BackupRefused(f"the database cannot be filled: {type(error).__name__}; it is empty") from None
    finally:
        engine.dispose()
    mark = _mark(checked, clock, State.UNCONFIRMED, put_back.done)
    write_mark(home, mark)
    return _restored(sources, mark, put_back.done)


def _put_back(sources: Sources) -> PutBack:
    keys = {} if sources.keys is None else sources.keys.keys
    return PutBack(keys, sources.erasures, sources.checked.secrets.keyring)


def _restored(sources: Sources, mark: Mark, done: KeysBack) -> Restored:
    return Restored(mark, done, sum(sources.checked.manifest.rows.values()), sources.keys is not None)


def _mark(checked: Checked, clock: Clock, state: State, done: KeysBack) -> Mark:
    manifest = checked.manifest
    return Mark(
        state=state,
        backup_id=manifest.backup_id,
        created_ms=manifest.created_ms,
        restored_ms=clock.now_ms(),
        ledger_size=manifest.ledger.size,
        ledger_root=manifest.ledger.root,
        checkpoint=manifest.ledger.checkpoint,
        keys_put=done.put,
        keys_missing=done.missing + done.unopened,
        keys_erased=done.erased,
    )


def _check_home(checked: Checked) -> bool:
    """Accept an empty home, or one in which a restore of this backup broke off.

    Returns:
        Whether it is the latter.

    Raises:
        BackupRefused: It is neither, or another keyring is where this one has to be.
    """
    home, again = checked.settings.home, False
    if home.is_dir():
        mark = read_mark(home)
        again = mark is not None and mark.state is State.INCOMPLETE
        if mark is not None and again:
            if mark.backup_id != checked.manifest.backup_id:
                raise BackupRefused(f"{home}: a restore of another backup broke off here; take a new folder")
        elif any(home.iterdir()):
            raise BackupRefused(f"{home}: is not empty; a backup is only put into a new home")
    elif home.exists():
        raise BackupRefused(f"{home}: is not a folder")
    for name, place in keyring_files(checked.settings).items():
        if place.exists() and digest_of(place) != digest_of(checked.keyring[name]):
            raise BackupRefused(f"{place}: another keyring is there")
    root_file = checked.settings.path(checked.settings.keys.root_file)
    if checked.root_keys is not None and root_file.exists() and digest_of(root_file) != digest_of(checked.root_keys):
        raise BackupRefused(f"{root_file}: other root keys are there")
    return again


def _copy_home(checked: Checked, settings_file: Path | None) -> None:
    home, inside = checked.settings.home, checked.folder / HOME
    names = [name.removeprefix(f"{HOME}/") for name in checked.manifest.files if name.startswith(f"{HOME}/")]
    places = {home / name: inside / name for name in names}
    if settings_file is not None:
        places[home / FILE_NAME] = settings_file
    for name, place in keyring_files(checked.settings).items():
        places[place] = checked.keyring[name]
    if checked.root_keys is not None:
        places[checked.settings.path(checked.settings.keys.root_file)] = checked.root_keys
    for place, source in places.items():
        # What a run that broke off left of it.
        for left in place.parent.glob(f".{glob.escape(place.name)}.*.partial"):
            if PARTIAL.fullmatch(left.name):
                left.unlink()
        # Written by the run that broke off; its content was compared or is ours.
        if place.exists():
            if digest_of(place) == digest_of(source):
                continue
            place.unlink()
        copy_new(source, place)


def _make_room(checked: Checked, target: Connection, *, again: bool) -> None:
    """Accept an empty database, and empty one that a restore of this very backup had filled.

    Raises:
        BackupRefused: It holds anything else.
    """
    ours = {table.name for table in tables()} | {_VERSION_TABLE}
    foreign = sorted(set(inspect(target).get_table_names()) - ours)
    if foreign:
        raise BackupRefused("the database holds tables that are not a gateway's; it is left as it is")
    found = count_rows(target)
    if not any(found.values()):
        return
    if not again or found != _after_erasures(checked.manifest.rows, found):
        raise BackupRefused("the database is not empty; it is left as it is")
    # It is this backup and nothing was added: a run filled it and was killed before the mark could say so. It is put in
    # anew, since this run may have other keys or a newer register.
    check_log(checked, target)
    if target.dialect.name == "sqlite":
        # SQLite leaves deleted content, here wrapped keys, in free pages unless told to overwrite it.
        target.exec_driver_sql("PRAGMA secure_delete=ON")
    for table in reversed(tables()):
        target.execute(table.delete())


def _after_erasures(expected: Mapping[str, int], found: Mapping[str, int]) -> dict[str, int]:
    """The expected counts, with the profiles of persons who were erased since removed, and their erasures added."""
    fewer = {table.name: min(expected.get(table.name, 0), found[table.name]) for table in FORGOTTEN}
    return {**expected, **fewer, ERASURES: max(expected.get(ERASURES, 0), found[ERASURES])}


def _fill(source: Connection, target: Connection, put_back: PutBack, progress: Progress, total: int) -> None:
    done = 0
    for table in tables():
        for batch in read_rows(source, table):
            rows = [put_back.row(row) for row in batch] if table.name == VAULT_KEYS else batch
            _insert(target, table, rows)
            done += len(rows)
            progress(table.name, done, total)
        _advance_sequence(target, table)


def _insert(target: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if target.dialect.name == "postgresql":
        # One statement a batch: the driver would otherwise travel once a row.
        target.execute(table.insert().values(rows))
    else:
        target.execute(table.insert(), rows)


def _advance_sequence(target: Connection, table: Table) -> None:
    """PostgreSQL hands numbers out from a sequence, which does not see numbers that were put in by hand."""
    column = table.autoincrement_column
    if target.dialect.name != "postgresql" or column is None:
        return
    sequence = target.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar()
    newest = target.execute(select(func.max(column))).scalar()
    if sequence is not None and newest is not None:
        target.execute(text("SELECT setval(CAST(:name AS regclass), :value)"), {"name": sequence, "value": newest})
