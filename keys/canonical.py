"""Canonical JSON: one text for one value, so that what is signed or hashed can be written again byte for byte.

Keys sorted, no spaces, UTF-8 without escapes beyond those JSON needs, integers only (no floats), bytes as base64url
without padding. Reading refuses everything that is not written that way, duplicate keys included.
"""

import base64
import binascii
import json
from collections.abc import Mapping

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]


class NotCanonical(ValueError):
    """The bytes are not canonical JSON; callers turn it into their own error."""


def write(value: Mapping[str, "Json"]) -> bytes:
    """Writes an object.

    Args:
        value: What to write; no floats.

    Returns:
        UTF-8 bytes.

    Raises:
        NotCanonical: The value holds a float or something that JSON or UTF-8 does not know.
    """
    try:
        return json.dumps(
            _checked(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()
    except (TypeError, UnicodeEncodeError, RecursionError):
        raise NotCanonical("the value cannot be written") from None


def read(raw: bytes) -> dict[str, "Json"]:
    """Reads an object and refuses any other spelling of it. Fails closed.

    Args:
        raw: UTF-8 bytes.

    Returns:
        The object.

    Raises:
        NotCanonical: The bytes are not what `write` would write.
    """
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise NotCanonical("the bytes are not JSON") from None
    if not isinstance(value, dict) or write(value) != raw:
        raise NotCanonical("the bytes are not canonical JSON")
    return value


def to_text(data: bytes) -> str:
    """Bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_text(text: object) -> bytes:
    """Reads what `to_text` wrote and refuses any other spelling.

    Args:
        text: base64url without padding.

    Returns:
        The bytes.

    Raises:
        NotCanonical: It is not text, or not spelled that way.
    """
    if not isinstance(text, str):
        raise NotCanonical("bytes are written as text")
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError):
        raise NotCanonical("the text is not base64url") from None
    if to_text(data) != text:
        raise NotCanonical("the text is not base64url")
    return data


def _checked(value: object) -> object:
    """Refuses what has more than one spelling: floats, and keys that are not text."""
    if isinstance(value, float):
        raise NotCanonical("floats have no canonical form")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise NotCanonical("keys are text")
        return {key: _checked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_checked(inner) for inner in value]
    return value
