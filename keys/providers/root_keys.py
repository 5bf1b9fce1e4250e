"""The interface of a provider of root keys: it wraps the keyring's content key and shows nothing of itself.

One contract suite runs over every implementation. A provider holds numbered versions of one root key; a version is
never used again for another key. Fails closed: whatever cannot be opened raises, there is no second way in.
"""

from typing import Final, Protocol

CONTENT_KEY: Final = 32
"""Bytes of the only thing that a root key wraps: a keyring's content key."""


class RootKeys(Protocol):
    """Numbered root keys."""

    @property
    def kind(self) -> str:
        """How the keys are kept: "file" or "pkcs11"."""

    def versions(self) -> tuple[int, ...]:
        """All versions, oldest first; empty before the first `add`.

        Raises:
            KeysError: The provider cannot be opened.
        """

    def add(self, at_least: int = 1) -> int:
        """Make a new root key, durable when this returns.

        Args:
            at_least: The lowest version that it may get, for a provider that lost its older ones.

        Returns:
            Its version, above every version that is there.

        Raises:
            KeysError: The provider cannot be opened or refuses.
        """

    def wrap(self, version: int, key: bytes, context: bytes) -> bytes:
        """Encrypt a content key.

        Args:
            version: Of the root key.
            key: 32 bytes.
            context: What the key belongs to; the same must be given to `unwrap`.

        Returns:
            The wrapped key; equal keys give different ones.

        Raises:
            RootKeyMissing: There is no such version.
            BadEnvelope: The key is not 32 bytes.
            KeysError: The provider cannot be opened.
        """

    def unwrap(self, version: int, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt a content key.

        Args:
            version: Of the root key.
            wrapped: What `wrap` returned.
            context: As given to `wrap`.

        Returns:
            The key, 32 bytes.

        Raises:
            RootKeyMissing: There is no such version.
            BadEnvelope: It was changed, or is of another version or context.
            KeysError: The provider cannot be opened.
        """

    def destroy(self, version: int) -> None:
        """Destroy a root key for good; nothing happens when it is not there.

        Raises:
            KeysError: The provider cannot be opened or refuses.
        """
