"""Sealing answers to a recipient: HPKE (RFC 9180), base mode, single shot, KEM X-Wing (ML-KEM-768 with X25519).

Suite: MLKEM768_X25519, HKDF-SHA256, AES-256-GCM. What an answer belongs to goes into `info`, because the single-shot
interface has no further associated data. HPKE's base mode does not say who sealed: the node's signed receipt over the
ciphertext does.

Public key: ML-KEM-768 encapsulation key (1 184 bytes) ‖ X25519 public key (32). Private key: X-Wing's 32-byte seed,
expanded with SHAKE-256 to 96 bytes (draft-connolly-cfrg-xwing-kem, section 5.2). A sealed text is 1 136 bytes longer
than its plaintext.

Lengths are not hidden here: pad plaintexts to `padded_length` before sealing.
"""

import os
from functools import lru_cache
from hashlib import sha256, shake_256
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from keys.errors import KeyringCorrupt, KeyringLocked, SealError
from keys.passphrase import STANDARD, PassphraseCost, from_armour, lock, to_armour, unlock

PUBLIC_SIZE: Final = 1216
OVERHEAD: Final = 1136
"""Bytes that sealing adds: 1 120 of encapsulated key, 16 of tag."""

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MLKEM_PUBLIC: Final = 1184
_SEED: Final = 32
_DIGEST: Final = 32
_PLAIN: Final = "ONCEGATE SEALING KEY"
_LOCKED: Final = "ONCEGATE LOCKED SEALING KEY"
_PURPOSE: Final = "sealing-key"
_STEPS: Final = (1024, 4096, 16384, 65536)


class RecipientKey:
    """A public key to which answers are sealed. Immutable; parsed once and shared.

    Attributes:
        public: The encoded key, 1 216 bytes.
        key_id: SHA-256 of `public`.
    """

    __slots__ = ("_key", "key_id", "public")

    def __init__(self, key: MLKEM768X25519PublicKey, public: bytes) -> None:
        self._key = key
        self.public = public
        self.key_id = sha256(public).digest()

    @staticmethod
    def from_bytes(public: bytes) -> "RecipientKey":
        """Reads a public key; the newest thousands are kept parsed.

        Args:
            public: 1 216 bytes.

        Returns:
            The key.

        Raises:
            SealError: The bytes are not such a key. Fails closed.
        """
        return _parse_public(public)

    def seal(self, plaintext: bytes, info: bytes) -> bytes:
        """Seals to this recipient; about 0.1 ms.

        Args:
            plaintext: Padded by the caller.
            info: What the text belongs to, for example `answer_info`; the opener must give the same.

        Returns:
            Encapsulated key ‖ ciphertext.

        Raises:
            SealError: The key is one with which no secret can be agreed. Nothing is sealed.
        """
        try:
            return _SUITE.encrypt(plaintext, self._key, info)
        except ValueError:
            raise SealError("the recipient's key cannot be used") from None

    def __repr__(self) -> str:
        return f"RecipientKey({self.key_id.hex()})"


class SealingKey:
    """The private key of a recipient. It shows nothing of itself in `repr`.

    Attributes:
        public: The encoded public key, 1 216 bytes.
        key_id: SHA-256 of `public`.
    """

    __slots__ = ("_key", "_seed", "key_id", "public")

    def __init__(self, seed: bytes) -> None:
        """Expands a seed.

        Args:
            seed: 32 secret random bytes.

        Raises:
            KeyringCorrupt: The seed has another length.
        """
        if len(seed) != _SEED:
            raise KeyringCorrupt("a sealing key's seed is 32 bytes")
        expanded = shake_256(seed).digest(96)
        post_quantum = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        classic = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
        self._seed = seed
        self._key = MLKEM768X25519PrivateKey(post_quantum, classic)
        self.public = post_quantum.public_key().public_bytes_raw() + classic.public_key().public_bytes_raw()
        self.key_id = sha256(self.public).digest()

    @classmethod
    def generate(cls) -> Self:
        """A fresh key from the operating system's randomness."""
        return cls(os.urandom(_SEED))

    @property
    def recipient(self) -> RecipientKey:
        """The public half, ready to seal to."""
        return RecipientKey.from_bytes(self.public)

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Opens what was sealed to this key. Fails closed.

        Args:
            sealed: Encapsulated key ‖ ciphertext.
            info: As given by the sealer.

        Returns:
            The plaintext, still padded.

        Raises:
            SealError: It was sealed to another key or for another context, or it was changed.
        """
        try:
            return _SUITE.decrypt(sealed, self._key, info)
        except (InvalidTag, ValueError):
            raise SealError("the sealed text cannot be opened") from None

    def to_pem(self, passphrase: bytes | None = None, cost: PassphraseCost = STANDARD) -> bytes:
        """Writes the key as text under an own label: no standard PEM form exists for it yet.

        Args:
            passphrase: With one, the key is locked (`keys.passphrase`); without, the seed lies open in the text.
            cost: What one guess of the passphrase shall cost.

        Returns:
            PEM-like text.

        Raises:
            KeyringLocked: The passphrase is empty.
        """
        if passphrase is None:
            return to_armour(_PLAIN, self._seed)
        return to_armour(_LOCKED, lock(passphrase, self._seed, purpose=_PURPOSE, cost=cost))

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: bytes | None = None) -> Self:
        """Reads what `to_pem` wrote.

        Args:
            pem: The file.
            passphrase: Needed exactly when the key is locked.

        Returns:
            The key.

        Raises:
            KeyringLocked: The passphrase is missing or wrong, or is given for a key that is not locked.
            KeyringCorrupt: This is not a sealing key.
        """
        locked = _LOCKED.encode() in pem
        if locked != (passphrase is not None):
            raise KeyringLocked("the key is locked and no passphrase was given, or the other way round")
        if passphrase is not None:
            return cls(unlock(passphrase, from_armour(_LOCKED, pem), purpose=_PURPOSE))
        return cls(from_armour(_PLAIN, pem))

    def __repr__(self) -> str:
        return f"SealingKey({self.key_id.hex()})"


def answer_info(request_digest: bytes, ticket_digest: bytes, resource: str) -> bytes:
    """HPKE info of an answer: binds it to the request, the ticket and the resource.

    Args:
        request_digest: SHA-256 of the request body's exact bytes.
        ticket_digest: SHA-256 of the ticket's exact bytes.
        resource: Resource code.

    Returns:
        The info; the digests have a fixed length, so the parts cannot run into each other.

    Raises:
        SealError: A digest is not 32 bytes.
    """
    if len(request_digest) != _DIGEST or len(ticket_digest) != _DIGEST:
        raise SealError("a digest is 32 bytes")
    return b"oncegate-answer-v1\x00" + request_digest + ticket_digest + resource.encode()


def padded_length(length: int) -> int:
    """The size to which a plaintext of that length is padded, so that its size tells little.

    Args:
        length: Bytes, from 0.

    Returns:
        The next of 1 024, 4 096, 16 384 and 65 536, then the next multiple of 65 536.
    """
    for step in _STEPS:
        if length <= step:
            return step
    return -(-length // _STEPS[-1]) * _STEPS[-1]


@lru_cache(maxsize=4096)
def _parse_public(public: bytes) -> RecipientKey:
    """Parses a public key. Failures are not kept."""
    if len(public) != PUBLIC_SIZE:
        raise SealError("a sealing key is 1216 bytes")
    try:
        post_quantum = mlkem.MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC])
        classic = x25519.X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:])
    except ValueError:
        raise SealError("this is not a sealing key") from None
    return RecipientKey(MLKEM768X25519PublicKey(post_quantum, classic), public)
