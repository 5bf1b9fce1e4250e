"""The keyring of a running gateway, which follows its file: rotation needs no restart.

Rules kept: every question looks first whether the file is another one (about 3 µs), so that a gateway writes under the
newest version from the moment it is published, and can open the first row under it; a keyring of an earlier generation
is refused. Fails closed: while the newest file cannot be opened there is no secret at all, since writing under a
version that was retired meanwhile would lose what is written. A failed opening is tried again when a file changes or
after five seconds, never at every question.

It serves the keys of the vault. Keys from which objects were made at the start stay as they were then.
"""

import threading
from collections.abc import Callable
from time import monotonic

from gateway.bootstrap.keystore import Keystore, OpenedKeyring
from keys.errors import KeyringOutdated, KeysError
from keys.keyring.store import Stamp, stamp

_AGAIN_S = 5.0


class LiveKeyring:
    """Secrets of the newest keyring. May be used from several threads.

    Args:
        keystore: Opens it.
        opened: As it was opened first.
        elapsed_s: Monotonic seconds.
    """

    def __init__(self, keystore: Keystore, opened: OpenedKeyring, elapsed_s: Callable[[], float] = monotonic) -> None:
        self._keystore = keystore
        self._opened = opened
        self._elapsed_s = elapsed_s
        self._lock = threading.Lock()
        self._seen: Stamp = opened.seen
        self._failed: tuple[Stamp, float, KeysError] | None = None

    def get(self, name: str, version: int | None = None) -> bytes:
        """A secret, the current version unless another is named.

        Raises:
            UnknownKey: There is none; `RetiredKey` when it opens nothing any more.
            KeysError: The newest keyring cannot be opened.
        """
        return self._newest().keyring.get(name, version)

    def current(self, name: str) -> int:
        """The current version.

        Raises:
            UnknownKey: There is no such name.
            KeysError: The newest keyring cannot be opened.
        """
        return self._newest().keyring.current(name)

    def versions(self, name: str) -> tuple[int, ...]:
        """All versions of a name that still open something, oldest first; empty when there is none.

        Raises:
            KeysError: The newest keyring cannot be opened.
        """
        return self._newest().keyring.versions(name)

    def problem(self) -> str:
        """The code of what keeps the newest keyring closed; empty when it is open."""
        try:
            self._newest()
        except KeysError as error:
            return error.code
        return ""

    def _newest(self) -> OpenedKeyring:
        if stamp(self._keystore.store.path) == self._seen:
            return self._opened
        with self._lock:
            now = stamp(self._keystore.store.path)
            if now != self._seen:
                self._opened = self._open_again()
                self._seen = now
            return self._opened

    def _open_again(self) -> OpenedKeyring:
        inputs = self._keystore.inputs()
        if self._failed is not None and self._failed[0] == inputs and self._elapsed_s() < self._failed[1] + _AGAIN_S:
            raise type(self._failed[2])(*self._failed[2].args)
        try:
            opened = self._keystore.open()
            if _generation(opened) < _generation(self._opened):
                raise KeyringOutdated("an older keyring was put in place of the newest")
        except KeysError as error:
            self._failed = (inputs, self._elapsed_s(), error)
            raise
        self._failed = None
        return opened


def _generation(opened: OpenedKeyring) -> int:
    return 0 if opened.head is None else opened.head.generation
