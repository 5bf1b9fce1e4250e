"""Noticing that the keyring's file changed, so that a running gateway takes over what a command added to it.

Rules kept: a look costs one `stat` while nothing changed; the first look always reads, because the file may have
changed between the start's reading and that look; the file's state is taken before it is read, so a change while
reading is noticed by the next look. A file that does not open is left for half a minute, since opening costs a
passphrase guess; the keys in memory stay in use (fails closed for what waits for the new ones).

What it does not do: it decides about no key; whoever looks takes over what it needs.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.bootstrap.secrets import SUBJECT_INDEX, index_keys, read_keyring
from gateway.settings import Settings
from keys.errors import KeysError
from keys.keyring.keyring import Keyring
from keys.subjects import SubjectTokens

_AGAIN_S: Final = 30.0


class KeyringWatch:
    """Looks at the keyring's file. Used from one event loop.

    Args:
        settings: Where the keyring is.
        monotonic_s: Seconds on a clock that never jumps.
        read: Opens it; blocks and runs beside the event loop.
    """

    def __init__(
        self, settings: Settings, monotonic_s: Callable[[], float], read: Callable[[Settings], Keyring] = read_keyring
    ) -> None:
        self._settings = settings
        self._monotonic_s = monotonic_s
        self._read = read
        self._seen: tuple[int, int, int] | None = None
        self._not_before_s = 0.0

    async def look(self) -> Keyring | None:
        """The keyring, when its file changed since the last look; None when it did not.

        Raises:
            KeysError: It does not open; it is tried again half a minute later.
            OSError: There is no file.
        """
        stat = self._settings.path(self._settings.keyring).stat()
        state = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if state == self._seen or self._monotonic_s() < self._not_before_s:
            return None
        try:
            keyring = await asyncio.to_thread(self._read, self._settings)
        except KeysError:
            self._not_before_s = self._monotonic_s() + _AGAIN_S
            raise
        self._seen = state
        return keyring


def learn_index_key(tokens: SubjectTokens, keyring: Keyring) -> bool:
    """Take over newer versions of the index key.

    Args:
        tokens: Those in use.
        keyring: As it is now.

    Returns:
        Whether there was a newer version.

    Raises:
        UnknownKey: The keyring does not continue the keys in use; they stay in use.
    """
    before = tokens.current
    tokens.learn(index_keys(keyring), keyring.current(SUBJECT_INDEX))
    return tokens.current > before
