"""Suite `aes`: AES-256-GCM-SIV (RFC 8452) under a key of that person and field, with an HMAC-SHA256 key commitment.

Field key = HKDF-SHA256(data key, no salt, info = domain ‖ suite ‖ field) (RFC 5869). After the header: 12 bytes random
nonce, 32 bytes key commitment, ciphertext with tag. Associated data = everything before the ciphertext, then the place.
The commitment is HMAC-SHA256(field key, domain ‖ nonce), because GCM-SIV alone does not commit to its key.

HKDF's first step depends on the data key alone and is done once per data key, its second step once per field: a change
opens and seals the same field. Both live as long as the object, which is one operation (`FieldCipher`). Commitment and
associated data are made for every envelope anew.

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

    __slots__ = ("_expand", "_fields", "_header")

    def __init__(self, data_key: bytes, header: bytes) -> None:
        self._header = header
        # RFC 5869 section 2.3 with one block of output: HMAC(extracted key, info ‖ 01). Keyed once, copied per field.
        self._expand = HMAC(HKDF.extract(_SHA256, None, data_key), _SHA256)
        self._expand.update(_FIELD)
        self._fields: dict[bytes, tuple[AESGCMSIV, HMAC]] = {}

    def seal(self, field: bytes, place: bytes, plaintext: bytes) -> bytes:
        """Encrypts.

        Args:
            field: Field code.
            place: Where the value belongs.
            plaintext: The value.

        Returns:
            The envelope.
        """
        cipher, commitment = self._fields.get(field) or self._keyed(field)
        nonce = os.urandom(_NONCE)
        start = self._header + nonce + _committed(commitment, nonce)
        return start + cipher.encrypt(nonce, plaintext, start + place)

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
        cipher, commitment = self._fields.get(field) or self._keyed(field)
        start = envelope[:_START]
        nonce = start[SIZE:_NONCE_END]
        if not compare_digest(_committed(commitment, nonce), start[_NONCE_END:]):
            raise BadEnvelope("the field cannot be opened")
        try:
            return cipher.decrypt(nonce, envelope[_START:], start + place)
        except InvalidTag:
            raise BadEnvelope("the field cannot be opened") from None

    def _keyed(self, field: bytes) -> tuple[AESGCMSIV, HMAC]:
        """The field's cipher, and its commitment keyed and ready to be copied."""
        expand = self._expand.copy()
        expand.update(field + _LAST)
        key = expand.finalize()
        commitment = HMAC(key, _SHA256)
        commitment.update(_COMMITMENT)
        made = self._fields[field] = AESGCMSIV(key), commitment
        return made


def _committed(commitment: HMAC, nonce: bytes) -> bytes:
    """Binds an envelope to one field key."""
    mac = commitment.copy()
    mac.update(nonce)
    return mac.finalize()
