"""Suite `sm4`: SM4-GCM (RFC 8998, GB/T 32907) under a key of that single write, with an HMAC-SM3 key commitment.

For deployments that are assessed after GB/T 39786 and must use the SM algorithms. After the header: 32 bytes random
salt, 32 bytes key commitment, ciphertext with tag. HKDF-SM3 (RFC 5869 over GB/T 32905) with that salt makes, from the
person's data key and info = domain ‖ suite ‖ field, 60 bytes: 16 of SM4 key, 12 of initialisation vector, 32 of
commitment key. The commitment is HMAC-SM3(commitment key, domain ‖ header ‖ salt): GCM alone does not commit to its
key, and both keys follow from one data key, so an envelope that opens under two data keys needs a collision in SM3.
Associated data = everything before the ciphertext, then the place.

Why a salt and no nonce: GCM loses everything when a nonce repeats under one key, and there is no SM4-GCM-SIV. With 256
random bits a key and its vector are used for one write only; there is no number of writes after which to change keys.

Why the same data key serves AES-256 and SM4: it is 32 uniformly random bytes that are never used as a cipher key
themselves. HKDF over another hash, with another info, makes keys from it that tell nothing of each other, and taking 16
bytes of its output loses nothing that a 128-bit cipher could have used. The strength is SM4's, 128 bits.

`Cipher` hands out decrypted bytes before the tag was checked: they leave `open` only after the check.
"""

import os
from hmac import compare_digest
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.envelope.header import SIZE, Suite
from keys.errors import BadEnvelope

_FIELD: Final = b"oncegate-field-v1\x00" + bytes((Suite.SM4,))
_COMMITMENT: Final = b"oncegate-field-commitment-v1\x00"
_SALT: Final = 32
_KEY: Final = 16
_IV_END: Final = _KEY + 12
_DERIVED: Final = _IV_END + 32
_TAG: Final = 16
_SM3: Final = SM3()
_SALT_END: Final = SIZE + _SALT
_START: Final = _SALT_END + 32
_LEAST: Final = _START + _TAG


class Sm4Fields:
    """Seals and opens under one data key.

    Args:
        data_key: 32 bytes, checked by the caller.
        header: The header of everything sealed here.
    """

    __slots__ = ("_data_key", "_header")

    def __init__(self, data_key: bytes, header: bytes) -> None:
        self._data_key = data_key
        self._header = header

    def seal(self, field: bytes, place: bytes, plaintext: bytes) -> bytes:
        """Encrypts.

        Args:
            field: Field code.
            place: Where the value belongs.
            plaintext: The value.

        Returns:
            The envelope.
        """
        start = self._header + os.urandom(_SALT)
        key, iv, commitment = self._keys(field, start)
        start += commitment
        encryptor = Cipher(SM4(key), GCM(iv)).encryptor()
        encryptor.authenticate_additional_data(start + place)
        return start + encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag

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
        start = envelope[:_START]
        key, iv, commitment = self._keys(field, start[:_SALT_END])
        if not compare_digest(commitment, start[_SALT_END:]):
            raise BadEnvelope("the field cannot be opened")
        decryptor = Cipher(SM4(key), GCM(iv, envelope[-_TAG:])).decryptor()
        decryptor.authenticate_additional_data(start + place)
        plaintext = decryptor.update(envelope[_START:-_TAG])
        try:
            return plaintext + decryptor.finalize()
        except InvalidTag:
            raise BadEnvelope("the field cannot be opened") from None

    def _keys(self, field: bytes, start: bytes) -> tuple[bytes, bytes, bytes]:
        """SM4 key, initialisation vector and key commitment of the write whose header and salt these are."""
        derived = HKDF(_SM3, _DERIVED, start[SIZE:], _FIELD + field).derive(self._data_key)
        mac = HMAC(derived[_IV_END:], _SM3)
        mac.update(_COMMITMENT + start)
        return derived[:_KEY], derived[_KEY:_IV_END], mac.finalize()
