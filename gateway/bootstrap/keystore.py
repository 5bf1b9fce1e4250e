"""The keyring of a gateway with the provider of its root key, as the settings say.

Rules kept: the keyring opens only under the kind of provider that the settings ask for, so that nobody believes in a
token while a file would do; a keyring directly under a passphrase, as the first version wrote it, still opens with the
provider "file"; a change is made under a lock on the newest file, with a fresh content key and the next generation.
PKCS#11 is loaded only when it is asked for. Fails closed.
"""

import errno
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.settings import Settings
from keys.errors import KeyringElsewhere, KeyringOutdated, ModuleMissing, PassphraseMissing, PinMissing
from keys.keyring.file import open_keyring, read_passphrase
from keys.keyring.keyring import Keyring
from keys.keyring.sealed import (
    AUTHENTICATOR,
    Head,
    RecoverySlot,
    is_sealed,
    open_with_content_key,
    open_with_root,
    read_head,
    seal,
)
from keys.keyring.store import KeyringStore, Stamp, stamp
from keys.passphrase import STANDARD, PassphraseCost
from keys.providers import file
from keys.providers.file import FileRootKeys
from keys.providers.root_keys import RootKeys

FIRST_FORM = "passphrase"
"""What stands for the provider of a keyring that is directly under a passphrase."""


@dataclass(frozen=True, slots=True)
class OpenedKeyring:
    """A keyring in the clear, and what is known of its file.

    Attributes:
        keyring: The secrets.
        head: What can be read without a key; None when the file is of the first form.
        seen: The file's stamp from before it was read.
    """

    keyring: Keyring
    head: Head | None
    seen: Stamp = ()


class Keystore:
    """A gateway's keyring and root keys.

    Args:
        settings: Where they are.
        cost: What one guess of the passphrase shall cost in files that are written.
    """

    def __init__(self, settings: Settings, cost: PassphraseCost = STANDARD) -> None:
        self._settings = settings
        self._cost = cost
        self._made: dict[str, RootKeys] = {}
        self.store = KeyringStore(settings.path(settings.keyring))

    @property
    def provider(self) -> str:
        """Kind of the provider that the settings ask for."""
        return self._settings.keys.provider

    def roots(self, kind: str | None = None) -> RootKeys:
        """The root keys; made once, so that a running gateway reads its passphrase once.

        Args:
            kind: Of the provider; None takes the one of the settings.

        Raises:
            ModuleMissing: It is PKCS#11, and its Python package is not installed.
        """
        kind = kind or self.provider
        if kind not in self._made:
            self._made[kind] = self._file_roots() if kind == file.KIND else self._token_roots()
        return self._made[kind]

    def inputs(self) -> Stamp:
        """What changes when any file does that opening depends on."""
        keys = self._settings.keys
        paths = (self._settings.keyring, keys.root_file, self._settings.passphrase_file, keys.pin_file)
        return stamp(*(self._settings.path(path) for path in paths if path is not None))

    def open(self) -> OpenedKeyring:
        """Open the keyring.

        Raises:
            KeyringElsewhere: It is under another kind of root key than the settings ask for.
            KeysError: The provider or the keyring cannot be opened.
        """
        seen = stamp(self.store.path)
        raw = self.store.read()
        found = read_head(raw).provider if is_sealed(raw) else file.KIND
        if found != self.provider:
            raise KeyringElsewhere("the keyring is under another kind of root key than the settings ask for")
        return replace(self._open(raw), seen=seen)

    def open_wherever(self) -> OpenedKeyring:
        """Open the keyring under whatever provider it is, to bring it under another one.

        Raises:
            KeysError: The provider or the keyring cannot be opened.
        """
        return self._open(self.store.read())

    def open_with(self, content: bytes) -> OpenedKeyring:
        """Open the keyring with its content key, which the custodians' shares gave.

        Raises:
            KeysError: The content key is of another file, or the file is damaged.
        """
        raw = self.store.read()
        return OpenedKeyring(open_with_content_key(raw, content), read_head(raw))

    def opened_elsewhere(self, keyring: Keyring) -> OpenedKeyring:
        """A keyring that was opened before, with the head of its file.

        Raises:
            KeyringCorrupt: The file is missing or damaged.
        """
        return OpenedKeyring(keyring, self.head(), stamp(self.store.path))

    def head(self) -> Head | None:
        """What can be read without a key; None for a keyring of the first form.

        Raises:
            KeyringCorrupt: The file is missing or damaged.
        """
        raw = self.store.read()
        return read_head(raw) if is_sealed(raw) else None

    def create(self, keyring: Keyring) -> None:
        """Write a new gateway's keyring under a new root key.

        Raises:
            FileExistsError: There is a keyring already; it is left as it was.
            KeysError: The provider cannot be opened.
        """
        if self.store.path.exists():
            # Before a root key is made for nothing.
            raise FileExistsError(errno.EEXIST, "there is a keyring already", str(self.store.path))
        roots = self.roots()
        self.store.create(seal(keyring, roots, Head(1, self.provider, roots.add(), None)))

    @contextmanager
    def changing(self, opened: OpenedKeyring | None = None) -> "Iterator[Change]":
        """Hold the keyring for a change; waits while another process does.

        Args:
            opened: The keyring when it was opened another way; it must still be the newest.

        Raises:
            KeyringOutdated: It was changed since it was opened; nothing changes.
            KeysError: The provider or the keyring cannot be opened.
        """
        with self.store.locked():
            if opened is not None and opened.head != self.head():
                # What was changed meanwhile, a key under which everything is wrapped by now, would be lost.
                raise KeyringOutdated("the keyring was changed meanwhile; begin again")
            yield Change(self, opened or self.open_wherever())

    def _open(self, raw: bytes) -> OpenedKeyring:
        if not is_sealed(raw):
            return OpenedKeyring(open_keyring(self.store.path, self._passphrase()), None)
        head = read_head(raw)
        return OpenedKeyring(open_with_root(raw, self.roots(head.provider)), head)

    def _file_roots(self) -> FileRootKeys:
        return FileRootKeys(self._settings.path(self._settings.keys.root_file), self._passphrase, self._cost)

    def _token_roots(self) -> RootKeys:
        try:
            from keys.providers.pkcs11 import TokenRootKeys  # noqa: PLC0415 - an extra, only for those who use it
        except ImportError:
            raise ModuleMissing("the extra pkcs11 is not installed") from None
        keys = self._settings.keys
        return TokenRootKeys(keys.pkcs11_module, keys.token_label, keys.key_label, self._pin)

    def _passphrase(self) -> bytes:
        path = self._existing(self._settings.passphrase_file)
        if path is None and self._settings.passphrase_file is not None:
            raise PassphraseMissing("the file with the passphrase is not there")
        return read_passphrase(file=path, environment=self._settings.passphrase_environment)

    def _pin(self) -> bytes:
        keys = self._settings.keys
        path = self._existing(keys.pin_file)
        if path is None and keys.pin_file is not None:
            raise PinMissing("the file with the PIN is not there")
        try:
            return read_passphrase(file=path, environment=keys.pin_environment)
        except PassphraseMissing:
            raise PinMissing("no PIN is given") from None

    def _existing(self, path: Path | None) -> Path | None:
        if path is None or not self._settings.path(path).exists():
            return None
        return self._settings.path(path)


