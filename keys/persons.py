"""Data keys of persons: one random key a person, kept wrapped under a key-encryption key (AES-KWP, RFC 5649).

Destroying the wrapped key of a person makes every field of that person unreadable, in every copy. Wrapping has no
nonce, so any number of keys can be wrapped. A wrapped key does not name its person: moving it elsewhere is found out
when a field does not open (`keys.envelope` binds the person).
"""

import os
from typing import Final

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from keys.errors import BadEnvelope

KEY_SIZE: Final = 32


def new_data_key() -> bytes:
    """A fresh data key, 32 bytes from the operating system's randomness."""
    return os.urandom(KEY_SIZE)


def wrap_data_key(kek: bytes, data_key: bytes) -> bytes:
    """Encrypts a data key.

    Args:
        kek: Key-encryption key, 32 bytes.
        data_key: 32 bytes.

    Returns:
        40 bytes.

    Raises:
        BadEnvelope: A key is not 32 bytes.
    """
    if len(kek) != KEY_SIZE or len(data_key) != KEY_SIZE:
        raise BadEnvelope("a key is 32 bytes")
    return aes_key_wrap_with_padding(kek, data_key)


def unwrap_data_key(kek: bytes, wrapped: bytes) -> bytes:
    """Decrypts a data key. Fails closed.

    Args:
        kek: As given to `wrap_data_key`.
        wrapped: What it returned.

    Returns:
        The data key, 32 bytes.

    Raises:
        BadEnvelope: It is under another key, was changed, or is no data key.
    """
    if len(kek) != KEY_SIZE:
        raise BadEnvelope("a key is 32 bytes")
    try:
        data_key = aes_key_unwrap_with_padding(kek, wrapped)
    except InvalidUnwrap:
        raise BadEnvelope("the data key cannot be unwrapped") from None
    if len(data_key) != KEY_SIZE:
        raise BadEnvelope("a key is 32 bytes")
    return data_key
