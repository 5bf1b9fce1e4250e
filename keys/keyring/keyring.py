"""The keyring: named secrets in memory, each with versions that are only ever added.

A new version becomes the current one; older ones stay, so that what they protect stays readable, until they are
retired: then they are gone, and the lowest version that still opens anything is remembered. `repr` shows names and
versions only. It is not a file: `keys.keyring.file` and `keys.keyring.sealed` keep it.
"""

import re
from typing import Final

from keys import canonical
from keys.errors import KeyringCorrupt, RetiredKey, UnknownKey

FORMAT: Final = "oncegate.keyring/1"
FORMAT_WITH_MINIMUMS: Final = "oncegate.keyring/2"
"""Written once a secret was retired, so that a program that would not mind the minimum refuses the keyring."""
_FORMATS: Final = frozenset({FORMAT, FORMAT_WITH_MINIMUMS})
_FIRST: Final = frozenset({"format", "secrets"})
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,63}", re.ASCII)
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class Keyring:
    """Named, versioned secrets. Not for several threads while it is changed."""

    __slots__ = ("_minimums", "_secrets")

    def __init__(self) -> None:
        self._secrets: dict[str, dict[int, bytes]] = {}
        self._minimums: dict[str, int] = {}

    def add(self, name: str, secret: bytes) -> int:
        """Adds a secret, which becomes the current version of its name.

        Args:
            name: `[a-z][a-z0-9._-]{0,63}`.
            secret: Not empty.

        Returns:
            Its version, from 1.

        Raises:
            UnknownKey: The name is malformed or the secret is empty.
        """
        if not _NAME.fullmatch(name) or not secret:
            raise UnknownKey("a secret has a well-formed name and is not empty")
        versions = self._secrets.setdefault(name, {})
        version = max(versions, default=0) + 1
        versions[version] = bytes(secret)
        return version

    def get(self, name: str, version: int | None = None) -> bytes:
        """One secret. Fails closed: there is no default.

        Args:
            name: Its name.
            version: Its version; None takes the current one.

        Returns:
            The secret.

        Raises:
            UnknownKey: There is none; `RetiredKey` when there was one that opens nothing any more.
        """
        if version is not None and version < self.minimum(name):
            raise RetiredKey("this version of the secret is retired")
        secret = self._secrets.get(name, {}).get(self.current(name) if version is None else version)
        if secret is None:
            raise UnknownKey("the keyring has no such secret")
        return secret

    def current(self, name: str) -> int:
        """The current version of a name.

        Raises:
            UnknownKey: There is no such name.
        """
        if name not in self._secrets:
            raise UnknownKey("the keyring has no such secret")
        return max(self._secrets[name])

    def versions(self, name: str) -> tuple[int, ...]:
        """All versions of a name, oldest first; empty when there is none."""
        return tuple(sorted(self._secrets.get(name, {})))

    def minimum(self, name: str) -> int:
        """The lowest version of a name that still opens anything; 1 when none was retired."""
        return self._minimums.get(name, 1)

    def retire(self, name: str, below: int) -> int:
        """Forget the versions below one, for good. The caller has made sure that nothing is under them any more.

        Args:
            name: Its name.
            below: The lowest version that stays, at most the current one.

        Returns:
            How many versions were forgotten.

        Raises:
            UnknownKey: There is no such name or version to stay.
        """
        if below not in self._secrets.get(name, {}) or below < self.minimum(name):
            raise UnknownKey("the keyring has no such secret to keep")
        gone = [version for version in self._secrets[name] if version < below]
        for version in gone:
            del self._secrets[name][version]
        if below > 1:
            self._minimums[name] = below
        return len(gone)

    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        return tuple(sorted(self._secrets))

    def to_bytes(self) -> bytes:
        """The keyring as canonical JSON, in the clear: for encryption only."""
        secrets: dict[str, canonical.Json] = {
            name: {str(version): canonical.to_text(secret) for version, secret in versions.items()}
            for name, versions in self._secrets.items()
        }
        if not self._minimums:
            return canonical.write({"format": FORMAT, "secrets": secrets})
        minimums: dict[str, canonical.Json] = dict(self._minimums)
        return canonical.write({"format": FORMAT_WITH_MINIMUMS, "minimums": minimums, "secrets": secrets})

    @staticmethod
    def from_bytes(raw: bytes) -> "Keyring":
        """Reads what `to_bytes` wrote.

        Args:
            raw: Canonical JSON.

        Returns:
            The keyring.

        Raises:
            KeyringCorrupt: The bytes are not a keyring.
        """
        keyring = Keyring()
        try:
            value = canonical.read(raw)
            secrets = value.get("secrets")
            known = {"format", "minimums", "secrets"} if value.get("format") == FORMAT_WITH_MINIMUMS else _FIRST
            if value.keys() != known or value["format"] not in _FORMATS or not isinstance(secrets, dict):
                raise KeyringCorrupt("this is not a keyring of a known format")
            for name, versions in secrets.items():
                keyring._secrets[name] = _versions(name, versions)
            keyring._minimums = _minimums(value.get("minimums", {}), keyring._secrets)
        except canonical.NotCanonical:
            raise KeyringCorrupt("this is not a keyring") from None
        return keyring

    def __repr__(self) -> str:
        return f"Keyring({', '.join(f'{name}:{self.current(name)}' for name in self.names())})"


def _versions(name: str, value: canonical.Json) -> dict[int, bytes]:
    """The versions of one name, checked."""
    if not _NAME.fullmatch(name) or not isinstance(value, dict) or not value:
        raise KeyringCorrupt("the keyring has a malformed entry")
    versions = {}
    for version, text in value.items():
        secret = canonical.from_text(text)
        if not _VERSION.fullmatch(version) or not secret:
            raise KeyringCorrupt("the keyring has a malformed entry")
        versions[int(version)] = secret
    return versions


def _minimums(value: canonical.Json, secrets: dict[str, dict[int, bytes]]) -> dict[str, int]:
    """The lowest versions in use, checked: a keyring that still has what it calls retired is none of ours."""
    if not isinstance(value, dict):
        raise KeyringCorrupt("the keyring has a malformed entry")
    found = {}
    for name, lowest in value.items():
        if type(lowest) is not int or lowest < 1 or min(secrets.get(name, {0: b""})) < lowest:
            raise KeyringCorrupt("the keyring has a malformed entry")
        found[name] = lowest
    return found
