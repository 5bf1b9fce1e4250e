"""Suite `aes`: AES-256-GCM-SIV (RFC 8452) under a key of that person and field, with an HMAC-SHA256 key commitment.

Field key = HKDF-SHA256(data key, no salt, info = domain ‖ suite ‖ field) (RFC 5869). After the header: 12 bytes random
nonce, 32 bytes key commitment, ciphertext with tag. Associated data = everything before the ciphertext, then the place.
The commitment is HMAC-SHA256(field key, domain ‖ nonce), because GCM-SIV alone does not commit to its key.

HKDF's first step depends on the data key alone and is done once per data key; its second step, the commitment and the
associated data are done for every field anew. No field key is kept.

HMAC is the one of `cryptography` and not `hmac.digest`, which would give the interpreter's lock away at every call.
"""

import os
from hmac import compare_digest
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.envelope.header import SIZE, Suite
from keys.errors import BadEnvelope

_FIELD: Final = b"oncegate-field-v1\x00" + bytes((Suite.AES,))
_COMMITMENT: Final = b"oncegate-field-commitment-v1\x00"
_LAST: Final = b"\x01"
_NONCE: Final = 12
_SHA256: Final = SHA256()
_NONCE_END: Final = SIZE + _NONCE
_START: Final = _NONCE_END + 32
_LEAST: Final = _START + 16


class AesFields:
    """Seals and opens under one data key.

    Args:
        data_key: 32 bytes, checked by the caller.
        header: The header of everything sealed here.
    """

    __slots__ = ("_expand", "_header")

    def __init__(self, data_key: bytes, header: bytes) -> None:
        self._header = header
        # RFC 5869 section 2.3 with one block of output: HMAC(extracted key, info ‖ 01). Keyed once, copied per field.
        self._expand = HMAC(HKDF.extract(_SHA256, None, data_key), _SHA256)
        self._expand.update(_FIELD)

    def seal(self, field: bytes, place: bytes, plaintext: bytes) -> bytes:
        """Encrypts.

        Args:
            field: Field code.
            place: Where the value belongs.
            plaintext: The value.

        Returns:
            The envelope.
        """
        key = self._field_key(field)
        nonce = os.urandom(_NONCE)
        start = self._header + nonce + _commitment(key, nonce)
        return start + AESGCMSIV(key).encrypt(nonce, plaintext, start + place)

    def open(self, field: bytes, place: bytes, envelope: bytes) -> bytes:
        """Decrypts. Fails closed: the commitment is checked before anything is decrypted.

        Args:
            field: Field code.
            place: Where the value belongs.
            envelope: Begins with this object's header, checked by the caller.

        Returns:
            The value.

        Raises:
            BadEnvelope: It was changed, belongs elsewhere or is under another key.
        """
        if len(envelope) < _LEAST:
            raise BadEnvelope("this is not an encrypted field")
        key = self._field_key(field)
        start = envelope[:_START]
        nonce = start[SIZE:_NONCE_END]
        if not compare_digest(_commitment(key, nonce), start[_NONCE_END:]):
            raise BadEnvelope("the field cannot be opened")
        try:
            return AESGCMSIV(key).decrypt(nonce, envelope[_START:], start + place)
        except InvalidTag:
            raise BadEnvelope("the field cannot be opened") from None

    def _field_key(self, field: bytes) -> bytes:
        expand = self._expand.copy()
        expand.update(field + _LAST)
        return expand.finalize()


def _commitment(key: bytes, nonce: bytes) -> bytes:
    """Binds an envelope to one field key."""
    mac = HMAC(key, _SHA256)
    mac.update(_COMMITMENT + nonce)
    return mac.finalize()
