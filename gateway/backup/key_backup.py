"""Key backups: the wrapped data keys of persons and nothing else, to be deleted after a few days.

Erasing a person destroys the wrapped key in the database; a key backup still has it until it is deleted. So key
backups lie apart from ordinary backups, say themselves until when they may be kept (`delete_by_ms`), and are not used
after that. They are useless without the keyring's key-encryption keys, and those without them.

The file is lines of JSON: a header, a line for each key, and a last line with the number of keys, the SHA-256 of
everything before it and the gateway's signature over that digest. Whatever cuts, edits or extends it is found out
before one key is used. Mode 0600.
"""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.kinds import Kind
from gateway.backup.classification import VAULT_KEYS, tables
from gateway.backup.errors import BackupDamaged, BackupRefused
from gateway.backup.files import opened, staged_file, sync_file
from gateway.backup.snapshot import ROWS_AT_ONCE, Progress, consistent
from gateway.bootstrap.offline import Offline
from keys.errors import BadSignature
from keys.signing import BACKUP, VerifyKey

FORMAT: Final = "oncegate.key-backup/1"
_DAY_MS: Final = 86_400_000
_LARGEST_LINE: Final = 16 * 1024


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Header(_Part):
    """What a key backup says about itself. Times are Unix ms."""

    format: Literal["oncegate.key-backup/1"]
    backup_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    origin: str
    created_ms: Annotated[int, Field(ge=0)]
    delete_by_ms: Annotated[int, Field(ge=0)]


class _KeyLine(_Part):
    person_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    key_id: int
    wrapped: Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")]
    kek_version: int
    changed_ms: int


class _Trailer(_Part):
    keys: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    signature: str


_Line = TypeVar("_Line", bound=_Part)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """One person's data key as a key backup has it."""

    key_id: int
    wrapped: bytes = field(repr=False)
    kek_version: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class KeyBackup:
    """A key backup that was read and found whole."""

    header: Header
    keys: dict[bytes, WrappedKey] = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeysMade:
    """A key backup that was made."""

    backup_id: str
    out: Path
    created_ms: int
    delete_by_ms: int
    keys: int


def make_key_backup(offline: Offline, out: Path, progress: Progress) -> KeysMade:
    """Make a key backup beside a gateway that serves.

    Args:
        offline: The gateway's parts.
        out: Name of the file to make; nothing is there yet.
        progress: Told how far it is.

    Returns:
        What was made.

    Raises:
        BackupRefused: The name is taken, or the file cannot be written; nothing with that name is left.
        AuditError: It cannot be recorded; nothing with that name is left. Fails closed.
    """
    created_ms = offline.clock.now_ms()
    header = Header(
        format=FORMAT,
        backup_id=secrets.token_hex(16),
        origin=offline.settings.log_origin,
        created_ms=created_ms,
        delete_by_ms=created_ms + offline.settings.vault.key_backup_days * _DAY_MS,
    )
    try:
        with staged_file(out) as file, consistent(offline.engine) as connection:
            count = _write(file, header, connection, offline, progress)
            facts: dict[str, Json] = {
                "what": "keys",
                "backup": header.backup_id,
                "keys": count,
                "delete_by_ms": header.delete_by_ms,
            }
            # Whole and durable before the ledger says so: only its name is left to give.
            sync_file(file)
            offline.ledger.append_blocking(EntryDraft(Kind.BACKUP_MADE, facts))
    except OSError as error:
        raise BackupRefused(f"the key backup cannot be written: {error.strerror or type(error).__name__}") from None
    except SQLAlchemyError as error:
        raise BackupRefused(f"the keys cannot be read: {type(error).__name__}") from None
    return KeysMade(header.backup_id, out, created_ms, header.delete_by_ms, count)


def _write(file: BinaryIO, header: Header, connection: Connection, offline: Offline, progress: Progress) -> int:
    running, count = hashlib.sha256(), 0

    def put(value: dict[str, Any]) -> None:
        line = json.dumps(value, sort_keys=True).encode() + b"\n"
        running.update(line)
        file.write(line)

    put(header.model_dump())
    # Durable by itself, so that what a killed run leaves behind says when it is to be deleted.
    sync_file(file)
    table = next(t for t in tables() if t.name == VAULT_KEYS)
    query = select(table).where(table.c.wrapped.is_not(None)).order_by(table.c.person_id)
    result = connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    for part in result.partitions():
        for row in part:
            count += 1
            put(
                {
                    "person_id": bytes(row.person_id).hex(),
                    "key_id": row.key_id,
                    "wrapped": bytes(row.wrapped).hex(),
                    "kek_version": row.kek_version,
                    "changed_ms": row.changed_ms,
                }
            )
        progress(VAULT_KEYS, count, count)
    digest = running.digest()
    signature = base64.b64encode(offline.secrets.promise_key.sign(BACKUP, _signed(digest))).decode()
    put({"keys": count, "sha256": digest.hex(), "signature": signature})
    return count


