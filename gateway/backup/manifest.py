"""The manifest of an ordinary backup: what it is, as of when, and the digest of every file; signed by the gateway.

`manifest.json` is JSON for people and tools. `manifest.sig` is the gateway's signature over its exact bytes, so that
files and digests cannot be exchanged together by somebody who lacks the keyring.

Rules kept: a format that is not known is refused and named; every file must be listed and every listed file be there;
a listed name leads nowhere outside the backup. Fails closed.
"""

import base64
import binascii
import json
import os
import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.backup.errors import BackupDamaged, BackupRefused
from gateway.backup.files import digest_of, read_small, write_new
from keys.errors import BadSignature
from keys.signing import BACKUP, SigningKey, VerifyKey

FORMAT: Final = "oncegate.backup/1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
DATABASE: Final = "database.sqlite"
HOME: Final = "home"
KEYRING: Final = "keyring"
LARGEST_MANIFEST: Final = 1 << 20
_LARGEST_SIGNATURE: Final = 200
_FORMAT: Final = re.compile(r"oncegate\.backup/([1-9][0-9]{0,5})", re.ASCII)

Count = Annotated[int, Field(ge=0)]
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FileEntry(_Part):
    """One file of the backup."""

    sha256: Hex32
    bytes: Count


class LedgerHead(_Part):
    """How far the access log went in the snapshot.

    `size` and `root` are those of all its entries; `checkpoint` is the newest signed head among them, which may be a
    second older, and is empty when none was published yet.
    """

    origin: str
    size: Count
    root: Hex32
    checkpoint: str


class Manifest(_Part):
    """What a backup says about itself. Times are Unix ms."""

    format: str
    backup_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    created_ms: Count
    program: str
    database: str
    alembic_revision: str
    ledger: LedgerHead
    rows: dict[str, Count]
    withheld: dict[str, list[str]]
    files: dict[str, FileEntry]


def write_manifest(folder: Path, manifest: Manifest, key: SigningKey) -> None:
    """Write manifest and signature into a folder."""
    text = json.dumps(manifest.model_dump(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    raw = text.encode()
    write_new(folder / MANIFEST, raw)
    write_new(folder / SIGNATURE, base64.b64encode(key.sign(BACKUP, raw)) + b"\n")


def files_in(folder: Path) -> dict[str, FileEntry]:
    """Digest and size of every file in a folder but the manifest itself, by its name from the folder.

    Raises:
        BackupDamaged: There is something that is neither a file nor a folder.
    """
    found = {}
    for name in _names(folder):
        sha256, size = digest_of(folder / name)
        found[name] = FileEntry(sha256=sha256, bytes=size)
    return found


def _names(folder: Path) -> list[str]:
    names = []
    for above, folders, files in os.walk(folder):
        names += [(Path(above) / name).relative_to(folder).as_posix() for name in files]
        # A link to a folder is not walked into: it is listed like a file, and refused when it is read.
        names += [
            (Path(above) / name).relative_to(folder).as_posix() for name in folders if (Path(above) / name).is_symlink()
        ]
    return sorted(set(names) - {MANIFEST, SIGNATURE})


def read_manifest(folder: Path) -> Manifest:
    """Read a backup's manifest and compare every file with it. Whose it is tells `verify_signature`.

    Raises:
        BackupRefused: It is no backup, or of a format that this program does not know.
        BackupDamaged: The manifest is malformed, or a file is missing, cut off, changed or not listed.
    """
    if not (folder / MANIFEST).is_file():
        raise BackupRefused(f"{folder}: holds no {MANIFEST}, so it is no backup")
    manifest = _parse(read_small(folder / MANIFEST, LARGEST_MANIFEST))
    _compare(folder, manifest)
    return manifest


def _compare(folder: Path, manifest: Manifest) -> None:
    """Accept by returning a folder that holds exactly the files that its manifest lists.

    Raises:
        BackupDamaged: A file is missing, cut off, changed or not listed, or its name leads out of the folder.
    """
    if DATABASE not in manifest.files or f"{HOME}/gateway.toml" not in manifest.files:
        raise BackupDamaged("the manifest lists no database or no settings")
    for name in manifest.files:
        if any(part in {"", ".", ".."} for part in name.split("/")) or "\0" in name:
            raise BackupDamaged("the manifest names a file outside the backup")
    present = _names(folder)
    for name in present:
        if name not in manifest.files:
            raise BackupDamaged(f"{name}: is not listed in the manifest")
    for name, entry in sorted(manifest.files.items()):
        if name not in present:
            raise BackupDamaged(f"{name}: is listed in the manifest and is missing")
        sha256, size = digest_of(folder / name)
        if size != entry.bytes:
            raise BackupDamaged(f"{name}: has {size} bytes, not {entry.bytes}: cut off, or of another backup")
        if sha256 != entry.sha256:
            raise BackupDamaged(f"{name}: was changed, or is of another backup")


def _parse(raw: bytes) -> Manifest:
    try:
        value = json.loads(raw)
        named = value.get("format") if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        raise BackupDamaged("the manifest is not JSON: cut off or changed") from None
    if named != FORMAT:
        known = _FORMAT.fullmatch(named) if isinstance(named, str) else None
        if known is None:
            raise BackupRefused("this is no ordinary backup of a gateway")
        raise BackupRefused(f"the backup has format {named}, of a newer program; this one knows {FORMAT}")
    try:
        return Manifest.model_validate(value)
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, e["loc"])) for e in error.errors(include_input=False)}))
        raise BackupDamaged(f"the manifest is malformed: {places}") from None


def verify_signature(folder: Path, key: VerifyKey) -> None:
    """Accept by returning when the gateway of this key made the backup.

    Raises:
        BackupDamaged: The signature is missing, or not by this key over this manifest.
    """
    try:
        signature = base64.b64decode(read_small(folder / SIGNATURE, _LARGEST_SIGNATURE).strip(), validate=True)
        key.verify(BACKUP, read_small(folder / MANIFEST, LARGEST_MANIFEST), signature)
    except (BadSignature, ValueError, binascii.Error):
        raise BackupDamaged(
            "the manifest is not signed by the gateway of this keyring: it was changed, or keyring and backup are of "
            "two gateways"
        ) from None
