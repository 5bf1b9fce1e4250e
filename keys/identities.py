"""Identities sealed to the auditors' key: who a pseudonym is, kept so that the gateway cannot read it again.

A person is an identifier with its scheme; an official is an issuer with the name (`sub`) that it gives. Each is sealed
with HPKE (`keys.sealing`) to a public key of the audit office, whose private half is never at the gateway. The info
binds the log, the kind, the pseudonym, the scheme and the key, so that a ciphertext opens in its own place only: one
that was put under another pseudonym, or comes from another log, does not open.

The plaintext of a kind has one length, and so has its ciphertext: that it says nothing of the identity is by size too.

What it cannot tell: whether the gateway sealed the truth. A gateway taken over can seal one person's identifier under
another's pseudonym; what protects against that is said in docs/threat-model.md.
"""

import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from keys.errors import KeyringCorrupt, SealError
from keys.passphrase import from_armour, to_armour
from keys.sealing import OVERHEAD, RecipientKey, SealingKey

PUBLIC_LABEL: Final = "ONCEGATE AUDITORS PUBLIC KEY"
_DOMAIN: Final = b"oncegate-identity-v1\0"
_LENGTH: Final = 2


class Whose(StrEnum):
    """Kinds of identities."""

    PERSON = "person"
    OFFICIAL = "official"


PADDED: Final = {Whose.PERSON: 320, Whose.OFFICIAL: 2560}
"""Bytes of the plaintext of each kind. The longest identifier (64 characters) and the longest name with its issuer
(256 and 256 characters) fit in, whatever they are spelt in."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is.

    Attributes:
        whose: Of a person or of an official.
        realm: A person's scheme; an official's issuer.
        name: A person's canonical identifier; an official's `sub` at that issuer. Shown in no text of this object.
    """

    whose: Whose
    realm: str
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed identity belongs.

    Attributes:
        origin: The log's first name, which stays when a new epoch begins.
        whose: Of a person or of an official.
        pseudonym: The person's random id, or the official's keyed hash, as entries show it.
        scheme: A person's scheme; empty for an official.
    """

    origin: str
    whose: Whose
    pseudonym: bytes
    scheme: str = ""


def seal_identity(key: RecipientKey, place: Place, identity: Identity) -> bytes:
    """Seal an identity to the auditors' key; about 0.2 ms.

    Args:
        key: The auditors' public key.
        place: Where it belongs.
        identity: Who it is; of the same kind as the place.

    Returns:
        The ciphertext, of one length for each kind.

    Raises:
        SealError: The identity does not fit, or the key cannot be used. Nothing is sealed.
    """
    if identity.whose is not place.whose:
        raise SealError("the identity is of another kind than its place")
    plaintext = _part(identity.realm) + _part(identity.name)
    size = PADDED[identity.whose]
    if len(plaintext) > size:
        raise SealError("the identity is too long to be sealed")
    return key.seal(plaintext.ljust(size, b"\0"), _info(place, key.key_id))


def open_identity(key: SealingKey, place: Place, sealed: bytes) -> Identity:
    """Open an identity, at the audit office. Fails closed.

    Args:
        key: The auditors' private key.
        place: Where the ciphertext was found.
        sealed: The ciphertext.

    Returns:
        Who it is.

    Raises:
        SealError: It was sealed to another key or for another place, or it is not an identity.
    """
    size = PADDED[place.whose]
    if len(sealed) != size + OVERHEAD:
        raise SealError("this is not a sealed identity")
    plaintext = key.open(sealed, _info(place, key.key_id))
    realm, rest = _read(plaintext)
    name, rest = _read(rest)
    if rest.strip(b"\0") or (place.whose is Whose.PERSON and realm != place.scheme):
        raise SealError("this is not a sealed identity")
    return Identity(place.whose, realm, name)


def write_public(key: RecipientKey) -> bytes:
    """The public key as text to hand to the gateway's operator."""
    return to_armour(PUBLIC_LABEL, key.public)


def read_public(text: bytes, fingerprint: str = "") -> RecipientKey:
    """Read what `write_public` wrote.

    Args:
        text: The file.
        fingerprint: What the audit office said on another way, hexadecimal; empty when nobody compares.

    Raises:
        KeyringCorrupt: This is no such key, or another than the fingerprint says. Fails closed.
    """
    try:
        key = RecipientKey.from_bytes(from_armour(PUBLIC_LABEL, text))
    except SealError:
        raise KeyringCorrupt("this is not an auditors' public key") from None
    if fingerprint and not hmac.compare_digest(fingerprint.strip().lower().encode(), key.key_id.hex().encode()):
        raise KeyringCorrupt("the key has another fingerprint")
    return key


def _info(place: Place, key_id: bytes) -> bytes:
    parts = (place.origin.encode(), place.whose.encode(), place.pseudonym, place.scheme.encode(), key_id)
    return _DOMAIN + b"".join(len(part).to_bytes(_LENGTH, "big") + part for part in parts)


def _part(text: str) -> bytes:
    raw = text.encode()
    if len(raw) >= 1 << (8 * _LENGTH):
        raise SealError("the identity is too long to be sealed")
    return len(raw).to_bytes(_LENGTH, "big") + raw


def _read(plaintext: bytes) -> tuple[str, bytes]:
    length = int.from_bytes(plaintext[:_LENGTH], "big")
    raw = plaintext[_LENGTH : _LENGTH + length]
    if len(plaintext) < _LENGTH or len(raw) != length:
        raise SealError("this is not a sealed identity")
    try:
        return raw.decode(), plaintext[_LENGTH + length :]
    except UnicodeDecodeError:
        raise SealError("this is not a sealed identity") from None
