"""The department's own key: it certifies the keys of the department's nodes and systems and signs its agreements.

It is the root of what other departments believe, so it is encrypted with a passphrase, made with one command, and
used on the custodian's machine only: no node or system needs it while it runs, and a home never holds it.
"""

from pathlib import Path

from keys.errors import KeysError
from keys.signing import SigningKey
from nodes.enrolment.errors import BadInput, HomeInvalid, MemberCode
from nodes.enrolment.private_files import make_folder, read_private, write_whole

MIN_PASSPHRASE = 8


def create_department_key(path: Path, passphrase: bytes) -> SigningKey:
    """Makes a department key and stores it encrypted. Fails closed: an existing file is never replaced.

    Args:
        path: Where to store it (PEM, mode 0600).
        passphrase: At least 8 bytes.

    Returns:
        The key.

    Raises:
        BadInput: The file exists already or the passphrase is too short.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise BadInput("passphrase", f"at least {MIN_PASSPHRASE} bytes")
    if path.exists():
        raise BadInput("path", "a file exists there already; a department key is never overwritten")
    make_folder(path.parent)
    key = SigningKey.generate()
    write_whole(path, key.to_pem(passphrase))
    return key


def load_department_key(path: Path, passphrase: bytes) -> SigningKey:
    """Opens a department key.

    Args:
        path: The PEM file.
        passphrase: Its passphrase.

    Returns:
        The key.

    Raises:
        HomeInvalid: The file is missing, readable by others, damaged, or the passphrase is wrong.
    """
    pem = read_private(path)
    try:
        return SigningKey.from_pem(pem, passphrase)
    except (KeysError, ValueError, TypeError) as error:
        raise HomeInvalid(path.name, "the passphrase is wrong or the file is damaged", MemberCode.KEY_LOCKED) from error
