"""Keyed tokens of what detection keeps: pairs, and persons on its lists.

Rules kept here: each use has a domain of its own, so that rows of different tables cannot be joined by who has the
database alone; tokens are made of random ids and keyed hashes, never of an identifier, and outlive a rotation of the
index key.
"""

import hmac
from typing import Final

from gateway.detection.relations import Pair

TOKEN_SIZE: Final = 16
_DOMAIN: Final = b"oncegate-detection-v1\0"


class Tokens:
    """Makes tokens.

    Args:
        key: A key of the log; what is used here is derived from it under a domain of its own.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, _DOMAIN, "sha256")

    def pair(self, pair: Pair) -> bytes:
        """Token of an official and a person, 16 bytes."""
        official = pair.official.encode()
        return self._token(b"pair\0", len(official).to_bytes(4, "big") + official + pair.person)

    def listed(self, name: str, person: bytes) -> bytes:
        """Token of a person on one list, 16 bytes.

        Args:
            name: The list.
            person: The random id.
        """
        return self._token(b"list\0" + name.encode() + b"\0", person)

    def _token(self, domain: bytes, what: bytes) -> bytes:
        return hmac.digest(self._key, domain + what, "sha256")[:TOKEN_SIZE]
