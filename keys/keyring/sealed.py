"""The keyring sealed under a root key, with a second way in for the custodians: slots, as in a LUKS header.

A fresh content key at every save encrypts the keyring (AES-256-GCM-SIV, RFC 8452). The *root slot* holds it wrapped by
the provider of the root key. The *recovery slot*, if there is one, holds it sealed (`keys.sealing`, HPKE) to the public
half of the recovery key, whose private half exists only in the custodians' shares. So every save keeps both slots
without the shares, and neither an older root key nor retired shares open a newer file.

The head (format, generation, provider, root version, recovery slot) is readable without a key and is associated data of
everything else: whoever changes it has a file that does not open. A public key lets anyone seal, so the recovery slot
carries an HMAC over the whole file under an authenticator that is derived from the recovery key and kept inside the
keyring: custodians open only what was saved by someone who had the keyring open.

It does not read files (`keys.keyring.store`) and does not notice by itself that an older file was put back; callers
compare `generation` and the versions recorded elsewhere. Fails closed.
"""

import hmac
import os
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from keys import canonical
from keys.errors import BadEnvelope, KeyringCorrupt, NoRecovery, SealError, WrongShares
from keys.keyring.keyring import Keyring
from keys.providers.root_keys import RootKeys
from keys.sealing import RecipientKey, SealingKey

FORMAT: Final = "oncegate.sealed-keyring/1"
AUTHENTICATOR: Final = "recovery-authenticator"
"""Name of the recovery slot's HMAC key in the keyring."""

_ROOT: Final = b"oncegate-keyring-root-v1\x00"
_RECOVERY: Final = b"oncegate-keyring-recovery-v1\x00"
_AUTHENTICATOR: Final = b"oncegate-recovery-authenticator-v1\x00"
_COMMITMENT: Final = b"oncegate-keyring-commitment-v1\x00"
_NONCE: Final = 12
_PARTS: Final = frozenset({"body", "commitment", "head", "mac", "nonce", "recovery", "root"})


@dataclass(frozen=True, slots=True)
class RecoverySlot:
    """What is known of the custodians' shares without them.

    Attributes:
        set_id: Name of the set of shares, hexadecimal; every share carries it.
        shares: How many were handed out.
        threshold: How many open the slot.
        created_ms: When, Unix ms.
        public: Public half of the recovery key, 1 216 bytes.
    """

    set_id: str
    shares: int
    threshold: int
    created_ms: int
    public: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """What can be read of a sealed keyring without a key; authentic only once the keyring was opened.

    Attributes:
        generation: Counts the saves, from 1.
        provider: Kind of the provider of the root key.
        root_version: Version of the root key.
        recovery: The custodians' slot, or None.
    """

    generation: int
    provider: str
    root_version: int
    recovery: RecoverySlot | None

    def to_json(self) -> dict[str, canonical.Json]:
        """The head as canonical JSON knows it."""
        slot: canonical.Json = None
        if self.recovery is not None:
            slot = {
                "created_ms": self.recovery.created_ms,
                "public": canonical.to_text(self.recovery.public),
                "set": self.recovery.set_id,
                "shares": self.recovery.shares,
                "threshold": self.recovery.threshold,
            }
        return {
            "format": FORMAT,
            "generation": self.generation,
            "provider": self.provider,
            "recovery": slot,
            "root_version": self.root_version,
        }

    @property
    def digest(self) -> bytes:
        """SHA-256 of the head: the context of everything else in the file."""
        return sha256(canonical.write(self.to_json())).digest()


@dataclass(frozen=True, slots=True)
class _File:
    head: Head
    root: bytes
    recovery: bytes
    mac: bytes
    commitment: bytes
    nonce: bytes
    body: bytes


def authenticator(seed: bytes) -> bytes:
    """The recovery slot's HMAC key, 32 bytes.

    Args:
        seed: The recovery key's seed.
    """
    return hmac.digest(seed, _AUTHENTICATOR, "sha256")


def is_sealed(raw: bytes) -> bool:
    """Whether a file is of this form, and not one directly under a passphrase."""
    return raw.startswith(b"{")


def seal(keyring: Keyring, roots: RootKeys, head: Head) -> bytes:
    """Seal a keyring under a fresh content key.

    Args:
        keyring: What to keep; with a recovery slot it holds the authenticator.
        roots: Holds the root key that the head names.
        head: Of the new file.

    Returns:
        The file.

    Raises:
        KeysError: The root key cannot be used, or the recovery slot's key is malformed. Nothing is sealed.
    """
    digest = head.digest
    content, nonce = os.urandom(32), os.urandom(_NONCE)
    commitment = _commitment(content, nonce)
    body = AESGCMSIV(content).encrypt(nonce, keyring.to_bytes(), digest + commitment)
    sealed = mac = b""
    if head.recovery is not None:
        sealed = RecipientKey.from_bytes(head.recovery.public).seal(content, _RECOVERY + digest)
        mac = _mac(keyring.get(AUTHENTICATOR), digest, sealed, commitment, nonce, body)
    parts = {
        "body": body,
        "commitment": commitment,
        "mac": mac,
        "nonce": nonce,
        "recovery": sealed,
        "root": roots.wrap(head.root_version, content, _ROOT + digest),
    }
    return canonical.write({"head": head.to_json(), **{name: canonical.to_text(part) for name, part in parts.items()}})


