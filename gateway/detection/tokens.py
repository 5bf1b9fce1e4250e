"""Keyed tokens of what detection keeps: pairs, persons on its lists, those who read; and the sealing of alerts.

Rules kept here: each use has a domain of its own, so that rows of different tables cannot be joined by who has the
database alone; tokens are made of random ids and keyed hashes, never of an identifier, and outlive a rotation of the
index key.
"""

import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from gateway.detection.relations import Pair
from gateway.errors import GatewayError

TOKEN_SIZE: Final = 16
_DOMAIN: Final = b"oncegate-detection-v1\0"
_BODY_DOMAIN: Final = b"oncegate-detection-body-v1\0"
_NONCE_SIZE: Final = 12


class AlertChanged(GatewayError):
    """A stored alert is not what was stored."""


class Tokens:
    """Makes tokens.

    Args:
        key: A key of the log; what is used here is derived from it under a domain of its own.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, _DOMAIN, "sha256")
        self._bodies = AESGCMSIV(hmac.digest(key, _BODY_DOMAIN, "sha256"))

    def pair(self, pair: Pair) -> bytes:
        """Token of an official and a person, 16 bytes."""
        official = pair.official.encode()
        return self._token(b"pair\0", len(official).to_bytes(4, "big") + official + pair.person)

    def listed(self, person: bytes) -> bytes:
        """Token of a person on a list, by the random id, 16 bytes."""
        return self._token(b"list\0", person)

    def actor(self, department: str, system: str, official: str) -> bytes:
        """Token of one who reads, 16 bytes."""
        return self._token(b"actor\0", f"{department}\0{system}\0{official}".encode())

    def seal(self, alert: bytes, body: bytes) -> bytes:
        """Encrypt what an alert says, bound to the alert."""
        nonce = secrets.token_bytes(_NONCE_SIZE)
        return nonce + self._bodies.encrypt(nonce, body, alert)

    def open(self, alert: bytes, sealed: bytes) -> bytes:
        """What an alert says.

        Raises:
            AlertChanged: It is not what was sealed. Fails closed.
        """
        try:
            return self._bodies.decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], alert)
        except (InvalidTag, ValueError):
            raise AlertChanged("an alert does not open") from None

    def _token(self, domain: bytes, what: bytes) -> bytes:
        return hmac.digest(self._key, domain + what, "sha256")[:TOKEN_SIZE]
