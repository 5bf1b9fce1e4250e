"""The door for the log's tiles: plain HTTP, GET and HEAD of the files of C2SP tlog-tiles, and nothing else.

Off unless `listen.tiles` is set. It hands out signed heads and hashes that are for everyone anyway, so it knows no
callers and has no TLS of its own: what is read proves itself. Whoever wants TLS, caching or compression puts a web
server in front of it, or serves the files that `oncegate audit tiles` writes.

Everything is bounded: connections, requests on one connection, the size of a request, the time for it, and how many
reads of the database run at once. What is over a bound is refused or closed; nothing queues without end. A request is
parsed strictly and one with a body is refused, so that no proxy and this door can disagree where it ends.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import structlog

from gateway.audit.errors import AuditError, NoSuchEntry
from keys.log.tiles import CHECKPOINT_PATH

Read = Callable[[str], bytes]

_LONGEST_REQUEST: Final = 8192
_LONGEST_PATH: Final = 128
_MOST_CONNECTIONS: Final = 64
_MOST_REQUESTS: Final = 1000
_MOST_READS: Final = 2
_READ_S: Final = 10.0
_WRITE_S: Final = 30.0
_REQUEST: Final = re.compile(rb"([A-Z]{1,16}) (/[!-~]{0,1024}) HTTP/1\.([01])", re.ASCII)
_HEADER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \t]*[^\x00-\x08\x0a-\x1f\x7f]*", re.ASCII)
_FOREVER: Final = "public, max-age=31536000, immutable"
_SECONDS: Final = "public, max-age=1"
_log = structlog.get_logger("oncegate.tiles")


class _Refused(Exception):
    """What was sent is no request that is answered here.

    Args:
        status: What to say.
    """

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class TilesDoor:
    """Serves the log's files.

    Args:
        address: host:port.
        read: Gives a file's content by its name; blocks.
        idle_s: How long a connection may take for a request, seconds.
    """

    def __init__(self, address: str, read: Read, idle_s: float = 15.0) -> None:
        host, _, port = address.rpartition(":")
        self._host = host.removeprefix("[").removesuffix("]")
        self._asked_port = int(port)
        self._read = read
        self._idle_s = idle_s
        self._reads = asyncio.Semaphore(_MOST_READS)
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server and self._server.sockets else 0

    async def start(self) -> None:
        """Open the door.

        Raises:
            OSError: The address is taken or not this machine's.
        """
        self._server = await asyncio.start_server(self._connected, self._host, self._asked_port, limit=_LONGEST_REQUEST)

    async def stop(self) -> None:
        """Close the door and every connection."""
        if self._server is None:
            return
        self._server.close()
        # Not by cancelling: a handler that finds its connection gone ends by itself, after the read it is in.
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= _MOST_CONNECTIONS:
            await self._close(writer)
            return
        self._open[task] = writer
        try:
            for _ in range(_MOST_REQUESTS):
                if not await self._serve(reader, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            # The other side left, or was too slow.
            pass
        finally:
            del self._open[task]
            await self._close(writer)

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), _WRITE_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether another may follow on this connection."""
        try:
            method, path, stays = await _request(reader, self._idle_s)
        except _Refused as refused:
            await _answer(writer, refused.status, stays=False)
            return False
        if method is None:
            return False
        status, content = await self._found(path)
        cached = _SECONDS if path == CHECKPOINT_PATH else _FOREVER
        await _answer(
            writer,
            status,
            content,
            kind="text/plain; charset=utf-8" if path == CHECKPOINT_PATH else "application/octet-stream",
            cached=cached if status is HTTPStatus.OK else "no-store",
            stays=stays,
            head_only=method == "HEAD",
        )
        return stays

    async def _found(self, path: str) -> tuple[HTTPStatus, bytes]:
        if len(path) > _LONGEST_PATH:
            return HTTPStatus.NOT_FOUND, b""
        try:
            async with asyncio.timeout(_READ_S):
                await self._reads.acquire()
        except TimeoutError:
            return HTTPStatus.SERVICE_UNAVAILABLE, b""
        try:
            return HTTPStatus.OK, await asyncio.to_thread(self._read, path)
        except NoSuchEntry:
            return HTTPStatus.NOT_FOUND, b""
        except AuditError as error:
            # Fails closed: nothing of a log that does not fit is handed out as if it did.
            _log.error("the log cannot be read", error=str(error))
            return HTTPStatus.SERVICE_UNAVAILABLE, b""
        except Exception:  # noqa: BLE001 - whatever the database raises: the door answers and stays open
            _log.exception("a tile cannot be read")
            return HTTPStatus.SERVICE_UNAVAILABLE, b""
        finally:
            self._reads.release()


async def _request(reader: asyncio.StreamReader, idle_s: float) -> tuple[str | None, str, bool]:
    """Method, path and whether the connection stays; no method when the other side is done."""
    try:
        async with asyncio.timeout(idle_s):
            raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise _Refused(HTTPStatus.BAD_REQUEST) from error
        return None, "", False
    except asyncio.LimitOverrunError as error:
        raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from error
    first, *headers = raw[:-4].split(b"\r\n")
    found = _REQUEST.fullmatch(first)
    if found is None or not all(_HEADER.fullmatch(line) for line in headers):
        raise _Refused(HTTPStatus.BAD_REQUEST)
    said = [(name.lower(), value.strip().lower()) for name, _, value in (line.partition(b":") for line in headers)]
    if any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in said):
        raise _Refused(HTTPStatus.BAD_REQUEST)
    method = found[1].decode()
    if method not in ("GET", "HEAD"):
        raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED)
    stays = found[3] == b"1" and (b"connection", b"close") not in said
    return method, found[2].decode()[1:], stays


async def _answer(
    writer: asyncio.StreamWriter,
    status: HTTPStatus,
    content: bytes = b"",
    *,
    kind: str = "text/plain; charset=utf-8",
    cached: str = "no-store",
    stays: bool,
    head_only: bool = False,
) -> None:
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(content)}",
        f"Cache-Control: {cached}",
        "X-Content-Type-Options: nosniff",
        "Access-Control-Allow-Origin: *",
        f"Connection: {'keep-alive' if stays else 'close'}",
    ]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET, HEAD")
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        lines.append("Retry-After: 1")
    writer.write("\r\n".join([*lines, "", ""]).encode() + (b"" if head_only else content))
    async with asyncio.timeout(_WRITE_S):
        await writer.drain()
