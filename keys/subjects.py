"""Subject tokens and subject commitments: how a person is named without naming the person.

A token is HMAC-SHA256 under the index key over scheme and canonical identifier: the only identity in the index.
Whoever has the database *and* the index key can try all identifiers and find everyone; the key is kept in the
keyring, never in the database.

A commitment is HMAC-SHA256 under a fresh nonce that the asking system chooses: a node compares it with its own record
and so need not believe the gateway about whom the request is.

Identifiers come in canonical form; this module does not normalise and never puts one into an error.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keys.errors import BadSignature, UnknownKey

_TOKEN_DOMAIN: Final = b"oncegate-subject-token-v1\x00"
_KEY: Final = 32
_NONCE: Final = 32


@dataclass(frozen=True, slots=True)
class SubjectToken:
    """A keyed hash of a subject identifier.

    Attributes:
        version: Version of the index key that made it.
        value: 32 bytes.
    """

    version: int
    value: bytes


class SubjectTokens:
    """Derives tokens with the index key, in memory only.

    Args:
        keys: Version → index key of 32 bytes.
        current: The version used for new tokens.

    Raises:
        UnknownKey: `current` is not among the keys, or a key is not 32 bytes.
    """

    __slots__ = ("_current", "_keyed")

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        if current not in keys or any(len(key) != _KEY for key in keys.values()):
            raise UnknownKey("the index key is missing or malformed")
        # Keyed once and copied per use. `hmac.digest` would give the interpreter's lock away at every call, and an
        # event loop would wait for it behind other threads.
        self._keyed = {version: hmac.new(key, _TOKEN_DOMAIN, "sha256") for version, key in keys.items()}
        self._current = current

    @property
    def current(self) -> int:
        """Version of the key that makes new tokens."""
        return self._current

    def derive(self, scheme: str, canonical: str) -> SubjectToken:
        """The token under the current key.

        Args:
            scheme: Kind of identifier.
            canonical: The identifier in canonical form.

        Returns:
            The token.

        Raises:
            BadSignature: The scheme holds a zero byte, so the two parts could run into each other.
        """
        return self._derive(self._current, _joined(scheme, canonical))

    def derive_every(self, scheme: str, canonical: str) -> tuple[SubjectToken, ...]:
        """The tokens under every key, the current one first: what to look for while the index key rotates.

        Args:
            scheme: Kind of identifier.
            canonical: The identifier in canonical form.

        Returns:
            One token per key, newest version first after the current one.

        Raises:
            BadSignature: The scheme holds a zero byte.
        """
        message = _joined(scheme, canonical)
        others = sorted((version for version in self._keyed if version != self._current), reverse=True)
        return tuple(self._derive(version, message) for version in (self._current, *others))

    def _derive(self, version: int, message: bytes) -> SubjectToken:
        mac = self._keyed[version].copy()
        mac.update(message)
        return SubjectToken(version, mac.digest())

    def __repr__(self) -> str:
        return f"SubjectTokens(current={self._current})"


def subject_commitment(nonce: bytes, scheme: str, canonical: str) -> bytes:
    """HMAC-SHA256(nonce, scheme ‖ 00 ‖ identifier): binds a signed request to a subject without telling whom.

    Args:
        nonce: 32 fresh random bytes.
        scheme: Kind of identifier.
        canonical: The identifier in canonical form.

    Returns:
        32 bytes.

    Raises:
        BadSignature: The nonce is not 32 bytes, or the scheme holds a zero byte.
    """
    if len(nonce) != _NONCE:
        raise BadSignature("a subject nonce is 32 bytes")
    # Not `hmac.digest`: see `SubjectTokens`.
    return hmac.new(nonce, _joined(scheme, canonical), "sha256").digest()


def check_subject(nonce: bytes, scheme: str, canonical: str, commitment: bytes) -> None:
    """Accepts by returning that a commitment is to this subject; constant time in the comparison. Fails closed.

    Args:
        nonce: As used for the commitment.
        scheme: Kind of identifier.
        canonical: The identifier in canonical form.
        commitment: 32 bytes.

    Raises:
        BadSignature: It is to another subject, or something is malformed.
    """
    if not hmac.compare_digest(subject_commitment(nonce, scheme, canonical), commitment):
        raise BadSignature("the subject is not the one committed to")


def _joined(scheme: str, canonical: str) -> bytes:
    """Scheme ‖ 00 ‖ identifier, unambiguous because a scheme has no zero byte."""
    name = scheme.encode()
    if b"\x00" in name:
        raise BadSignature("a scheme holds no zero byte")
    return name + b"\x00" + canonical.encode()
