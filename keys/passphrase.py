"""Secrets under a passphrase: Argon2id (RFC 9106), then AES-256-GCM-SIV (RFC 8452).

Used for the keyring file and for private keys at rest. The standard encrypted PKCS#8 is not written because the library
behind it stretches the passphrase with only 2 048 rounds of PBKDF2 (docs/adr/0010).

Layout, big endian: magic, u8 suite, u32 memory (KiB), u32 iterations, u32 lanes, 16 bytes salt, 32 bytes key
commitment, 12 bytes nonce, ciphertext with tag, 32 bytes SHA-256 over everything before it. The checksum tells a
damaged file from a wrong passphrase; it is no protection against an attacker, which the tag is. The commitment is the
second half of Argon2id's output: GCM-SIV alone does not commit to its key.

It does not read files and does not ask people.
"""

import base64
import binascii
import hmac
import os
import re
import struct
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keys.errors import KeyringCorrupt, KeyringLocked

_MAGIC: Final = b"oncegate-lock-v1\x00"
_SUITE: Final = 1
_HEADER: Final = struct.Struct(f">{len(_MAGIC)}sBIII16s32s12s")
_TAG: Final = 16
_CHECKSUM: Final = 32


@dataclass(frozen=True, slots=True)
class PassphraseCost:
    """What one guess costs an attacker.

    Attributes:
        memory_kib: Memory, KiB.
        iterations: Passes over it.
        lanes: Parallel lanes.
    """

    memory_kib: int
    iterations: int
    lanes: int


STANDARD: Final = PassphraseCost(64 * 1024, 3, 4)
"""RFC 9106 section 4, second recommended option: about 0.15 s here."""

LOWEST: Final = PassphraseCost(8 * 1024, 1, 1)
"""Nothing weaker is written or opened."""

HIGHEST: Final = PassphraseCost(1024 * 1024, 16, 16)
"""Nothing dearer is opened, so that a forged file cannot exhaust the machine."""


def lock(passphrase: bytes, secret: bytes, *, purpose: str, cost: PassphraseCost = STANDARD) -> bytes:
    """Encrypts a secret under a passphrase.

    Args:
        passphrase: Not empty.
        secret: What to keep.
        purpose: What the secret is; the same must be given to `unlock`.
        cost: What one guess shall cost.

    Returns:
        A self-describing box.

    Raises:
        KeyringLocked: The passphrase is empty or the cost is below the lowest admitted.
    """
    if not passphrase:
        raise KeyringLocked("a passphrase must not be empty")
    if not _admitted(cost):
        raise KeyringLocked("the cost of the passphrase is outside the admitted range")
    salt, nonce = os.urandom(16), os.urandom(12)
    key, commitment = _stretch(passphrase, salt, cost)
    header = _HEADER.pack(_MAGIC, _SUITE, cost.memory_kib, cost.iterations, cost.lanes, salt, commitment, nonce)
    body = header + AESGCMSIV(key).encrypt(nonce, secret, header + purpose.encode())
    return body + sha256(body).digest()


def unlock(passphrase: bytes, box: bytes, *, purpose: str) -> bytes:
    """Opens what `lock` made. Fails closed: nothing is returned unless every byte is authentic.

    Args:
        passphrase: As given to `lock`.
        box: What `lock` returned.
        purpose: As given to `lock`.

    Returns:
        The secret.

    Raises:
        KeyringLocked: The passphrase is wrong.
        KeyringCorrupt: The box is damaged, truncated, of another purpose or not a box.
    """
    if len(box) < _HEADER.size + _TAG + _CHECKSUM or not box.startswith(_MAGIC):
        raise KeyringCorrupt("this is not a file of secrets")
    body = box[:-_CHECKSUM]
    if not hmac.compare_digest(sha256(body).digest(), box[-_CHECKSUM:]):
        raise KeyringCorrupt("the file of secrets is damaged")
    header = body[: _HEADER.size]
    _, suite, memory_kib, iterations, lanes, salt, commitment, nonce = _HEADER.unpack(header)
    cost = PassphraseCost(memory_kib, iterations, lanes)
    if suite != _SUITE or not _admitted(cost):
        raise KeyringCorrupt("the file of secrets uses parameters that are not admitted")
    key, expected = _stretch(passphrase, salt, cost)
    if not hmac.compare_digest(expected, commitment):
        raise KeyringLocked("the passphrase is wrong")
    try:
        return AESGCMSIV(key).decrypt(nonce, body[_HEADER.size :], header + purpose.encode())
    except InvalidTag:
        raise KeyringCorrupt("the file of secrets was altered or is of another kind") from None


def to_armour(label: str, data: bytes) -> bytes:
    """Wraps bytes as PEM-like text (RFC 7468 layout) under an own label.

    Args:
        label: Upper-case words.
        data: What to wrap.

    Returns:
        ASCII text that ends with a newline.
    """
    text = base64.b64encode(data).decode()
    lines = "\n".join(text[i : i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


def from_armour(label: str, text: bytes) -> bytes:
    """Reads what `to_armour` wrote.

    Args:
        label: The label expected.
        text: The whole file.

    Returns:
        The bytes inside.

    Raises:
        KeyringCorrupt: The text has another label or is damaged.
    """
    tag = re.escape(label.encode())
    found = re.fullmatch(rb"\s*-----BEGIN " + tag + rb"-----\s+([A-Za-z0-9+/=\s]+)-----END " + tag + rb"-----\s*", text)
    if found is None:
        raise KeyringCorrupt("this is not a key of the kind expected")
    try:
        return base64.b64decode(b"".join(found[1].split()), validate=True)
    except binascii.Error:
        raise KeyringCorrupt("the key file is damaged") from None


def _admitted(cost: PassphraseCost) -> bool:
    """Whether a cost lies between the lowest and the highest admitted, each part by itself."""
    return (
        LOWEST.memory_kib <= cost.memory_kib <= HIGHEST.memory_kib
        and LOWEST.iterations <= cost.iterations <= HIGHEST.iterations
        and LOWEST.lanes <= cost.lanes <= HIGHEST.lanes
    )


def _stretch(passphrase: bytes, salt: bytes, cost: PassphraseCost) -> tuple[bytes, bytes]:
    """Key and commitment, 32 bytes each, from one Argon2id output of 64."""
    both = Argon2id(
        salt=salt, length=64, iterations=cost.iterations, lanes=cost.lanes, memory_cost=cost.memory_kib
    ).derive(passphrase)
    return both[:32], both[32:]
