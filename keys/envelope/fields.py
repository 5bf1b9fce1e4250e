"""Sealing and opening one field of one person, in either suite, bound to its place.

An envelope names its format, suite and key (`keys.envelope.header`); the rest is the suite's (`keys.envelope.aes`,
`keys.envelope.sm4`). Rules kept:

1. Everything before the ciphertext, then the place (person id, u64 version, field name), is associated data: a value
   moved to another person, field or version does not open.
2. Both suites commit to their key, and the commitment is checked before anything is decrypted.
3. Which suite opens an envelope is said by its header, never tried; a header of another suite, version or key id is
   refused. No setting changes what can be read.
4. Equal values give different envelopes.

What it does not do: it does not hide lengths, does not know where data keys come from (`keys.persons`) and writes them
nowhere.
"""

from typing import Final

from keys.envelope.aes import AesFields
from keys.envelope.header import Suite, header, read_header
from keys.envelope.sm4 import Sm4Fields
from keys.errors import BadEnvelope
from keys.pseudonyms import pseudonym

_DATA_KEY: Final = 32
_PERSON: Final = 16
_VERSIONS: Final = 1 << 64


class FieldCipher:
    """One person's data key, ready for any number of fields; for one operation, not to be kept.

    Args:
        data_key: 32 bytes.
        person_id: Random person id, 16 bytes.
        key_id: Which data key this is, from 0.
        suite: How it seals unless told otherwise; it opens every suite.

    Attributes:
        key_id: As given; part of every envelope.

    Raises:
        BadEnvelope: An argument is malformed.
    """

    __slots__ = ("_aes", "_aes_header", "_data_key", "_person_id", "_sm4", "_sm4_header", "_suite", "key_id")

    def __init__(self, data_key: bytes, *, person_id: bytes, key_id: int, suite: Suite = Suite.AES) -> None:
        if len(data_key) != _DATA_KEY:
            raise BadEnvelope("a data key is 32 bytes")
        if len(person_id) != _PERSON:
            raise BadEnvelope("a person id is 16 bytes")
        self.key_id = key_id
        self._suite = suite
        self._data_key = data_key
        self._person_id = person_id
        self._aes_header = header(Suite.AES, key_id)
        self._sm4_header = header(Suite.SM4, key_id)
        self._aes: AesFields | None = None
        self._sm4: Sm4Fields | None = None

    def seal(self, field: str, version: int, plaintext: bytes, suite: Suite | None = None) -> bytes:
        """Encrypts one field.

        Args:
            field: Field code.
            version: Version of the field, from 0.
            plaintext: The value.
            suite: How; None takes the cipher's own.

        Returns:
            A self-describing envelope; equal values give different ones.

        Raises:
            BadEnvelope: The place is malformed. Nothing is encrypted.
        """
        name = field.encode()
        place = self._place(name, version)
        return self._in(self._suite if suite is None else suite).seal(name, place, plaintext)

    def pseudonym(self, department: str, generation: int) -> str:
        """What a department calls this person; see `keys.pseudonyms`.

        Raises:
            BadEnvelope: An argument is malformed.
        """
        return pseudonym(self._data_key, department, generation)

    def open(self, field: str, version: int, envelope: bytes) -> bytes:
        """Decrypts one field. Fails closed: nothing is returned unless every byte and part of its place is authentic.

        Args:
            field: As when sealed.
            version: As when sealed.
            envelope: What `seal` returned, of either suite.

        Returns:
            The value.

        Raises:
            BadEnvelope: The envelope was changed, belongs elsewhere, is under another key, or is of a format or suite
                that is not known.
        """
        name = field.encode()
        place = self._place(name, version)
        if envelope.startswith(self._aes_header):
            return self._in(Suite.AES).open(name, place, envelope)
        if envelope.startswith(self._sm4_header):
            return self._in(Suite.SM4).open(name, place, envelope)
        read_header(envelope)
        raise BadEnvelope("the field is under another key")

    def _in(self, suite: Suite) -> AesFields | Sm4Fields:
        """The suite's state for this data key, made at the first use."""
        if suite is Suite.AES:
            if self._aes is None:
                self._aes = AesFields(self._data_key, self._aes_header)
            return self._aes
        if suite is Suite.SM4:
            if self._sm4 is None:
                self._sm4 = Sm4Fields(self._data_key, self._sm4_header)
            return self._sm4
        raise BadEnvelope("the suite is not known here")

    def _place(self, name: bytes, version: int) -> bytes:
        """Where a value belongs; unambiguous because only the last part varies in length."""
        if not name or not 0 <= version < _VERSIONS:
            raise BadEnvelope("the place of a field is a person, a name and a version")
        return self._person_id + version.to_bytes(8, "big") + name

    def __repr__(self) -> str:
        return f"FieldCipher(key_id={self.key_id})"


def seal_field(
    data_key: bytes,
    *,
    person_id: bytes,
    field: str,
    version: int,
    key_id: int,
    plaintext: bytes,
    suite: Suite = Suite.AES,
) -> bytes:
    """Encrypts one field of one person; `FieldCipher` for a single use.

    Args:
        data_key: The person's data key, 32 bytes.
        person_id: Random person id, 16 bytes.
        field: Field code.
        version: Version of the field, from 0.
        key_id: Which data key this is, from 0.
        plaintext: The value.
        suite: How.

    Returns:
        A self-describing envelope; equal values give different ones.

    Raises:
        BadEnvelope: An argument is malformed. Nothing is encrypted.
    """
    return FieldCipher(data_key, person_id=person_id, key_id=key_id).seal(field, version, plaintext, suite)


def open_field(data_key: bytes, *, person_id: bytes, field: str, version: int, key_id: int, envelope: bytes) -> bytes:
    """Decrypts one field; `FieldCipher` for a single use. Fails closed.

    Args:
        data_key: The person's data key, 32 bytes.
        person_id: As when sealed.
        field: As when sealed.
        version: As when sealed.
        key_id: As when sealed.
        envelope: What `seal_field` returned, of either suite.

    Returns:
        The value.

    Raises:
        BadEnvelope: As `FieldCipher.open`.
    """
    return FieldCipher(data_key, person_id=person_id, key_id=key_id).open(field, version, envelope)
