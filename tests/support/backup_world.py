"""Gateways to back up and to put back: homes on SQLite and PostgreSQL with rows in every table that is declared."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, TypeDecorator, create_engine, func, select

from gateway.audit.entries import EntryDraft
from gateway.backup.check import Checked, check_backup
from gateway.backup.classification import tables
from gateway.backup.key_backup import KeysMade, make_key_backup
from gateway.backup.make import KeyringCopy, Made, make_backup
from gateway.backup.restore import Restored, gather, restore
from gateway.bootstrap.home import initialise
from gateway.bootstrap.offline import Offline, compose, open_offline
from gateway.clock import Clock, SystemClock
from gateway.settings import FILE_NAME, Settings
from gateway.storage.database import write_transaction
from gateway.vault.profile import Vault
from keys.passphrase import LOWEST
from tests.support.index_node import FixedClock

PASSPHRASE = "long enough for a test"
PERSONS = tuple(bytes([65 + number]) * 16 for number in range(4))
PHONES = tuple(f"1380013800{number}" for number in range(4))
WRITTEN_MS = 1_700_000_000_000
ROWS = 3


def quiet(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class World:
    """A gateway's home.

    Attributes:
        home: Its folder.
        url: Its database's URL; empty for SQLite in the home.
    """

    home: Path
    url: str = ""

    @contextmanager
    def open(self) -> Iterator[Offline]:
        with open_offline(self.home) as offline:
            yield offline

    def vault(self, offline: Offline, at_ms: int = WRITTEN_MS) -> Vault:
        clock = FixedClock()
        clock.at_ms = at_ms
        return Vault(offline.engine, offline.secrets.keyring, clock)

    def backup(self, out: Path, keyring: KeyringCopy = KeyringCopy.INCLUDED) -> Made:
        keep_root_keys_apart(self.home, out)
        with self.open() as offline:
            return make_backup(offline, out, keyring, quiet)

    def key_backup(self, out: Path, clock: Clock | None = None) -> KeysMade:
        offline = compose(Settings.load(self.home), clock or SystemClock())
        try:
            return make_key_backup(offline, out, quiet)
        finally:
            offline.ledger.stop()
            offline.engine.dispose()

    def wrapped(self) -> list[bytes]:
        """Every wrapped key in the live database."""
        with self.open() as offline, offline.engine.connect() as connection:
            table = next(t for t in tables() if t.name == "vault_keys")
            return [bytes(key) for key in connection.execute(select(table.c.wrapped)).scalars() if key is not None]


def new_world(home: Path, url: str = "", *, people: int = len(PERSONS)) -> World:
    """A home with people's fields, a few entries in the log, and rows in every other table."""
    initialise(home, "city.example", None, "127.0.0.1:0", "127.0.0.1:0", LOWEST)
    if url:
        settings = home / FILE_NAME
        settings.write_text(f'database = "{url}"\n' + settings.read_text(encoding="utf-8"), encoding="utf-8")
        (home / "gateway.db").unlink()
    world = World(home, url)
    with world.open() as offline:
        vault = world.vault(offline)
        for person, phone in zip(PERSONS[:people], PHONES, strict=False):
            vault.set_field(person, "phone", phone)
        for number in range(5):
            offline.ledger.append_blocking(EntryDraft("gateway_started", {"number": number}))
        with write_transaction(offline.engine) as connection:
            fill(connection)
    return world


def fill(connection: Connection) -> None:
    """Rows of made-up values in every table that has none; equal keys in all, so that they can refer to each other."""
    for table in tables():
        if not connection.execute(select(func.count()).select_from(table)).scalar_one():
            rows = [{c.name: value(c, number) for c in table.columns} for number in range(1, ROWS + 1)]
            connection.execute(table.insert(), rows)


def value(column: "Column[Any]", number: int) -> object:
    """A value that fits a column."""
    declared = column.type
    kind: type = (declared.impl_instance if isinstance(declared, TypeDecorator) else declared).python_type
    if kind is bytes:
        return bytes([0, number, 255]) * 5 + bytes([number])
    if kind is bool:
        return bool(number % 2)
    if kind is int:
        return (1 << 41) + number if column.name.endswith("_ms") else number
    if kind is str:
        return f"市{number}"
    raise TypeError(f"no made-up value for {column}: {kind}")


def content(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every declared table, by the table's name."""
    return {
        t.name: [
            {name: bytes(v) if isinstance(v, memoryview) else v for name, v in row.items()}
            for row in connection.execute(select(t).order_by(*t.primary_key.columns)).mappings()
        ]
        for t in tables()
    }


def content_of(world: World) -> dict[str, list[dict[str, Any]]]:
    """Every row of a gateway's database."""
    engine = create_engine(Settings.load(world.home).database_url)
    try:
        with engine.connect() as connection:
            return content(connection)
    finally:
        engine.dispose()


def without_keys(found: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The same rows with every wrapped key left out."""
    return {name: [{k: v for k, v in row.items() if k != "wrapped"} for row in rows] for name, rows in found.items()}


def keep_root_keys_apart(home: Path, backup: Path) -> None:
    """As an operator keeps them: not in the backup."""
    shutil.copy(home / "root-keys.bin", backup.parent.with_name(f"{backup.parent.name}.root-keys"))


def root_keys_of(backup: Path) -> Path:
    """The root keys of the gateway beside a backup; for a copy elsewhere, the newest that were kept apart."""
    beside = backup.parent / "gateway" / "root-keys.bin"
    if beside.exists():
        return beside
    apart = sorted(backup.parent.parent.glob("*.root-keys"), key=lambda path: path.stat().st_mtime_ns)
    return apart[-1]


def put_back(
    backup: Path, home: Path, *, settings: Path | None = None, keys: Path | None = None, register: Path | None = None
) -> Restored:
    """Check a backup and restore it."""
    checked: Checked = check_backup(backup, home, settings, root_keys=root_keys_of(backup))
    return restore(gather(checked, settings, keys, register, SystemClock()), SystemClock(), quiet)


def raw_bytes(folder: Path) -> bytes:
    """Every byte of every file below a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
