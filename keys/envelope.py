"""Encryption of single profile fields: AES-256-GCM-SIV (RFC 8452) under a key of that person and field.

Field key = HKDF-SHA256(data key, info = domain ‖ suite ‖ field) (RFC 5869). Layout: "OGF" 01, u8 suite, u32 key id,
12 bytes nonce, 32 bytes key commitment, ciphertext with tag. Associated data = everything before the ciphertext, then
person id, u64 version and field name: a value moved to another person, field or version does not open. The commitment
is HMAC-SHA256(field key, domain ‖ nonce), because GCM-SIV alone does not commit to its key. Lengths are not hidden.

It does not know where data keys come from (`keys.persons`) and keeps none.
"""

import hmac
import os
import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from keys.errors import BadEnvelope

AES_256_GCM_SIV: Final = 1
"""Suite id, the only one so far; the header names it so that others can follow."""

_MAGIC: Final = b"OGF\x01"
_HEADER: Final = struct.Struct(">4sBI")
_FIELD: Final = b"oncegate-field-v1\x00"
_COMMITMENT: Final = b"oncegate-field-commitment-v1\x00"
_NONCE: Final = 12
_TAG: Final = 16
_DATA_KEY: Final = 32
_PERSON: Final = 16
_START: Final = _HEADER.size + _NONCE + 32
_NO_SALT: Final = bytes(32)


def seal_field(data_key: bytes, *, person_id: bytes, field: str, version: int, key_id: int, plaintext: bytes) -> bytes:
    """Encrypts one field of one person.

    Args:
        data_key: The person's data key, 32 bytes.
        person_id: Random person id, 16 bytes.
        field: Field code.
        version: Version of the field, from 0.
        key_id: Which data key this is, from 0.
        plaintext: The value.

    Returns:
        A self-describing envelope; equal values give different ones.

    Raises:
        BadEnvelope: An argument is malformed. Nothing is encrypted.
    """
    place = _place(person_id, field, version)
    key = _field_key(data_key, field)
    nonce = os.urandom(_NONCE)
    try:
        start = _HEADER.pack(_MAGIC, AES_256_GCM_SIV, key_id) + nonce + _commitment(key, nonce)
    except struct.error:
        raise BadEnvelope("a key id is a number of 32 bits") from None
    return start + AESGCMSIV(key).encrypt(nonce, plaintext, start + place)


def open_field(data_key: bytes, *, person_id: bytes, field: str, version: int, key_id: int, envelope: bytes) -> bytes:
    """Decrypts one field. Fails closed: nothing is returned unless every byte and every part of its place is authentic.

    Args:
        data_key: The person's data key, 32 bytes.
        person_id: As when sealed.
        field: As when sealed.
        version: As when sealed.
        key_id: As when sealed.
        envelope: What `seal_field` returned.

    Returns:
        The value.

    Raises:
        BadEnvelope: The envelope was changed, belongs elsewhere or is under another key.
    """
    place = _place(person_id, field, version)
    if key_id_of(envelope) != key_id:
        raise BadEnvelope("the field is under another key")
    key = _field_key(data_key, field)
    start = envelope[:_START]
    nonce = start[_HEADER.size : _HEADER.size + _NONCE]
    if not hmac.compare_digest(_commitment(key, nonce), start[_HEADER.size + _NONCE :]):
        raise BadEnvelope("the field cannot be opened")
    try:
        return AESGCMSIV(key).decrypt(nonce, envelope[_START:], start + place)
    except InvalidTag:
        raise BadEnvelope("the field cannot be opened") from None


def key_id_of(envelope: bytes) -> int:
    """Which data key an envelope says it is under; authentic only once it has been opened.

    Args:
        envelope: What `seal_field` returned.

    Returns:
        The key id.

    Raises:
        BadEnvelope: It is not an envelope, or of a suite that this version does not know.
    """
    if len(envelope) < _START + _TAG:
        raise BadEnvelope("this is not an encrypted field")
    magic, suite, key_id = _HEADER.unpack_from(envelope)
    if magic != _MAGIC or suite != AES_256_GCM_SIV:
        raise BadEnvelope("this is not an encrypted field")
    return int(key_id)


def _place(person_id: bytes, field: str, version: int) -> bytes:
    """Where a value belongs; unambiguous because only the last part varies in length."""
    if len(person_id) != _PERSON or not field or not 0 <= version < 1 << 64:
        raise BadEnvelope("the place of a field is a person, a name and a version")
    return person_id + version.to_bytes(8, "big") + field.encode()


def _field_key(data_key: bytes, field: str) -> bytes:
    """RFC 5869 with one output block: expand(extract(zero salt, data key), info ‖ 01)."""
    if len(data_key) != _DATA_KEY:
        raise BadEnvelope("a data key is 32 bytes")
    info = _FIELD + bytes((AES_256_GCM_SIV,)) + field.encode()
    return hmac.digest(hmac.digest(_NO_SALT, data_key, "sha256"), info + b"\x01", "sha256")


def _commitment(key: bytes, nonce: bytes) -> bytes:
    """Binds an envelope to one field key."""
    return hmac.digest(key, _COMMITMENT + nonce, "sha256")
