"""Root keys in a file under a passphrase: encrypted by `keys.passphrase`, written by `keys.secret_file`.

Rules kept: the passphrase is asked for only when the file is read or written; a version that is not in memory is looked
for in the file once more before it is missing, so that a running gateway finds a new root key; the file is replaced in
one step. A wrapped key is 12 bytes nonce, 32 bytes key commitment (HMAC-SHA256), then AES-256-GCM-SIV (RFC 8452) with
the context as associated data.

Whoever has the file and the passphrase has the root keys: unlike a token, a file can be copied. Fails closed.
"""

import hmac
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from keys import canonical
from keys.errors import BadEnvelope, KeyringCorrupt, KeyringLocked, RootKeyMissing
from keys.passphrase import STANDARD, PassphraseCost, lock, unlock
from keys.providers.root_keys import CONTENT_KEY
from keys.secret_file import Existing, read_secret, write_secret

KIND: Final = "file"
FORMAT: Final = "oncegate.root-keys/1"
_PURPOSE: Final = "root-keys"
_COMMITMENT: Final = b"oncegate-root-commitment-v1\x00"
_ROOT: Final = 32
_NONCE: Final = 12
_START: Final = _NONCE + 32


class FileRootKeys:
    """Root keys in one file.

    Args:
        path: Where; its folder exists. The file is made by the first `add`.
        passphrase: Gives the passphrase when it is needed.
        cost: What one guess of the passphrase shall cost in a file that is written.
    """

    def __init__(self, path: Path, passphrase: Callable[[], bytes], cost: PassphraseCost = STANDARD) -> None:
        self._path = path
        self._passphrase = passphrase
        self._cost = cost
        self._lock = threading.Lock()
        self._keys: dict[int, bytes] | None = None
        self._there = False

    @property
    def kind(self) -> str:
        """How the keys are kept."""
        return KIND

    def versions(self) -> tuple[int, ...]:
        """All versions, oldest first. See `RootKeys.versions`."""
        with self._lock:
            return tuple(sorted(self._load()))

    def add(self, at_least: int = 1) -> int:
        """Make a new root key. See `RootKeys.add`."""
        with self._lock:
            self._keys = None
            keys = self._load()
            version = max(at_least, max(keys, default=0) + 1)
            self._save(keys | {version: os.urandom(_ROOT)})
            return version

    def wrap(self, version: int, key: bytes, context: bytes) -> bytes:
        """Encrypt a content key. See `RootKeys.wrap`."""
        if len(key) != CONTENT_KEY:
            raise BadEnvelope("a content key is 32 bytes")
        root = self._root(version)
        nonce = os.urandom(_NONCE)
        return nonce + _commitment(root, nonce) + AESGCMSIV(root).encrypt(nonce, key, context)

    def unwrap(self, version: int, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt a content key. See `RootKeys.unwrap`."""
        root = self._root(version)
        nonce = wrapped[:_NONCE]
        try:
            if not hmac.compare_digest(_commitment(root, nonce), wrapped[_NONCE:_START]):
                raise BadEnvelope("the content key is under another root key")
            key = AESGCMSIV(root).decrypt(nonce, wrapped[_START:], context)
        except (InvalidTag, ValueError):
            raise BadEnvelope("the content key cannot be unwrapped") from None
        if len(key) != CONTENT_KEY:
            raise BadEnvelope("a content key is 32 bytes")
        return key

    def destroy(self, version: int) -> None:
        """Destroy a root key. See `RootKeys.destroy`."""
        with self._lock:
            self._keys = None
            keys = self._load()
            if version in keys:
                self._save({number: key for number, key in keys.items() if number != version})

    def change_passphrase(self, passphrase: bytes) -> None:
        """Write the file under another passphrase, in one step; the root keys stay the same.

        Args:
            passphrase: The new one, not empty. The caller gives it from now on.

        Raises:
            KeysError: The file does not open under the old one, or the new one is empty; the file stays as it is.
        """
        with self._lock:
            self._keys = None
            keys = self._load()
            self._passphrase = lambda: passphrase
            self._save(keys)

    def replace_lost(self, moved_to: Path) -> bool:
        """Make room for a new file when the old one does not open any more, its passphrase being lost.

        Args:
            moved_to: New name of the old file, which is kept: it may still open an older keyring.

        Returns:
            Whether there was a file that does not open, and was moved.

        Raises:
            PassphraseMissing: No passphrase is given for the new file; nothing is moved.
        """
        with self._lock:
            try:
                self._keys = None
                self._load()
            except (KeyringLocked, KeyringCorrupt):
                self._passphrase()
                self._path.rename(moved_to)
                self._keys = None
                return True
            return False

    def _root(self, version: int) -> bytes:
        with self._lock:
            known = (self._keys or {}).get(version)
            if known is None:
                self._keys = None
                known = self._load().get(version)
        if known is None:
            raise RootKeyMissing("the file holds no root key of this version")
        return known

    def _load(self) -> dict[int, bytes]:
        if self._keys is None:
            self._there = self._path.exists()
            box = read_secret(self._path) if self._there else None
            self._keys = {} if box is None else _parse(unlock(self._passphrase(), box, purpose=_PURPOSE))
        return self._keys

    def _save(self, keys: dict[int, bytes]) -> None:
        content: dict[str, canonical.Json] = {str(version): canonical.to_text(key) for version, key in keys.items()}
        raw = canonical.write({"format": FORMAT, "keys": content})
        # A first file must not replace one that appeared meanwhile: it may hold the only root key of a keyring.
        existing = Existing.REPLACE if self._there else Existing.REFUSE
        write_secret(self._path, lock(self._passphrase(), raw, purpose=_PURPOSE, cost=self._cost), existing)
        self._keys, self._there = keys, True


def _parse(raw: bytes) -> dict[int, bytes]:
    """The root keys of a file, checked."""
    try:
        value = canonical.read(raw)
        keys = value.get("keys")
        if value.get("format") != FORMAT or not isinstance(keys, dict):
            raise KeyringCorrupt("this is not a file of root keys")
        found = {int(version): canonical.from_text(key) for version, key in keys.items()}
    except ValueError:
        raise KeyringCorrupt("this is not a file of root keys") from None
    if any(version < 1 or len(key) != _ROOT for version, key in found.items()):
        raise KeyringCorrupt("the file of root keys has a malformed entry")
    return found


def _commitment(root: bytes, nonce: bytes) -> bytes:
    """Binds a wrapped key to one root key, since GCM-SIV does not."""
    return hmac.digest(root, _COMMITMENT + nonce, "sha256")