def read_head(raw: bytes) -> Head:
    """The head of a sealed keyring.

    Args:
        raw: The file.

    Raises:
        KeyringCorrupt: This is not a sealed keyring.
    """
    return _parse(raw).head


def open_with_root(raw: bytes, roots: RootKeys) -> Keyring:
    """Open a sealed keyring with the root key.

    Args:
        raw: The file.
        roots: Of the kind that the head names.

    Raises:
        KeyringCorrupt: The file is damaged or was changed.
        BadEnvelope: The root key of that version does not fit it.
        KeysError: The provider cannot be opened, or has no such version.
    """
    file = _parse(raw)
    return _open(file, roots.unwrap(file.head.root_version, file.root, _ROOT + file.head.digest))


def content_key(raw: bytes, seed: bytes) -> bytes:
    """The content key, by the recovery key.

    Args:
        raw: The file.
        seed: The recovery key's seed, out of the shares.

    Returns:
        32 bytes, for `open_with_content_key`.

    Raises:
        NoRecovery: The keyring has no recovery slot.
        WrongShares: The seed is not this slot's, or the file was not saved by someone who had the keyring open.
        KeyringCorrupt: This is not a sealed keyring.
    """
    file = _parse(raw)
    if file.head.recovery is None:
        raise NoRecovery("the keyring has no recovery slot")
    digest = file.head.digest
    expected = _mac(authenticator(seed), digest, file.recovery, file.commitment, file.nonce, file.body)
    if not hmac.compare_digest(expected, file.mac):
        raise WrongShares("the shares do not open this keyring")
    try:
        return SealingKey(seed).open(file.recovery, _RECOVERY + digest)
    except (SealError, KeyringCorrupt):
        raise WrongShares("the shares do not open this keyring") from None


def open_with_content_key(raw: bytes, content: bytes) -> Keyring:
    """Open a sealed keyring with its content key.

    Args:
        raw: The file.
        content: From `content_key`.

    Raises:
        BadEnvelope: The content key is of another file.
        KeyringCorrupt: The file is damaged or was changed.
    """
    return _open(_parse(raw), content)


def _open(file: _File, content: bytes) -> Keyring:
    if not hmac.compare_digest(_commitment(content, file.nonce), file.commitment):
        raise BadEnvelope("the keyring is under another content key")
    try:
        raw = AESGCMSIV(content).decrypt(file.nonce, file.body, file.head.digest + file.commitment)
    except (InvalidTag, ValueError):
        raise KeyringCorrupt("the sealed keyring was changed") from None
    return Keyring.from_bytes(raw)


def _commitment(content: bytes, nonce: bytes) -> bytes:
    """Binds the file to one content key, since GCM-SIV does not."""
    return hmac.digest(content, _COMMITMENT + nonce, "sha256")


def _mac(key: bytes, digest: bytes, sealed: bytes, commitment: bytes, nonce: bytes, body: bytes) -> bytes:
    """Binds the recovery slot to the file; every part before the last has a fixed length."""
    return hmac.digest(key, _RECOVERY + digest + commitment + nonce + sha256(sealed).digest() + body, "sha256")


def _parse(raw: bytes) -> _File:
    try:
        value = canonical.read(raw)
        if value.keys() != _PARTS:
            raise KeyringCorrupt("this is not a sealed keyring")
        parts = {name: canonical.from_text(part) for name, part in value.items() if name != "head"}
        return _File(head=_head(value["head"]), **parts)
    except canonical.NotCanonical:
        raise KeyringCorrupt("this is not a sealed keyring") from None


def _head(value: canonical.Json) -> Head:
    if not isinstance(value, dict) or len(value) != len(Head.__slots__) + 1:
        raise KeyringCorrupt("this is not a sealed keyring of a known format")
    match value:
        case {
            "format": "oncegate.sealed-keyring/1",
            "generation": int(generation),
            "provider": str(provider),
            "root_version": int(root_version),
            "recovery": recovery,
        }:
            return Head(generation, provider, root_version, _slot(recovery))
        case _:
            raise KeyringCorrupt("this is not a sealed keyring of a known format")


def _slot(value: canonical.Json) -> RecoverySlot | None:
    match value:
        case None:
            return None
        case {
            "created_ms": int(created_ms),
            "public": str(public),
            "set": str(set_id),
            "shares": int(shares),
            "threshold": int(threshold),
        }:
            return RecoverySlot(set_id, shares, threshold, created_ms, canonical.from_text(public))
        case _:
            raise KeyringCorrupt("the sealed keyring has a malformed recovery slot")
