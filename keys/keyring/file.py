"""The keyring's file: encrypted under a passphrase, mode 0600, replaced in one step.

Encryption is `keys.passphrase` (Argon2id, AES-256-GCM-SIV); writing and the checks of owner and mode are
`keys.secret_file`. Passphrases come from a file or from the environment, never from a command line, where other users
could see them.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from keys.errors import PassphraseMissing
from keys.keyring.keyring import Keyring
from keys.passphrase import STANDARD, PassphraseCost, lock, unlock
from keys.secret_file import Existing, read_secret, write_secret

_PURPOSE: Final = "keyring"


def create_keyring(path: Path, passphrase: bytes, keyring: Keyring, cost: PassphraseCost = STANDARD) -> None:
    """Writes a keyring to a new file.

    Args:
        path: Where; its folder exists.
        passphrase: Not empty.
        keyring: What to keep.
        cost: What one guess of the passphrase shall cost.

    Raises:
        FileExistsError: There is a file already; it is left as it was, since overwriting a keyring loses everything
        it protects. KeyringLocked: The passphrase is empty. OSError: The system refuses.
    """
    write_secret(path, lock(passphrase, keyring.to_bytes(), purpose=_PURPOSE, cost=cost), Existing.REFUSE)


def save_keyring(path: Path, passphrase: bytes, keyring: Keyring, cost: PassphraseCost = STANDARD) -> None:
    """Replaces a keyring's file in one step; also the way to change its passphrase.

    Args:
        path: Where.
        passphrase: Not empty.
        keyring: What to keep.
        cost: What one guess of the passphrase shall cost.

    Raises:
        KeyringLocked: The passphrase is empty.
        OSError: The system refuses; the old file is left as it was.
    """
    write_secret(path, lock(passphrase, keyring.to_bytes(), purpose=_PURPOSE, cost=cost), Existing.REPLACE)


def open_keyring(path: Path, passphrase: bytes) -> Keyring:
    """Reads a keyring's file. Fails closed.

    Args:
        path: Where.
        passphrase: As given when it was written.

    Returns:
        The keyring.

    Raises:
        KeyringLocked: The passphrase is wrong.
        KeyringCorrupt: The file is missing, damaged, truncated, no keyring, or open to others (`SecretExposed`).
    """
    return Keyring.from_bytes(unlock(passphrase, read_secret(path), purpose=_PURPOSE))


def read_passphrase(*, file: Path | None, environment: str | None, variables: Mapping[str, str] = os.environ) -> bytes:
    """The passphrase from a file or, when there is none, from an environment variable. Fails closed.

    Args:
        file: A file of mode 0600; one newline at its end is not part of the passphrase.
        environment: The name of an environment variable.
        variables: The environment.

    Returns:
        The passphrase, not empty.

    Raises:
        PassphraseMissing: None is given, or it is empty.
        KeyringCorrupt: The file is missing or open to others (`SecretExposed`).
    """
    if file is not None:
        passphrase = read_secret(file).removesuffix(b"\n").removesuffix(b"\r")
    elif environment is not None:
        passphrase = variables.get(environment, "").encode("utf-8", "surrogateescape")
    else:
        passphrase = b""
    if not passphrase:
        raise PassphraseMissing("no passphrase is given")
    return passphrase
