"""Deleting key backups whose time is over.

Rules kept: everything in the folder is looked at before anything is deleted, and one thing that is not ours refuses the
whole run, by name: a folder of key backups holds nothing else. Deleted is only a whole key backup past its
`delete_by_ms`, and what a broken-off key backup left behind once its own time is over. Ordinary backups are never
deleted here, nor what broke off before it held a key.

It overwrites nothing: on a disk that keeps old blocks, deleting a file is all that a program can do.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.backup.errors import BackupDamaged, BackupRefused
from gateway.backup.files import PARTIAL
from gateway.backup.key_backup import check_whole, holds_no_key, read_header
from gateway.backup.manifest import MANIFEST, read_manifest
from keys.secret_file import sync_folder

_TOLD: Final = 5


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A key backup in the folder."""

    path: Path
    created_ms: int
    delete_by_ms: int


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is to be done with a folder."""

    expired: tuple[KeptFile, ...]
    kept: tuple[KeptFile, ...]
    ordinary: int


def plan_pruning(folder: Path, now_ms: int) -> Pruning:
    """Look at everything in a folder; delete nothing.

    Args:
        folder: Where key backups are kept.
        now_ms: The time, Unix ms.

    Raises:
        BackupRefused: Something there is not one of ours, or was damaged; it is named.
    """
    expired: list[KeptFile] = []
    kept: list[KeptFile] = []
    strange: list[str] = []
    ordinary = 0
    for path in sorted(folder.iterdir()):
        try:
            if path.is_dir() and not path.is_symlink() and (path / MANIFEST).is_file():
                read_manifest(path)
                ordinary += 1
                continue
            header = read_header(path) if PARTIAL.fullmatch(path.name) else check_whole(path)
        except (BackupDamaged, BackupRefused):
            if not _broken_off(path):
                strange.append(path.name)
            continue
        found = KeptFile(path, header.created_ms, header.delete_by_ms)
        (expired if header.delete_by_ms <= now_ms else kept).append(found)
    if strange:
        more = f" and {len(strange) - _TOLD} more" if len(strange) > _TOLD else ""
        raise BackupRefused(
            f"{folder}: not a whole backup of ours: {', '.join(strange[:_TOLD])}{more}; nothing was deleted"
        )
    return Pruning(tuple(expired), tuple(kept), ordinary)


def _broken_off(path: Path) -> bool:
    """Whether this is what is left of a backup that broke off, or the beginning of one, and holds no key.

    Such a thing is left alone and refuses nothing: it may be growing at this moment, and what is over has to go.
    """
    if not PARTIAL.fullmatch(path.name) or path.is_symlink():
        return False
    try:
        return path.is_dir() or holds_no_key(path)
    except BackupDamaged:
        return False


def carry_out(folder: Path, pruning: Pruning, now_ms: int) -> int:
    """Delete what is over.

    Args:
        folder: As planned.
        pruning: From `plan_pruning`.
        now_ms: The time, Unix ms.

    Returns:
        How many files are gone.

    Raises:
        OSError: One cannot be deleted.
    """
    gone = 0
    for file in pruning.expired:
        # Looked at again: the name may stand for another file by now.
        with contextlib.suppress(BackupDamaged, BackupRefused):
            if read_header(file.path).delete_by_ms <= now_ms:
                file.path.unlink()
                gone += 1
    sync_folder(folder)
    return gone
