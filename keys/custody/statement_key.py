"""A custodian's own key for epoch statements, in a file under a passphrase.

It is made on the custodian's machine and stays there; what leaves it is the verifier key and signatures. It has nothing
to do with the shares of the recovery key: those open a keyring, this only speaks.

Fails closed: an existing file is never replaced, a file that others may read is refused.
"""

from pathlib import Path
from typing import Final

from keys.errors import BadCheckpoint, KeyringCorrupt, KeyringLocked
from keys.log.notes import NoteSigner
from keys.passphrase import STANDARD, PassphraseCost, from_armour, lock, to_armour, unlock
from keys.secret_file import Existing, read_secret, write_secret

SHORTEST_PASSPHRASE: Final = 8
_LABEL: Final = "ONCEGATE CUSTODIAN KEY"
_PURPOSE: Final = "custodian-key"


def create_custodian_key(path: Path, name: str, passphrase: bytes, cost: PassphraseCost = STANDARD) -> NoteSigner:
    """Make a custodian's key and keep it encrypted.

    Args:
        path: Where; nothing is there yet.
        name: Name of the office, such as `city.example/custodian/archive`: no white space, no plus sign.
        passphrase: At least eight bytes.
        cost: What one guess of it shall cost.

    Returns:
        The key.

    Raises:
        BadCheckpoint: The name cannot be that of a note key.
        KeyringLocked: The passphrase is too short.
        FileExistsError: There is a file; it is left as it was.
        OSError: The system refuses.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise KeyringLocked(f"a passphrase has at least {SHORTEST_PASSPHRASE} bytes")
    signer = NoteSigner.generate(name)
    secret = name.encode() + b"\n" + signer.seed
    write_secret(path, to_armour(_LABEL, lock(passphrase, secret, purpose=_PURPOSE, cost=cost)), Existing.REFUSE)
    return signer


def open_custodian_key(path: Path, passphrase: bytes) -> NoteSigner:
    """Open a custodian's key.

    Raises:
        KeyringLocked: The passphrase is wrong.
        KeyringCorrupt: The file is missing, damaged or no such key.
        SecretExposed: Others may read it.
    """
    name, newline, seed = unlock(passphrase, from_armour(_LABEL, read_secret(path)), purpose=_PURPOSE).partition(b"\n")
    try:
        if newline:
            return NoteSigner(name.decode(), seed)
    except (BadCheckpoint, UnicodeDecodeError):
        pass
    raise KeyringCorrupt("this is not a custodian's key")