class Change:
    """A change of the keyring, under the lock.

    Args:
        keystore: Whose.
        opened: The newest keyring; its secrets may be changed before `save`.
    """

    def __init__(self, keystore: Keystore, opened: OpenedKeyring) -> None:
        self._keystore = keystore
        self.keyring = opened.keyring
        self.head = opened.head

    def save(self) -> Head:
        """Write the keyring as it is now, under the root key and for the custodians as before.

        Returns:
            The new head.

        Raises:
            KeysError: The root key cannot be used; the old file stays.
            KeyringElsewhere: The keyring is of the first form and must be migrated first.
        """
        if self.head is None:
            raise KeyringElsewhere("the keyring is of the first form")
        return self._write(self.head)

    def save_under(self, root_version: int) -> Head:
        """Write the keyring under a root key of the settings' provider.

        Args:
            root_version: Which.

        Returns:
            The new head.

        Raises:
            KeysError: The root key cannot be used; the old file stays.
        """
        before = self.head or Head(0, FIRST_FORM, 0, None)
        return self._write(replace(before, provider=self._keystore.provider, root_version=root_version))

    def save_recovery(self, slot: RecoverySlot, authenticator: bytes) -> Head:
        """Write the keyring with a new recovery slot in place of the old one.

        Args:
            slot: The new slot.
            authenticator: From `keys.keyring.sealed.authenticator`.

        Returns:
            The new head.

        Raises:
            KeysError: The root key cannot be used; the old file stays.
            KeyringElsewhere: The keyring is of the first form and must be migrated first.
        """
        if self.head is None:
            raise KeyringElsewhere("the keyring is of the first form")
        self.keyring.retire(AUTHENTICATOR, self.keyring.add(AUTHENTICATOR, authenticator))
        return self._write(replace(self.head, recovery=slot))

    def _write(self, head: Head) -> Head:
        head = replace(head, generation=head.generation + 1)
        self._keystore.store.replace(seal(self.keyring, self._keystore.roots(head.provider), head))
        self.head = head
        return head


def keep_aside(path: Path, mark: str) -> Path:
    """A free name beside a file, under which it can be kept."""
    return path.with_name(f"{path.name}.{mark}-{secrets.token_hex(4)}")
