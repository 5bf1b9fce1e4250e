"""Subject tokens and subject commitments: how a person is named without naming the person.

A token is HMAC-SHA256 under the index key over scheme and canonical identifier: the only identity in the index.
Whoever has the database *and* the index key can try all identifiers and find everyone; the key is kept in the
keyring, never in the database.

Versions of the index key form a chain (ADR 0056): a token of version 1 is made from the identifier, a token of each
further version from the token of the version before, so that stored tokens are re-keyed without their identifiers. All
versions from the first on are therefore needed for ever: identifiers enter at the first one.

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
_CHAIN_DOMAIN: Final = b"oncegate-subject-token-chain-v1\x00"
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
    """Derives tokens with the index key, in memory only. May be used from any thread, also while a key is learnt.

    Args:
        keys: Version → index key of 32 bytes; every version from 1 on.
        current: The version used for new tokens.

    Raises:
        UnknownKey: `current` is not among the keys, a version is missing before another, or a key is not 32 bytes.
    """

    __slots__ = ("_state",)

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        # One attribute, replaced as a whole: whoever reads it once sees keys and current version that belong together.
        self._state = _keyed(keys, current)

    @property
    def current(self) -> int:
        """Version of the key that makes new tokens."""
        return self._state.current

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
        state = self._state
        value = _first(state, scheme, canonical)
        for version in range(2, state.current + 1):
            value = _next(state, version, value)
        return SubjectToken(state.current, value)

    def derive_every(self, scheme: str, canonical: str) -> tuple[SubjectToken, ...]:
        """The tokens of every version, the current one first: what to look for while the index key rotates.

        Args:
            scheme: Kind of identifier.
            canonical: The identifier in canonical form.

        Returns:
            One token per key, newest version first after the current one.

        Raises:
            BadSignature: The scheme holds a zero byte.
        """
        state = self._state
        values = [_first(state, scheme, canonical)]
        for version in range(2, len(state.macs) + 1):
            values.append(_next(state, version, values[-1]))
        every = [SubjectToken(version, value) for version, value in enumerate(values, start=1)]
        current = every.pop(state.current - 1)
        return (current, *reversed(every))

    def renew(self, version: int, value: bytes) -> SubjectToken:
        """The same subject's token under the current key, out of a token alone.

        Args:
            version: Version of the token.
            value: Its 32 bytes.

        Returns:
            The token of the current version; the same one when it is of that version already.

        Raises:
            UnknownKey: The version is newer than the current one, or none. Fails closed: nothing goes back in the
                chain.
        """
        later = self.newer(version, value)
        return later[-1] if later else SubjectToken(version, value)

    def newer(self, version: int, value: bytes) -> tuple[SubjectToken, ...]:
        """The same subject's tokens of every version after one, up to the current one, oldest first.

        Args:
            version: Version of the token.
            value: Its 32 bytes.

        Raises:
            UnknownKey: The version is newer than the current one, or none.
        """
        state = self._state
        if not 1 <= version <= state.current:
            raise UnknownKey("the token is of a version that this index key does not reach")
        later = []
        for following in range(version + 1, state.current + 1):
            value = _next(state, following, value)
            later.append(SubjectToken(following, value))
        return tuple(later)

    def learn(self, keys: Mapping[int, bytes], current: int) -> None:
        """Take over versions that were added to the keyring; from now on tokens are made with `current`.

        Args:
            keys: Version → index key; those known before are unchanged.
            current: Not older than the current version of now.

        Raises:
            UnknownKey: They are not a continuation of the keys known before, or malformed. Nothing was changed.
        """
        before, after = self._state, _keyed(keys, current)
        known = tuple(mac.copy().digest() for mac in before.macs)
        if current < before.current or known != tuple(mac.copy().digest() for mac in after.macs[: len(known)]):
            raise UnknownKey("these index keys do not continue those in use")
        self._state = after

    def __repr__(self) -> str:
        return f"SubjectTokens(current={self.current})"


@dataclass(frozen=True, slots=True)
class _Keyed:
    """Keyed hashes by version (the first at 0), and the current version."""

    macs: tuple[hmac.HMAC, ...]
    current: int


def _keyed(keys: Mapping[int, bytes], current: int) -> _Keyed:
    if current not in keys or any(len(key) != _KEY for key in keys.values()):
        raise UnknownKey("the index key is missing or malformed")
    if sorted(keys) != list(range(1, len(keys) + 1)):
        raise UnknownKey("a version of the index key is missing")
    # Keyed once and copied per use. `hmac.digest` would give the interpreter's lock away at every call, and an
    # event loop would wait for it behind other threads.
    return _Keyed(
        tuple(
            hmac.new(keys[version], _CHAIN_DOMAIN if version > 1 else _TOKEN_DOMAIN, "sha256")
            for version in sorted(keys)
        ),
        current,
    )


def _first(state: _Keyed, scheme: str, canonical: str) -> bytes:
    """HMAC-SHA256(key 1, domain ‖ scheme ‖ 00 ‖ identifier)."""
    mac = state.macs[0].copy()
    mac.update(_joined(scheme, canonical))
    return mac.digest()


def _next(state: _Keyed, version: int, value: bytes) -> bytes:
    """HMAC-SHA256(key of the version, chain domain ‖ token of the version before)."""
    mac = state.macs[version - 1].copy()
    mac.update(value)
    return mac.digest()


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
