"""Signatures with P-256 (ECDSA, SHA-256, DER), always under a named context.

What is signed is `"oncegate-signature-v1" 00 ‖ u16(length of context) ‖ context ‖ body`, so that a signature made for
one purpose is worthless for every other. Verification is over the exact bytes that travelled, before anyone parses
them. Verification raises and never returns a boolean. Public keys are admitted only in one encoding, since
fingerprints are taken over it.

P-256 is used where both ends are ours because it verifies faster than Ed25519 here; the log's notes use Ed25519 because
C2SP asks for it (`keys.log.notes`). Signatures are randomised and malleable: never use one as an identifier.
"""

from functools import lru_cache
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from keys.errors import BadSignature, KeyringCorrupt, KeyringLocked
from keys.passphrase import STANDARD, PassphraseCost, from_armour, lock, to_armour, unlock

REQUEST: Final = "oncegate/v1/request"
KEY_CERTIFICATE: Final = "oncegate/v1/key-certificate"
TICKETS: Final = "oncegate/v1/tickets"
RECEIPTS: Final = "oncegate/v1/receipts"
PROMISE: Final = "oncegate/v1/promise"
AGREEMENT: Final = "oncegate/v1/agreement"
AGREEMENT_STEP: Final = "oncegate/v1/agreement-step"
ERASURE: Final = "oncegate/v1/erasure"
CONSENT: Final = "oncegate/v1/consent"
ACKNOWLEDGEMENT: Final = "oncegate/v1/acknowledgement"
BACKUP: Final = "oncegate/v1/backup"

_DOMAIN: Final = b"oncegate-signature-v1\x00"
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_LOCKED: Final = "ONCEGATE LOCKED SIGNING KEY"
_PURPOSE: Final = "signing-key"
_LONGEST_SIGNATURE: Final = 72  # DER of two 256-bit integers: 2 + 2·(2 + 33)


def digest(body: bytes) -> bytes:
    """SHA-256 of the exact bytes, 32 bytes."""
    return sha256(body).digest()


def fingerprint_of(der: bytes) -> str:
    """How people compare keys: "sha256:" and 64 hex digits over the DER bytes."""
    return f"sha256:{sha256(der).hexdigest()}"


class VerifyKey:
    """A public key that verifies. Immutable; parsed once and shared.

    Attributes:
        der: DER SubjectPublicKeyInfo.
        fingerprint: "sha256:" and 64 hex digits of `der`.
    """

    __slots__ = ("_key", "der", "fingerprint")

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key
        self.der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.fingerprint = fingerprint_of(self.der)

    @staticmethod
    def from_der(spki: bytes) -> "VerifyKey":
        """Reads a public key; the newest thousands are kept parsed.

        Args:
            spki: DER SubjectPublicKeyInfo of a P-256 key, uncompressed point.

        Returns:
            The key.

        Raises:
            BadSignature: It is no P-256 key or is encoded in another way. Fails closed.
        """
        return _parse_public(spki)

    def verify(self, context: str, body: bytes, signature: bytes) -> None:
        """Accepts by returning. Fails closed.

        Args:
            context: One of this module's contexts.
            body: The exact bytes that were signed.
            signature: DER.

        Raises:
            BadSignature: The signature is not this key's over this body in this context.
        """
        if len(signature) > _LONGEST_SIGNATURE:
            raise BadSignature("the signature does not verify")
        try:
            self._key.verify(signature, _signed_input(context, body), _ECDSA)
        except InvalidSignature:
            raise BadSignature("the signature does not verify") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"VerifyKey({self.fingerprint})"


class SigningKey:
    """A private key that signs. It shows nothing of itself in `repr`.

    Attributes:
        verify_key: The public half.
    """

    __slots__ = ("_key", "verify_key")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.verify_key = VerifyKey(key.public_key())

    @classmethod
    def generate(cls) -> Self:
        """A fresh key from the operating system's randomness."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: bytes | None = None) -> Self:
        """Reads PKCS#8 (plain, or encrypted by another tool) or the locked form that `to_pem` writes.

        Args:
            pem: The file.
            passphrase: Needed exactly when the key is encrypted.

        Returns:
            The key.

        Raises:
            KeyringLocked: The passphrase is missing or wrong, or is given for a key that is not encrypted.
            KeyringCorrupt: This is not a P-256 private key.
        """
        if _LOCKED.encode() in pem:
            if passphrase is None:
                raise KeyringLocked("the key needs a passphrase")
            der = unlock(passphrase, from_armour(_LOCKED, pem), purpose=_PURPOSE)
            return cls(_private(serialization.load_der_private_key(der, None)))
        try:
            key = serialization.load_pem_private_key(pem, passphrase)
        except TypeError:
            # The library raises TypeError both for a missing and for a superfluous passphrase. A superfluous one is
            # refused too: whoever gives it believes the file to be encrypted, and it is not.
            raise KeyringLocked("the key is encrypted and no passphrase was given, or the other way round") from None
        except (ValueError, UnsupportedAlgorithm):
            if passphrase is not None:
                raise KeyringLocked("the passphrase is wrong or the key is damaged") from None
            raise KeyringCorrupt("this is not a private key") from None
        return cls(_private(key))

    def to_pem(self, passphrase: bytes | None = None, cost: PassphraseCost = STANDARD) -> bytes:
        """Writes the key.

        Args:
            passphrase: With one, the locked form (Argon2id, see `keys.passphrase`); without, plain PKCS#8.
            cost: What one guess of the passphrase shall cost.

        Returns:
            PEM text.

        Raises:
            KeyringLocked: The passphrase is empty.
        """
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        if passphrase is None:
            return self._key.private_bytes(serialization.Encoding.PEM, form, plain)
        der = self._key.private_bytes(serialization.Encoding.DER, form, plain)
        return to_armour(_LOCKED, lock(passphrase, der, purpose=_PURPOSE, cost=cost))

    def sign(self, context: str, body: bytes) -> bytes:
        """Signs a body for one purpose.

        Args:
            context: One of this module's contexts.
            body: The exact bytes that will travel.

        Returns:
            DER signature, at most 72 bytes.
        """
        return self._key.sign(_signed_input(context, body), _ECDSA)

    def __repr__(self) -> str:
        return f"SigningKey({self.verify_key.fingerprint})"


@lru_cache(maxsize=64)
def _prefix(context: str) -> bytes:
    """The part of the signed input before the body; contexts are few, so it is kept."""
    name = context.encode()
    return _DOMAIN + len(name).to_bytes(2, "big") + name


def _signed_input(context: str, body: bytes) -> bytes:
    """What goes into ECDSA."""
    return _prefix(context) + body


@lru_cache(maxsize=8192)
def _parse_public(spki: bytes) -> VerifyKey:
    """Parses and checks a public key. Failures are not kept."""
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        raise BadSignature("this is not a public key") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadSignature("the public key is not a P-256 key")
    parsed = VerifyKey(key)
    if parsed.der != spki:
        raise BadSignature("the public key is not in its canonical encoding")
    return parsed


def _private(key: object) -> ec.EllipticCurvePrivateKey:
    """Admits P-256 private keys only."""
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyringCorrupt("the private key is not a P-256 key")
    return key
