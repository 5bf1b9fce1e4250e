"""The first nine bytes of an envelope: what format, which suite, whose key.

Layout, big endian: "OGF", u8 format version (1), u8 suite, u32 key id. What follows is the suite's own
(`keys.envelope.aes`, `keys.envelope.sm4`). The header is part of the associated data, so it is authentic once the
envelope has been opened, and only then.

Rule kept: an unknown version or suite is an error of its own and never guessed at. Fails closed. What it does not do:
it opens nothing.
"""

import struct
from enum import IntEnum
from typing import Final

from keys.errors import BadEnvelope

VERSION: Final = 1
"""Version of the format, the only one so far."""

SIZE: Final = 9
"""Bytes of the header."""

_MAGIC: Final = b"OGF"
_HEADER: Final = struct.Struct(">3sBBI")
_KEY_IDS: Final = 1 << 32


class Suite(IntEnum):
    """How a field is encrypted; the number stands in the header."""

    AES = 1
    """AES-256-GCM-SIV with HMAC-SHA256."""

    SM4 = 2
    """SM4-GCM with HMAC-SM3."""


def header(suite: Suite, key_id: int) -> bytes:
    """The header of an envelope.

    Args:
        suite: How the field is encrypted.
        key_id: Which data key of the person.

    Returns:
        9 bytes.

    Raises:
        BadEnvelope: The key id does not fit 32 bits.
    """
    if not 0 <= key_id < _KEY_IDS:
        raise BadEnvelope("a key id is a number of 32 bits")
    return _HEADER.pack(_MAGIC, VERSION, suite, key_id)


def read_header(envelope: bytes) -> tuple[Suite, int]:
    """What an envelope says of itself; authentic only once it has been opened.

    Args:
        envelope: Any bytes.

    Returns:
        Suite and key id.

    Raises:
        BadEnvelope: It is not an envelope, or of a version or suite that this program does not know.
    """
    if len(envelope) < SIZE or not envelope.startswith(_MAGIC):
        raise BadEnvelope("this is not an encrypted field")
    _, version, suite, key_id = _HEADER.unpack_from(envelope)
    if version != VERSION:
        raise BadEnvelope("the encrypted field is of a format that is not known here")
    try:
        return Suite(suite), int(key_id)
    except ValueError:
        raise BadEnvelope("the encrypted field is of a suite that is not known here") from None


def key_id_of(envelope: bytes) -> int:
    """Which data key an envelope says it is under; authentic only once it has been opened.

    Args:
        envelope: What `keys.envelope.seal_field` returned.

    Returns:
        The key id.

    Raises:
        BadEnvelope: As `read_header`.
    """
    return read_header(envelope)[1]


def suite_of(envelope: bytes) -> Suite:
    """Which suite an envelope says it is of; authentic only once it has been opened.

    Args:
        envelope: What `keys.envelope.seal_field` returned.

    Returns:
        The suite.

    Raises:
        BadEnvelope: As `read_header`.
    """
    return read_header(envelope)[0]