def _signed(digest: bytes) -> bytes:
    # Begins differently from every ordinary manifest, so neither signature stands for the other.
    return b"oncegate.key-backup/1 " + digest


def read_header(path: Path) -> Header:
    """The first line of a key backup; nothing else is looked at.

    Raises:
        BackupRefused: It is no key backup of a format that this program knows.
        BackupDamaged: There is no such regular file.
    """
    with opened(path) as file:
        return _header(file.readline(_LARGEST_LINE))


def holds_no_key(path: Path) -> bool:
    """Whether a broken-off file ends within its header, before the first key.

    Raises:
        BackupDamaged: There is no such regular file.
    """
    with opened(path) as file:
        start = file.read(_LARGEST_LINE + 1)
    return len(start) <= _LARGEST_LINE and b"\n" not in start


def _header(line: bytes) -> Header:
    try:
        return Header.model_validate(json.loads(line))
    except (ValueError, ValidationError, RecursionError):
        raise BackupRefused(f"this is no key backup of the format {FORMAT}") from None


def check_whole(path: Path) -> Header:
    """Read a key backup through and compare its digest; its signature is not looked at, so no keyring is needed.

    Raises:
        BackupRefused: It is no key backup of a format that this program knows.
        BackupDamaged: It was cut off or changed.
    """
    reading = _Reading(path)
    for _ in reading.lines():
        pass
    return reading.header


def read_key_backup(path: Path, key: VerifyKey, origin: str, now_ms: int) -> KeyBackup:
    """Read a key backup for use.

    Args:
        path: The file.
        key: The gateway's promise key, which signed it.
        origin: The log's name, so that two gateways' backups are not mixed up.
        now_ms: The time, Unix ms.

    Returns:
        Its keys.

    Raises:
        BackupRefused: It is no key backup, another gateway's, or may no longer be kept: what should have been deleted
            is not used. Fails closed.
        BackupDamaged: It was cut off or changed, or the gateway did not sign it.
    """
    reading = _Reading(path)
    found = {bytes.fromhex(line.person_id): _key(line) for line in reading.lines()}
    if reading.header.origin != origin:
        raise BackupRefused("the key backup is of another gateway")
    try:
        key.verify(BACKUP, _signed(reading.digest), base64.b64decode(reading.signature, validate=True))
    except (BadSignature, ValueError, binascii.Error):
        raise BackupDamaged("the key backup is not signed by the gateway of this keyring") from None
    if reading.header.delete_by_ms <= now_ms:
        raise BackupRefused("the key backup should have been deleted by now and is not used")
    return KeyBackup(reading.header, found)


def _key(line: _KeyLine) -> WrappedKey:
    return WrappedKey(line.key_id, bytes.fromhex(line.wrapped), line.kek_version, line.changed_ms)


class _Reading:
    """One pass over a key backup. `digest` and `signature` are there when `lines` came to its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.header = read_header(path)
        self.digest = b""
        self.signature = ""

    def lines(self) -> Iterator[_KeyLine]:
        """Every key; raises at the end unless the whole file is as it was written."""
        with opened(self._path) as file:
            running, count, before = hashlib.sha256(), -1, b""
            while line := file.readline(_LARGEST_LINE):
                # One line behind: the last one is not a key, and not part of the digest.
                if before:
                    running.update(before)
                    if count >= 0:
                        yield self._parse(before, _KeyLine)
                    count += 1
                before = line
            trailer = self._parse(before, _Trailer)
        if not before.endswith(b"\n") or trailer.keys != count or trailer.sha256 != running.hexdigest():
            raise BackupDamaged("the key backup was cut off or changed")
        self.digest, self.signature = running.digest(), trailer.signature

    def _parse(self, line: bytes, model: type[_Line]) -> _Line:
        try:
            return model.model_validate(json.loads(line))
        except (ValueError, ValidationError, RecursionError):
            raise BackupDamaged("the key backup was cut off or changed") from None
