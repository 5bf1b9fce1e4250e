"""Public keys of an issuer of people's tokens, from a JWKS file (RFC 7517).

Rules kept here: algorithms are named one by one, and only public-key signatures can be named; a key file that holds a
private or symmetric key is not used; a key is picked by its id, never tried at random; the file is looked at again for
every token, so a key that is taken out counts no more from the next token on. A file that cannot be read closes the
issuer rather than falling back to what was read before.

It does not fetch anything over the network: whoever runs the gateway or a node puts the file there.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from keys.errors import UnusableKeys

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"}
)
SHORTEST_RSA_BITS: Final = 2048
_KEY_TYPES: Mapping[str, type[Key]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
_MAX_FILE_BYTES: Final = 1 << 20


class PublicKeys(Protocol):
    """Finds the key that a token names."""

    def find(self, kid: object, algorithm: str) -> Key:
        """The key of an id and algorithm; raises `UnusableKeys` when there is none."""


class FixedKeys:
    """One key that is always meant.

    Args:
        key: The key.
    """

    def __init__(self, key: Key) -> None:
        self._key = key

    def find(self, _kid: object, _algorithm: str) -> Key:
        """The key."""
        return self._key


class JwksFile:
    """The public keys of one issuer, as the file has them now.

    Args:
        path: The JWKS file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._keys: Mapping[str, Key] = {}

    def find(self, kid: object, algorithm: str) -> Key:
        """The key that a token names.

        Args:
            kid: The token's `kid` header; None is enough only when the issuer has a single key.
            algorithm: The token's algorithm, already found acceptable.

        Raises:
            UnusableKeys: There is no such key, it is not for this algorithm, or the file cannot be used.
        """
        keys = self._current()
        if kid is None and len(keys) == 1:
            key = next(iter(keys.values()))
        else:
            found = keys.get(kid) if isinstance(kid, str) else None
            if found is None:
                raise UnusableKeys("unknown key id")
            key = found
        if key.get("alg") not in {None, algorithm}:
            raise UnusableKeys("the key is for another algorithm")
        return key

    def key_ids(self) -> tuple[str, ...]:
        """Ids of the keys that the file has now, sorted; empty for a key without one.

        Raises:
            UnusableKeys: The file cannot be used; the text names the rule.
        """
        self.load()
        return tuple(sorted(self._keys))

    def load(self) -> int:
        """Read the file now; how many keys it has.

        Raises:
            UnusableKeys: The file cannot be used; the text names the rule.
        """
        self._keys = {}
        self._stamp = None
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stat.st_size > _MAX_FILE_BYTES:
                raise UnusableKeys("the JWKS file is too large")
            content = json.loads(self._path.read_bytes())
        except (OSError, ValueError) as error:
            raise UnusableKeys("the JWKS file cannot be read") from error
        entries = content.get("keys") if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise UnusableKeys('the JWKS file must be an object with a list "keys"')
        self._keys = _parse(entries)
        self._stamp = stamp
        return len(self._keys)

    def _current(self) -> Mapping[str, Key]:
        try:
            stat = self._path.stat()
            if self._stamp != (stat.st_mtime_ns, stat.st_size, stat.st_ino):
                self.load()
        except (OSError, UnusableKeys) as error:
            self._stamp = None
            raise UnusableKeys("the issuer's keys cannot be read") from error
        return self._keys


def _parse(entries: list[Any]) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise UnusableKeys(f"keys[{number}] must be an object")
        key = _import(number, entry) if entry.get("use", "sig") == "sig" else None
        if key is None:
            continue
        kid = entry.get("kid", "")
        if not isinstance(kid, str) or kid in keys:
            raise UnusableKeys(f"keys[{number}] repeats a key id")
        keys[kid] = key
    if not keys:
        raise UnusableKeys("the JWKS file has no signature key")
    return keys


def _import(number: int, entry: dict[str, Any]) -> Key | None:
    if entry.get("kty") == "oct":
        raise UnusableKeys(f"keys[{number}] is symmetric")
    key_type = _KEY_TYPES.get(str(entry.get("kty")))
    if key_type is None:
        # A kind we do not know is not ours to judge (RFC 7517 section 5): it verifies nothing here.
        return None
    try:
        key = key_type.import_key(entry)
        private = bool(key.is_private)
    except (JoseError, ValueError, TypeError) as error:
        raise UnusableKeys(f"keys[{number}] cannot be read") from error
    if private:
        raise UnusableKeys(f"keys[{number}] holds a private key")
    if isinstance(key, RSAKey) and key.raw_value.key_size < SHORTEST_RSA_BITS:
        raise UnusableKeys(f"keys[{number}] is an RSA key with fewer than {SHORTEST_RSA_BITS} bits")
    return key
