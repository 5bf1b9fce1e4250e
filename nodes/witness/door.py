"""The witness's door: `POST add-checkpoint` and `GET HASH/checkpoint` over plain HTTP, and nothing else.

It knows no callers: a head proves itself by the log's signature, and what is given out is for everyone. Whoever wants
TLS puts a web server in front of it.

Everything is bounded: connections, requests on one connection, sizes, and the time for each part. When all connections
are taken, the one that has been waiting longest for its request makes room: slow callers keep out nobody. A request is
parsed strictly and says its length, so that no proxy and this door can disagree where it ends. What the witness does
blocks on its disk and runs in one thread beside the loop.
"""

import asyncio
import contextlib
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final, NamedTuple

from nodes.witness.errors import WitnessError
from nodes.witness.requests import LARGEST_BODY
from nodes.witness.witness import Answer, Witness

MOST_CONNECTIONS: Final = 128
_LONGEST_HEAD: Final = 8192
_MOST_REQUESTS: Final = 10_000
_WRITE_S: Final = 10.0
_ADD: Final = "/add-checkpoint"
_ADD_EPOCH: Final = "/add-epoch"
_REQUEST: Final = re.compile(rb"([A-Z]{1,16}) (/[!-~]{0,256}) HTTP/1\.([01])", re.ASCII)
_HEADER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \t]*[^\x00-\x08\x0a-\x1f\x7f]*", re.ASCII)
_LENGTH: Final = re.compile(rb"[0-9]{1,8}", re.ASCII)
_MONITOR: Final = re.compile(r"/([0-9a-f]{64})/checkpoint", re.ASCII)
_log: Final = logging.getLogger("oncegate.witness")


class _Refused(Exception):
    """What was sent is no request that is answered here.

    Args:
        status: What to say.
    """

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class _Request(NamedTuple):
    method: str
    path: str
    body: bytes
    stays: bool


class WitnessDoor:
    """Serves a witness.

    Args:
        address: host:port.
        witness: Decides.
        read_s: How long a connection may take for a request, head and body, seconds.
    """

    def __init__(self, address: str, witness: Witness, read_s: float = 15.0) -> None:
        host, _, port = address.rpartition(":")
        self._host = host.removeprefix("[").removesuffix("]")
        self._asked_port = int(port)
        self._witness = witness
        self._read_s = read_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="witness")
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._waiting: dict[asyncio.Task[None], None] = {}
        """Whose request has not come yet, the longest first."""
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
        self._server = await asyncio.start_server(self._connected, self._host, self._asked_port, limit=_LONGEST_HEAD)

    async def stop(self) -> None:
        """Close the door and every connection; what is being kept is kept."""
        if self._server is None:
            return
        self._server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()
        self._thread.shutdown()
        self._server = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or not self._room():
            await _close(writer)
            return
        self._open[task] = writer
        try:
            for _ in range(_MOST_REQUESTS):
                self._waiting[task] = None
                if not await self._serve(reader, writer, task):
                    break
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            # The other side left, was too slow, or made room for another.
            pass
        finally:
            self._waiting.pop(task, None)
            del self._open[task]
            await _close(writer)

    def _room(self) -> bool:
        """Whether another connection may come; makes room at the cost of the one that waited longest."""
        if len(self._open) >= MOST_CONNECTIONS and self._waiting:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            self._open[oldest].transport.abort()
            return True
        return len(self._open) < MOST_CONNECTIONS

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]
    ) -> bool:
        """One request; whether another may follow on this connection."""
        try:
            async with asyncio.timeout(self._read_s):
                request = await _request(reader)
        except _Refused as refused:
            await _answer(writer, Answer(refused.status), stays=False)
            return False
        finally:
            self._waiting.pop(task, None)
        if request is None:
            return False
        await _answer(writer, await self._decided(request), stays=request.stays)
        return request.stays

    async def _decided(self, request: _Request) -> Answer:
        monitor = _MONITOR.fullmatch(request.path)
        if request.path not in {_ADD, _ADD_EPOCH} and monitor is None:
            return Answer(HTTPStatus.NOT_FOUND)
        if request.method != ("GET" if monitor else "POST"):
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED)
        loop = asyncio.get_running_loop()
        try:
            if monitor is None:
                add = self._witness.add_checkpoint if request.path == _ADD else self._witness.add_epoch
                return await loop.run_in_executor(self._thread, add, request.body)
            note = await loop.run_in_executor(self._thread, self._witness.checkpoint, monitor[1])
        except WitnessError as error:
            # Fails closed: a witness that cannot remember signs nothing.
            _log.critical("cannot serve", extra={"facts": {"error": str(error)}})
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE)
        except Exception:  # noqa: BLE001 - whatever it is: the door answers, signs nothing and stays open
            _log.exception("cannot serve")
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR)
        return Answer(HTTPStatus.NOT_FOUND) if note is None else Answer(HTTPStatus.OK, note)


async def _request(reader: asyncio.StreamReader) -> _Request | None:
    """A request; None when the other side is done."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise _Refused(HTTPStatus.BAD_REQUEST) from error
        return None
    except asyncio.LimitOverrunError as error:
        raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from error
    first, *headers = raw[:-4].split(b"\r\n")
    found = _REQUEST.fullmatch(first)
    if found is None or not all(_HEADER.fullmatch(line) for line in headers):
        raise _Refused(HTTPStatus.BAD_REQUEST)
    said = [(name.lower(), value.strip().lower()) for name, _, value in (line.partition(b":") for line in headers)]
    length = _length(said, found[1])
    body = await reader.readexactly(length) if length else b""
    stays = found[3] == b"1" and (b"connection", b"close") not in said
    return _Request(found[1].decode(), found[2].decode(), body, stays)


def _length(said: list[tuple[bytes, bytes]], method: bytes) -> int:
    """How long the body is. A length that is not said once and plainly is refused, and one over the bound too."""
    lengths = [value for name, value in said if name == b"content-length"]
    if any(name in (b"transfer-encoding", b"expect") for name, _ in said) or (method == b"POST" and not lengths):
        raise _Refused(HTTPStatus.LENGTH_REQUIRED)
    if len(lengths) > 1 or not all(_LENGTH.fullmatch(one) for one in lengths):
        raise _Refused(HTTPStatus.BAD_REQUEST)
    length = int(lengths[0]) if lengths else 0
    if length > LARGEST_BODY or (length and method != b"POST"):
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return length


async def _answer(writer: asyncio.StreamWriter, answer: Answer, *, stays: bool) -> None:
    content = answer.body.encode()
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.kind}",
        f"Content-Length: {len(content)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        f"Connection: {'keep-alive' if stays else 'close'}",
        "",
        "",
    ]
    writer.write("\r\n".join(lines).encode() + content)
    async with asyncio.timeout(_WRITE_S):
        await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), _WRITE_S)
