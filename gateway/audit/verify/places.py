"""Where a log in tiles is read from: a folder, or an address. Everything is bounded; nothing read is believed.

Reading over HTTP follows no redirect, sends nothing but the request, unpacks nothing, and takes no more than a tile can
hold and no longer than a minute for it, however it drips. Addresses without TLS are admitted: what is read proves
itself by signature and hash, or is refused.
"""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, Self
from urllib.parse import SplitResult, urlsplit

from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.files import open_file
from keys.errors import BadProof
from keys.log.merkle import HASH_SIZE
from keys.log.notes import LONGEST_NOTE
from keys.log.tiles import CHECKPOINT_PATH, ENTRIES, WIDTH, Tile, join_entries, split_entries

_LONGEST_TILE: Final = WIDTH * HASH_SIZE
_LONGEST_BUNDLE: Final = WIDTH * (2 + 0xFFFF)
_TIMEOUT_S: Final = 20.0
"""For a word of the other side."""
WITHIN_S: Final = 60.0
"""For a whole file, with whatever comes before and after it."""
_OK: Final = 200
_NOT_FOUND: Final = 404


class Place(Protocol):
    """Gives files of a log by their names."""

    def read(self, path: str, limit: int) -> bytes | None:
        """The content, but not more than one byte beyond `limit`; None when there is none of that name.

        Raises:
            VerificationFailed: It cannot be read.
        """

    def close(self) -> None:
        """Give up what is open."""


class Folder:
    """A folder of files.

    Args:
        root: The folder that holds `checkpoint` and `tile`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str, limit: int) -> bytes | None:
        """See `Place`."""
        try:
            with open_file(self._root / path) as file:
                return file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise VerificationFailed(Fault.COPY_MALFORMED, file=path) from error

    def close(self) -> None:
        """Nothing is open."""


class Address:
    """A log that is served over HTTP; one connection, opened again when it was closed in between.

    Args:
        prefix: The log's address.
        within_s: How long one file may take, seconds.

    Raises:
        VerificationFailed: It is no http or https address.
    """

    def __init__(self, prefix: str, within_s: float = WITHIN_S) -> None:
        self._parts = _split(prefix)
        self._within_s = within_s
        self._connection: http.client.HTTPConnection | None = None

    def read(self, path: str, limit: int) -> bytes | None:
        """See `Place`."""
        target = f"{self._parts.path.rstrip('/')}/{path}"
        for again in (True, False):
            fresh = self._connection is None
            try:
                with self._in_time(path):
                    return self._get(target, path, limit)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                # A connection that was kept may have been closed by the other side; a fresh one fails for good.
                if fresh or not again:
                    raise VerificationFailed(Fault.NOT_REACHED, file=path, error=type(error).__name__) from error
        return None

    def _get(self, target: str, path: str, limit: int) -> bytes | None:
        connection = self._connection = self._connection or self._connect()
        connection.request("GET", target, headers={"Accept-Encoding": "identity"})
        response = connection.getresponse()
        raw = response.read(limit + 1)
        if not response.isclosed():
            # There is more than was asked for, and nobody wants to read it.
            self.close()
        if response.status == _NOT_FOUND:
            return None
        if response.status != _OK:
            raise VerificationFailed(Fault.NOT_REACHED, file=path, status=response.status)
        return raw

    @contextmanager
    def _in_time(self, path: str) -> Iterator[None]:
        """Cuts the connection when time is up: a timeout of the socket begins anew with every byte that comes."""
        late = threading.Event()

        def cut() -> None:
            late.set()
            sock = None if self._connection is None else self._connection.sock
            if sock is not None:
                with contextlib.suppress(OSError):
                    # Below TLS, whose own way to end is not for another thread.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

        watch = threading.Timer(self._within_s, cut)
        watch.daemon = True
        watch.start()
        try:
            yield
        except (OSError, http.client.HTTPException):
            if not late.is_set():
                raise
        finally:
            watch.cancel()
        if late.is_set():
            self.close()
            raise VerificationFailed(Fault.NOT_REACHED, file=path, error="TooSlow")

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        return kind(self._parts.hostname or "", self._parts.port, timeout=_TIMEOUT_S)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class TiledLog:
    """A log in tiles at a place. Use it as a context manager.

    Args:
        place: Where.
        size: Size of the tree, once a head is known.
    """

    def __init__(self, place: Place, size: int = 0) -> None:
        self._place = place
        self.size = size

    @classmethod
    def at(cls, where: str | Path) -> Self:
        """The log in a folder or at an address.

        Raises:
            VerificationFailed: It is no http or https address.
        """
        return cls(Address(where) if isinstance(where, str) else Folder(where))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._place.close()

    def checkpoint(self) -> str:
        """The newest signed head, not verified.

        Raises:
            VerificationFailed: There is none.
        """
        raw = self._place.read(CHECKPOINT_PATH, LONGEST_NOTE)
        try:
            if raw is not None:
                return raw.decode()
        except UnicodeDecodeError as error:
            raise VerificationFailed(Fault.COPY_MALFORMED, file=CHECKPOINT_PATH) from error
        raise VerificationFailed(Fault.COPY_MALFORMED, file=CHECKPOINT_PATH)

    def tile(self, tile: Tile) -> bytes:
        """The content of a tile or entry bundle. A partial one that was dropped is cut out of the full one.

        Raises:
            VerificationFailed: There is none, or it is malformed.
        """
        limit = _LONGEST_BUNDLE if tile.level == ENTRIES else _LONGEST_TILE
        raw = self._place.read(tile.path, limit)
        if raw is not None:
            return raw
        full = Tile(tile.level, tile.index)
        raw = None if tile == full else self._place.read(full.path, limit)
        if raw is None:
            raise VerificationFailed(Fault.TILE_MISSING, *_leaves(tile), file=tile.path)
        if tile.level != ENTRIES:
            return raw[: tile.width * HASH_SIZE]
        try:
            return join_entries(split_entries(full, raw)[: tile.width])
        except BadProof as error:
            raise malformed(tile) from error


def malformed(tile: Tile) -> VerificationFailed:
    """The tile has the wrong length or cannot be taken apart."""
    return VerificationFailed(Fault.TILE_MALFORMED, *_leaves(tile), file=tile.path)


def _leaves(tile: Tile) -> tuple[int, int]:
    """First and last leaf that a tile spans."""
    return tile.first_leaf, tile.end_leaf - 1


def _split(prefix: str) -> SplitResult:
    try:
        parts = urlsplit(prefix)
        port = parts.port
    except ValueError as error:
        raise VerificationFailed(Fault.NOT_REACHED) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or port == 0:
        raise VerificationFailed(Fault.NOT_REACHED)
    return parts
